// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flow tables as an operator sees them.

use std::net::{IpAddr, SocketAddr};

use aya::Pod;
use aya::maps::{HashMap, MapData};
use lb_common::abi::{FlowEntry, FlowKey, names};
use lb_common::net::Address;
use lb_common::tcp;

use super::maps::{Maps, failed_io, fd};
use crate::datapath::DatapathError;
use crate::datapath::view::{FlowState, FlowView};
use crate::model::Protocol;

/// A flow table.
pub type FlowMap<A> = HashMap<MapData, FlowKey<A>, FlowEntry<A>>;

/// Up to `limit` flows for which `keep` holds, and how many there are.
pub fn list(
    maps: &Maps,
    limit: usize,
    keep: &dyn Fn(&FlowView) -> bool,
    now: u32,
) -> Result<(Vec<FlowView>, usize), DatapathError> {
    let mut listing = Listing { flows: Vec::new(), total: 0, limit, keep, now };
    listing.add(&maps.flows4, names::FLOWS4, true)?;
    listing.add(&maps.flows6, names::FLOWS6, true)?;
    listing.add(&maps.unproven4, names::UNPROVEN4, false)?;
    listing.add(&maps.unproven6, names::UNPROVEN6, false)?;
    Ok((listing.flows, listing.total))
}

struct Listing<'a> {
    flows: Vec<FlowView>,
    total: usize,
    limit: usize,
    keep: &'a dyn Fn(&FlowView) -> bool,
    now: u32,
}

impl Listing<'_> {
    fn add<A>(&mut self, map: &FlowMap<A>, name: &'static str, proven: bool) -> Result<(), DatapathError>
    where
        A: Address + Into<IpAddr>,
        FlowKey<A>: Pod,
        FlowEntry<A>: Pod,
    {
        lb_sys::for_each::<FlowKey<A>, FlowEntry<A>>(fd(map), |key, entry| {
            let Some(mut flow) = view(key, entry, proven, self.now) else { return };
            if !(self.keep)(&flow) {
                return;
            }
            self.total += 1;
            if self.flows.len() < self.limit {
                // The other direction may have been used since.
                if let Ok(peer) = map.get(&entry.peer(key.protocol), 0) {
                    flow.idle_seconds = flow.idle_seconds.min(idle(peer.meta.last_seen, self.now));
                }
                self.flows.push(flow);
            }
        })
        .map_err(failed_io("reading", name))
    }
}

/// Seconds since `last_seen`; it may be a moment ahead of a `now` that was read before it.
pub fn idle(last_seen: u32, now: u32) -> u32 {
    let difference = now.wrapping_sub(last_seen);
    if difference > u32::MAX / 2 { 0 } else { difference }
}

/// The flow that a client's direction describes; nothing for the other direction.
fn view<A: Address + Into<IpAddr>>(
    key: &FlowKey<A>,
    entry: &FlowEntry<A>,
    proven: bool,
    now: u32,
) -> Option<FlowView> {
    if !entry.meta.from_client() {
        return None;
    }
    Some(FlowView {
        protocol: Protocol::from_number(key.protocol)?,
        client: SocketAddr::new(key.source.into(), key.source_port.host()),
        vip: SocketAddr::new(key.destination.into(), key.destination_port.host()),
        snat: SocketAddr::new(entry.source.into(), entry.source_port.host()),
        backend: SocketAddr::new(entry.destination.into(), entry.destination_port.host()),
        state: state(entry.meta.state, proven),
        idle_seconds: idle(entry.meta.last_seen, now),
        slot: entry.meta.backend,
    })
}

fn state(bits: u32, proven: bool) -> FlowState {
    if bits & tcp::RESET != 0 {
        FlowState::Reset
    } else if tcp::closed(bits) {
        FlowState::TimeWait
    } else if bits & (tcp::CLIENT_FIN | tcp::BACKEND_FIN) != 0 {
        FlowState::HalfClosed
    } else if proven {
        FlowState::Established
    } else if bits & tcp::ANSWERED != 0 {
        FlowState::Answered
    } else {
        FlowState::Unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_the_bits() {
        assert_eq!(state(0, false), FlowState::Unproven);
        assert_eq!(state(tcp::ANSWERED, false), FlowState::Answered);
        assert_eq!(state(tcp::ANSWERED, true), FlowState::Established);
        assert_eq!(state(tcp::ANSWERED | tcp::CLIENT_FIN, true), FlowState::HalfClosed);
        assert_eq!(state(tcp::CLIENT_FIN | tcp::BACKEND_FIN, true), FlowState::TimeWait);
        assert_eq!(state(tcp::RESET | tcp::CLIENT_FIN, true), FlowState::Reset);
    }

    #[test]
    fn idleness_does_not_mind_the_order_of_clocks() {
        assert_eq!(idle(10, 25), 15);
        assert_eq!(idle(26, 25), 0);
        assert_eq!(idle(u32::MAX, 4), 5);
    }
}
