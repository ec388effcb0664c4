// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! ICMP errors (RFC 792, RFC 4443): the packet moves back to make room for new headers, and its first bytes stay as the
//! quotation: the IP header and the eight bytes after it, which hold the ports.

use lb_common::checksum;
use lb_common::net::{Be16, PROTOCOL_ICMP, PROTOCOL_ICMPV6};

use super::reset::ipv4;
use super::{TTL, turn_round};
use crate::kernel::{self, Turn};
use crate::maps::Family;
use crate::packet::{Icmp, Ipv4, Ipv6, Packet};
use crate::parse::Parsed;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Nobody serves that port.
    PortUnreachable,
    /// The TTL or hop limit was used up.
    TimeExceeded,
    /// Packets may be so many bytes long (RFC 1191, RFC 8201).
    TooBig(u16),
}

/// Bytes of the transport header that are quoted.
const QUOTED: usize = 8;
/// Words of the longest quotation: an IPv4 header with all options, or an IPv6 header with a few extensions, and eight
/// bytes.
const QUOTED_WORDS: u32 = (60 + QUOTED as u32) / 4;

/// Makes the frame an ICMP error to its sender.
#[inline(always)]
pub fn answer<A: Family>(packet: &Packet, parsed: &Parsed<A>, error: Error) -> bool {
    let l3 = parsed.l3 as usize;
    let quote = (parsed.l4 as usize - l3 + QUOTED).min(QUOTED_WORDS as usize * 4);
    let room = if A::V6 { size_of::<Ipv6>() } else { size_of::<Ipv4>() } + size_of::<Icmp>();
    if !turn_round(packet) || !packet.resize((l3 + quote) as u32) || !packet.move_head(-(room as i32)) {
        return false;
    }
    move_link_layer(packet, room)
        && write_network(packet, parsed, l3, quote)
        && write_error(packet, parsed, l3 + room, quote, error)
}

/// Copies the Ethernet header and its tags to the new start of the frame.
#[inline(always)]
fn move_link_layer(packet: &Packet, from: usize) -> bool {
    let Some([a, b, c]) = packet.read::<[u32; 3]>(from) else { return false };
    if !packet.write(0, [a, b, c]) {
        return false;
    }
    // The EtherType with up to two tags. What is behind `l3` of that is written over: not to ask for `l3` here spares older
    // kernels' verifiers bounds that they cannot join.
    let at = size_of::<[u32; 3]>();
    let Some([d, e, f, g, h]) = packet.read::<[u16; 5]>(from + at) else { return false };
    packet.write(at, [d, e, f, g, h])
}

#[inline(always)]
fn write_network<A: Family>(packet: &Packet, parsed: &Parsed<A>, l3: usize, quote: usize) -> bool {
    let (source, destination) = (parsed.key.destination.wide(), parsed.key.source.wide());
    let length = (size_of::<Icmp>() + quote) as u16;
    if A::V6 {
        return packet.write(
            l3,
            Ipv6 {
                version_and_class: [0x60, 0, 0, 0],
                payload_length: Be16::new(length),
                next_header: PROTOCOL_ICMPV6,
                hop_limit: TTL,
                source,
                destination,
            },
        );
    }
    packet.write(l3, ipv4(size_of::<Ipv4>() as u16 + length, PROTOCOL_ICMP, source[0], destination[0]))
}

#[inline(always)]
fn write_error<A: Family>(
    packet: &Packet,
    parsed: &Parsed<A>,
    quoted: usize,
    quote: usize,
    error: Error,
) -> bool {
    let (kind, code) = match (A::V6, error) {
        (false, Error::PortUnreachable) => (3, 3),
        (false, Error::TimeExceeded) => (11, 0),
        (false, Error::TooBig(_)) => (3, 4),
        (true, Error::PortUnreachable) => (1, 4),
        (true, Error::TimeExceeded) => (3, 0),
        (true, Error::TooBig(_)) => (2, 0),
    };
    // In the last two of the four bytes after the checksum, for both families.
    let mtu = if let Error::TooBig(mtu) = error { Be16::new(mtu) } else { Be16::new(0) };
    let mut sum = u32::from(u16::from_ne_bytes([kind, code])) + u32::from(mtu.raw());
    if A::V6 {
        let length = Be16::new((size_of::<Icmp>() + quote) as u16);
        let protocol = Be16::new(u16::from(PROTOCOL_ICMPV6));
        sum += parsed.key.source.sum() + parsed.key.destination.sum();
        sum += u32::from(length.raw()) + u32::from(protocol.raw());
    }
    let mut complete = true;
    kernel::repeat(QUOTED_WORDS, |word| {
        let at = word as usize * 4;
        if at >= quote {
            return Turn::Done;
        }
        let Some(value) = packet.read::<u32>(quoted + at) else {
            complete = false;
            return Turn::Done;
        };
        sum += (value & 0xffff) + (value >> 16);
        Turn::Next
    });
    if !complete {
        return false;
    }
    let header = Icmp { kind, code, checksum: checksum::finish(sum), rest: [0, mtu.raw()] };
    packet.write(quoted - size_of::<Icmp>(), header)
}
