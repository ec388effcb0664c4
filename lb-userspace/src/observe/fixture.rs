// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small balancer for tests: one load balancer `web`, two nodes, one of them down, and a data path in memory.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use lb_common::abi::{Algorithm, Tally, Traffic};
use lb_common::reason::Reason;

use super::api::{CloudView, DaemonStatus, ReconcileView, SourceStatus, Status};
use super::drains::DrainSet;
use super::state::{Parts, assemble};
use crate::datapath::view::{
    AttachMode, Counters, Facts, FlowState, FlowView, Inspect, InterfaceView, TableFill,
};
use crate::datapath::{DatapathError, ServiceId};
use crate::health::{BackendHealth, HealthReport};
use crate::model::{
    AllDown, BackendId, Balancer, DesiredState, ForwardingRule, HealthCheck, Instance, Label, LoadBalancer,
    Policy, Probe, Protocol, TableSizes, Weight,
};
use crate::reconcile::conditions::{Drain, Verdict};
use crate::reconcile::driver::OpenDrain;
use crate::reconcile::index::Assignments;
use crate::source::cloud::Subject;

/// Seconds on the boot clock.
pub const NOW: u32 = 1000;

pub fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub fn backend_id(address: &str) -> BackendId {
    BackendId { load_balancer: label("web"), address: address.parse().unwrap() }
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

pub fn desired() -> DesiredState {
    let instance = |name, address: &str, weight| Instance {
        label: label(name),
        addresses: vec![address.parse().unwrap()],
        weight: Weight::new(weight).unwrap(),
    };
    DesiredState {
        balancer: Balancer {
            interfaces: vec!["eth0".to_owned()],
            snat_addresses: vec!["10.0.2.1".parse().unwrap()],
            tables: TableSizes {
                flows: 262_144,
                unproven_flows: 65_536,
                services: 16_384,
                backends: 131_072,
                next_hops: 4096,
                firewall_networks: 16,
            },
            admin_address: None,
            cloud: None,
        },
        load_balancers: vec![LoadBalancer {
            label: label("web"),
            vips: vec!["192.0.2.10".parse().unwrap()],
            algorithm: Algorithm::Maglev,
            timeout: Duration::from_mins(10),
            drain_timeout: Duration::from_mins(1),
            all_down: AllDown::Reject,
            forwarding_rules: vec![ForwardingRule {
                protocol: Protocol::Tcp,
                frontend_port: port(80),
                backend_port: port(30080),
            }],
            health_check: Some(HealthCheck {
                probe: Probe::Http { path: "/".to_owned() },
                port: port(30080),
                check_interval: Duration::from_secs(15),
                response_timeout: Duration::from_secs(5),
                unhealthy_threshold: 5,
                healthy_threshold: 5,
            }),
            policy: Policy::default(),
            instances: vec![
                instance("node-1", "10.0.3.11", 1),
                instance("node-2", "10.0.3.12", 2),
                instance("node-3", "10.0.3.13", 1),
            ],
        }],
    }
}

pub fn assignments() -> Assignments {
    let service = ServiceId { vip: "192.0.2.10".parse().unwrap(), protocol: Protocol::Tcp, port: port(80) };
    Assignments {
        services: BTreeMap::from([(service, 3)]),
        backends: BTreeMap::from([(backend_id("10.0.3.11"), 5), (backend_id("10.0.3.12"), 6)]),
    }
}

pub fn health() -> HealthReport {
    let health = |verdict, error: Option<&str>| BackendHealth {
        verdict: Some(verdict),
        since: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        last_error: error.map(str::to_owned),
        consecutive: 0,
        probes: 40,
        failures: if error.is_some() { 6 } else { 0 },
    };
    HealthReport {
        backends: BTreeMap::from([
            (backend_id("10.0.3.11"), health(Verdict::Up, None)),
            (backend_id("10.0.3.12"), health(Verdict::Down, Some("connection refused"))),
        ]),
    }
}

pub fn reconcile() -> ReconcileView {
    ReconcileView {
        revision: 7,
        last_success: Some(1_700_000_100),
        successes: 4,
        errors: 0,
        changes: 9,
        repaired: 0,
        last_error: None,
        unplaced: Vec::new(),
    }
}

pub fn facts() -> Facts {
    Facts {
        interfaces: vec![InterfaceView {
            name: "eth0".to_owned(),
            mode: AttachMode::Generic,
            detail: Some("the driver has no native XDP".to_owned()),
        }],
        abi_version: 1,
        verified_instructions: 41_000,
        adopted: true,
        tables: BTreeMap::from([("flows4".to_owned(), TableFill { used: 14, capacity: 262_144 })]),
    }
}

pub fn counters() -> Counters {
    let traffic =
        Traffic { packets_in: 900, bytes_in: 90_000, packets_out: 800, bytes_out: 1_234_567, flows: 70 };
    let mut reasons: BTreeMap<Reason, Tally> =
        Reason::ALL.iter().map(|reason| (*reason, Tally::default())).collect();
    reasons.insert(Reason::Established, Tally { packets: 1234, bytes: 1_000_000 });
    reasons.insert(Reason::NoBackend, Tally { packets: 2, bytes: 148 });
    Counters {
        reasons,
        services: BTreeMap::from([(3, traffic)]),
        backends: BTreeMap::from([(5, traffic), (7, traffic)]),
        open_flows: BTreeMap::from([(5, 7), (7, 2)]),
    }
}

pub fn daemon() -> DaemonStatus {
    DaemonStatus {
        version: "0.1.0".to_owned(),
        instance: "default".to_owned(),
        pid: 4711,
        started: 1_700_000_000,
        uptime_seconds: 93_784,
    }
}

pub fn source() -> SourceStatus {
    SourceStatus {
        file: "/etc/lb/lb.yaml".to_owned(),
        revision: 3,
        ok: true,
        problems: Vec::new(),
        needs_restart: Vec::new(),
    }
}

/// A backend that was removed has flows left.
pub fn draining() -> Vec<OpenDrain> {
    let address = "10.0.3.14".parse().unwrap();
    vec![OpenDrain { slot: 7, backend: None, address, until: NOW + 30, open_flows: 2 }]
}

pub fn cloud() -> CloudView {
    let subject = Subject { id: "web".to_owned(), name: "my label".to_owned() };
    CloudView {
        url: "https://api.example.net".to_owned(),
        polls: 12,
        failures: 3,
        requests: 40,
        last_success: Some(1_700_000_090),
        error: None,
        refused: vec![subject.refuse("forwarding rule https 443", "needs the proxy", "use tcp")],
    }
}

/// `node-1` is up, `node-2` down, `node-3` drained and not in the kernel yet; a fourth was removed and drains.
pub fn status() -> Status {
    let drains: DrainSet = BTreeMap::from([(backend_id("10.0.3.13"), Drain { until: NOW + 45 })]);
    assemble(Parts {
        daemon: daemon(),
        source: source(),
        cloud: Some(cloud()),
        names: &BTreeMap::from([("web".to_owned(), "my label".to_owned())]),
        desired: &desired(),
        reconcile: reconcile(),
        assignments: &assignments(),
        draining: &draining(),
        health: &health(),
        drains: &drains,
        facts: facts(),
        counters: Ok(counters()),
        now: NOW,
    })
}

pub fn flows() -> Vec<FlowView> {
    let flow = |client: &str, backend: &str, state, slot| FlowView {
        protocol: Protocol::Tcp,
        client: client.parse().unwrap(),
        vip: "192.0.2.10:80".parse().unwrap(),
        snat: "10.0.2.1:40000".parse().unwrap(),
        backend: backend.parse().unwrap(),
        state,
        idle_seconds: 3,
        slot,
    };
    vec![
        flow("198.51.100.7:40000", "10.0.3.11:30080", FlowState::Established, 5),
        flow("198.51.100.7:40001", "10.0.3.12:30080", FlowState::HalfClosed, 6),
        flow("198.51.100.8:40000", "10.0.3.11:30080", FlowState::Unproven, 5),
    ]
}

/// A data path in memory.
#[derive(Debug, Default)]
pub struct FakeDatapath {
    /// The last level that was set.
    pub level: Mutex<Option<u32>>,
}

impl Inspect for FakeDatapath {
    fn counters(&self) -> Result<Counters, DatapathError> {
        Ok(counters())
    }

    fn flows(
        &self,
        limit: usize,
        keep: &dyn Fn(&FlowView) -> bool,
    ) -> Result<(Vec<FlowView>, usize), DatapathError> {
        let mut flows: Vec<FlowView> = flows().into_iter().filter(|flow| keep(flow)).collect();
        let total = flows.len();
        flows.truncate(limit);
        Ok((flows, total))
    }

    fn facts(&self) -> Facts {
        facts()
    }

    fn set_log_level(&self, level: u32) -> Result<bool, DatapathError> {
        *self.level.lock().unwrap() = Some(level);
        Ok(true)
    }
}
