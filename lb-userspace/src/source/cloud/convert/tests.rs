// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::wire::{Instance, LoadBalancerPage};

/// The example of the cloud's clients: HTTP, in a VPC, with a firewall.
fn example() -> LoadBalancer {
    let text = include_str!("../../../wire/examples/load-balancers.json");
    let page: LoadBalancerPage = serde_json::from_str(text).unwrap();
    page.load_balancers[0].clone()
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    for (id, last) in [("12345", 1), ("b", 2), ("a", 3)] {
        directory.add_instance(&Instance {
            id: id.to_owned(),
            main_ip: format!("198.51.100.{last}"),
            v6_main_ip: format!("2001:db8:2::{last}"),
            internal_ip: format!("10.99.0.{last}"),
            ..Instance::default()
        });
    }
    directory
}

#[test]
fn everything_of_the_example_has_its_place() {
    let Converted { subject, spec, refused } = convert(&example(), &directory());
    assert_eq!((subject.id.as_str(), subject.name.as_str(), refused.len()), ("1317575", "my label", 0));
    let expected = serde_json::json!({
        "label": "1317575",
        "vips": ["123.123.123.123", "2001:DB8:1000::100"],
        "balancing_algorithm": "roundrobin",
        "timeout": 600,
        "forwarding_rules": [{"frontend_protocol": "http", "frontend_port": 80, "backend_protocol": "http", "backend_port": 80}],
        "health_check": {"protocol": "http", "port": 80, "path": "/", "check_interval": 15, "response_timeout": 5,
            "unhealthy_threshold": 5, "healthy_threshold": 5},
        "instances": [{"label": "12345", "addresses": ["10.99.0.1"]}],
        "firewall_rules": [{"port": 80, "source": "0.0.0.0/0", "ip_type": "v4"}],
    });
    assert_eq!(serde_json::to_value(spec.unwrap()).unwrap(), expected);
}

#[test]
fn instances_are_a_set_and_cost_only_themselves() {
    let mut balancer = example();
    balancer.generic_info.vpc = String::new();
    balancer.instances = ["b", "gone", "a", "b"].map(str::to_owned).to_vec();
    let Converted { spec, refused, .. } = convert(&balancer, &directory());
    let spec = spec.unwrap();
    let labels: Vec<&str> = spec.instances.iter().map(|instance| instance.label.as_str()).collect();
    assert_eq!(labels, ["a", "b"]);
    assert_eq!(spec.instances[0].addresses, ["198.51.100.3", "2001:db8:2::3"]);
    let expected = "1317575 (my label), instance gone: is neither an instance nor a bare metal of the account; detach it";
    assert_eq!(refused.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    balancer.instances.reverse();
    assert_eq!(convert(&balancer, &directory()).spec, Some(spec));
}

#[test]
fn a_load_balancer_without_an_address_is_not_there_yet() {
    let pending = LoadBalancer { ipv4: String::new(), ipv6: "::".to_owned(), ..example() };
    let Converted { spec, refused, .. } = convert(&pending, &directory());
    assert_eq!(spec, None);
    assert!(refused[0].why.contains("no address yet"), "{refused:?}");
}

#[test]
fn checks_are_made_sound() {
    let mut balancer = example();
    let check = balancer.health_check.as_mut().unwrap();
    check.protocol = ProbeProtocol::Tcp;
    check.path = "tcp".to_owned();
    (check.check_interval, check.response_timeout, check.healthy_threshold) = (3, 15, 0);
    let check = convert(&balancer, &directory()).spec.unwrap().health_check.unwrap();
    assert_eq!((check.path, check.response_timeout, check.healthy_threshold), (None, Some(3), None));
}
