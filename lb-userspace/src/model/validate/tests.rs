// SPDX-License-Identifier: MIT OR Apache-2.0
use std::num::NonZeroU16;
use std::time::Duration;

use super::*;
use crate::model::spec::{BalancerSpec, ForwardingRuleSpec, HealthCheckSpec, InstanceSpec, TablesSpec};
use crate::model::{AllDown, Probe, Protocol, Weight};

/// One load balancer, one rule, one instance, nothing optional.
fn small() -> Spec {
    Spec {
        version: 1,
        balancer: BalancerSpec {
            interfaces: vec!["eth0".to_owned()],
            snat_addresses: vec!["10.0.2.1".to_owned()],
            tables: None,
            cloudflare_ranges: None,
            cloudflare_file: None,
            admin_address: None,
        },
        cloud: None,
        load_balancers: vec![LoadBalancerSpec {
            label: "web".to_owned(),
            vips: vec!["192.0.2.10".to_owned()],
            balancing_algorithm: None,
            timeout: None,
            drain_timeout: None,
            all_down: None,
            proxy_protocol: None,
            forwarding_rules: vec![rule("tcp", 80)],
            health_check: None,
            instances: vec![instance("node-1", "10.0.3.11")],
            firewall_rules: None,
            new_flows_per_second: None,
            new_flows_per_second_per_source: None,
            mss: None,
        }],
    }
}

fn rule(protocol: &str, port: i64) -> ForwardingRuleSpec {
    ForwardingRuleSpec {
        frontend_protocol: protocol.to_owned(),
        frontend_port: port,
        backend_protocol: protocol.to_owned(),
        backend_port: 30_080,
    }
}

fn instance(label: &str, address: &str) -> InstanceSpec {
    InstanceSpec { label: label.to_owned(), addresses: vec![address.to_owned()], weight: None }
}

/// The paths of the problems after `change`.
fn paths(change: impl FnOnce(&mut Spec)) -> Vec<String> {
    let mut spec = small();
    change(&mut spec);
    validate(spec)
        .map_or_else(|problems| problems.into_iter().map(|problem| problem.path).collect(), |_| vec![])
}

#[test]
fn what_is_not_written_has_its_default() {
    let state = validate(small()).unwrap();
    let load_balancer = &state.load_balancers[0];
    assert_eq!(load_balancer.timeout, Duration::from_mins(10));
    assert_eq!(load_balancer.drain_timeout, Duration::from_mins(1));
    assert_eq!(load_balancer.all_down, AllDown::Reject);
    assert_eq!(load_balancer.instances[0].weight, Weight::new(1).unwrap());
    assert_eq!(load_balancer.forwarding_rules[0].protocol, Protocol::Tcp);
    assert_eq!(load_balancer.forwarding_rules[0].backend_port, NonZeroU16::new(30_080).unwrap());
    assert_eq!(state.balancer.tables.flows, 262_144);
}

#[test]
fn a_check_has_the_defaults_of_the_api() {
    let mut spec = small();
    spec.load_balancers[0].health_check = Some(check("http"));
    let state = validate(spec).unwrap();
    let check = state.load_balancers[0].health_check.as_ref().unwrap();
    assert_eq!(check.probe, Probe::Http { path: "/".to_owned() });
    assert_eq!((check.check_interval.as_secs(), check.response_timeout.as_secs()), (15, 5));
    assert_eq!((check.unhealthy_threshold, check.healthy_threshold), (5, 5));
}

fn check(protocol: &str) -> HealthCheckSpec {
    HealthCheckSpec {
        protocol: protocol.to_owned(),
        port: 80,
        path: None,
        check_interval: None,
        response_timeout: None,
        unhealthy_threshold: None,
        healthy_threshold: None,
    }
}

#[test]
fn empty_lists_that_are_written_are_believed() {
    assert_eq!(paths(|spec| spec.load_balancers.clear()), [""; 0]);
    assert_eq!(paths(|spec| spec.load_balancers[0].instances.clear()), [""; 0]);
    assert_eq!(paths(|spec| spec.load_balancers[0].forwarding_rules.clear()), [""; 0]);
}

#[test]
fn load_balancers_share_an_address_but_not_a_port() {
    let second = |spec: &mut Spec, rule| {
        let mut other = spec.load_balancers[0].clone();
        other.label = "other".to_owned();
        other.forwarding_rules = vec![rule];
        spec.load_balancers.push(other);
    };
    assert_eq!(paths(|spec| second(spec, rule("udp", 80))), [""; 0]);
    assert_eq!(paths(|spec| second(spec, rule("tcp", 81))), [""; 0]);
    let taken = ["load_balancers[1].forwarding_rules[0].frontend_port"];
    assert_eq!(paths(|spec| second(spec, rule("tcp", 80))), taken);
}

#[test]
fn tables_must_have_room() {
    let crowd = |count: i64| {
        move |spec: &mut Spec| {
            spec.balancer.tables = Some(TablesSpec { services: Some(16), ..TablesSpec::default() });
            spec.load_balancers[0].forwarding_rules = (1..=count).map(|port| rule("tcp", port)).collect();
        }
    };
    assert_eq!(paths(crowd(16)), [""; 0]);
    assert_eq!(paths(crowd(17)), ["balancer.tables.services"]);
}

#[test]
fn the_bounds_themselves_are_inside() {
    for weight in [0, 256] {
        assert_eq!(paths(|spec| spec.load_balancers[0].instances[0].weight = Some(weight)), [""; 0]);
    }
    for weight in [-1, 257, i64::MAX, i64::MIN] {
        let found = paths(|spec| spec.load_balancers[0].instances[0].weight = Some(weight));
        assert_eq!(found, ["load_balancers[0].instances[0].weight"]);
    }
    for port in [65_299, 65_311, 65_535, 1] {
        assert_eq!(paths(|spec| spec.load_balancers[0].forwarding_rules = vec![rule("udp", port)]), [""; 0]);
    }
}
