// SPDX-License-Identifier: MIT OR Apache-2.0
//! What someone wrote: the file format, version 1, in primitives only. Nothing here is proved; [`super::validate`]
//! turns it into a [`super::DesiredState`] or into all its problems. The descriptions below are the configuration
//! reference: an `Option` is a field that may be left out, everything else must be written.

pub mod bounds;
mod reference;
mod schema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use reference::reference;
pub use schema::schema;

/// A commented file that shows every field; it validates.
pub fn example() -> &'static str {
    include_str!("spec/example.yaml")
}

/// The configuration of one balancer: its own settings, and the load balancers that it is to be. YAML 1.2; JSON is
/// accepted, being YAML. The nouns are those of the cloud's API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The version of this format.
    #[schemars(extend("minimum" = bounds::VERSION.min, "maximum" = bounds::VERSION.max))]
    pub version: i64,
    /// The balancer's own settings.
    pub balancer: BalancerSpec,
    /// The cloud account whose load balancers this balancer is to be, instead of those of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudSpec>,
    /// The load balancers. `[]` means that nothing is balanced, or what `cloud` says; it must be written, so that a file
    /// that lost its list is an error.
    pub load_balancers: Vec<LoadBalancerSpec>,
}

/// What the machine needs to know about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Balancer")]
pub struct BalancerSpec {
    /// Names of the interfaces that the XDP program is attached to: those towards the clients and those towards the
    /// instances. At least one, each once.
    #[schemars(extend("minItems" = 1))]
    pub interfaces: Vec<String>,
    /// Addresses of this machine that instances see as the source; replies come back to them. At least one of each family
    /// that load balancers and their instances use, at most 64 of a family; each gives about 63,000 flows to one port of
    /// one instance.
    pub snat_addresses: Vec<String>,
    /// Sizes of the kernel's tables. A change takes effect when the tables are made anew, after `lbd detach`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<TablesSpec>,
    /// A file that says what the source `cloudflare` of firewall rules stands for: one network a line in CIDR notation, as
    /// Cloudflare publishes them, of both families; an absolute path. It is read again whenever this file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloudflare_ranges: Option<String>,
    /// What is in that file, or why it cannot be read; not written, the source that reads this format fills it.
    #[serde(skip)]
    pub cloudflare_file: Option<Result<String, String>>,
    /// Address and port at which `/metrics`, `/live`, `/ready` and `/state` are served over TCP, as `127.0.0.1:9180`. A
    /// loopback address, since there is neither a password nor TLS. Not served when left out. A change takes
    /// effect when lbd is restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_address: Option<String>,
}

/// A cloud account that says what is balanced, followed by its API v2. While its answers are bad, or none come, the last
/// good one stays in force. Exactly one of `token_file` and `token_variable`, and of `ids`, `label` and `region`, is
/// written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cloud")]
pub struct CloudSpec {
    /// Where the API is: scheme and host, without the `/v2`. `http` for a loopback address only, since the token would be
    /// read by others.
    #[schemars(extend("default" = bounds::CLOUD_URL))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file that holds the API's token, read anew for each poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// The environment variable of `lbd` that holds the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_variable: Option<String>,
    /// A file of certificates (PEM) that are trusted instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Ids of the load balancers to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// All load balancers with this label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// All load balancers of this region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Seconds from the end of one look to the next, shortened by up to a tenth at random.
    #[schemars(extend(
        "minimum" = bounds::POLL_INTERVAL.min,
        "maximum" = bounds::POLL_INTERVAL.max,
        "default" = bounds::POLL_INTERVAL.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_interval: Option<i64>,
    /// Requests a second at most. The cloud grants 30 to everybody behind one address.
    #[schemars(extend(
        "minimum" = bounds::REQUEST_RATE.min,
        "maximum" = bounds::REQUEST_RATE.max,
        "default" = bounds::REQUEST_RATE.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<i64>,
}

/// How many entries the kernel's tables have room for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tables")]
pub struct TablesSpec {
    /// Entries of established flows, for each family; a flow takes two.
    #[schemars(extend(
        "minimum" = bounds::FLOWS.min, "maximum" = bounds::FLOWS.max, "default" = bounds::FLOWS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<i64>,
    /// Entries of TCP flows whose handshake is not complete, for each family; a flow takes two.
    #[schemars(extend(
        "minimum" = bounds::UNPROVEN_FLOWS.min,
        "maximum" = bounds::UNPROVEN_FLOWS.max,
        "default" = bounds::UNPROVEN_FLOWS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven_flows: Option<i64>,
    /// Services: for each load balancer its forwarding rules times its VIPs.
    #[schemars(extend(
        "minimum" = bounds::SERVICES.min, "maximum" = bounds::SERVICES.max, "default" = bounds::SERVICES.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<i64>,
    /// Backends: the addresses of the instances of every load balancer, together with those that still drain.
    #[schemars(extend(
        "minimum" = bounds::BACKENDS.min, "maximum" = bounds::BACKENDS.max, "default" = bounds::BACKENDS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backends: Option<i64>,
    /// Next hops: routers, and instances and clients on the same network.
    #[schemars(extend(
        "minimum" = bounds::NEXT_HOPS.min, "maximum" = bounds::NEXT_HOPS.max, "default" = bounds::NEXT_HOPS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hops: Option<i64>,
    /// Networks of firewall rules, for each family; load balancers and ports that admit the same ones share them.
    #[schemars(extend(
        "minimum" = bounds::FIREWALL_NETWORKS.min,
        "maximum" = bounds::FIREWALL_NETWORKS.max,
        "default" = bounds::FIREWALL_NETWORKS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall_networks: Option<i64>,
}

/// One load balancer: the addresses that clients use, what is forwarded from them, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LoadBalancer")]
pub struct LoadBalancerSpec {
    /// Its name, unique in the file: 1 to 253 letters, digits, `-`, `_` and `.`, starting with a letter or digit. A new
    /// name is a new load balancer: flows of the old one are drained.
    pub label: String,
    /// The addresses that clients use, IPv4 or IPv6, at least one. Load balancers may share an address if their
    /// forwarding rules differ in protocol or port.
    #[schemars(extend("minItems" = 1))]
    pub vips: Vec<String>,
    /// How a new flow finds its instance: `roundrobin` in turn, `leastconn` the one with the fewest open flows, `maglev`
    /// by the hash of addresses and ports, alike on every balancer, `source` by the hash of the client's address. All
    /// obey the weights.
    #[schemars(extend("enum" = bounds::ALGORITHMS, "default" = bounds::ALGORITHMS[0]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancing_algorithm: Option<String>,
    /// Seconds of silence after which a flow is forgotten.
    #[schemars(extend(
        "minimum" = bounds::TIMEOUT.min, "maximum" = bounds::TIMEOUT.max, "default" = bounds::TIMEOUT.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// Seconds that flows may go on when their instance is drained, gets the weight 0, or is taken out of the file.
    #[schemars(extend(
        "minimum" = bounds::DRAIN_TIMEOUT.min,
        "maximum" = bounds::DRAIN_TIMEOUT.max,
        "default" = bounds::DRAIN_TIMEOUT.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout: Option<i64>,
    /// What happens to new flows while no instance is healthy: `reject` refuses them, `fail-open` hands them out as if
    /// all were.
    #[schemars(extend("enum" = bounds::ALL_DOWN, "default" = bounds::ALL_DOWN[0]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_down: Option<String>,
    /// Whether instances get the client's address in a PROXY header. Rules over tcp need the proxy then, which comes with a
    /// later release.
    #[schemars(extend("default" = false))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<bool>,
    /// What is forwarded; `[]` is nothing.
    pub forwarding_rules: Vec<ForwardingRuleSpec>,
    /// How instances are probed. All count as healthy when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckSpec>,
    /// Who receives; `[]` is nobody, and new flows are refused.
    pub instances: Vec<InstanceSpec>,
    /// Who may connect. A port that has rules admits only the sources that they name, over TCP and UDP; one without is
    /// open. New flows of others are dropped, and flows that a change of the rules no longer admits end within seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall_rules: Option<Vec<FirewallRuleSpec>>,
    /// New flows a second that each service (a forwarding rule on one VIP) takes, with bursts of as many; more are
    /// dropped. 0 is no limit. CPUs share the count without a lock, so a few more may pass.
    #[schemars(extend(
        "minimum" = bounds::NEW_FLOWS.min, "maximum" = bounds::NEW_FLOWS.max, "default" = bounds::NEW_FLOWS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_flows_per_second: Option<i64>,
    /// The same for each source address of each service.
    #[schemars(extend(
        "minimum" = bounds::NEW_FLOWS.min, "maximum" = bounds::NEW_FLOWS.max, "default" = bounds::NEW_FLOWS.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_flows_per_second_per_source: Option<i64>,
    /// The largest TCP segment that clients and instances are to send, in bytes: a larger MSS option of SYN and SYN-ACK is
    /// lowered to it. For paths that are narrower than the ends know: their MTU less 40 for IPv4, less 60 for IPv6. Left
    /// alone when left out.
    #[schemars(extend("minimum" = bounds::MSS.min, "maximum" = bounds::MSS.max))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mss: Option<i64>,
}

/// From a protocol and port of the VIPs to a protocol and port of the instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ForwardingRule")]
pub struct ForwardingRuleSpec {
    /// The protocol on the VIPs. The API's `http` and `https` come with a later release.
    #[schemars(extend("enum" = bounds::PROTOCOLS))]
    pub frontend_protocol: String,
    /// The port on the VIPs; 65300 to 65310 are reserved.
    #[schemars(extend("minimum" = bounds::PORT.min, "maximum" = bounds::PORT.max))]
    pub frontend_port: i64,
    /// The protocol on the instances, the same as on the VIPs.
    #[schemars(extend("enum" = bounds::PROTOCOLS))]
    pub backend_protocol: String,
    /// The port on the instances.
    #[schemars(extend("minimum" = bounds::PORT.min, "maximum" = bounds::PORT.max))]
    pub backend_port: i64,
}

/// How instances are probed: each address of each, from this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HealthCheck")]
pub struct HealthCheckSpec {
    /// What is asked: `tcp` whether the port accepts a connection, `http` and `https` whether `GET path` answers 200. The
    /// certificate is not verified.
    #[schemars(extend("enum" = bounds::PROBES))]
    pub protocol: String,
    /// The port that is asked.
    #[schemars(extend("minimum" = bounds::PORT.min, "maximum" = bounds::PORT.max))]
    pub port: i64,
    /// The path that is asked for, starting with `/`; `http` and `https` only.
    #[schemars(extend("default" = bounds::PROBE_PATH))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Seconds from the start of one probe to the start of the next.
    #[schemars(extend(
        "minimum" = bounds::CHECK_INTERVAL.min,
        "maximum" = bounds::CHECK_INTERVAL.max,
        "default" = bounds::CHECK_INTERVAL.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_interval: Option<i64>,
    /// Seconds that an answer may take; not more than `check_interval`.
    #[schemars(extend(
        "minimum" = bounds::RESPONSE_TIMEOUT.min,
        "maximum" = bounds::RESPONSE_TIMEOUT.max,
        "default" = bounds::RESPONSE_TIMEOUT.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_timeout: Option<i64>,
    /// Failures in a row that make an instance unhealthy.
    #[schemars(extend(
        "minimum" = bounds::UNHEALTHY_THRESHOLD.min,
        "maximum" = bounds::UNHEALTHY_THRESHOLD.max,
        "default" = bounds::UNHEALTHY_THRESHOLD.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_threshold: Option<i64>,
    /// Successes in a row that make it healthy again.
    #[schemars(extend(
        "minimum" = bounds::HEALTHY_THRESHOLD.min,
        "maximum" = bounds::HEALTHY_THRESHOLD.max,
        "default" = bounds::HEALTHY_THRESHOLD.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_threshold: Option<i64>,
}

/// A node that receives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Instance")]
pub struct InstanceSpec {
    /// Its name, unique in its load balancer; the grammar is that of the load balancer's label.
    pub label: String,
    /// Its addresses: one, or one of each family. Flows to an IPv4 VIP go to the IPv4 address, those to an IPv6 VIP to
    /// the IPv6 address.
    #[schemars(extend("minItems" = 1, "maxItems" = 2))]
    pub addresses: Vec<String>,
    /// Its share of new flows relative to the others; 0 drains it.
    #[schemars(extend(
        "minimum" = bounds::WEIGHT.min, "maximum" = bounds::WEIGHT.max, "default" = bounds::WEIGHT.default
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
}

/// Who may connect to a port of the VIPs, as the API has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FirewallRule")]
pub struct FirewallRuleSpec {
    /// The port on the VIPs.
    #[schemars(extend("minimum" = bounds::PORT.min, "maximum" = bounds::PORT.max))]
    pub port: i64,
    /// A network in CIDR notation, or `cloudflare` for the ranges in the file that `balancer.cloudflare_ranges` names.
    pub source: String,
    /// The family of the source.
    #[schemars(extend("enum" = bounds::IP_TYPES))]
    pub ip_type: String,
}
