// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is desired, proved: only [`validate::validate`] makes a [`DesiredState`], and everything downstream relies on
//! what it proved. The nouns are those of the cloud's API; the model does not know where the desire came from.
//!
//! What holds of a `DesiredState`:
//! - labels of load balancers are unique, labels of instances are unique in their load balancer, and so are addresses;
//! - no two forwarding rules of the whole state share a VIP, protocol and frontend port;
//! - a forwarding rule's two protocols agree;
//! - an instance has at most one address of each family; a VIP's family has SNAT addresses if any instance has it;
//! - a load balancer with instances has one of each VIP's family;
//! - an address is one machine's and has one role: VIP, SNAT address or instance;
//! - all sizes fit the tables.

pub mod cloud;
mod firewall;
pub mod path;
pub mod problem;
pub mod spec;
pub(crate) mod suggest;
pub mod validate;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use lb_common::abi::Algorithm;
use serde::{Deserialize, Serialize};

use cloud::Cloud;
pub use firewall::{Admission, Firewall, Network, Sources};

/// Everything the balancer is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    /// The balancer's own settings.
    pub balancer: Balancer,
    /// In the order of the source.
    pub load_balancers: Vec<LoadBalancer>,
}

/// The balancer's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Interfaces to attach to, at least one.
    pub interfaces: Vec<String>,
    /// Source addresses towards backends, of either family.
    pub snat_addresses: Vec<IpAddr>,
    /// Map sizes; a change takes effect when the maps are made anew.
    pub tables: TableSizes,
    /// Where `/metrics`, `/live`, `/ready` and `/state` are served over TCP, if anywhere.
    pub admin_address: Option<std::net::SocketAddr>,
    /// The cloud account that says what is balanced, if not the file.
    pub cloud: Option<Cloud>,
}

/// How many entries each map has room for; flow tables count entries of one family, and a flow takes two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSizes {
    /// Entries of proven flows, for each family.
    pub flows: u32,
    /// Entries of unproven flows, for each family.
    pub unproven_flows: u32,
    /// Services: forwarding rules times VIPs.
    pub services: u32,
    /// Backend slots: instances times load balancers times families.
    pub backends: u32,
    /// Next hops.
    pub next_hops: u32,
    /// Networks of the firewall lists, for each family; the map has twice the room, as a list that changes is made
    /// beside the one before.
    pub firewall_networks: u32,
}

/// One tenant's unit: addresses, rules, a check, and the instances behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Unique name.
    pub label: Label,
    /// The addresses that clients use, at least one.
    pub vips: Vec<IpAddr>,
    /// How a new flow finds its instance.
    pub algorithm: Algorithm,
    /// Longest silence on a flow.
    pub timeout: Duration,
    /// How long a flow may go on when its instance is drained or taken away.
    pub drain_timeout: Duration,
    /// What happens to new flows while no instance is healthy.
    pub all_down: AllDown,
    /// What is forwarded.
    pub forwarding_rules: Vec<ForwardingRule>,
    /// How instances are probed; without one all count as healthy.
    pub health_check: Option<HealthCheck>,
    /// Who receives.
    pub instances: Vec<Instance>,
    /// What is asked of new flows.
    pub policy: Policy,
}

/// What is asked of new flows; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Who may connect to which port.
    pub firewall: Firewall,
    /// New flows a second to each service, at most; 0 is no limit.
    pub new_flows: u32,
    /// New flows a second from one source to each service, at most; 0 is no limit.
    pub new_flows_per_source: u32,
    /// What the MSS of SYN and SYN-ACK is lowered to, in bytes; 0 leaves it alone.
    pub mss: u16,
}

/// A name: 1 to 253 characters of letters, digits, `-`, `_`, `.`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(String);

impl Label {
    /// Takes a name if it is one.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        (starts && goes_on && text.len() <= 253).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A transport protocol of the fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The protocol's number in the IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => lb_common::net::PROTOCOL_TCP,
            Self::Udp => lb_common::net::PROTOCOL_UDP,
        }
    }

    /// The protocol with that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            lb_common::net::PROTOCOL_TCP => Some(Self::Tcp),
            lb_common::net::PROTOCOL_UDP => Some(Self::Udp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// From a port of the VIPs to a port of the instances; the protocol is the same on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForwardingRule {
    /// The protocol.
    pub protocol: Protocol,
    /// The port on the VIPs.
    pub frontend_port: NonZeroU16,
    /// The port on the instances.
    pub backend_port: NonZeroU16,
}

/// A node that receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Unique in its load balancer.
    pub label: Label,
    /// One or two addresses, of different families.
    pub addresses: Vec<IpAddr>,
    /// The share of new flows; 0 drains.
    pub weight: Weight,
}

/// The share of new flows that an instance gets, relative to the others: 0 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Weight(u16);

impl Weight {
    /// The largest weight.
    pub const MAX: u16 = 256;
    /// No new flows.
    pub const ZERO: Self = Self(0);

    /// Takes a weight if it is in range.
    pub const fn new(weight: u16) -> Option<Self> {
        if weight <= Self::MAX { Some(Self(weight)) } else { None }
    }

    /// The weight as a number.
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// What happens to new flows while no instance is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllDown {
    /// They are refused: RST or ICMP port unreachable.
    #[default]
    Reject,
    /// They go to the instances as if all were healthy.
    FailOpen,
}

/// How instances are probed, as the API defines it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// The port that is asked.
    pub port: NonZeroU16,
    /// From the start of one probe to the start of the next.
    pub check_interval: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// Failures in a row that make an instance unhealthy.
    pub unhealthy_threshold: u32,
    /// Successes in a row that make it healthy again.
    pub healthy_threshold: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// Whether the port accepts a connection.
    Tcp,
    /// Whether `GET path` answers 200.
    Http {
        /// The path, starting with a slash.
        path: String,
    },
    /// The same over TLS; the certificate is not verified, as the cloud does not.
    Https {
        /// The path, starting with a slash.
        path: String,
    },
}

/// Names a backend: one address of one instance of one load balancer. What health verdicts, drains and slots are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BackendId {
    /// The load balancer.
    pub load_balancer: Label,
    /// The instance's address.
    pub address: IpAddr,
}

impl BackendId {
    /// The id as the number that marks its slot in the kernel; never zero.
    pub fn owner(&self) -> u64 {
        let hash = lb_common::hash::bytes(format!("{}/{}", self.load_balancer, self.address).as_bytes());
        if hash == 0 { 1 } else { hash }
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.load_balancer, self.address)
    }
}

impl LoadBalancer {
    /// The backends that this load balancer's instances make.
    pub fn backends(&self) -> impl Iterator<Item = (BackendId, &Instance)> {
        self.instances.iter().flat_map(move |instance| {
            instance.addresses.iter().map(move |address| {
                (BackendId { load_balancer: self.label.clone(), address: *address }, instance)
            })
        })
    }
}
