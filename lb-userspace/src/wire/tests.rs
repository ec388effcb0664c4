// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every example body there is, read and written.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// The list as one client's tests mock it, with an id that is a number in disguise and dates that are not ISO 8601.
const LIST: &str = include_str!("examples/load-balancers.json");
/// The PATCH example of the cloud's document: its health check has numbers as strings.
const PATCH: &str = include_str!("examples/patch.json");
/// What one client sends to make a load balancer of defaults.
const CREATE: &str = include_str!("examples/create.json");

fn object(json: &Value) -> BTreeSet<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Reading as `T` and writing gives the same JSON, but for what `T` adds.
fn keeps<T: serde::de::DeserializeOwned + serde::Serialize>(body: &Value) {
    let written = serde_json::to_value(serde_json::from_value::<T>(body.clone()).unwrap()).unwrap();
    assert_eq!(written, *body);
}

#[test]
fn a_list_is_read() {
    let (items, meta) = serde_json::from_str::<LoadBalancerPage>(LIST).unwrap().into_parts();
    assert_eq!((meta.total, meta.links), (8, Links::default()));
    let [balancer] = items.as_slice() else { panic!("not one: {items:?}") };
    assert_eq!((balancer.id.as_str(), &balancer.status), ("1317575", &Status::Active));
    assert_eq!(balancer.generic_info.network(), Some("8d5bdbdb-3324-4d0c-b303-03e1315e1c02"));
    assert_eq!(balancer.generic_info.timeout, 600);
    assert_eq!(balancer.generic_info.sticky_sessions.cookie_name, "my-cookie");
    assert_eq!(balancer.forwarding_rules[0].backend_protocol, Protocol::Http);
    assert_eq!(balancer.firewall_rules[0].ip_type, IpType::V4);
    assert_eq!((balancer.nodes, balancer.instances.as_slice()), (3, ["12345".to_owned()].as_slice()));
}

#[test]
fn every_key_that_a_strict_client_needs_is_written() {
    let page: LoadBalancerPage = serde_json::from_str(LIST).unwrap();
    let written = serde_json::to_value(&page.load_balancers[0]).unwrap();
    let needed = [
        "id",
        "date_created",
        "region",
        "label",
        "status",
        "ipv4",
        "ipv6",
        "generic_info",
        "health_check",
        "has_ssl",
        "http2",
        "http3",
        "nodes",
        "forwarding_rules",
        "firewall_rules",
        "instances",
        "node_ips",
        "auto_ssl",
    ];
    assert!(object(&written).is_superset(&BTreeSet::from(needed)), "{written:#}");
    assert_eq!(written["auto_ssl"], json!({}));
    assert_eq!(
        object(&written["generic_info"]),
        BTreeSet::from([
            "balancing_algorithm",
            "timeout",
            "ssl_redirect",
            "sticky_sessions",
            "proxy_protocol",
            "vpc"
        ])
    );
    assert_eq!(serde_json::to_value(StickySession::default()).unwrap(), json!({"cookie_name": ""}));
    let meta = serde_json::to_value(&page.meta).unwrap();
    assert_eq!(meta, json!({"total": 8, "links": {"next": "", "prev": ""}}));
}

#[test]
fn the_misspelt_schema_is_read_too() {
    let rule = json!({"frontend_protocol": "TCP", "frontend_port": "80", "backend_portocol": "tcp", "backend_port": 8080});
    let body =
        json!({"load_balancer": {"id": 7, "forward_rules": [rule], "instances": null, "status": "Active"}});
    let balancer = serde_json::from_value::<LoadBalancerBody>(body).unwrap().load_balancer;
    let rule = &balancer.forwarding_rules[0];
    assert_eq!((&rule.frontend_protocol, rule.frontend_port), (&Protocol::Tcp, 80));
    assert_eq!((&rule.backend_protocol, rule.backend_port), (&Protocol::Tcp, 8080));
    assert_eq!((balancer.nodes, balancer.generic_info), (1, GenericInfo::default()));
}

#[test]
fn an_answer_without_what_matters_is_not_understood_as_empty() {
    let refused = |body: Value, expected: &str| {
        let error = serde_json::from_value::<LoadBalancer>(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(json!({"forwarding_rules": [], "instances": []}), "missing field `id`");
    refused(json!({"id": "a", "instances": []}), "missing field `forwarding_rules`");
    refused(json!({"id": "a", "forwarding_rules": []}), "missing field `instances`");
    refused(json!({"id": "a", "forwarding_rules": [], "instances": [5]}), "expected a string");
    for page in [json!({"load_balancers": []}), json!({"meta": {"total": 0, "links": {}}}), json!({})] {
        assert!(serde_json::from_value::<LoadBalancerPage>(page.clone()).is_err(), "{page}");
    }
}

#[test]
fn a_patch_tells_absent_from_null_from_a_value() {
    let patch: UpdateLoadBalancer =
        serde_json::from_value(json!({"label": null, "vpc": "", "instances": [], "timeout": "60"})).unwrap();
    assert_eq!(patch.label, Patch::Null);
    assert_eq!(patch.vpc, Patch::Value(String::new()));
    assert_eq!(patch.instances, Patch::Value(Vec::new()));
    assert_eq!(patch.timeout, Patch::Value(60));
    assert_eq!(patch.nodes, Patch::Absent);
    let written = serde_json::to_value(&patch).unwrap();
    assert_eq!(written, json!({"label": null, "vpc": "", "instances": [], "timeout": 60}));
}

#[test]
fn the_patch_example_is_read() {
    let patch: UpdateLoadBalancer = serde_json::from_str(PATCH).unwrap();
    let check = patch.health_check.value().unwrap();
    assert_eq!((check.check_interval, check.unhealthy_threshold), (Some(10), Some(3)));
    assert!(!patch.ssl.value().unwrap().is_empty());
    assert_eq!(patch.sticky_session.value().unwrap().cookie_name, "example-cookie");
    assert!(!format!("{patch:?}").contains("PRIVATE KEY"), "the key is in {patch:?}");
}

#[test]
fn the_create_example_is_read() {
    let create: CreateLoadBalancer = serde_json::from_str(CREATE).unwrap();
    assert!(create.ssl.as_ref().unwrap().is_empty());
    assert_eq!((create.vpc.as_deref(), create.timeout), (Some(""), Some(600)));
    keeps::<CreateLoadBalancer>(&serde_json::from_str(CREATE).unwrap());
}

#[test]
fn sub_resources_are_kept_as_they_are() {
    keeps::<ForwardingRuleBody>(
        &json!({"forwarding_rule": {"id": "d42585eb85b1f69d", "frontend_protocol": "http",
        "frontend_port": 8080, "backend_protocol": "http", "backend_port": 80}}),
    );
    keeps::<FirewallRuleBody>(
        &json!({"firewall_rule": {"id": "d42585eb85b1f69d", "port": 80, "source": "0.0.0.0/0", "ip_type": "v4"}}),
    );
    keeps::<ForwardingRulePage>(
        &json!({"forwarding_rules": [], "meta": {"total": 8, "links": {"next": "bmV4dF9fQU1T", "prev": ""}}}),
    );
    keeps::<CreateFirewallRules>(
        &json!({"firewall_rules": [{"port": 80, "source": "cloudflare", "ip_type": "v4"}]}),
    );
    keeps::<ErrorBody>(&json!({"error": "Bad request.", "status": 400}));
    keeps::<InstanceVpcPage>(
        &json!({"vpcs": [{"id": "a", "mac_address": "5a:00", "ip_address": "10.99.0.10"}],
        "meta": {"total": 1, "links": {"next": "", "prev": ""}}}),
    );
}

#[test]
fn inventories_are_read() {
    let instance = json!({"instance": {"id": "a", "main_ip": "123.123.123.123", "internal_ip": "10.99.0.10",
        "v6_main_ip": "fd11:1111:1112:1c02:0200:00ff:fe00:0000", "status": "active", "power_status": "running",
        "default_password": "hunter2", "features": null}});
    let instance = serde_json::from_value::<InstanceBody>(instance).unwrap().instance;
    assert_eq!((instance.internal_ip.as_str(), instance.vpc_only), ("10.99.0.10", false));
    assert!(!format!("{instance:?}").contains("hunter2"));
    let metal = json!({"bare_metal": {"id": "b", "ram": "32768 MB", "disk": "2x 240GB SSD", "mac_address": 2_199_756_823_533_i64}});
    let metal = serde_json::from_value::<BareMetalBody>(metal).unwrap().bare_metal;
    assert_eq!((metal.ram.as_str(), metal.mac_address), ("32768 MB", 2_199_756_823_533));
    let region =
        json!({"regions": [{"id": "ewr", "options": ["load_balancers"]}], "meta": {"total": 1, "links": {}}});
    assert_eq!(serde_json::from_value::<RegionPage>(region).unwrap().regions[0].id, "ewr");
    assert_eq!(
        serde_json::from_value::<AccountBody>(json!({"account": {}})).unwrap().account,
        Account::default()
    );
}

#[test]
fn all_that_the_ccm_asked_is_understood_in_full() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/ccm-requests");
    let mut bodies = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let scenario: Value = serde_json::from_str(&text).unwrap();
        let steps = scenario["steps"].as_array().unwrap();
        for request in steps.iter().flat_map(|step| step["requests"].as_array().unwrap()) {
            let path = request["path"].as_str().unwrap();
            match (request["method"].as_str().unwrap(), request.get("body")) {
                (_, None) => continue,
                ("POST", Some(body)) if path.ends_with("/forwarding-rules") => {
                    keeps::<ForwardingRuleRequest>(body);
                }
                ("POST", Some(body)) => keeps::<CreateLoadBalancer>(&normal(body)),
                ("PATCH", Some(body)) => keeps::<UpdateLoadBalancer>(&normal(body)),
                (method, _) => panic!("{method} {path}"),
            }
            bodies += 1;
        }
    }
    assert!(bodies > 30, "{bodies}");
}

/// The body with what is written differently: words in lower case, and the empty name of a cookie, which answers need.
fn normal(body: &Value) -> Value {
    let mut body = body.clone();
    if body["sticky_session"] == json!({}) {
        body["sticky_session"] = json!({"cookie_name": ""});
    }
    for rule in body["forwarding_rules"].as_array_mut().into_iter().flatten() {
        for side in ["frontend_protocol", "backend_protocol"] {
            rule[side] = rule[side].as_str().unwrap().to_lowercase().into();
        }
    }
    body
}
