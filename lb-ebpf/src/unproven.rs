// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet of a flow that has yet to prove itself. TCP is proven by an acknowledgement of the backend's SYN, which only
//! one who received it can send; UDP by an answer. A proven flow moves to the big table, reverse direction first.
//!
//! The table is an LRU map, so either direction may be missing; each can be made again from the other.

use lb_common::abi::{BACKEND_USABLE, FlowEntry};
use lb_common::nat;
use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp::{self, ACK, ANSWERED, RST, SYN};

use crate::maps::{self, Entered, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::{Packet, Tcp};
use crate::parse::Parsed;
use crate::{egress, kernel, open, reply};

/// Forwards a packet of the unproven flow in `slot`, or opens another in its place.
#[inline(never)]
pub fn forward<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let entry = slot.entry();
    let Some(backend) = maps::backend(entry.meta.backend) else { return Verdict::drop(Reason::Inconsistent) };
    let lost = backend.generation != entry.meta.generation;
    if !entry.meta.from_client() {
        if lost {
            forget(parsed, &entry);
            return reply::refuse(packet, parsed, Reason::BackendGone);
        }
        return answer(packet, parsed, slot);
    }
    let opens = parsed.key.protocol != PROTOCOL_TCP || tcp::opens(parsed.flags);
    let ended = tcp::closed(entry.meta.state);
    if opens && (lost || ended || backend.flags & BACKEND_USABLE == 0) {
        forget(parsed, &entry);
        return open::open(packet, parsed);
    }
    if lost {
        forget(parsed, &entry);
        return reply::refuse(packet, parsed, Reason::BackendGone);
    }
    request(packet, parsed, slot, backend.next_hop)
}

/// From the client: a repeated SYN, the proof, or the end.
#[inline(always)]
fn request<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>, next_hop: u32) -> Verdict {
    let entry = slot.entry();
    slot.touch(kernel::touch_clock());
    let mut reason = Reason::Unproven;
    if parsed.key.protocol == PROTOCOL_TCP {
        if parsed.flags & RST != 0 {
            end(parsed, slot, &entry);
        } else if parsed.flags & (SYN | ACK) == ACK && proves(packet, parsed, &entry) {
            match prove(parsed, &entry) {
                Entered::Yes => reason = Reason::Proved,
                Entered::Taken => return reply::refuse(packet, parsed, Reason::NoFlow),
                Entered::Full => return reply::refuse(packet, parsed, Reason::TableFull),
            }
        }
    }
    egress::send(packet, parsed, slot, next_hop, reason)
}

/// From the backend: its SYN, its refusal, or a datagram.
#[inline(always)]
fn answer<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let entry = slot.entry();
    let client_key = entry.peer(parsed.key.protocol);
    slot.touch(kernel::touch_clock());
    let mut reason = Reason::Unproven;
    if parsed.key.protocol == PROTOCOL_TCP {
        if parsed.flags & RST != 0 {
            end(parsed, slot, &entry);
        } else if parsed.flags & (SYN | ACK) == SYN | ACK {
            if maps::unproven(&client_key).is_none() {
                maps::mend_unproven(&client_key, &nat::inverse(&parsed.key, &entry));
            }
            if let Some(client) = maps::unproven(&client_key) {
                client.set_proof(sequence(packet, parsed).wrapping_add(1));
                let _ = client.add_state(ANSWERED);
            }
            let _ = slot.add_state(ANSWERED);
        }
    } else {
        let _ = slot.add_state(ANSWERED);
        let client = nat::inverse(&parsed.key, &slot.entry());
        match move_to_proven(&client_key, &client) {
            Entered::Yes | Entered::Taken => reason = Reason::Proved,
            // It goes on as it is; being unproven is no fault of a datagram's.
            Entered::Full => {}
        }
    }
    egress::send(packet, parsed, slot, egress::hop_to_client(&entry.meta), reason)
}

/// True if a segment from the client acknowledges the backend's SYN.
#[inline(always)]
fn proves<A: Family>(packet: &Packet, parsed: &Parsed<A>, entry: &FlowEntry<A>) -> bool {
    let Some(segment) = packet.read::<Tcp>(parsed.l4 as usize) else { return false };
    let acknowledged = u32::from_be_bytes(segment.acknowledgement);
    entry.meta.state & ANSWERED != 0 && tcp::proves(acknowledged, entry.meta.proof)
}

#[inline(always)]
fn sequence<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> u32 {
    packet.read::<Tcp>(parsed.l4 as usize).map_or(0, |segment| u32::from_be_bytes(segment.sequence))
}

/// Moves a flow to the big table, given the client's direction. `Taken` means that it was evicted and that its source
/// port may be another's by now: the client has to come again.
#[inline(always)]
fn prove<A: Family>(parsed: &Parsed<A>, entry: &FlowEntry<A>) -> Entered {
    let reverse_key = entry.peer(parsed.key.protocol);
    let Some(reverse) = maps::unproven(&reverse_key) else {
        maps::remove_unproven(&parsed.key);
        return Entered::Taken;
    };
    if reverse.entry().peer(parsed.key.protocol) != parsed.key {
        maps::remove_unproven(&parsed.key);
        return Entered::Taken;
    }
    let moved = move_to_proven(&parsed.key, entry);
    if moved == Entered::Full {
        forget(parsed, entry);
    }
    // Another CPU was faster with the same flow.
    if moved == Entered::Taken { Entered::Yes } else { moved }
}

/// Enters both directions into the big table and takes them out of the small one.
#[inline(never)]
fn move_to_proven<A: Family>(client_key: &lb_common::abi::FlowKey<A>, client: &FlowEntry<A>) -> Entered {
    let reverse_key = client.peer(client_key.protocol);
    let reverse = nat::inverse(client_key, client);
    let reverse_entered = maps::enter_proven(&reverse_key, &reverse);
    if reverse_entered != Entered::Yes {
        return reverse_entered;
    }
    let entered = maps::enter_proven(client_key, client);
    if entered != Entered::Yes {
        maps::remove_proven(&reverse_key);
        return entered;
    }
    maps::remove_unproven(client_key);
    maps::remove_unproven(&reverse_key);
    entered
}

/// Notes a RST in both directions.
#[inline(always)]
fn end<A: Family>(parsed: &Parsed<A>, slot: Slot<A>, entry: &FlowEntry<A>) {
    let before = slot.add_state(tcp::RESET);
    if let Some(peer) = maps::unproven(&entry.peer(parsed.key.protocol)) {
        let _ = peer.add_state(tcp::RESET);
    }
    if !tcp::closed(before) {
        maps::count_closed(entry.meta.backend);
    }
}

/// Removes both directions.
#[inline(always)]
fn forget<A: Family>(parsed: &Parsed<A>, entry: &FlowEntry<A>) {
    maps::remove_unproven(&parsed.key);
    maps::remove_unproven(&entry.peer(parsed.key.protocol));
    if !tcp::closed(entry.meta.state) {
        maps::count_closed(entry.meta.backend);
    }
}
