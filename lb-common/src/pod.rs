// SPDX-License-Identifier: MIT OR Apache-2.0
//! The map types as plain old data for aya: the only place of this crate with `unsafe`.
#![expect(unsafe_code, reason = "aya::Pod is an unsafe trait")]

use aya::Pod;

use crate::abi::{
    BackendEntry, Bucket, Control, FirewallKey, FlowEntry, FlowKey, LoadEntry, NeighbourKey, NextHop,
    ServiceEntry, ServiceKey, SourceKey, TableChunk, Tally, Traffic, Turn,
};
use crate::net::{Addr4, Addr6};

/// Implements [`Pod`] for types that are `repr(C)`, without implicit padding and valid for every bit pattern.
macro_rules! pod {
    ($($type:ty),+ $(,)?) => {
        // SAFETY: each type is `repr(C)` and made of integers; the asserts beside it show that there is no padding.
        $(unsafe impl Pod for $type {})+
    };
}

pod!(
    Addr4,
    Addr6,
    BackendEntry,
    Bucket,
    Control,
    FlowEntry<Addr4>,
    FlowEntry<Addr6>,
    FlowKey<Addr4>,
    FlowKey<Addr6>,
    LoadEntry,
    NeighbourKey,
    NextHop,
    ServiceEntry,
    ServiceKey<Addr4>,
    ServiceKey<Addr6>,
    SourceKey<Addr4>,
    SourceKey<Addr6>,
    FirewallKey<Addr4>,
    FirewallKey<Addr6>,
    TableChunk,
    Tally,
    Traffic,
    Turn,
);
