// SPDX-License-Identifier: MIT OR Apache-2.0
//! Desired states as large as wanted, and what a data path holds once they are in force.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use lb_common::abi::Algorithm;
use lb_userspace::datapath::{Change, Observed, ObservedTable};
use lb_userspace::model::{
    AllDown, Balancer, DesiredState, ForwardingRule, Instance, Label, LoadBalancer, Policy, Protocol,
    TableSizes, Weight,
};
use lb_userspace::reconcile::plan::Plan;

/// This many load balancers, each with so many rules and instances.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Load balancers.
    pub load_balancers: u32,
    /// Forwarding rules of each.
    pub rules: u16,
    /// Instances of each.
    pub instances: u32,
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap_or_else(|| unreachable!("{text} is a label"))
}

fn load_balancer(number: u32, size: &Size) -> LoadBalancer {
    let rule = |port| ForwardingRule {
        protocol: Protocol::Tcp,
        frontend_port: NonZeroU16::MIN.saturating_add(port),
        backend_port: NonZeroU16::MIN.saturating_add(port),
    };
    let instance = |at| Instance {
        label: label(&format!("node-{at}")),
        addresses: vec![IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + at))],
        weight: Weight::new(1).unwrap_or(Weight::ZERO),
    };
    LoadBalancer {
        label: label(&format!("lb-{number}")),
        vips: vec![IpAddr::V4(Ipv4Addr::from(0xc612_0000 + number))],
        algorithm: Algorithm::Maglev,
        timeout: Duration::from_mins(10),
        drain_timeout: Duration::from_mins(1),
        all_down: AllDown::Reject,
        forwarding_rules: (0..size.rules).map(rule).collect(),
        health_check: None,
        policy: Policy::default(),
        instances: (0..size.instances).map(instance).collect(),
    }
}

/// A desired state of that size.
pub fn desired(size: &Size) -> DesiredState {
    let tables = TableSizes {
        flows: 1,
        unproven_flows: 1,
        services: 16_384,
        backends: 131_072,
        next_hops: 1,
        firewall_networks: 1,
    };
    let snat_addresses = vec![IpAddr::from([10, 255, 0, 1])];
    let balancer = Balancer {
        interfaces: vec!["eth0".to_owned()],
        snat_addresses,
        tables,
        admin_address: None,
        cloud: None,
    };
    let load_balancers = (0..size.load_balancers).map(|number| load_balancer(number, size)).collect();
    DesiredState { balancer, load_balancers }
}

/// What a data path holds after this plan.
pub fn observed(plan: Plan, mut observed: Observed) -> Observed {
    for change in plan.changes {
        match change {
            Change::SetSnatAddresses(addresses) => observed.snat_addresses = addresses,
            Change::PutBackend { slot, entry } => _ = observed.backends.insert(slot, entry),
            Change::SwapTable { pool, inputs } => {
                let table = ObservedTable { inputs: inputs.fingerprint(), intact: true };
                observed.pools.insert(pool, table);
            }
            Change::PutService { id, entry } => _ = observed.services.insert(id, entry),
            other => unreachable!("a first plan only adds, but: {other}"),
        }
    }
    observed
}
