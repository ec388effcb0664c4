// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet of a proven flow: the way that almost every packet takes. One look-up has been made; what follows is one
//! compare of generations, the recipe, and the counters.

use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp::{self, FIN, RST, SYN};

use crate::log::log;
use crate::maps::{self, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::Parsed;
use crate::{egress, kernel, open, reply};

/// Forwards a packet of the flow in `slot`.
#[inline(always)]
pub fn forward<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let entry = slot.entry();
    let meta = &entry.meta;
    let Some(backend) = maps::backend(meta.backend) else { return Verdict::drop(Reason::Inconsistent) };
    if backend.generation != meta.generation {
        return backend_gone(packet, parsed);
    }
    if parsed.flags & (SYN | FIN | RST) != 0 && !go_on(parsed) {
        return reopen(packet, parsed);
    }
    let clock = kernel::touch_clock();
    if meta.touched != clock {
        slot.touch(clock);
    }
    let next_hop = if meta.from_client() { backend.next_hop } else { meta.next_hop };
    egress::send(packet, parsed, &entry, slot, next_hop, Reason::Established)
}

/// Notes what a segment with SYN, FIN or RST does to its flow; false if it opens another with the same tuple.
#[inline(never)]
fn go_on<A: Family>(parsed: &Parsed<A>) -> bool {
    let Some(slot) = maps::proven(&parsed.key) else { return true };
    let entry = slot.entry();
    let from_client = entry.meta.from_client();
    if tcp::opens(parsed.flags) {
        return !(from_client && tcp::closed(entry.meta.state));
    }
    let bits = tcp::bits(parsed.flags, from_client);
    if bits == 0 {
        return true;
    }
    let before = slot.add_state(bits);
    slot.touch(kernel::touch_clock());
    if let Some(peer) = maps::proven(&entry.peer(parsed.key.protocol)) {
        let _ = peer.add_state(bits);
    }
    if !tcp::closed(before) && tcp::closed(before | bits) {
        maps::count_closed(entry.meta.backend);
    }
    true
}

/// A client opens a flow anew with the tuple of one that has ended.
#[inline(never)]
fn reopen<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let _ = forget(parsed);
    open::open(packet, parsed)
}

/// The backend that the flow was created for is not there any more. A datagram can go to another one; a connection ends.
#[inline(never)]
fn backend_gone<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let from_client = forget(parsed);
    log!(packet, aya_log_ebpf::macro_support::Level::Info, "flow ended: its backend is gone");
    if parsed.key.protocol != PROTOCOL_TCP && from_client {
        return open::open(packet, parsed);
    }
    reply::refuse(packet, parsed, Reason::BackendGone)
}

/// Removes both directions of a flow; true if this one is the client's.
#[inline(always)]
fn forget<A: Family>(parsed: &Parsed<A>) -> bool {
    let Some(slot) = maps::proven(&parsed.key) else { return true };
    let entry = slot.entry();
    maps::remove_proven(&parsed.key);
    maps::remove_proven(&entry.peer(parsed.key.protocol));
    if !tcp::closed(entry.meta.state) {
        maps::count_closed(entry.meta.backend);
    }
    entry.meta.from_client()
}
