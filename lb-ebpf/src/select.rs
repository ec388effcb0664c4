// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Which backend a new flow gets. User space has put weights, health and drains into the table; what is left is one
//! place in it.

use lb_common::abi::{Algorithm, FlowKey, ServiceEntry};
use lb_common::hash;
use lb_common::limits::LEASTCONN_WINDOW;

use crate::kernel;
use crate::maps::{self, Family};

/// No backend takes new flows.
pub const NONE: u32 = u32::MAX;

/// The slot of the backend for a new flow, or [`NONE`].
#[inline(never)]
pub fn backend<A: Family>(key: &FlowKey<A>, service: &ServiceEntry) -> u32 {
    let pool = service.pool;
    let Some(table) = maps::table_header(pool) else { return NONE };
    if table.length == 0 {
        return NONE;
    }
    if table.algorithm == Algorithm::LeastConn as u32 {
        return least_loaded(pool, table.length);
    }
    let place = if table.algorithm == Algorithm::RoundRobin as u32 {
        (maps::take_turn(service.index) % u64::from(table.length)) as u32
    } else if table.algorithm == Algorithm::Source as u32 {
        hash::reduce(hash::source(key.source), table.length)
    } else {
        let flow =
            hash::flow(key.source, key.destination, key.source_port, key.destination_port, key.protocol);
        hash::reduce(flow, table.length)
    };
    maps::table_slot(pool, place).unwrap_or(NONE)
}

/// The backend with the fewest flows for its weight, among a window of the table that starts at random, so that equals
/// share and no CPU favours the first.
#[inline(always)]
fn least_loaded(pool: u32, length: u32) -> u32 {
    let start = kernel::random() % length;
    let mut best = NONE;
    let (mut best_flows, mut best_weight) = (0, 1);
    for step in 0..LEASTCONN_WINDOW {
        if step >= length {
            break;
        }
        let Some(slot) = maps::table_slot(pool, (start + step) % length) else { break };
        let Some(backend) = maps::backend(slot) else { continue };
        let flows = u64::from(maps::open_flows(slot)) + 1;
        let weight = u64::from(backend.weight);
        if best == NONE || flows * best_weight < best_flows * weight {
            (best, best_flows, best_weight) = (slot, flows, weight);
        }
    }
    best
}
