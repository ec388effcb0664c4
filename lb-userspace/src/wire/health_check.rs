// SPDX-License-Identifier: MIT OR Apache-2.0
//! The health check: one for a load balancer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ProbeProtocol, lenient};

/// A health check in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthCheck {
    /// What is asked.
    pub protocol: ProbeProtocol,
    /// The port of the instances that is asked.
    #[serde(deserialize_with = "lenient::number")]
    pub port: i64,
    /// The path that is asked for; empty for `tcp`.
    #[serde(deserialize_with = "lenient::text")]
    pub path: String,
    /// Seconds from probe to probe.
    #[serde(deserialize_with = "lenient::number")]
    pub check_interval: i64,
    /// Seconds that an answer may take.
    #[serde(deserialize_with = "lenient::number")]
    pub response_timeout: i64,
    /// Failures in a row that make an instance unhealthy.
    #[serde(deserialize_with = "lenient::number")]
    pub unhealthy_threshold: i64,
    /// Successes in a row that make it healthy.
    #[serde(deserialize_with = "lenient::number")]
    pub healthy_threshold: i64,
}

/// What the cloud takes for a load balancer that was created without one.
impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            protocol: ProbeProtocol::Http,
            port: 80,
            path: "/".to_owned(),
            check_interval: 15,
            response_timeout: 5,
            unhealthy_threshold: 5,
            healthy_threshold: 5,
        }
    }
}

/// A health check in a request. What is absent keeps its value, or gets the default at creation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthCheckRequest {
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<ProbeProtocol>,
    /// The port of the instances that is asked.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// The path that is asked for; `http` and `https` only.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Seconds from probe to probe.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub check_interval: Option<i64>,
    /// Seconds that an answer may take.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub response_timeout: Option<i64>,
    /// Failures in a row that make an instance unhealthy.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub unhealthy_threshold: Option<i64>,
    /// Successes in a row that make it healthy.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub healthy_threshold: Option<i64>,
}
