// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's view: metrics, the admin API, logs, and the operator's own word on backends (drains).
//!
//! ```text
//! source, reconcile, health (watch channels) --\
//! drains ---------------------------------------> Observer -> state::assemble -> Status --> admin API, metrics
//! datapath::view::Inspect ---------------------/
//! ```

pub mod api;
pub mod target;

pub mod drains;

pub mod observer;
pub mod restart;
pub mod state;

pub mod admin;
pub mod metrics;

pub mod log;

#[cfg(test)]
pub(crate) mod fixture;
