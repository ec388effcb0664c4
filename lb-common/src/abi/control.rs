// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for every packet and can change while the program runs.

use core::mem::size_of;

/// The one value of `CONTROL`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Raised whenever a route changes: flows then find their next hop towards the client anew.
    pub route_epoch: u32,
    /// Addresses in `SNAT4`.
    pub snat4: u32,
    /// Addresses in `SNAT6`.
    pub snat6: u32,
    /// How much debug builds log: 0 nothing, 1 errors … 5 trace, as in the `log` crate.
    pub log_level: u32,
    /// Raised after a backend's generation or next hop, or a route, has changed: what the flow cache holds is then
    /// looked up anew.
    pub cache_epoch: u32,
    /// Zero.
    pub pad: [u32; 3],
}

const _: () = assert!(size_of::<Control>() == 32);
