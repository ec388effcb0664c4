// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! An IP packet that is not as almost all are: it has options, extension headers or another protocol, it is a fragment,
//! or it contradicts itself. What is to be done with it is found out here, and nothing is done; what is not for a VIP is
//! never dropped.

use lb_common::limits::EXTENSION_HEADERS;
use lb_common::net::{
    Addr4, Addr6, Address as _, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP,
};
use lb_common::reason::Reason;

use crate::kernel::{self, Turn};
use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::{Fragment6, Ipv4, Ipv6, Packet};
use crate::parse::{Place, Readable};

/// Says what is to be done with an IPv4 packet.
#[inline(always)]
pub fn ipv4(packet: &Packet, l3: u32) -> Verdict {
    const OFFSET: u16 = 0x1fff;
    const MORE: u16 = 0x2000;

    let Some(header) = packet.read::<Ipv4>(l3 as usize) else { return Verdict::pass(Reason::Malformed) };
    let vip = Addr4(header.destination);
    let header_length = u32::from(header.version_and_length & 0x0f) * 4;
    let end = l3 + u32::from(header.total_length.host());
    let l4 = l3 + header_length;
    if header.version_and_length >> 4 != 4 || header_length < size_of::<Ipv4>() as u32 || l4 > end {
        return bad(vip, Reason::BadHeader);
    }
    if end > packet.whole_length() {
        return bad(vip, Reason::Truncated);
    }
    if header_length > size_of::<Ipv4>() as u32 && source_routed(packet, l3, header_length) {
        return bad(vip, Reason::SourceRouted);
    }
    let fragment = header.fragment.host();
    let place = Place { l3, l4, udp: header.protocol == PROTOCOL_UDP, first: fragment & MORE != 0 };
    if fragment & OFFSET != 0 {
        return Verdict::fragment(place.detail());
    }
    match header.protocol {
        PROTOCOL_TCP | PROTOCOL_UDP => of_a_flow(packet, place, vip),
        PROTOCOL_ICMP if fragment & MORE == 0 => Verdict::icmp(place.detail()),
        PROTOCOL_ICMP => Verdict::pass(Reason::Fragment),
        _ => Verdict::pass(Reason::OtherProtocol),
    }
}

/// Says what is to be done with an IPv6 packet.
#[inline(always)]
pub fn ipv6(packet: &Packet, l3: u32) -> Verdict {
    let Some(header) = packet.read::<Ipv6>(l3 as usize) else { return Verdict::pass(Reason::Malformed) };
    let vip = Addr6::narrow(header.destination);
    if header.version_and_class[0] >> 4 != 6 {
        return bad(vip, Reason::BadHeader);
    }
    let start = l3 + size_of::<Ipv6>() as u32;
    if start + u32::from(header.payload_length.host()) > packet.whole_length() {
        return bad(vip, Reason::Truncated);
    }
    let chain = Chain::walk(packet, start, header.next_header);
    if chain.routed {
        return bad(vip, Reason::SourceRouted);
    }
    let place = Place { l3, l4: chain.at, udp: chain.next == PROTOCOL_UDP, first: chain.first };
    if chain.later {
        return Verdict::fragment(place.detail());
    }
    match chain.next {
        PROTOCOL_TCP | PROTOCOL_UDP => of_a_flow(packet, place, vip),
        PROTOCOL_ICMPV6 if !chain.first => Verdict::icmp(place.detail()),
        _ if chain.first => Verdict::pass(Reason::Fragment),
        _ => Verdict::pass(Reason::OtherProtocol),
    }
}

/// TCP or UDP: of a flow unless its header is not there, or wrong.
#[inline(always)]
fn of_a_flow<A: Readable>(packet: &Packet, place: Place, vip: A) -> Verdict {
    if A::at(packet, place).is_some() {
        return Verdict::flow(place.detail());
    }
    let no_checksum =
        A::V6 && place.udp && packet.read::<u64>(place.l4 as usize).is_some_and(|udp| udp >> 48 == 0);
    bad(vip, if no_checksum { Reason::NoChecksum } else { Reason::BadHeader })
}

/// A packet that nobody could make sense of: dropped if it is for a VIP, else the kernel's.
#[inline(always)]
fn bad<A: Family>(destination: A, reason: Reason) -> Verdict {
    if maps::is_vip(&destination) { Verdict::drop(reason) } else { Verdict::pass(Reason::Malformed) }
}

/// True if one of the options says by which hosts the packet is to go (RFC 791).
#[inline(always)]
fn source_routed(packet: &Packet, l3: u32, header_length: u32) -> bool {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    const LONGEST: u32 = 40;

    let mut at = size_of::<Ipv4>() as u32;
    let mut routed = false;
    kernel::repeat(LONGEST, |_| {
        if at >= header_length {
            return Turn::Done;
        }
        // Two bytes: the verifier does not learn that a single one is inside.
        let Some([kind, length]) = packet.read::<[u8; 2]>((l3 + at) as usize) else { return Turn::Done };
        if kind == LOOSE || kind == STRICT {
            routed = true;
            return Turn::Done;
        }
        if kind == END || kind != NOTHING && length < 2 {
            return Turn::Done;
        }
        at += if kind == NOTHING { 1 } else { u32::from(length) };
        Turn::Next
    });
    routed
}

/// IPv6's extension headers (RFC 8200 section 4).
struct Chain {
    /// Offset of the header after those that were skipped.
    at: u32,
    /// What that header is.
    next: u8,
    /// The packet is a first fragment, with others to come.
    first: bool,
    /// It is another fragment; `at` is where its fragment header is.
    later: bool,
    /// There is a routing header of type 0.
    routed: bool,
}

impl Chain {
    #[inline(always)]
    fn walk(packet: &Packet, at: u32, next: u8) -> Self {
        const HOP_BY_HOP: u8 = 0;
        const ROUTING: u8 = 43;
        const FRAGMENT: u8 = 44;
        const AUTHENTICATION: u8 = 51;
        const DESTINATION: u8 = 60;
        const OFFSET: u16 = 0xfff8;
        const MORE: u16 = 1;
        /// Headers must start below: offsets are eight bits.
        const LIMIT: u32 = 0xc0;

        let mut chain = Self { at, next, first: false, later: false, routed: false };
        kernel::repeat(EXTENSION_HEADERS, |_| {
            let known = matches!(chain.next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION);
            // What follows a fragment header is the first fragment's only, and has to be the ports.
            if !known || chain.first || chain.at > LIMIT {
                return Turn::Done;
            }
            let Some(header) = packet.read::<Fragment6>(chain.at as usize) else { return Turn::Done };
            if chain.next == FRAGMENT {
                let fragment = header.offset_and_more.host();
                if fragment & OFFSET != 0 {
                    chain.later = true;
                    return Turn::Done;
                }
                chain.first = fragment & MORE != 0;
            }
            if chain.next == ROUTING && header.offset_and_more.host() >> 8 == 0 {
                chain.routed = true;
                return Turn::Done;
            }
            chain.at += match chain.next {
                FRAGMENT => size_of::<Fragment6>() as u32,
                AUTHENTICATION => (u32::from(header.length) + 2) * 4,
                _ => (u32::from(header.length) + 1) * 8,
            };
            chain.next = header.next;
            Turn::Next
        });
        if chain.at > LIMIT {
            chain.next = DESTINATION;
        }
        chain
    }
}
