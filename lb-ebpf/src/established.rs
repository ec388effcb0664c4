// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet of a proven flow for which something is out of the ordinary: its TCP flags, its backend, its next hop.

use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp;

use crate::cache;
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::parse::Parsed;

/// Decides about a packet of the flow in `slot`.
#[inline(always)]
pub fn decide<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let meta = slot.meta();
    let from_client = meta.from_client();
    let Some(backend) = maps::backend(meta.backend) else { return Verdict::drop(Reason::Inconsistent) };
    if backend.generation != meta.generation {
        forget(parsed, slot);
        // A datagram can go to another backend, and so can a new connection with an old tuple; an old one ends.
        let moves = from_client && (parsed.key.protocol != PROTOCOL_TCP || tcp::opens(parsed.flags));
        return if moves { Verdict::open() } else { Verdict::refuse(Reason::BackendGone) };
    }
    if tcp::opens(parsed.flags) && from_client && tcp::closed(meta.state) {
        // A client opens a flow anew with the tuple of one that has ended.
        forget(parsed, slot);
        return Verdict::open();
    }
    note(parsed, slot);
    Verdict::send(Reason::Established)
}

/// Notes what a segment's FIN or RST does to its flow, in both directions.
#[inline(always)]
fn note<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) {
    let meta = slot.meta();
    slot.touch();
    let bits = tcp::bits(parsed.flags, meta.from_client());
    if bits == 0 {
        return;
    }
    let before = slot.add_state(bits);
    let peer_key = slot.peer_key(parsed.key.protocol);
    let mut seen = before;
    if let Some(peer) = maps::proven(&peer_key) {
        seen |= peer.add_state(bits);
    }
    if seen & tcp::CACHED != 0 && !tcp::closing(before) {
        cache::forget(&parsed.key);
        cache::forget(&peer_key);
    }
    if !tcp::closed(before) && tcp::closed(before | bits) {
        maps::count_closed(meta.backend);
    }
}

/// Removes both directions of a flow.
#[inline(always)]
fn forget<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) {
    let meta = slot.meta();
    let peer = slot.peer_key(parsed.key.protocol);
    maps::remove_proven(&parsed.key);
    maps::remove_proven(&peer);
    if !tcp::closed(meta.state) {
        maps::count_closed(meta.backend);
    }
}
