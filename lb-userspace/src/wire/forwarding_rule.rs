// SPDX-License-Identifier: MIT OR Apache-2.0
//! Forwarding rules: from a protocol and port of the load balancer to a protocol and port of the instances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protocol, lenient};

/// A forwarding rule in an answer. The schema's misspelt `backend_portocol` is read too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ForwardingRule {
    /// 16 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// What clients speak.
    pub frontend_protocol: Protocol,
    /// The load balancer's port.
    #[serde(deserialize_with = "lenient::number")]
    pub frontend_port: i64,
    /// What instances speak.
    #[serde(alias = "backend_portocol")]
    pub backend_protocol: Protocol,
    /// The instances' port.
    #[serde(deserialize_with = "lenient::number")]
    pub backend_port: i64,
}

/// A forwarding rule in a request; all four are needed, and an `id` is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ForwardingRuleRequest {
    /// What clients speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontend_protocol: Option<Protocol>,
    /// The load balancer's port.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub frontend_port: Option<i64>,
    /// What instances speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_protocol: Option<Protocol>,
    /// The instances' port.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub backend_port: Option<i64>,
}
