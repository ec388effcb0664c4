// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers of a cloud account as large as wanted.

use lb_userspace::source::cloud::directory::Directory;
use lb_userspace::wire::Instance;
use serde_json::{Value, json};

/// Items of a page.
const PAGE: u32 = 500;

/// Machines of the account.
const MACHINES: u32 = 100;

/// Load balancers of one rule and four instances each, in pages as the API gives them.
pub fn pages(count: u32) -> Vec<String> {
    let page = |start: u32| {
        let end = count.min(start + PAGE);
        let items: Vec<Value> = (start..end).map(load_balancer).collect();
        let next = if end < count { end.to_string() } else { String::new() };
        let meta = json!({"total": count, "links": {"next": next, "prev": ""}});
        json!({"load_balancers": items, "meta": meta}).to_string()
    };
    (0..count).step_by(PAGE as usize).map(page).collect()
}

/// The machines that the load balancers name.
pub fn directory() -> Directory {
    let mut directory = Directory::default();
    for number in 0..MACHINES {
        directory.add_instance(&Instance {
            id: machine(number),
            main_ip: format!("10.0.0.{}", number + 1),
            ..Instance::default()
        });
    }
    directory
}

fn machine(number: u32) -> String {
    format!("{:08x}-0000-4000-8000-000000000000", number % MACHINES)
}

fn load_balancer(number: u32) -> Value {
    let [.., high, low] = number.to_be_bytes();
    json!({
        "id": format!("{number:08x}-1111-4000-8000-000000000000"), "date_created": "2020-10-10T01:56:20+00:00",
        "region": "ewr", "label": format!("a{number:031x}"), "status": "active",
        "ipv4": format!("198.18.{high}.{low}"), "ipv6": "",
        "generic_info": {"balancing_algorithm": "roundrobin", "timeout": 600, "ssl_redirect": false,
            "sticky_sessions": {"cookie_name": ""}, "proxy_protocol": false, "vpc": ""},
        "health_check": {"protocol": "tcp", "port": 30080, "path": "", "check_interval": 15, "response_timeout": 5,
            "unhealthy_threshold": 5, "healthy_threshold": 5},
        "has_ssl": false, "http2": false, "http3": false, "nodes": 1,
        "forwarding_rules": [{"id": "73d85156c2c3129d", "frontend_protocol": "tcp", "frontend_port": 80,
            "backend_protocol": "tcp", "backend_port": 30080}],
        "firewall_rules": [], "instances": (0..4).map(|at| machine(number + at)).collect::<Vec<_>>(), "auto_ssl": {},
    })
}
