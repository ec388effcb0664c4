// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every range and default of the format, once: validation, the JSON Schema and the reference page take them from here.

use std::fmt;

/// The numbers that a field may have, and the one it has when it is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// The one that stands for a missing field; meaningless where the field is required.
    pub default: i64,
}

impl Bounds {
    const fn new(min: i64, max: i64, default: i64) -> Self {
        Self { min, max, default }
    }

    /// Whether `number` is one of them.
    pub const fn contain(&self, number: i64) -> bool {
        self.min <= number && number <= self.max
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(formatter, "{}", self.min)
        } else {
            write!(formatter, "{} to {}", self.min, self.max)
        }
    }
}

/// Versions of the format.
pub const VERSION: Bounds = Bounds::new(1, 1, 1);
/// Ports, always required.
pub const PORT: Bounds = Bounds::new(1, 65_535, 0);
/// Frontend ports that the cloud keeps for itself; a state that both can serve does not use them.
pub const RESERVED_PORTS: Bounds = Bounds::new(65_300, 65_310, 0);
/// Seconds of silence on a flow; at most a week, so that the flow table cannot fill with what is long gone.
pub const TIMEOUT: Bounds = Bounds::new(1, 604_800, 600);
/// Seconds that a flow may go on when its instance is drained; at most a day.
pub const DRAIN_TIMEOUT: Bounds = Bounds::new(0, 86_400, 60);
/// Shares of new flows.
pub const WEIGHT: Bounds = Bounds::new(0, super::super::Weight::MAX as i64, 1);

/// Where the cloud's API is when nothing is written.
pub const CLOUD_URL: &str = "https://api.vultr.com";
/// Seconds between looks at the cloud.
pub const POLL_INTERVAL: Bounds = Bounds::new(1, 3_600, 10);
/// Requests a second to the cloud; its own limit is 30.
pub const REQUEST_RATE: Bounds = Bounds::new(1, 30, 10);

/// Seconds between probes, as the cloud's clients bound them.
pub const CHECK_INTERVAL: Bounds = Bounds::new(1, 300, 15);
/// Seconds that an answer may take.
pub const RESPONSE_TIMEOUT: Bounds = Bounds::new(1, 300, 5);
/// Failures in a row.
pub const UNHEALTHY_THRESHOLD: Bounds = Bounds::new(1, 300, 5);
/// Successes in a row.
pub const HEALTHY_THRESHOLD: Bounds = Bounds::new(1, 300, 5);
/// The path of a probe over HTTP when none is written.
pub const PROBE_PATH: &str = "/";

/// Entries of proven flows in one family; the largest map takes about 2 GiB.
pub const FLOWS: Bounds = Bounds::new(1_024, 16_777_216, 262_144);
/// Entries of unproven flows in one family.
pub const UNPROVEN_FLOWS: Bounds = Bounds::new(1_024, 4_194_304, 65_536);
/// Forwarding rules times VIPs.
pub const SERVICES: Bounds = Bounds::new(16, 1_048_576, 16_384);
/// Instances' addresses, over all load balancers.
pub const BACKENDS: Bounds = Bounds::new(16, 1_048_576, 131_072);
/// Machines that packets are sent to directly.
pub const NEXT_HOPS: Bounds = Bounds::new(16, 65_536, 4_096);
/// Networks of firewall rules in one family.
pub const FIREWALL_NETWORKS: Bounds = Bounds::new(16, 1_048_576, 65_536);

/// New flows a second; 0 is no limit.
pub const NEW_FLOWS: Bounds = Bounds::new(0, lb_common::rate::RATE_MAX as i64, 0);
/// Bytes of a TCP segment: from what every IPv4 host takes (RFC 9293) to what an IPv4 packet can carry.
pub const MSS: Bounds = Bounds::new(536, 65_495, 0);

/// The algorithms by name; the first is the default.
pub const ALGORITHMS: [&str; 4] = ["roundrobin", "leastconn", "maglev", "source"];
/// The policies for when no instance is healthy; the first is the default.
pub const ALL_DOWN: [&str; 2] = ["reject", "fail-open"];
/// The protocols of forwarding rules.
pub const PROTOCOLS: [&str; 2] = ["tcp", "udp"];
/// The protocols of health checks.
pub const PROBES: [&str; 3] = ["tcp", "http", "https"];
/// The families of firewall rules.
pub const IP_TYPES: [&str; 2] = ["v4", "v6"];
