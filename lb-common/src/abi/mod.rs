// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layout of every map, one module a map family. A change of any layout here raises [`ABI_VERSION`], which is part
//! of the path that maps are pinned under, so that two versions never read each other's bytes.
//!
//! | map | type | key → value | writer | reader |
//! | --- | --- | --- | --- | --- |
//! | `FLOWS4`, `FLOWS6` | hash | [`FlowKey`] → [`FlowEntry`] | program, sweep | program, sweep |
//! | `UNPROVEN4`, `UNPROVEN6` | LRU hash | [`FlowKey`] → [`FlowEntry`] | program, sweep | program, sweep |
//! | `SERVICES4`, `SERVICES6` | hash | [`ServiceKey`] → [`ServiceEntry`] | user space | program |
//! | `POOLS` | array of maps | pool → array of [`TableChunk`] | user space | program |
//! | `BACKENDS` | array | slot → [`BackendEntry`] | user space | program |
//! | `LOADS` | array | slot → [`LoadEntry`] | program, sweep | program |
//! | `TURNS` | array | service index → [`Turn`] | program | program |
//! | `NEXT_HOPS` | array | index → [`NextHop`] | user space | program |
//! | `NEIGHBOURS` | hash | [`NeighbourKey`] → index | user space | program |
//! | `VIPS4`, `VIPS6` | hash | address → 1 | user space | program |
//! | `FRAGMENTS4`, `FRAGMENTS6` | LRU hash | [`FragmentKey`] → [`FragmentEntry`] | program | program |
//! | `SNAT4`, `SNAT6` | array | number → 16 bytes of address | user space | program |
//! | `CONTROL` | array of one | 0 → [`Control`] | user space | program |
//! | `FIREWALL4`, `FIREWALL6` | prefix trie | [`FirewallKey`] → 1 | user space | program |
//! | `SERVICE_RATES` | array | service index → [`Bucket`] | program | program |
//! | `SOURCE_RATES4`, `SOURCE_RATES6` | LRU hash | [`SourceKey`] → [`Bucket`] | program | program |
//! | `SERVICE_TRAFFIC`, `BACKEND_TRAFFIC` | per-CPU array | index → [`Traffic`] | program | user space |
//! | `REASONS` | per-CPU array | reason → [`Tally`] | program | user space |

mod backend;
mod control;
mod counters;
mod firewall;
mod flow;
mod fragment;
mod limit;
mod next_hop;
mod service;
mod table;

pub use backend::{BACKEND_DRAINING, BACKEND_USABLE, BACKEND_V6, BackendEntry, LoadEntry};
pub use control::Control;
pub use counters::{Tally, Traffic};
pub use firewall::{FirewallKey, OPEN, prefix_length, whole};
pub use flow::{FlowEntry, FlowKey, FlowMeta, REVERSE};
pub use fragment::{FragmentEntry, FragmentKey};
pub use limit::{Bucket, SourceKey};
pub use next_hop::{NEXT_HOP_RESOLVED, NeighbourKey, NextHop, UNKNOWN_NEXT_HOP};
pub use service::{ServiceEntry, ServiceKey, Turn};
pub use table::{Algorithm, TableChunk, TableHeader};

/// The version of everything in this folder.
pub const ABI_VERSION: u32 = 2;

/// The names of the maps, as in the object and under the pin directory.
pub mod names {
    /// Proven flows over IPv4.
    pub const FLOWS4: &str = "FLOWS4";
    /// Proven flows over IPv6.
    pub const FLOWS6: &str = "FLOWS6";
    /// Flows over IPv4 that have not proven themselves.
    pub const UNPROVEN4: &str = "UNPROVEN4";
    /// Flows over IPv6 that have not proven themselves.
    pub const UNPROVEN6: &str = "UNPROVEN6";
    /// Services on IPv4 VIPs.
    pub const SERVICES4: &str = "SERVICES4";
    /// Services on IPv6 VIPs.
    pub const SERVICES6: &str = "SERVICES6";
    /// VIPs over IPv4.
    pub const VIPS4: &str = "VIPS4";
    /// VIPs over IPv6.
    pub const VIPS6: &str = "VIPS6";
    /// Ports of packets over IPv4 that come in fragments.
    pub const FRAGMENTS4: &str = "FRAGMENTS4";
    /// Ports of packets over IPv6 that come in fragments.
    pub const FRAGMENTS6: &str = "FRAGMENTS6";
    /// The selection table of each pool.
    pub const POOLS: &str = "POOLS";
    /// Backends by slot.
    pub const BACKENDS: &str = "BACKENDS";
    /// Open flows by backend slot.
    pub const LOADS: &str = "LOADS";
    /// Whose turn it is, by service index.
    pub const TURNS: &str = "TURNS";
    /// Next hops by index.
    pub const NEXT_HOPS: &str = "NEXT_HOPS";
    /// The next hop index of a neighbour.
    pub const NEIGHBOURS: &str = "NEIGHBOURS";
    /// Source addresses towards IPv4 backends.
    pub const SNAT4: &str = "SNAT4";
    /// Source addresses towards IPv6 backends.
    pub const SNAT6: &str = "SNAT6";
    /// What holds for every packet.
    pub const CONTROL: &str = "CONTROL";
    /// IPv4 networks by firewall list.
    pub const FIREWALL4: &str = "FIREWALL4";
    /// IPv6 networks by firewall list.
    pub const FIREWALL6: &str = "FIREWALL6";
    /// Token buckets by service index.
    pub const SERVICE_RATES: &str = "SERVICE_RATES";
    /// Token buckets by service and IPv4 source.
    pub const SOURCE_RATES4: &str = "SOURCE_RATES4";
    /// Token buckets by service and IPv6 source.
    pub const SOURCE_RATES6: &str = "SOURCE_RATES6";
    /// Packets, bytes and flows by service index.
    pub const SERVICE_TRAFFIC: &str = "SERVICE_TRAFFIC";
    /// Packets, bytes and flows by backend slot.
    pub const BACKEND_TRAFFIC: &str = "BACKEND_TRAFFIC";
    /// Packets and bytes by reason.
    pub const REASONS: &str = "REASONS";

    /// Every map that is pinned.
    pub const ALL: [&str; 27] = [
        FLOWS4,
        FLOWS6,
        UNPROVEN4,
        UNPROVEN6,
        SERVICES4,
        SERVICES6,
        VIPS4,
        VIPS6,
        FRAGMENTS4,
        FRAGMENTS6,
        POOLS,
        BACKENDS,
        LOADS,
        TURNS,
        NEXT_HOPS,
        NEIGHBOURS,
        SNAT4,
        SNAT6,
        CONTROL,
        FIREWALL4,
        FIREWALL6,
        SERVICE_RATES,
        SOURCE_RATES4,
        SOURCE_RATES6,
        SERVICE_TRAFFIC,
        BACKEND_TRAFFIC,
        REASONS,
    ];
}
