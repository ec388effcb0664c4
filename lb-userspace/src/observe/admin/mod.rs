// SPDX-License-Identifier: MIT OR Apache-2.0
//! The admin API: HTTP/1.1 and JSON (types in [`super::api`]).
//!
//! | request | answer | where |
//! | --- | --- | --- |
//! | `GET /live` | 200 while the process runs | both |
//! | `GET /ready` | [`Readiness`](super::api::Readiness); 200, or 503 when traffic is not balanced as desired | both |
//! | `GET /metrics` | Prometheus' text format | both |
//! | `GET /state` | [`Status`](super::api::Status) | both |
//! | `GET /v1/status` | the same | unix |
//! | `GET /v1/backends` | list of [`BackendStatus`](super::api::BackendStatus) | unix |
//! | `GET /v1/flows?limit&client&vip&backend&state` | [`Flows`](super::api::Flows) | unix |
//! | `GET /v1/plan` | [`PlanView`](super::api::PlanView): what would be done now | unix |
//! | `POST /v1/plan` | the same for the file in the body | unix |
//! | `GET /v1/reasons` | list of [`ReasonStatus`](super::api::ReasonStatus) | unix |
//! | `POST /v1/drain`, `/v1/undrain` | [`DrainRequest`](super::api::DrainRequest) → [`DrainAnswer`](super::api::DrainAnswer) | unix |
//! | `PUT /v1/log-level` | [`LogLevelRequest`](super::api::LogLevelRequest) | unix |
//!
//! "both" is the unix socket, which only its owner can open, and `balancer.admin_address`, which has no authentication
//! and therefore cannot change anything nor show clients. Every error is an [`ErrorBody`](super::api::ErrorBody).

mod error;
mod flows;
mod routes;
mod serve;

#[cfg(test)]
mod tests;

pub use error::ApiError;
pub use routes::{read_only, whole};
pub use serve::{serve_tcp, serve_unix};
