// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firewall rules: who may connect to a port of the load balancer. They carry no protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpType, lenient};

/// A firewall rule in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FirewallRule {
    /// 16 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The load balancer's port.
    #[serde(deserialize_with = "lenient::number")]
    pub port: i64,
    /// A network in CIDR notation, host bits allowed, or `cloudflare`.
    #[serde(deserialize_with = "lenient::text")]
    pub source: String,
    /// The source's family; the CCM says `v4` of `cloudflare`.
    pub ip_type: IpType,
}

/// A firewall rule in a request; all three are needed, and an `id` is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FirewallRuleRequest {
    /// The load balancer's port.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// A network in CIDR notation, host bits allowed, or `cloudflare`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The source's family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_type: Option<IpType>,
}

/// `POST /load-balancers/{id}/firewall-rules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateFirewallRules {
    /// The rules to add.
    pub firewall_rules: Vec<FirewallRuleRequest>,
}
