// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! From bytes to the tuple of a flow. Nothing is dropped here: what is not as almost all packets are is looked at by
//! [`crate::survey`].

use lb_common::abi::FlowKey;
use lb_common::limits::VLAN_TAGS;
use lb_common::net::{
    Addr4, Addr6, Address as _, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, PROTOCOL_TCP,
    PROTOCOL_UDP,
};
use lb_common::reason::Reason;

use crate::maps::Family;
use crate::packet::{Ethernet, Ipv4, Ipv6, Packet, Tcp, Udp, Vlan};

/// A packet that could be of a flow.
#[derive(Clone, Copy)]
pub struct Parsed<A> {
    /// The tuple on the wire.
    pub key: FlowKey<A>,
    /// Offset of the IP header.
    pub l3: u32,
    /// Offset of the TCP or UDP header.
    pub l4: u32,
    /// Bytes of the packet with its Ethernet header, without padding.
    pub length: u32,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TCP flags; 0 for UDP.
    pub flags: u8,
    /// Which fragment it is.
    pub part: Part,
}

/// Which part of a packet a frame carries.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// All of it.
    Whole = 0,
    /// The first, with the ports.
    First = 1,
    /// Another.
    Later = 2,
}

/// Where the headers of a packet are, found once. A global function is told: to the verifier an argument is one unknown
/// number, where three known offsets of the IP header would be three walks.
#[derive(Clone, Copy)]
pub struct Place {
    /// Offset of the IP header.
    pub l3: u32,
    /// Offset of the header after it and its extensions: TCP, UDP, ICMP, or the fragment's.
    pub l4: u32,
    /// That header is UDP's; TCP's otherwise, where it is one of the two.
    pub udp: bool,
    /// The packet is a first fragment.
    pub first: bool,
}

impl Place {
    const UDP: u32 = 1 << 8;
    const FIRST: u32 = 1 << 9;

    /// All but `l3` in 16 bits.
    #[inline(always)]
    pub const fn detail(self) -> u32 {
        (self.l4 & 0xff) | if self.udp { Self::UDP } else { 0 } | if self.first { Self::FIRST } else { 0 }
    }

    /// The inverse of [`Place::detail`].
    #[inline(always)]
    pub const fn from_detail(l3: u32, detail: u32) -> Self {
        Self { l3, l4: detail & 0xff, udp: detail & Self::UDP != 0, first: detail & Self::FIRST != 0 }
    }

    /// As a global function takes it.
    #[inline(always)]
    pub const fn word(self) -> u32 {
        self.l3 << 16 | self.detail()
    }

    /// The inverse of [`Place::word`].
    #[inline(always)]
    pub const fn from_word(word: u32) -> Self {
        Self::from_detail(word >> 16 & 0xff, word & 0xffff)
    }
}

impl<A> Parsed<A> {
    /// Where the headers are.
    #[inline(always)]
    pub fn place(&self) -> Place {
        Place { l3: self.l3, l4: self.l4, udp: self.protocol_is_udp(), first: self.part == Part::First }
    }

    #[inline(always)]
    fn protocol_is_udp(&self) -> bool {
        self.key.protocol == PROTOCOL_UDP
    }
}

/// The IP header's kind and offset.
#[derive(Clone, Copy)]
pub enum Network {
    V4(usize),
    V6(usize),
}

/// Finds the IP header behind up to two VLAN tags.
#[inline(always)]
pub fn network(packet: &Packet) -> Result<Network, Reason> {
    let ethernet: Ethernet = packet.read(0).ok_or(Reason::Malformed)?;
    if ethernet.destination[0] & 1 != 0 {
        return Err(Reason::NotUnicast);
    }
    let mut ethertype = ethernet.ethertype.host();
    let mut offset = size_of::<Ethernet>();
    for _ in 0..VLAN_TAGS {
        if ethertype != ETHERTYPE_VLAN && ethertype != ETHERTYPE_QINQ {
            break;
        }
        let tag: Vlan = packet.read(offset).ok_or(Reason::Malformed)?;
        ethertype = tag.ethertype.host();
        offset += size_of::<Vlan>();
    }
    match ethertype {
        ETHERTYPE_IPV4 => Ok(Network::V4(offset)),
        ETHERTYPE_IPV6 => Ok(Network::V6(offset)),
        _ => Err(Reason::NotIp),
    }
}

/// What an IP header says of its packet, whatever the packet carries.
pub struct Header<A> {
    pub source: A,
    pub destination: A,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Bytes of the packet, header included.
    pub length: u32,
    /// Bytes of the header.
    pub header_length: u32,
    /// What comes next: for IPv6 maybe an extension header.
    pub protocol: u8,
    /// It is of an IPv4 fragment that is not the first.
    pub later: bool,
}

impl<A: Family> Header<A> {
    /// Reads the header at `l3`.
    #[inline(always)]
    pub fn read(packet: &Packet, l3: usize) -> Option<Self> {
        const OFFSET: u16 = 0x1fff;
        const WORDS: u8 = 0x0f;
        if A::V6 {
            let header: Ipv6 = packet.read(l3)?;
            return Some(Self {
                source: A::narrow(header.source),
                destination: A::narrow(header.destination),
                ttl: header.hop_limit,
                length: size_of::<Ipv6>() as u32 + u32::from(header.payload_length.host()),
                header_length: size_of::<Ipv6>() as u32,
                protocol: header.next_header,
                later: false,
            });
        }
        let header: Ipv4 = packet.read(l3)?;
        let header_length = u32::from(header.version_and_length & WORDS) * 4;
        if header.version_and_length >> 4 != 4 || header_length < size_of::<Ipv4>() as u32 {
            return None;
        }
        Some(Self {
            source: A::narrow(Addr4(header.source).wide()),
            destination: A::narrow(Addr4(header.destination).wide()),
            ttl: header.ttl,
            length: u32::from(header.total_length.host()),
            header_length,
            protocol: header.protocol,
            later: header.fragment.host() & OFFSET != 0,
        })
    }
}

/// A family whose packets can be read.
pub trait Readable: Family {
    /// Reads a packet that is as almost all are: no options or extension headers, no fragment, TCP or UDP, whole.
    fn usual(packet: &Packet, l3: usize) -> Option<Parsed<Self>>;

    /// Reads a packet whose headers have been found.
    fn at(packet: &Packet, place: Place) -> Option<Parsed<Self>>;
}

impl Readable for Addr4 {
    #[inline(always)]
    fn usual(packet: &Packet, l3: usize) -> Option<Parsed<Self>> {
        const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
        const NO_OPTIONS: u8 = 0x45;

        let header: Ipv4 = packet.read(l3)?;
        let plain = header.version_and_length == NO_OPTIONS
            && header.fragment.raw() & MORE_FRAGMENTS_OR_OFFSET.to_be() == 0;
        let udp = header.protocol == PROTOCOL_UDP;
        if !plain || !(udp || header.protocol == PROTOCOL_TCP) {
            return None;
        }
        let place = Place { l3: l3 as u32, l4: (l3 + size_of::<Ipv4>()) as u32, udp, first: false };
        let parsed = four(packet, &header, place)?;
        (parsed.length <= packet.length_at_entry()).then_some(parsed)
    }

    #[inline(always)]
    fn at(packet: &Packet, place: Place) -> Option<Parsed<Self>> {
        four(packet, &packet.read(place.l3 as usize)?, place)
    }
}

impl Readable for Addr6 {
    #[inline(always)]
    fn usual(packet: &Packet, l3: usize) -> Option<Parsed<Self>> {
        let header: Ipv6 = packet.read(l3)?;
        let udp = header.next_header == PROTOCOL_UDP;
        if header.version_and_class[0] >> 4 != 6 || !(udp || header.next_header == PROTOCOL_TCP) {
            return None;
        }
        let place = Place { l3: l3 as u32, l4: (l3 + size_of::<Ipv6>()) as u32, udp, first: false };
        let parsed = six(packet, &header, place)?;
        (parsed.length <= packet.length_at_entry()).then_some(parsed)
    }

    #[inline(always)]
    fn at(packet: &Packet, place: Place) -> Option<Parsed<Self>> {
        six(packet, &packet.read(place.l3 as usize)?, place)
    }
}

#[inline(always)]
fn four(packet: &Packet, header: &Ipv4, place: Place) -> Option<Parsed<Addr4>> {
    let length = place.l3 + u32::from(header.total_length.host());
    read(packet, place, length, header.ttl, Addr4(header.source), Addr4(header.destination))
}

#[inline(always)]
fn six(packet: &Packet, header: &Ipv6, place: Place) -> Option<Parsed<Addr6>> {
    let length = place.l3 + size_of::<Ipv6>() as u32 + u32::from(header.payload_length.host());
    let (source, destination) = (Addr6::narrow(header.source), Addr6::narrow(header.destination));
    read(packet, place, length, header.hop_limit, source, destination)
}

/// Reads the TCP or UDP header; none if it is not there, or the packet ends before it by its own account.
#[inline(always)]
fn read<A: Family>(
    packet: &Packet,
    place: Place,
    length: u32,
    ttl: u8,
    source: A,
    destination: A,
) -> Option<Parsed<A>> {
    let l4 = place.l4 as usize;
    let (ports, flags, header, protocol) = if place.udp {
        let udp: Udp = packet.read(l4)?;
        if A::V6 && udp.checksum.raw() == 0 {
            return None;
        }
        ((udp.source, udp.destination), 0, size_of::<Udp>(), PROTOCOL_UDP)
    } else {
        let tcp: Tcp = packet.read(l4)?;
        let header = usize::from(tcp.length >> 4) * 4;
        if header < size_of::<Tcp>() {
            return None;
        }
        ((tcp.source, tcp.destination), tcp.flags, header, PROTOCOL_TCP)
    };
    if place.l4 + header as u32 > length {
        return None;
    }
    Some(Parsed {
        key: FlowKey::new(protocol, (source, ports.0), (destination, ports.1)),
        l3: place.l3,
        l4: place.l4,
        length,
        ttl,
        flags,
        part: if place.first { Part::First } else { Part::Whole },
    })
}
