// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Packets in fragments. Only the first fragment has the ports: what it says is remembered, and those that come after it
//! are translated by the same flow, addresses only. One that comes before the first cannot be known; the sender repeats
//! the packet.

use lb_common::abi::{FlowKey, FragmentEntry, FragmentKey};
use lb_common::limits::FRAGMENT_SECONDS;
use lb_common::net::{Addr4, Address as _};
use lb_common::reason::Reason;

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::{Fragment6, Ipv4, Ipv6, Packet};
use crate::parse::{Parsed, Part, Place};
use crate::{egress, kernel};

/// What every fragment says of itself.
struct Fragment<A> {
    key: FragmentKey<A>,
    ttl: u8,
    length: u32,
}

/// Remembers the ports, if the packet is a first fragment; before it is translated.
#[inline(always)]
pub fn remember<A: Family>(packet: &Packet, parsed: &Parsed<A>) {
    if parsed.part != Part::First {
        return;
    }
    // In front of the ports of a first fragment there is its fragment header, for IPv6.
    let header = if A::V6 { parsed.l4 - size_of::<Fragment6>() as u32 } else { parsed.l4 };
    let Some(fragment) = read::<A>(packet, parsed.l3, header) else { return };
    let entry = FragmentEntry {
        source_port: parsed.key.source_port,
        destination_port: parsed.key.destination_port,
        protocol: u32::from(parsed.key.protocol),
        seen: kernel::boot_seconds(),
    };
    maps::remember_fragment(&fragment.key, &entry);
}

/// Decides about a fragment that is not the first.
#[inline(always)]
pub fn later<A: Family>(packet: &Packet, place: Place) -> Verdict {
    let Some(Fragment { key, ttl, length }) = read::<A>(packet, place.l3, place.l4) else {
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
        key: FlowKey {
            source: key.source,
            destination: key.destination,
            source_port: first.source_port,
            destination_port: first.destination_port,
            protocol: first.protocol as u8,
            pad: 0,
            pad_half: 0,
        },
        l3: place.l3,
        l4: place.l4,
        length,
        ttl,
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

#[inline(always)]
fn read<A: Family>(packet: &Packet, l3: u32, l4: u32) -> Option<Fragment<A>> {
    if A::V6 {
        let header: Ipv6 = packet.read(l3 as usize)?;
        let fragment: Fragment6 = packet.read(l4 as usize)?;
        return Some(Fragment {
            key: FragmentKey {
                source: A::narrow(header.source),
                destination: A::narrow(header.destination),
                identification: fragment.identification,
                protocol: 0,
            },
            ttl: header.hop_limit,
            length: l3 + size_of::<Ipv6>() as u32 + u32::from(header.payload_length.host()),
        });
    }
    let header: Ipv4 = packet.read(l3 as usize)?;
    Some(Fragment {
        key: FragmentKey {
            source: A::narrow(Addr4(header.source).wide()),
            destination: A::narrow(Addr4(header.destination).wide()),
            identification: u32::from(header.identification.raw()),
            protocol: u32::from(header.protocol),
        },
        ttl: header.ttl,
        length: l3 + u32::from(header.total_length.host()),
    })
}
