// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Packets in fragments. Only the first fragment has the ports: what it says is remembered, and those that come after it
//! are translated by the same flow, addresses only. One that comes before the first cannot be known; the sender repeats
//! the packet.

use lb_common::abi::{FlowKey, FragmentEntry, FragmentKey};
use lb_common::limits::FRAGMENT_SECONDS;
use lb_common::reason::Reason;

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::{Fragment6, Ipv4, Packet};
use crate::parse::{Header, Parsed, Part, Place};
use crate::{egress, kernel};

/// Remembers the ports, if the packet is a first fragment; before it is translated.
#[inline(always)]
pub fn remember<A: Family>(packet: &Packet, parsed: &Parsed<A>) {
    if parsed.part != Part::First {
        return;
    }
    // In front of the ports of a first fragment there is its fragment header, for IPv6.
    let header = if A::V6 { parsed.l4 - size_of::<Fragment6>() as u32 } else { parsed.l4 };
    let Some((_, key)) = read::<A>(packet, parsed.l3, header) else { return };
    let entry = FragmentEntry {
        source_port: parsed.key.source_port,
        destination_port: parsed.key.destination_port,
        protocol: u32::from(parsed.key.protocol),
        seen: kernel::boot_seconds(),
    };
    maps::remember_fragment(&key, &entry);
}

/// Decides about a fragment that is not the first.
#[inline(always)]
pub fn later<A: Family>(packet: &Packet, place: Place) -> Verdict {
    let Some((header, key)) = read::<A>(packet, place.l3, place.l4) else {
        return Verdict::pass(Reason::Fragment);
    };
    let first = maps::first_fragment(&key)
        .filter(|first| kernel::boot_seconds().wrapping_sub(first.seen) <= FRAGMENT_SECONDS);
    let Some(first) = first else {
        let ours = maps::is_vip(&key.destination);
        return if ours {
            Verdict::drop(Reason::FirstFragmentMissing)
        } else {
            Verdict::pass(Reason::Fragment)
        };
    };
    let parsed = Parsed {
        key: FlowKey::new(
            first.protocol as u8,
            (key.source, first.source_port),
            (key.destination, first.destination_port),
        ),
        l3: place.l3,
        l4: place.l4,
        length: place.l3 + header.length,
        ttl: header.ttl,
        flags: 0,
        part: Part::Later,
    };
    let Some(slot) = maps::flow(&parsed.key) else {
        return Verdict::drop(Reason::FirstFragmentMissing);
    };
    let verdict = egress::send(packet, &parsed, slot, Verdict::send(Reason::LaterFragment));
    // Of a packet in fragments only the first is answered (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
    verdict.unanswered()
}

/// The IP header, and what it shares with those of the other fragments; for IPv6 the fragment header is at `l4`.
#[inline(always)]
fn read<A: Family>(packet: &Packet, l3: u32, l4: u32) -> Option<(Header<A>, FragmentKey<A>)> {
    let header = Header::<A>::read(packet, l3 as usize)?;
    let (identification, protocol) = if A::V6 {
        (packet.read::<Fragment6>(l4 as usize)?.identification, 0)
    } else {
        let at = l3 as usize + core::mem::offset_of!(Ipv4, identification);
        (u32::from(packet.read::<u16>(at)?), u32::from(header.protocol))
    };
    let key =
        FragmentKey { source: header.source, destination: header.destination, identification, protocol };
    Some((header, key))
}
