// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;
use crate::datapath::memory::MemoryDatapath;
use crate::datapath::{Capacity, Datapath};
use crate::observe::fixture;
use crate::reconcile::apply::apply;
use crate::reconcile::conditions::Conditions;
use crate::reconcile::diff::diff;
use crate::source::cloud::convert::convert;
use crate::source::cloud::directory::Directory;
use crate::wire::{Instance, LoadBalancer};

fn balancer() -> Balancer {
    let mut balancer = fixture::desired().balancer;
    balancer.snat_addresses.push("fd00:2::1".parse().unwrap());
    balancer
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    for number in 1..=6 {
        directory.add_instance(&Instance {
            id: format!("n{number}"),
            main_ip: format!("198.51.100.{number}"),
            v6_main_ip: if number % 2 == 0 { format!("2001:db8:2::{number}") } else { String::new() },
            internal_ip: if number > 2 { format!("10.99.0.{number}") } else { String::new() },
            ..Instance::default()
        });
    }
    directory
}

/// A load balancer with an id and address of its own; `change` is merged into it.
fn wire(number: u8, change: &serde_json::Value) -> LoadBalancer {
    let mut object = serde_json::json!({
        "id": format!("lb{number}"), "label": "web", "ipv4": format!("192.0.2.{number}"), "ipv6": "",
        "forwarding_rules": [{"frontend_protocol": "tcp", "frontend_port": 80, "backend_protocol": "tcp", "backend_port": 30080}],
        "instances": ["n1", "n2"],
    });
    for (key, value) in change.as_object().unwrap() {
        object[key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn rule(front: &str, port: i64, back: &str) -> serde_json::Value {
    serde_json::json!({"frontend_protocol": front, "frontend_port": port, "backend_protocol": back, "backend_port": 30080})
}

fn admitted(load_balancers: &[LoadBalancer], in_force: &[LoadBalancerSpec]) -> Admitted {
    let wanted = load_balancers.iter().map(|balancer| convert(balancer, &directory())).collect();
    admit(&balancer(), wanted, in_force).unwrap()
}

/// What is refused to one load balancer, a line each.
fn refused(change: &serde_json::Value) -> Vec<String> {
    let admitted = admitted(&[wire(1, change), wire(2, &serde_json::json!({}))], &[]);
    assert!(admitted.desired.load_balancers.iter().any(|balancer| balancer.label.as_str() == "lb2"));
    admitted.refused.iter().map(|refusal| format!("{}: {}", refusal.part, refusal.why)).collect()
}

#[test]
fn a_mistake_costs_only_what_it_is_in() {
    let check = |change: serde_json::Value, expected: &[&str]| {
        let refused = refused(&change);
        let all = refused.iter().zip(expected).all(|(refused, expected)| refused.starts_with(expected));
        assert!(all && refused.len() == expected.len(), "{refused:#?}");
    };
    check(serde_json::json!({}), &[]);
    check(
        serde_json::json!({"forwarding_rules": [rule("tcp", 80, "tcp"), rule("https", 443, "http"), rule("sctp", 5, "sctp")]}),
        &[
            "forwarding rule https 443: frontend_protocol needs the proxy, which comes with a later release (https)",
            "forwarding rule sctp 5: frontend_protocol must be tcp or udp (sctp)",
        ],
    );
    check(
        serde_json::json!({"forwarding_rules": [rule("tcp", 80, "tcp"), rule("udp", 80, "udp")], "generic_info": {"proxy_protocol": true}}),
        &["forwarding rule tcp 80: frontend_protocol with proxy_protocol needs the proxy"],
    );
    check(
        serde_json::json!({"generic_info": {"balancing_algorithm": "random", "timeout": -5}}),
        &["algorithm: balancing_algorithm must be", "timeout: timeout must be 1 to 604800 (-5)"],
    );
    check(
        serde_json::json!({"health_check": {"protocol": "udp", "port": 30080}}),
        &["health check: protocol must be"],
    );
    check(
        serde_json::json!({"ipv6": "2001:db8::1", "instances": ["n1"]}),
        &["address 2001:db8::1: it has no instance"],
    );
    check(serde_json::json!({"instances": ["n1", "n9"]}), &["instance n9: is neither"]);
    check(
        serde_json::json!({"ipv4": "10.0.2.1"}),
        &[": vips must have", "address 10.0.2.1: it is also a source"],
    );
    // An address that only cutting made lead nowhere.
    check(
        serde_json::json!({"ipv4": "198.51.100.4", "ipv6": "2001:db8::1", "instances": ["n4", "n1"]}),
        &[
            "address 2001:db8::1: it has no instance",
            "instance n4: it is the balancer's own address, lb1.vips[0]",
        ],
    );
}

#[test]
fn what_cannot_be_served_stays_what_it_was() {
    let before = admitted(&[wire(1, &serde_json::json!({}))], &[]);
    let closed = wire(
        1,
        &serde_json::json!({"firewall_rules": [{"port": 80, "source": "nonsense", "ip_type": "v4"}]}),
    );
    let after = admitted(&[closed.clone(), wire(2, &serde_json::json!({}))], &before.specs);
    assert_eq!(after.desired.load_balancers[0], before.desired.load_balancers[0]);
    assert!(after.refused[0].why.contains("it stays what it was"), "{:?}", after.refused);
    let alone = admitted(&[closed], &[]);
    assert!(alone.desired.load_balancers.is_empty(), "rules that are not enforced would let everybody in");
    let pending = wire(1, &serde_json::json!({"ipv4": ""}));
    assert_eq!(admitted(&[pending], &before.specs).desired, before.desired);
}

#[test]
fn what_is_served_goes_before_what_is_new() {
    let before = admitted(&[wire(2, &serde_json::json!({}))], &[]);
    let both: Vec<Converted> =
        [1, 2].map(|number| convert(&wire(number, &serde_json::json!({})), &directory())).into();
    let mut small = balancer();
    small.tables.services = 1;
    let after = admit(&small, both.clone(), &before.specs).unwrap();
    assert_eq!(after.desired.load_balancers, before.desired.load_balancers);
    assert_eq!(after.refused[0].load_balancer, "lb1");
    // The same address and port: the newcomer's rule goes, whatever the order of the answer.
    let taker = convert(&wire(1, &serde_json::json!({"ipv4": "192.0.2.2"})), &directory());
    let after = admit(&balancer(), vec![taker, both[1].clone()], &before.specs).unwrap();
    assert_eq!(after.desired.load_balancers[0], before.desired.load_balancers[0]);
    assert!(after.refused[0].why.contains("is taken for tcp on 192.0.2.2 by lb2"), "{:?}", after.refused);
}

#[test]
fn a_family_without_source_addresses_is_left_out() {
    let mut only_v4 = balancer();
    only_v4.snat_addresses.truncate(1);
    let dual =
        convert(&wire(1, &serde_json::json!({"ipv6": "2001:db8::1", "instances": ["n2"]})), &directory());
    let admitted = admit(&only_v4, vec![dual], &[]).unwrap();
    assert_eq!(admitted.desired.load_balancers[0].vips.len(), 1);
    assert_eq!(admitted.refused[0].part, "address 2001:db8::1");
}

fn any_rule() -> impl Strategy<Value = serde_json::Value> {
    let protocol = prop_oneof![4 => Just("tcp"), 2 => Just("udp"), 1 => Just("http"), 1 => Just("HTTPS"), 1 => Just("x")];
    let port = prop_oneof![8 => 1_i64..200, 1 => Just(0), 1 => Just(65_305), 1 => Just(70_000)];
    (protocol.clone(), port.clone(), protocol, port, any::<bool>()).prop_map(
        |(front, port, back, to, same)| {
            serde_json::json!({"frontend_protocol": front, "frontend_port": port,
            "backend_protocol": if same { front } else { back }, "backend_port": to.to_string()})
        },
    )
}

fn any_object() -> impl Strategy<Value = serde_json::Value> {
    let address = prop_oneof![
        6 => (1_u8..20).prop_map(|last| format!("192.0.2.{last}")),
        1 => Just(String::new()),
        1 => Just("10.0.2.1".to_owned()),
        1 => Just("198.51.100.3".to_owned()),
    ];
    let v6 = prop_oneof![Just(String::new()), (1_u8..9).prop_map(|last| format!("2001:db8::{last}"))];
    let check = (
        prop_oneof![Just("tcp"), Just("http"), Just("HTTPS"), Just("udp")],
        prop_oneof![Just("/"), Just(""), Just("http")],
        0_i64..40,
        0_i64..400,
    );
    let check = check.prop_map(|(protocol, path, interval, timeout)| {
        serde_json::json!({"protocol": protocol, "port": 30080, "path": path, "check_interval": interval,
            "response_timeout": timeout, "unhealthy_threshold": "3", "healthy_threshold": 2})
    });
    let info = (
        prop_oneof![Just("roundrobin"), Just("LeastConn"), Just("new")],
        -1_i64..1000,
        any::<bool>(),
        any::<bool>(),
    );
    let info = info.prop_map(|(algorithm, timeout, proxied, in_vpc)| {
        serde_json::json!({"balancing_algorithm": algorithm, "timeout": timeout, "proxy_protocol": proxied,
            "vpc": if in_vpc { "v" } else { "" }, "sticky_sessions": {"cookie_name": "c"}})
    });
    let firewall = prop_oneof![
        3 => Just(serde_json::json!([])),
        1 => Just(serde_json::json!([{"port": 80, "source": "192.168.1.1/16", "ip_type": "v4"}])),
        1 => Just(serde_json::json!([{"port": 80, "source": "cloudflare", "ip_type": "v4"}, {"port": 0, "source": "", "ip_type": ""}])),
    ];
    let instances = proptest::collection::vec((0_u8..9).prop_map(|number| format!("n{number}")), 0..5);
    let rules = proptest::collection::vec(any_rule(), 0..5);
    (address, v6, proptest::option::of(check), info, firewall, instances, rules).prop_map(
        |(ipv4, ipv6, check, info, firewall, instances, rules)| {
            serde_json::json!({"ipv4": ipv4, "ipv6": ipv6, "health_check": check, "generic_info": info,
                "firewall_rules": firewall, "instances": instances, "forwarding_rules": rules})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any object is served as far as it can be: what is admitted is a state, applied twice it changes nothing, and
    /// admitting it again on top of itself gives the same.
    #[test]
    fn any_objects_are_served_as_far_as_they_can_be(objects in proptest::collection::vec(any_object(), 0..6)) {
        let all: Vec<LoadBalancer> =
            objects.iter().enumerate().map(|(number, object)| wire(number as u8, object)).collect();
        let first = admitted(&all, &[]);
        let mut datapath = MemoryDatapath::new(Capacity { services: 1000, backends: 1000, pools: 1000 });
        for round in 0..2 {
            let plan = diff(&first.desired, &Conditions::default(), &datapath.observe(false).unwrap(), 7);
            prop_assert!(round == 0 || plan.changes.is_empty(), "{plan:?}");
            apply(&mut datapath, &plan).unwrap();
        }
        let second = admitted(&all, &first.specs);
        prop_assert_eq!(&second.desired, &first.desired);
    }
}
