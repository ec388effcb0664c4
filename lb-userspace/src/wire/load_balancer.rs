// SPDX-License-Identifier: MIT OR Apache-2.0
//! The load balancer as answers hold it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Algorithm, AutoSsl, FirewallRule, ForwardingRule, HealthCheck, Status, lenient};
use crate::secret::Secret;

/// One load balancer. Its id, rules and instances must be there to be understood; `null` is a list without items. All
/// keys are written, as clients want them that crash on a missing one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancer {
    /// A UUID.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// When it was made, as ISO 8601.
    #[serde(default, deserialize_with = "lenient::text")]
    pub date_created: String,
    /// The region's id, in lower case.
    #[serde(default, deserialize_with = "lenient::text")]
    pub region: String,
    /// The user's name for it; not unique.
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: String,
    /// How far it is.
    #[serde(default)]
    pub status: Status,
    /// Its IPv4 address; empty while there is none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ipv4: String,
    /// Its IPv6 address; empty while there is none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ipv6: String,
    /// Settings that the API groups.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub generic_info: GenericInfo,
    /// How instances are probed. Older answers may lack it.
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
    /// Whether a certificate is installed.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub has_ssl: bool,
    /// Whether clients may speak HTTP/2.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub http2: bool,
    /// Whether clients may speak HTTP/3.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub http3: bool,
    /// How many machines the load balancer is made of: 1 to 99, odd. Not the number of instances.
    #[serde(default = "one", deserialize_with = "lenient::number")]
    pub nodes: i64,
    /// What is forwarded.
    #[serde(alias = "forward_rules", deserialize_with = "lenient::or_default")]
    pub forwarding_rules: Vec<ForwardingRule>,
    /// Who may connect; nobody is kept out where there is none.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub firewall_rules: Vec<FirewallRule>,
    /// Ids of the instances and bare metals that receive.
    #[serde(deserialize_with = "lenient::or_default")]
    pub instances: Vec<String>,
    /// Addresses of its machines.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub node_ips: NodeIps,
    /// Automatic certificates.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub auto_ssl: AutoSsl,
    /// The load balancer that this one is a regional part of.
    #[serde(default, deserialize_with = "lenient::text")]
    pub global_parent_id: String,
    /// Regions of its parts.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub global_regions: Vec<String>,
    /// Ids of its regional parts.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub global_children_ids: Vec<String>,
    /// The name that leads to the nearest part.
    #[serde(default, deserialize_with = "lenient::text")]
    pub global_cname: String,
    /// Its own name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cname: String,
    /// Certificate, private key and chain in base64. A secret, and never written where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_cert_b64: Option<Secret>,
}

const fn one() -> i64 {
    1
}

/// Settings that answers group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GenericInfo {
    /// How an instance is chosen.
    pub balancing_algorithm: Algorithm,
    /// Seconds of silence after which a connection is ended.
    #[serde(deserialize_with = "lenient::number")]
    pub timeout: i64,
    /// Whether HTTP is answered with the HTTPS address.
    #[serde(deserialize_with = "lenient::boolean")]
    pub ssl_redirect: bool,
    /// The cookie that keeps a client at its instance.
    #[serde(deserialize_with = "lenient::or_default")]
    pub sticky_sessions: StickySession,
    /// Whether instances get the PROXY header.
    #[serde(deserialize_with = "lenient::boolean")]
    pub proxy_protocol: bool,
    /// The older name of `vpc`; read, never written.
    #[serde(deserialize_with = "lenient::text", skip_serializing)]
    pub private_network: String,
    /// The VPC through which instances are reached; empty for the public network.
    #[serde(deserialize_with = "lenient::text")]
    pub vpc: String,
}

impl GenericInfo {
    /// The VPC under either of its names.
    pub fn network(&self) -> Option<&str> {
        [&self.vpc, &self.private_network].into_iter().map(String::as_str).find(|id| !id.is_empty())
    }
}

impl Default for GenericInfo {
    fn default() -> Self {
        Self {
            balancing_algorithm: Algorithm::RoundRobin,
            timeout: 600,
            ssl_redirect: false,
            sticky_sessions: StickySession::default(),
            proxy_protocol: false,
            private_network: String::new(),
            vpc: String::new(),
        }
    }
}

/// A sticky session, in answers and in requests; off where the name is empty or missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StickySession {
    /// The cookie's name.
    #[serde(deserialize_with = "lenient::text")]
    pub cookie_name: String,
}

/// Addresses of the machines that a load balancer is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NodeIps {
    /// Public IPv4.
    #[serde(deserialize_with = "lenient::or_default")]
    pub v4: Vec<String>,
    /// Public IPv6.
    #[serde(deserialize_with = "lenient::or_default")]
    pub v6: Vec<String>,
    /// In the VPC.
    #[serde(deserialize_with = "lenient::or_default")]
    pub private: Vec<String>,
}

/// `GET /load-balancers/{id}/reverse-dns`: bare, without an envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReverseDns {
    /// The name of the IPv4 address.
    #[serde(deserialize_with = "lenient::text")]
    pub ipv4: String,
    /// The names of IPv6 addresses.
    #[serde(deserialize_with = "lenient::or_default")]
    pub ipv6: Vec<ReverseDnsEntry>,
}

/// The name of one IPv6 address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReverseDnsEntry {
    /// The name.
    #[serde(deserialize_with = "lenient::text")]
    pub domain: String,
    /// The address.
    #[serde(deserialize_with = "lenient::text")]
    pub ip: String,
}

/// `PUT` (with `v4`) and `POST` (with `v6`) of reverse DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReverseDnsRequest {
    /// The name of the IPv4 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v4: Option<String>,
    /// Names of IPv6 addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6: Option<Vec<ReverseDnsEntry>>,
}
