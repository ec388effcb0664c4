// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The RST that a segment of no connection is answered by (RFC 9293 section 3.10.7.1).

use lb_common::checksum;
use lb_common::net::{Be16, PROTOCOL_TCP};
use lb_common::tcp::{ACK, FIN, RST, SYN};

use super::{TTL, turn_round};
use crate::maps::Family;
use crate::packet::{Ipv4, Ipv6, Packet, Tcp};
use crate::parse::Parsed;

/// Makes the frame a RST to its sender.
#[inline(always)]
pub fn answer<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> bool {
    let Some(segment) = packet.read::<Tcp>(parsed.l4 as usize) else { return false };
    let l3 = parsed.l3 as usize;
    let ip_length = if A::V6 { size_of::<Ipv6>() } else { size_of::<Ipv4>() };
    let reset = reset_for(parsed, &segment);
    packet.resize((l3 + ip_length + size_of::<Tcp>()) as u32)
        && turn_round(packet)
        && write_network(packet, parsed, l3)
        && packet.write(l3 + ip_length, reset)
}

#[inline(always)]
fn reset_for<A: Family>(parsed: &Parsed<A>, segment: &Tcp) -> Tcp {
    let header = u32::from(segment.length >> 4) * 4;
    let payload = parsed.length.wrapping_sub(parsed.l4).wrapping_sub(header);
    let taken = payload + u32::from(segment.flags & SYN != 0) + u32::from(segment.flags & FIN != 0);
    let acknowledged = u32::from_be_bytes(segment.sequence).wrapping_add(taken);
    let (sequence, acknowledgement, flags) = if segment.flags & ACK != 0 {
        (segment.acknowledgement, [0; 4], RST)
    } else {
        ([0; 4], acknowledged.to_be_bytes(), RST | ACK)
    };
    let key = &parsed.key;
    let mut reset = Tcp {
        source: key.destination_port,
        destination: key.source_port,
        sequence,
        acknowledgement,
        length: ((size_of::<Tcp>() / 4) << 4) as u8,
        flags,
        window: Be16::new(0),
        checksum: Be16::new(0),
        urgent: Be16::new(0),
    };
    reset.checksum = checksum::finish(pseudo_header(parsed) + sum(&reset));
    reset
}

#[inline(always)]
fn pseudo_header<A: Family>(parsed: &Parsed<A>) -> u32 {
    let length = Be16::new(size_of::<Tcp>() as u16);
    let protocol = Be16::new(u16::from(PROTOCOL_TCP));
    parsed.key.source.sum()
        + parsed.key.destination.sum()
        + u32::from(length.raw())
        + u32::from(protocol.raw())
}

#[inline(always)]
fn sum(segment: &Tcp) -> u32 {
    let word = |bytes: [u8; 4]| {
        u32::from(u16::from_ne_bytes([bytes[0], bytes[1]]))
            + u32::from(u16::from_ne_bytes([bytes[2], bytes[3]]))
    };
    u32::from(segment.source.raw())
        + u32::from(segment.destination.raw())
        + word(segment.sequence)
        + word(segment.acknowledgement)
        + u32::from(u16::from_ne_bytes([segment.length, segment.flags]))
}

/// The IP header of the answer; of an IPv4 header's options none is kept.
#[inline(always)]
fn write_network<A: Family>(packet: &Packet, parsed: &Parsed<A>, l3: usize) -> bool {
    let (source, destination) = (parsed.key.destination.wide(), parsed.key.source.wide());
    if A::V6 {
        return packet.write(
            l3,
            Ipv6 {
                version_and_class: [0x60, 0, 0, 0],
                payload_length: Be16::new(size_of::<Tcp>() as u16),
                next_header: PROTOCOL_TCP,
                hop_limit: TTL,
                source,
                destination,
            },
        );
    }
    let length = (size_of::<Ipv4>() + size_of::<Tcp>()) as u16;
    packet.write(l3, ipv4(length, PROTOCOL_TCP, source[0], destination[0]))
}

/// An IPv4 header of ours: no options, no fragments.
#[inline(always)]
pub(super) fn ipv4(total_length: u16, protocol: u8, source: u32, destination: u32) -> Ipv4 {
    const DONT_FRAGMENT: u16 = 0x4000;
    let mut header = Ipv4 {
        version_and_length: 0x45,
        service: 0,
        total_length: Be16::new(total_length),
        identification: Be16::new(0),
        fragment: Be16::new(DONT_FRAGMENT),
        ttl: TTL,
        protocol,
        checksum: Be16::new(0),
        source: [source],
        destination: [destination],
    };
    let words = |value: u32| (value & 0xffff) + (value >> 16);
    let sum = u32::from(u16::from_ne_bytes([0x45, 0]))
        + u32::from(header.total_length.raw())
        + u32::from(header.fragment.raw())
        + u32::from(u16::from_ne_bytes([TTL, protocol]))
        + words(source)
        + words(destination);
    header.checksum = checksum::finish(sum);
    header
}
