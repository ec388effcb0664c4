// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the admin API says and takes, as JSON. `lbd` writes these types and `lbctl` reads them, so the two cannot
//! disagree. Fields are only ever added.

use std::net::IpAddr;

use lb_common::abi::Traffic;
use serde::{Deserialize, Serialize};

use crate::datapath::view::{Facts, FlowView};
use crate::model::{BackendId, Label, Protocol};
use crate::source::cloud::Refusal;

/// `GET /v1/status` and `GET /state`: everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub daemon: DaemonStatus,
    /// Where the desired state comes from.
    pub source: SourceStatus,
    /// The cloud that is followed; missing where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudView>,
    /// How far the kernel is kept equal to it.
    pub reconcile: ReconcileView,
    /// The kernel side.
    pub datapath: Facts,
    /// Why its counters could not be read, if so; they are zero then.
    pub datapath_error: Option<String>,
    /// What is balanced, in the order of the file.
    pub load_balancers: Vec<LoadBalancerStatus>,
    /// Backends that were removed and still have time for their flows.
    pub removed_backends: Vec<RemovedBackend>,
    /// Every reason for a verdict, by number.
    pub reasons: Vec<ReasonStatus>,
}

/// The process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// The version of `lbd`.
    pub version: String,
    /// Which instance of `lbd` on this host.
    pub instance: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started: u64,
    /// Seconds since then.
    pub uptime_seconds: u64,
}

/// Where the desired state comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The file.
    pub file: String,
    /// How often the desired state has changed since the start.
    pub revision: u64,
    /// Whether the file as it is now is the one in force.
    pub ok: bool,
    /// What is wrong with the file, a line each; the state in force is the last good one.
    pub problems: Vec<String>,
    /// What the file says and only a restart brings about, a line each with what to do.
    pub needs_restart: Vec<String>,
}

/// A cloud account that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudView {
    /// Where its API is.
    pub url: String,
    /// Looks that gave an answer.
    pub polls: u64,
    /// Looks that gave none.
    pub failures: u64,
    /// Requests made.
    pub requests: u64,
    /// When the last answer came, in seconds since 1970; missing when none has.
    pub last_success: Option<u64>,
    /// Why the last look gave none, if so; the last good answer is in force.
    pub error: Option<String>,
    /// What of the last answer is not served, part by part.
    pub refused: Vec<Refusal>,
}

/// How far the kernel is kept equal to the desired state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileView {
    /// The revision of the source that the data path has taken in full; 0 before the first.
    pub revision: u64,
    /// When an attempt last succeeded, in seconds since 1970; missing when none has.
    pub last_success: Option<u64>,
    /// Attempts that succeeded.
    pub successes: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// Changes made to the data path.
    pub changes: u64,
    /// Changes that put right what something else had changed in the kernel.
    pub repaired: u64,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
    /// What the tables have no room for, each with the fix.
    pub unplaced: Vec<String>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerStatus {
    /// Its name.
    pub label: Label,
    /// The cloud's user's name for it; missing where no cloud is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `roundrobin`, `leastconn`, `maglev` or `source`.
    pub algorithm: String,
    /// Whether instances are probed, and how: `http on port 80`.
    pub health_check: Option<String>,
    /// Forwarding rules, one for each VIP.
    pub services: Vec<ServiceStatus>,
    /// Backends, an instance's addresses one each.
    pub backends: Vec<BackendStatus>,
}

/// A forwarding rule on one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The protocol.
    pub protocol: Protocol,
    /// The VIP.
    pub vip: IpAddr,
    /// The port on the VIP.
    pub port: u16,
    /// The port on the backends.
    pub backend_port: u16,
    /// What went through it; missing while it is not in the kernel.
    pub traffic: Option<TrafficCount>,
}

/// `GET /v1/backends`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backends {
    /// Those of the file, in its order.
    pub backends: Vec<BackendStatus>,
    /// Those that were removed and still have time for their flows.
    pub removed: Vec<RemovedBackend>,
}

/// A backend that was removed from the file and drains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedBackend {
    /// Its address; which load balancer and instance it belonged to is not known any more.
    pub address: IpAddr,
    /// Always draining.
    pub state: BackendState,
    /// Seconds until remaining flows end.
    pub drain_seconds_left: u32,
    /// Flows that it has now.
    pub open_flows: u32,
    /// What went through it.
    pub traffic: TrafficCount,
}

/// A backend of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Which backend, as one names it to `drain`.
    #[serde(flatten)]
    pub id: BackendId,
    /// The instance whose address it is.
    pub instance: Label,
    /// The share of new flows that the operator set.
    pub weight: u32,
    /// Whether it takes new flows, and why not.
    pub state: BackendState,
    /// Seconds until remaining flows end, while draining by the operator's word.
    pub drain_seconds_left: Option<u32>,
    /// What the health check found; missing without one.
    pub health: Option<HealthStatus>,
    /// Flows that it has now.
    pub open_flows: u32,
    /// What went through it; missing while it is not in the kernel.
    pub traffic: Option<TrafficCount>,
}

/// Whether a backend takes new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// It does, and is healthy if that is checked.
    Up,
    /// Its health check fails.
    Down,
    /// It is checked, without a result so far.
    Unknown,
    /// The operator or weight 0 says that it takes none.
    Draining,
}

impl BackendState {
    /// The state in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Draining => "draining",
        }
    }
}

/// What the health check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// Healthy or not; missing before the first result.
    pub healthy: Option<bool>,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Results in a row that speak against the verdict; at the check's threshold it turns.
    pub consecutive: u32,
    /// Probes made.
    pub probes: u64,
    /// Those that failed.
    pub failures: u64,
    /// What was wrong with the last one that failed.
    pub last_error: Option<String>,
}

/// Packets, bytes and flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficCount {
    /// Packets from clients.
    pub packets_in: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// Packets from backends.
    pub packets_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Flows created.
    pub flows: u64,
}

impl From<Traffic> for TrafficCount {
    fn from(traffic: Traffic) -> Self {
        let Traffic { packets_in, bytes_in, packets_out, bytes_out, flows } = traffic;
        Self { packets_in, bytes_in, packets_out, bytes_out, flows }
    }
}

/// `GET /v1/reasons` is a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonStatus {
    /// Its stable number.
    pub number: u32,
    /// Its stable name.
    pub name: String,
    /// What happens to its packets: `pass`, `forward`, `handover`, `reply` or `drop`.
    pub outcome: String,
    /// What it means.
    pub meaning: String,
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
}

/// `GET /v1/flows`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// How many match, of which `flows` may be the first only.
    pub total: usize,
    /// The flows.
    pub flows: Vec<FlowView>,
}

/// `GET /v1/plan`, and `POST /v1/plan` with a file as the body: what would be done to the data path now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The changes in order; none means that the kernel is as desired.
    pub changes: Vec<String>,
    /// What the tables have no room for, and what is therefore left out.
    pub unplaced: Vec<String>,
}

/// The body of `POST /v1/drain` and `POST /v1/undrain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// `load_balancer/address`, `load_balancer/instance`, an instance's label or an address.
    pub backend: String,
}

/// The answer to `POST /v1/drain` and `POST /v1/undrain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainAnswer {
    /// The backends that the argument named.
    pub backends: Vec<DrainedBackend>,
}

/// A backend that was drained or put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainedBackend {
    /// Which backend.
    #[serde(flatten)]
    pub id: BackendId,
    /// False when it was as asked for before.
    pub changed: bool,
    /// Seconds until remaining flows end; missing after `undrain`.
    pub seconds_left: Option<u32>,
}

/// The body of `PUT /v1/log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLevelRequest {
    /// How much to log.
    pub level: LogLevel,
    /// Who is to.
    pub target: LogTarget,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Failures.
    Error,
    /// What may become one.
    Warn,
    /// What an operator wants to know.
    Info,
    /// Each step.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level as the data path counts it: 0 nothing, 5 everything.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// Who logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    /// `lbd`.
    Daemon,
    /// The program in the kernel; debug builds only.
    Datapath,
}

/// `GET /ready`: 200 when traffic is balanced as desired, else 503.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether the status is 200.
    pub ready: bool,
    /// The file and the cloud. A bad one does not make the daemon unready: the last good state is in force.
    pub source: Part,
    /// Whether the kernel was brought to the desired state.
    pub reconcile: Part,
    /// Whether the program is attached and its counters can be read.
    pub datapath: Part,
}

/// One part of [`Readiness`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Whether all is well.
    pub ok: bool,
    /// If not, why.
    pub why: Option<String>,
}

impl Part {
    /// All is well unless there is a `why`.
    pub fn unless(why: Option<String>) -> Self {
        Self { ok: why.is_none(), why }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub fix: String,
}
