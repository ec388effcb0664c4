// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selection tables: what one is built from, and what comes out.

use lb_common::abi::Algorithm;

/// What a table is built from. Equal inputs make equal tables, on every balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInputs {
    /// How a flow finds its place.
    pub algorithm: Algorithm,
    /// Those that take new flows, by identity; none means that new flows are refused.
    pub members: Vec<Member>,
}

/// A backend in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where the backend stands in `BACKENDS`; differs between balancers.
    pub slot: u32,
    /// The slot's generation.
    pub generation: u32,
    /// The share of new flows, at least 1.
    pub weight: u32,
    /// The same on every balancer: a hash of the backend's address.
    pub identity: u64,
}
