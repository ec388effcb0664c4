// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet of a proven flow for which something is out of the ordinary: its TCP flags, its backend, its next hop.

use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp;

use crate::log::log;
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::Parsed;
use crate::{egress, kernel, open, reply};

/// Forwards a packet of the flow in `slot`.
#[inline(never)]
pub fn forward<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let entry = slot.entry();
    let from_client = entry.meta.from_client();
    let Some(backend) = maps::backend(entry.meta.backend) else { return Verdict::drop(Reason::Inconsistent) };
    if backend.generation != entry.meta.generation {
        // A datagram can go to another backend; a connection ends.
        forget(parsed, slot);
        log!(packet, aya_log_ebpf::macro_support::Level::Info, "flow ended: its backend is gone");
        if parsed.key.protocol != PROTOCOL_TCP && from_client {
            return open::open(packet, parsed);
        }
        return reply::refuse(packet, parsed, Reason::BackendGone);
    }
    if tcp::opens(parsed.flags) && from_client && tcp::closed(entry.meta.state) {
        // A client opens a flow anew with the tuple of one that has ended.
        forget(parsed, slot);
        return open::open(packet, parsed);
    }
    note(parsed, slot);
    let next_hop = if from_client { backend.next_hop } else { egress::hop_to_client(&entry.meta) };
    egress::send(packet, parsed, slot, next_hop, Reason::Established)
}

/// Notes what a segment's FIN or RST does to its flow, in both directions.
#[inline(always)]
fn note<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) {
    let entry = slot.entry();
    slot.touch(kernel::touch_clock());
    let bits = tcp::bits(parsed.flags, entry.meta.from_client());
    if bits == 0 {
        return;
    }
    let before = slot.add_state(bits);
    if let Some(peer) = maps::proven(&entry.peer(parsed.key.protocol)) {
        let _ = peer.add_state(bits);
    }
    if !tcp::closed(before) && tcp::closed(before | bits) {
        maps::count_closed(entry.meta.backend);
    }
}

/// Removes both directions of a flow.
#[inline(always)]
fn forget<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) {
    let entry = slot.entry();
    maps::remove_proven(&parsed.key);
    maps::remove_proven(&entry.peer(parsed.key.protocol));
    if !tcp::closed(entry.meta.state) {
        maps::count_closed(entry.meta.backend);
    }
}
