// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plans for particular situations.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use lb_common::abi::{Algorithm, BACKEND_USABLE};

use super::*;
use crate::datapath::memory::MemoryDatapath;
use crate::datapath::{Capacity, Datapath};
use crate::model::{
    AllDown, BackendId, Balancer, ForwardingRule, HealthCheck, Instance, Label, LoadBalancer, Network,
    Policy, Probe, Protocol, Sources, TableSizes, Weight,
};
use crate::reconcile::apply::apply;
use crate::reconcile::conditions::{Drain, Verdict};
use crate::reconcile::plan::action;

pub const CAPACITY: Capacity = Capacity { services: 64, backends: 64, pools: 64 };

pub fn label(text: &str) -> Label {
    Label::new(text).expect("a label")
}

pub fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("not zero")
}

pub fn address(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 3, number])
}

pub fn instance(number: u8, weight: u16) -> Instance {
    let weight = Weight::new(weight).expect("in range");
    Instance { label: label(&format!("node-{number}")), addresses: vec![address(number)], weight }
}

pub fn desired(load_balancers: Vec<LoadBalancer>) -> DesiredState {
    let tables = TableSizes {
        flows: 1024,
        unproven_flows: 1024,
        services: 64,
        backends: 64,
        next_hops: 64,
        firewall_networks: 4096,
    };
    let balancer = Balancer {
        interfaces: vec!["eth0".to_owned()],
        snat_addresses: vec![IpAddr::from([10, 0, 2, 1])],
        tables,
        admin_address: None,
        cloud: None,
    };
    DesiredState { balancer, load_balancers }
}

pub fn load_balancer(name: &str, ports: &[u16], instances: Vec<Instance>) -> LoadBalancer {
    let rule = |number: &u16| ForwardingRule {
        protocol: Protocol::Tcp,
        frontend_port: port(*number),
        backend_port: port(30_080),
    };
    LoadBalancer {
        label: label(name),
        vips: vec![IpAddr::from([192, 0, 2, 10])],
        algorithm: Algorithm::Maglev,
        timeout: Duration::from_mins(10),
        drain_timeout: Duration::from_mins(1),
        all_down: AllDown::Reject,
        forwarding_rules: ports.iter().map(rule).collect(),
        health_check: Some(HealthCheck {
            probe: Probe::Tcp,
            port: port(30_080),
            check_interval: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            unhealthy_threshold: 2,
            healthy_threshold: 2,
        }),
        policy: Policy::default(),
        instances,
    }
}

fn id(name: &str, number: u8) -> BackendId {
    BackendId { load_balancer: label(name), address: address(number) }
}

/// Applies what has to be done, and says what it was.
fn reconcile(
    datapath: &mut MemoryDatapath,
    desired: &DesiredState,
    conditions: &Conditions,
    now: u32,
) -> Vec<&'static str> {
    let plan = diff(desired, conditions, &datapath.observe(true).expect("memory"), now);
    apply(datapath, &plan).expect("the plan keeps the data path whole");
    plan.changes.iter().map(action).collect()
}

/// A data path that serves one load balancer with backends 11 and 12, each with an open flow.
fn serving() -> (MemoryDatapath, DesiredState) {
    let wanted = desired(vec![load_balancer("web", &[80], vec![instance(11, 1), instance(12, 1)])]);
    let mut datapath = MemoryDatapath::new(CAPACITY);
    reconcile(&mut datapath, &wanted, &Conditions::default(), 100);
    datapath.open_flows = [(0, 1), (1, 1)].into();
    (datapath, wanted)
}

#[test]
fn a_first_plan_adds_before_use() {
    let wanted = desired(vec![load_balancer("web", &[80], vec![instance(11, 1), instance(12, 0)])]);
    let mut datapath = MemoryDatapath::new(CAPACITY);
    let steps = reconcile(&mut datapath, &wanted, &Conditions::default(), 100);
    let expected = ["set-snat-addresses", "put-backend", "swap-table", "put-service", "put-backend"];
    assert_eq!(steps, expected);
    assert!(reconcile(&mut datapath, &wanted, &Conditions::default(), 100).is_empty());
}

#[test]
fn a_backend_that_is_down_leaves_the_table_and_comes_back() {
    let (mut datapath, wanted) = serving();
    let verdict = |verdict| Conditions { health: [(id("web", 11), verdict)].into(), ..Conditions::default() };
    assert_eq!(
        reconcile(&mut datapath, &wanted, &verdict(Verdict::Down), 101),
        ["swap-table", "put-backend"]
    );
    assert_eq!(datapath.tables[&0].inputs.members.len(), 1);
    // A daemon that has just started knows no verdict yet, and believes the slot.
    assert!(reconcile(&mut datapath, &wanted, &Conditions::default(), 102).is_empty());
    assert_eq!(reconcile(&mut datapath, &wanted, &verdict(Verdict::Up), 103), ["put-backend", "swap-table"]);
}

#[test]
fn a_backend_without_a_check_counts_as_up() {
    let (mut datapath, mut wanted) = serving();
    if let Some(entry) = datapath.backends.get_mut(&0) {
        entry.flags &= !BACKEND_USABLE;
    }
    wanted.load_balancers[0].health_check = None;
    reconcile(&mut datapath, &wanted, &Conditions::default(), 101);
    assert_eq!(datapath.tables[&0].inputs.members.len(), 2);
    assert_ne!(datapath.backends[&0].flags & BACKEND_USABLE, 0);
}

#[test]
fn when_all_are_down_the_policy_decides() {
    let down = [(id("web", 11), Verdict::Down), (id("web", 12), Verdict::Down)].into();
    let conditions = Conditions { health: down, ..Conditions::default() };
    for (policy, members) in [(AllDown::Reject, 0), (AllDown::FailOpen, 2)] {
        let (mut datapath, mut wanted) = serving();
        wanted.load_balancers[0].all_down = policy;
        reconcile(&mut datapath, &wanted, &conditions, 101);
        assert_eq!(datapath.tables[&0].inputs.members.len(), members, "{policy:?}");
    }
}

#[test]
fn a_removed_backend_drains_until_its_deadline() {
    let (mut datapath, mut wanted) = serving();
    wanted.load_balancers[0].instances.pop();
    let conditions = Conditions::default();
    assert_eq!(reconcile(&mut datapath, &wanted, &conditions, 101), ["swap-table", "put-backend"]);
    assert_eq!(datapath.backends[&1].drain_until, 161);
    assert!(reconcile(&mut datapath, &wanted, &conditions, 160).is_empty());
    assert_eq!(reconcile(&mut datapath, &wanted, &conditions, 161), ["settle", "release-backend"]);
    assert_eq!((datapath.backends[&1].owner, datapath.backends[&1].generation), (0, 1));
}

#[test]
fn a_removed_backend_goes_once_its_flows_are_over() {
    let (mut datapath, mut wanted) = serving();
    wanted.load_balancers[0].instances.pop();
    let conditions = Conditions::default();
    reconcile(&mut datapath, &wanted, &conditions, 101);
    datapath.open_flows.remove(&1);
    assert_eq!(reconcile(&mut datapath, &wanted, &conditions, 102), ["settle", "release-backend"]);
}

#[test]
fn a_removed_load_balancer_stops_at_once_and_its_flows_go_on() {
    let (mut datapath, mut wanted) = serving();
    wanted.load_balancers.clear();
    let steps = reconcile(&mut datapath, &wanted, &Conditions::default(), 101);
    assert_eq!(steps, ["remove-service", "put-backend", "put-backend", "settle", "remove-table"]);
    assert!(datapath.backends.values().all(|entry| entry.drain_until == 161));
}

#[test]
fn a_drain_ends_its_flows_once_and_keeps_the_slot() {
    let (mut datapath, wanted) = serving();
    let drains = [(id("web", 11), Drain { until: 130 })].into();
    let conditions = Conditions { drains, ..Conditions::default() };
    assert_eq!(reconcile(&mut datapath, &wanted, &conditions, 101), ["swap-table", "put-backend"]);
    assert!(reconcile(&mut datapath, &wanted, &conditions, 129).is_empty());
    assert_eq!(reconcile(&mut datapath, &wanted, &conditions, 130), ["settle", "put-backend"]);
    assert_eq!(datapath.backends[&0].generation, 1);
    assert!(reconcile(&mut datapath, &wanted, &conditions, 131).is_empty());
    let undrained = reconcile(&mut datapath, &wanted, &Conditions::default(), 132);
    assert_eq!(undrained, ["put-backend", "swap-table"]);
}

#[test]
fn a_backend_that_comes_back_in_time_keeps_its_flows() {
    let (mut datapath, wanted) = serving();
    let mut without = wanted.clone();
    without.load_balancers[0].instances.pop();
    let before = datapath.backends.clone();
    reconcile(&mut datapath, &without, &Conditions::default(), 101);
    reconcile(&mut datapath, &wanted, &Conditions::default(), 102);
    assert_eq!(datapath.backends, before);
}

#[test]
fn a_rule_that_moves_never_leads_to_the_wrong_backends() {
    let both = load_balancer("web", &[80, 81], vec![instance(11, 1)]);
    let mut datapath = MemoryDatapath::new(CAPACITY);
    reconcile(&mut datapath, &desired(vec![both]), &Conditions::default(), 100);
    let moved = desired(vec![
        load_balancer("api", &[80], vec![instance(12, 1)]),
        load_balancer("web", &[81], vec![instance(11, 1)]),
    ]);
    let steps = reconcile(&mut datapath, &moved, &Conditions::default(), 101);
    // Pool 0 stays with web, whose table it is, although api comes first.
    assert_eq!(steps, ["put-backend", "swap-table", "put-service"]);
    let pools: Vec<u32> = datapath.services.values().map(|entry| entry.pool).collect();
    assert_eq!(pools, [1, 0]);
}

#[test]
fn what_has_no_room_is_said() {
    let wanted = desired(vec![
        load_balancer("web", &[80, 81], vec![instance(11, 1), instance(12, 1)]),
        load_balancer("api", &[90], vec![instance(13, 1)]),
    ]);
    let mut datapath = MemoryDatapath::new(Capacity { services: 1, backends: 2, pools: 1 });
    let plan = diff(&wanted, &Conditions::default(), &datapath.observe(true).expect("memory"), 100);
    apply(&mut datapath, &plan).expect("what fits, fits");
    let kinds = |unplaced: &Unplaced| match unplaced {
        Unplaced::Backend(id) => id.to_string(),
        Unplaced::Service(id) => id.to_string(),
        Unplaced::Pool { load_balancer, family } => format!("{load_balancer} {family}"),
    };
    let unplaced: Vec<String> = plan.unplaced.iter().map(kinds).collect();
    assert_eq!(unplaced, ["api/10.0.3.13", "api 4", "tcp 192.0.2.10:81"]);
}

fn sources(lengths: &[u8]) -> Sources {
    Arc::new(lengths.iter().map(|bits| Network::new(address(1), *bits).expect("a length")).collect())
}

#[test]
fn a_firewall_list_that_changes_is_made_beside_the_one_before() {
    let (mut datapath, mut wanted) = serving();
    let admit = |wanted: &mut DesiredState, lengths: &[u8]| {
        wanted.load_balancers[0].policy.firewall = [(port(80), sources(lengths))].into();
    };
    admit(&mut wanted, &[8]);
    let none = Conditions::default();
    assert_eq!(reconcile(&mut datapath, &wanted, &none, 101), ["put-firewall", "put-service"]);
    admit(&mut wanted, &[8, 16]);
    let replaced = ["put-firewall", "put-service", "settle", "remove-firewall"];
    assert_eq!(reconcile(&mut datapath, &wanted, &none, 102), replaced);
    assert_eq!(datapath.firewalls, [(2, sources(&[8, 16]))].into());
    assert!(reconcile(&mut datapath, &wanted, &none, 102).is_empty());
    wanted.load_balancers[0].policy.firewall.clear();
    assert_eq!(reconcile(&mut datapath, &wanted, &none, 103), ["put-service", "settle", "remove-firewall"]);
    assert!(datapath.firewalls.is_empty());
}

#[test]
fn a_firewall_list_that_was_left_behind_makes_room_first() {
    let (mut datapath, mut wanted) = serving();
    datapath.firewalls = [(1, sources(&[8]))].into();
    wanted.load_balancers[0].policy.firewall = [(port(80), sources(&[9]))].into();
    let steps = reconcile(&mut datapath, &wanted, &Conditions::default(), 101);
    assert_eq!(steps, ["settle", "remove-firewall", "put-firewall", "put-service"]);
}

#[test]
fn equal_firewall_lists_are_one_and_those_of_idle_ports_none() {
    let mut wanted = desired(vec![load_balancer("web", &[80, 81, 82], vec![instance(11, 1)])]);
    let ports =
        [(80, &[8][..]), (81, &[8]), (83, &[9])].map(|(number, lengths)| (port(number), sources(lengths)));
    wanted.load_balancers[0].policy.firewall = ports.into();
    let mut datapath = MemoryDatapath::new(CAPACITY);
    reconcile(&mut datapath, &wanted, &Conditions::default(), 100);
    let numbers: Vec<u32> = datapath.services.values().map(|entry| entry.firewall).collect();
    assert_eq!(numbers, [1, 1, 0]);
    assert_eq!(datapath.firewalls.len(), 1);
}
