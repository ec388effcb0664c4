// SPDX-License-Identifier: MIT OR Apache-2.0
//! Desired states for the tests of this module.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use lb_common::abi::Algorithm;

use crate::model::{
    AllDown, BackendId, Balancer, DesiredState, HealthCheck, Instance, Label, LoadBalancer, Policy, Probe,
    TableSizes, Weight,
};
use crate::source::SourceState;

/// A TCP check with an interval of a second that turns at the second result.
pub(super) fn check(port: u16) -> HealthCheck {
    HealthCheck {
        probe: Probe::Tcp,
        port: NonZeroU16::new(port).unwrap(),
        check_interval: Duration::from_secs(1),
        response_timeout: Duration::from_secs(5),
        unhealthy_threshold: 2,
        healthy_threshold: 2,
    }
}

/// The backend of load balancer `web` with that address.
pub(super) fn backend(address: &str) -> BackendId {
    BackendId { load_balancer: label("web"), address: address.parse().unwrap() }
}

/// One load balancer, `web`, with an instance for each address.
pub(super) fn desired(check: Option<HealthCheck>, addresses: &[&str]) -> DesiredState {
    let tables = TableSizes {
        flows: 1,
        unproven_flows: 1,
        services: 1,
        backends: 1,
        next_hops: 1,
        firewall_networks: 1,
    };
    let balancer = Balancer {
        interfaces: Vec::new(),
        snat_addresses: Vec::new(),
        tables,
        admin_address: None,
        cloud: None,
    };
    let instances = addresses.iter().enumerate().map(|(number, address)| Instance {
        label: label(&format!("node-{number}")),
        addresses: vec![address.parse::<IpAddr>().unwrap()],
        weight: Weight::new(1).unwrap(),
    });
    let web = LoadBalancer {
        label: label("web"),
        vips: Vec::new(),
        algorithm: Algorithm::RoundRobin,
        timeout: Duration::from_mins(10),
        drain_timeout: Duration::from_mins(1),
        all_down: AllDown::Reject,
        forwarding_rules: Vec::new(),
        health_check: check,
        policy: Policy::default(),
        instances: instances.collect(),
    };
    DesiredState { balancer, load_balancers: vec![web] }
}

/// The same as a source tells it.
pub(super) fn source(check: Option<HealthCheck>, addresses: &[&str]) -> SourceState {
    SourceState { desired: Arc::new(desired(check, addresses)), revision: 1, error: None }
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}
