// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! From bytes to the tuple of a flow. Nothing is dropped here: what cannot be one of our flows passes, untouched, with
//! the reason why.

use lb_common::abi::FlowKey;
use lb_common::limits::VLAN_TAGS;
use lb_common::net::{
    Addr4, Addr6, Address as _, Be16, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN,
    PROTOCOL_TCP, PROTOCOL_UDP,
};
use lb_common::reason::Reason;

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

/// Reads an IPv4 packet to its ports.
#[inline(always)]
pub fn ipv4(packet: &Packet, l3: usize) -> Result<Parsed<Addr4>, Reason> {
    const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
    const WORDS: u8 = 0x0f;

    let header: Ipv4 = packet.read(l3).ok_or(Reason::Malformed)?;
    let header_length = usize::from(header.version_and_length & WORDS) * 4;
    if header.version_and_length >> 4 != 4 || header_length < size_of::<Ipv4>() {
        return Err(Reason::Malformed);
    }
    if header.fragment.host() & MORE_FRAGMENTS_OR_OFFSET != 0 {
        return Err(Reason::Fragment);
    }
    let l4 = l3 + header_length;
    let end = l3 + usize::from(header.total_length.host());
    let (source_port, destination_port, flags) = ports(packet, header.protocol, l4, end)?;
    Ok(Parsed {
        key: FlowKey {
            source: Addr4(header.source),
            destination: Addr4(header.destination),
            source_port,
            destination_port,
            protocol: header.protocol,
            pad: 0,
            pad_half: 0,
        },
        l3: l3 as u32,
        l4: l4 as u32,
        length: end as u32,
        ttl: header.ttl,
        flags,
    })
}

/// Reads an IPv6 packet to its ports. One with extension headers passes.
#[inline(always)]
pub fn ipv6(packet: &Packet, l3: usize) -> Result<Parsed<Addr6>, Reason> {
    const FRAGMENT_HEADER: u8 = 44;

    let header: Ipv6 = packet.read(l3).ok_or(Reason::Malformed)?;
    if header.version_and_class[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    if header.next_header == FRAGMENT_HEADER {
        return Err(Reason::Fragment);
    }
    let l4 = l3 + size_of::<Ipv6>();
    let end = l4 + usize::from(header.payload_length.host());
    let (source_port, destination_port, flags) = ports(packet, header.next_header, l4, end)?;
    Ok(Parsed {
        key: FlowKey {
            source: Addr6::narrow(header.source),
            destination: Addr6::narrow(header.destination),
            source_port,
            destination_port,
            protocol: header.next_header,
            pad: 0,
            pad_half: 0,
        },
        l3: l3 as u32,
        l4: l4 as u32,
        length: end as u32,
        ttl: header.hop_limit,
        flags,
    })
}

/// Reads the ports, and the flags of TCP, of a packet that ends at `end` by its own account.
#[inline(always)]
fn ports(packet: &Packet, protocol: u8, l4: usize, end: usize) -> Result<(Be16, Be16, u8), Reason> {
    match protocol {
        PROTOCOL_TCP => {
            let tcp: Tcp = packet.read(l4).ok_or(Reason::Malformed)?;
            let header = usize::from(tcp.length >> 4) * 4;
            if header < size_of::<Tcp>() || l4 + header > end {
                return Err(Reason::Malformed);
            }
            Ok((tcp.source, tcp.destination, tcp.flags))
        }
        PROTOCOL_UDP => {
            let udp: Udp = packet.read(l4).ok_or(Reason::Malformed)?;
            if l4 + size_of::<Udp>() > end {
                return Err(Reason::Malformed);
            }
            Ok((udp.source, udp.destination, 0))
        }
        _ => Err(Reason::OtherProtocol),
    }
}
