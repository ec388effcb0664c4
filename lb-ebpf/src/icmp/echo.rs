// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Echo (RFC 792, RFC 4443 section 4): a request to a VIP is turned round where it came in.

use aya_ebpf::bindings::xdp_action;
use lb_common::checksum;
use lb_common::net::Be16;
use lb_common::reason::Reason;

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::{Icmp, Ipv4, Ipv6, Packet};
use crate::parse::{Header, Place};
use crate::reply::{TTL, turn_round};

const REQUEST4: u8 = 8;
const REPLY4: u8 = 0;
const REQUEST6: u8 = 128;
const REPLY6: u8 = 129;

/// True for an echo request.
#[inline(always)]
pub fn is_request<A: Family>(header: &Icmp) -> bool {
    header.code == 0 && header.kind == if A::V6 { REQUEST6 } else { REQUEST4 }
}

/// Answers if the request is to a VIP.
#[inline(always)]
pub fn decide<A: Family>(packet: &Packet, place: Place, header: &Icmp) -> Verdict {
    let l3 = place.l3 as usize;
    let Some(Header { source, destination, .. }) = Header::<A>::read(packet, l3) else {
        return Verdict::pass(Reason::Malformed);
    };
    if !maps::is_vip(&destination) {
        return Verdict::pass(Reason::OtherProtocol);
    }
    if source.martian() || maps::is_vip(&source) {
        return Verdict::drop(Reason::Martian);
    }
    let (request, reply) = if A::V6 { (REQUEST6, REPLY6) } else { (REQUEST4, REPLY4) };
    let word = |kind: u8| u32::from(u16::from_ne_bytes([kind, 0]));
    // Exchanging the addresses changes no sum.
    let checksum = checksum::apply(header.checksum, checksum::delta(word(request), word(reply)));
    let [a, b] = header.rest;
    let answered = packet.write(place.l4 as usize, Icmp { kind: reply, code: 0, checksum, rest: [a, b] })
        && exchange::<A>(packet, l3, destination, source)
        && turn_round(packet);
    if answered {
        Verdict::drop(Reason::Echo).and(xdp_action::XDP_TX)
    } else {
        Verdict::drop(Reason::ReplyFailed)
    }
}

#[inline(always)]
fn exchange<A: Family>(packet: &Packet, l3: usize, source: A, destination: A) -> bool {
    let ([a, b, c, d], [e, f, g, h]) = (source.wide(), destination.wide());
    if A::V6 {
        let at = l3 + core::mem::offset_of!(Ipv6, next_header);
        let Some([next, _]) = packet.read::<[u8; 2]>(at) else { return false };
        return packet.write(at, [next, TTL])
            && packet.write(l3 + core::mem::offset_of!(Ipv6, source), [a, b, c, d])
            && packet.write(l3 + core::mem::offset_of!(Ipv6, destination), [e, f, g, h]);
    }
    let at = l3 + core::mem::offset_of!(Ipv4, ttl);
    let Some([hops_and_protocol, old]) = packet.read::<[Be16; 2]>(at) else { return false };
    let [_, protocol] = hops_and_protocol.raw().to_ne_bytes();
    let lived = Be16::from_raw(u16::from_ne_bytes([TTL, protocol]));
    let delta = checksum::delta(u32::from(hops_and_protocol.raw()), u32::from(lived.raw()));
    packet.write(at, [lived, checksum::apply(old, delta)])
        && packet.write(l3 + core::mem::offset_of!(Ipv4, source), [a, e])
}
