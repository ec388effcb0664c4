// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Which backend a new flow gets. User space has put weights, health and drains into the table; what is left is one
//! place in it.

use core::num::{NonZeroU32, NonZeroU64};

use lb_common::abi::{Algorithm, FlowKey, ServiceEntry};
use lb_common::hash;
use lb_common::limits::LEASTCONN_WINDOW;

use crate::kernel::{self, Turn};
use crate::maps::{self, Family, Table};

/// No backend takes new flows.
pub const NONE: u32 = u32::MAX;

/// The slot of the backend for a new flow, or [`NONE`].
#[inline(always)]
pub fn backend<A: Family>(key: &FlowKey<A>, service: &ServiceEntry) -> u32 {
    let Some(places) = maps::table(service.pool) else { return NONE };
    let Some(table) = maps::table_header(places) else { return NONE };
    let Some(length) = NonZeroU32::new(table.length) else { return NONE };
    if table.algorithm == Algorithm::LeastConn as u32 {
        return least_loaded(places, length);
    }
    let place = if table.algorithm == Algorithm::RoundRobin as u32 {
        (maps::take_turn(service.index) % NonZeroU64::from(length)) as u32
    } else if table.algorithm == Algorithm::Source as u32 {
        hash::reduce(hash::source(key.source), length.get())
    } else {
        let flow =
            hash::flow(key.source, key.destination, key.source_port, key.destination_port, key.protocol);
        hash::reduce(flow, length.get())
    };
    maps::table_slot(places, place).unwrap_or(NONE)
}

/// The backend with the fewest flows for its weight, among a window of the table that starts at random, so that equals
/// share and no CPU favours the first.
#[inline(always)]
fn least_loaded(places: &Table, length: NonZeroU32) -> u32 {
    let start = kernel::random() % length;
    let mut best = NONE;
    let (mut best_flows, mut best_weight) = (0, 1);
    kernel::repeat(LEASTCONN_WINDOW, |step| {
        if step >= length.get() {
            return Turn::Done;
        }
        let Some(slot) = maps::table_slot(places, (start + step) % length) else { return Turn::Done };
        let Some(backend) = maps::backend(slot) else { return Turn::Next };
        let flows = u64::from(maps::open_flows(slot)) + 1;
        let weight = u64::from(backend.weight);
        if best == NONE || flows * best_weight < best_flows * weight {
            (best, best_flows, best_weight) = (slot, flows, weight);
        }
        Turn::Next
    });
    best
}
