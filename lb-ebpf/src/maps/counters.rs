// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Counters: of packets by service, backend and reason, one value a CPU, and of the flows that each backend has.
#![expect(unsafe_code, reason = "map values are shared memory; accessors copy, or write what only grows")]

use aya_ebpf::btf_maps::PerCpuArray;
use lb_common::abi::{LoadEntry, Traffic};

use super::{BACKEND_TRAFFIC, LOADS, REASONS, SERVICE_TRAFFIC};
use crate::kernel;

/// A backend's open flows.
#[inline(always)]
pub fn open_flows(slot: u32) -> u32 {
    LOADS.get(slot).map_or(0, LoadEntry::open)
}

/// Counts a flow that a backend gets.
#[inline(always)]
pub fn count_opened(slot: u32) {
    if let Some(load) = LOADS.get_ptr_mut(slot) {
        // SAFETY: a pointer that a look-up gave is valid while the program runs; only the field's address is taken.
        let _ = kernel::fetch_increment(unsafe { &raw mut (*load).opened }.cast());
    }
}

/// Counts a flow that a backend has no more.
#[inline(always)]
pub fn count_closed(slot: u32) {
    if let Some(load) = LOADS.get_ptr_mut(slot) {
        // SAFETY: as in `count_opened`.
        let _ = kernel::fetch_increment(unsafe { &raw mut (*load).closed }.cast());
    }
}

/// Counts a packet of a flow and of its service and backend.
#[inline(always)]
pub fn count_traffic(service: u32, backend: u32, from_client: bool, bytes: u32) {
    let add = |traffic: &mut Traffic| {
        if from_client {
            traffic.packets_in += 1;
            traffic.bytes_in += u64::from(bytes);
        } else {
            traffic.packets_out += 1;
            traffic.bytes_out += u64::from(bytes);
        }
    };
    with_traffic(&SERVICE_TRAFFIC, service, add);
    with_traffic(&BACKEND_TRAFFIC, backend, add);
}

/// Counts a flow that was created.
#[inline(always)]
pub fn count_flow(service: u32, backend: u32) {
    with_traffic(&SERVICE_TRAFFIC, service, |traffic| traffic.flows += 1);
    with_traffic(&BACKEND_TRAFFIC, backend, |traffic| traffic.flows += 1);
}

#[inline(always)]
fn with_traffic(map: &PerCpuArray<Traffic, 1>, index: u32, change: impl FnOnce(&mut Traffic)) {
    if let Some(traffic) = map.get_ptr_mut(index) {
        // SAFETY: this CPU's own value, and the program is not interrupted by itself.
        change(unsafe { &mut *traffic });
    }
}

/// Counts a verdict.
#[inline(always)]
pub fn count_reason(reason: u32, bytes: u32) {
    if let Some(tally) = REASONS.get_ptr_mut(reason) {
        // SAFETY: this CPU's own value.
        unsafe {
            (*tally).packets += 1;
            (*tally).bytes += u64::from(bytes);
        }
    }
}
