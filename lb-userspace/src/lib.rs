// SPDX-License-Identifier: MIT OR Apache-2.0
//! The load balancer's user space: a desired state comes in at one end and leaves as entries of eBPF maps at the other.
//!
//! ```text
//! source/file  -> Spec -> model::validate -> DesiredState -> reconcile::diff -> Plan -> datapath -> pinned maps -> XDP
//! source/cloud -^                                ^                               ^
//!                               health verdicts, operator's drains          Observed (what the maps hold)
//! ```
//!
//! Modules stand in the order in which the data travels. Only `datapath::kernel` names aya; `model`, `wire`,
//! `balance` and `reconcile` are pure: no clock, no socket, no environment.
#![forbid(unsafe_code)]

pub mod model;
pub mod secret;
pub mod source;
pub mod wire;

pub mod balance;
pub mod health;
pub mod reconcile;

pub mod datapath;
pub mod observe;

pub mod app;
pub mod cli;

mod durable;

#[cfg(test)]
mod testing;
