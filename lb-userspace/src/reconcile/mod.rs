// SPDX-License-Identifier: MIT OR Apache-2.0
//! From desire to data path: what is desired, what bears on it and what the data path holds make a [`plan::Plan`], which
//! is applied step by step.
//!
//! ```text
//! DesiredState --\
//! Conditions -----> diff::diff -> Plan -> apply::apply -> Datapath
//! Observed ------/                  \--> lbctl plan
//! ```
//!
//! Everything but [`driver`] is pure. User space gives out every index (service, pool, backend slot), and finds those
//! that are in use in what the data path holds, so that nothing has to be remembered across a restart.

pub mod apply;
pub mod backoff;
pub mod conditions;
pub mod diff;
pub mod driver;
pub mod index;
pub mod plan;
pub mod status;

mod backends;
mod converge;
mod encode;
mod firewalls;
mod pools;
