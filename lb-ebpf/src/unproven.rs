// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet of a flow that has yet to prove itself. TCP is proven by an acknowledgement of the backend's SYN, which only
//! one who received it can send; UDP by an answer. A proven flow moves to the big table, reverse direction first.
//!
//! The table is an LRU map, so either direction may be missing; each can be made again from the other.

use lb_common::abi::BACKEND_USABLE;
use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp::{self, ACK, ANSWERED, RST, SYN};

use crate::maps::{self, Draft, Entered, Family, Slot};
use crate::outcome::Verdict;
use crate::packet::{Packet, Tcp};
use crate::parse::Parsed;

/// Decides about a packet of the unproven flow in `slot`.
#[inline(always)]
pub fn decide<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) -> Verdict {
    let meta = slot.meta();
    let (Some(backend), Some(draft)) = (maps::backend(meta.backend), A::draft()) else {
        return Verdict::drop(Reason::Inconsistent);
    };
    slot.touch();
    draft.copy(&parsed.key, slot);
    let is_tcp = parsed.key.protocol == PROTOCOL_TCP;
    let lost = backend.generation != meta.generation;
    let unusable = lost || backend.flags & BACKEND_USABLE == 0;
    let opens = meta.from_client() && (!is_tcp || tcp::opens(parsed.flags));
    if opens && (unusable || tcp::closed(meta.state)) {
        forget(draft);
        return Verdict::open();
    }
    if lost {
        forget(draft);
        return Verdict::refuse(Reason::BackendGone);
    }
    if is_tcp && parsed.flags & RST != 0 {
        end(draft, slot);
        return Verdict::send(Reason::Unproven);
    }
    if meta.from_client() { request(packet, parsed, draft) } else { answer(packet, parsed, draft, slot) }
}

/// From the client: a repeated SYN or datagram, or the proof.
#[inline(always)]
fn request<A: Family>(packet: &Packet, parsed: &Parsed<A>, draft: &mut Draft<A>) -> Verdict {
    let acknowledges = parsed.key.protocol == PROTOCOL_TCP && parsed.flags & (SYN | ACK) == ACK;
    if !acknowledges || !proves(packet, parsed, draft) {
        return Verdict::send(Reason::Unproven);
    }
    // Once evicted, the source port may be another's: the client has to come again. Or another CPU was faster with the
    // proof.
    let reverse = maps::unproven(&draft.far_key);
    if reverse.is_none() && maps::proven(&draft.near_key).is_some() {
        return Verdict::send(Reason::Established);
    }
    if reverse.is_none_or(|reverse| reverse.peer_key(parsed.key.protocol) != parsed.key) {
        maps::remove_unproven(&draft.near_key);
        return Verdict::refuse(Reason::NoFlow);
    }
    match prove(draft, true) {
        // Taken: another CPU was faster with the same flow.
        Entered::Yes | Entered::Taken => Verdict::send(Reason::Proved),
        Entered::Full => {
            forget(draft);
            Verdict::refuse(Reason::TableFull)
        }
    }
}

/// From the backend: its SYN, or a datagram.
#[inline(always)]
fn answer<A: Family>(packet: &Packet, parsed: &Parsed<A>, draft: &mut Draft<A>, slot: Slot<A>) -> Verdict {
    if parsed.key.protocol == PROTOCOL_TCP {
        if parsed.flags & (SYN | ACK) == SYN | ACK {
            let _ = slot.add_state(ANSWERED);
            if maps::unproven(&draft.far_key).is_none() {
                maps::mend_unproven(&draft.far_key, &draft.far);
            }
            if let Some(client) = maps::unproven(&draft.far_key) {
                client.set_proof(sequence(packet, parsed).wrapping_add(1));
                let _ = client.add_state(ANSWERED);
            }
        }
        return Verdict::send(Reason::Unproven);
    }
    let _ = slot.add_state(ANSWERED);
    draft.near.meta.state |= ANSWERED;
    draft.far.meta.state |= ANSWERED;
    match prove(draft, false) {
        Entered::Yes | Entered::Taken => Verdict::send(Reason::Proved),
        // It goes on as it is: a full table is no fault of a datagram's.
        Entered::Full => Verdict::send(Reason::Unproven),
    }
}

/// True if a segment from the client acknowledges the backend's SYN.
#[inline(always)]
fn proves<A: Family>(packet: &Packet, parsed: &Parsed<A>, draft: &Draft<A>) -> bool {
    let Some(segment) = packet.read::<Tcp>(parsed.l4 as usize) else { return false };
    let meta = &draft.near.meta;
    meta.state & ANSWERED != 0 && tcp::proves(u32::from_be_bytes(segment.acknowledgement), meta.proof)
}

#[inline(always)]
fn sequence<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> u32 {
    packet.read::<Tcp>(parsed.l4 as usize).map_or(0, |segment| u32::from_be_bytes(segment.sequence))
}

/// Enters both directions into the big table, the backend's first, and takes them out of the small one.
#[inline(never)]
fn prove<A: Family>(draft: &Draft<A>, near_is_client: bool) -> Entered {
    let near = (&draft.near_key, &draft.near);
    let far = (&draft.far_key, &draft.far);
    let (client, backend) = if near_is_client { (near, far) } else { (far, near) };
    let entered = maps::enter_proven(backend.0, backend.1);
    if entered != Entered::Yes {
        return entered;
    }
    let entered = maps::enter_proven(client.0, client.1);
    if entered != Entered::Yes {
        maps::remove_proven(backend.0);
        return entered;
    }
    maps::remove_unproven(client.0);
    maps::remove_unproven(backend.0);
    entered
}

/// Notes a RST in both directions.
#[inline(always)]
fn end<A: Family>(draft: &Draft<A>, slot: Slot<A>) {
    let before = slot.add_state(tcp::RESET);
    if let Some(peer) = maps::unproven(&draft.far_key) {
        let _ = peer.add_state(tcp::RESET);
    }
    if !tcp::closed(before) {
        maps::count_closed(draft.near.meta.backend);
    }
}

/// Removes both directions.
#[inline(always)]
fn forget<A: Family>(draft: &Draft<A>) {
    maps::remove_unproven(&draft.near_key);
    maps::remove_unproven(&draft.far_key);
    if !tcp::closed(draft.near.meta.state) {
        maps::count_closed(draft.near.meta.backend);
    }
}
