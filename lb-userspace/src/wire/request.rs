// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to make and to change a load balancer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Algorithm, AutoSslRequest, FirewallRuleRequest, ForwardingRuleRequest, HealthCheckRequest, Patch, Ssl,
    StickySession, lenient,
};

/// `POST /load-balancers`. Absent and `null` are the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateLoadBalancer {
    /// The region's id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The user's name for it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How an instance is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancing_algorithm: Option<Algorithm>,
    /// How many machines it is made of: 1 to 99, odd.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub nodes: Option<i64>,
    /// Whether HTTP is answered with the HTTPS address.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub ssl_redirect: Option<bool>,
    /// Whether clients may speak HTTP/2.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub http2: Option<bool>,
    /// Whether clients may speak HTTP/3.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub http3: Option<bool>,
    /// Whether instances get the PROXY header.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<bool>,
    /// Seconds of silence after which a connection is ended.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// How instances are probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckRequest>,
    /// What is forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_rules: Option<Vec<ForwardingRuleRequest>>,
    /// The cookie that keeps a client at its instance; `{}` is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky_session: Option<StickySession>,
    /// A certificate; `{}` is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl: Option<Ssl>,
    /// Automatic certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_ssl: Option<AutoSslRequest>,
    /// Ids of the instances that receive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<Vec<String>>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall_rules: Option<Vec<FirewallRuleRequest>>,
    /// The VPC; empty is the public network.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The older name of `vpc`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub private_network: Option<String>,
    /// Regions of its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_regions: Option<Vec<GlobalRegion>>,
}

/// `PATCH /load-balancers/{id}`. What is absent keeps its value; lists are replaced whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateLoadBalancer {
    /// Sent by one client though it cannot change.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Patch::is_absent")]
    pub region: Patch<String>,
    /// The user's name for it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Patch::is_absent")]
    pub label: Patch<String>,
    /// How an instance is chosen.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub balancing_algorithm: Patch<Algorithm>,
    /// How many machines it is made of: 1 to 99, odd.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Patch::is_absent")]
    pub nodes: Patch<i64>,
    /// Whether HTTP is answered with the HTTPS address.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Patch::is_absent")]
    pub ssl_redirect: Patch<bool>,
    /// Whether clients may speak HTTP/2.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Patch::is_absent")]
    pub http2: Patch<bool>,
    /// Whether clients may speak HTTP/3.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Patch::is_absent")]
    pub http3: Patch<bool>,
    /// Whether instances get the PROXY header.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Patch::is_absent")]
    pub proxy_protocol: Patch<bool>,
    /// Seconds of silence after which a connection is ended.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Patch::is_absent")]
    pub timeout: Patch<i64>,
    /// How instances are probed.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub health_check: Patch<HealthCheckRequest>,
    /// What is forwarded.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub forwarding_rules: Patch<Vec<ForwardingRuleRequest>>,
    /// The cookie that keeps a client at its instance; `{}` clears it.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub sticky_session: Patch<StickySession>,
    /// A certificate; `{}` keeps the one there is.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub ssl: Patch<Ssl>,
    /// Automatic certificates.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub auto_ssl: Patch<AutoSslRequest>,
    /// Ids of the instances that receive.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub instances: Patch<Vec<String>>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub firewall_rules: Patch<Vec<FirewallRuleRequest>>,
    /// The VPC; empty is the public network.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Patch::is_absent")]
    pub vpc: Patch<String>,
    /// The older name of `vpc`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Patch::is_absent")]
    pub private_network: Patch<String>,
    /// Regions of its parts.
    #[serde(skip_serializing_if = "Patch::is_absent")]
    pub global_regions: Patch<Vec<GlobalRegion>>,
}

/// A region of a global load balancer: documents have an object in one request and its id in the other, and one client
/// sends the id in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GlobalRegion {
    /// The region's id.
    Id(String),
    /// The region and the network there.
    Object {
        /// The region's id.
        region_id: String,
        /// The VPC there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vpc_id: Option<String>,
    },
}
