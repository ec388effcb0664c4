// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checksums by full recomputation (RFC 1071), and the tuple of a frame.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use lb_common::net::{PROTOCOL_ICMP, PROTOCOL_UDP};

/// The one's complement sum of big-endian words; an odd last byte counts as the upper one.
pub fn sum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()])));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The sum that a transport header's checksum is of: pseudo header and segment. ICMP over IPv4 has no pseudo header.
pub fn transport_sum(source: IpAddr, destination: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let mut covered = Vec::new();
    if protocol != PROTOCOL_ICMP {
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => covered.extend(address.octets()),
                IpAddr::V6(address) => covered.extend(address.octets()),
            }
        }
        covered.extend([0, protocol]);
        covered.extend((segment.len() as u32).to_be_bytes());
    }
    covered.extend(segment);
    sum(&covered)
}

/// Fails unless the checksums of the IPv4 header and of TCP, UDP or ICMP are right.
pub fn checksums(frame: &[u8]) -> Result<()> {
    let sliced = SlicedPacket::from_ethernet(frame).context("not a whole frame")?;
    let (source, destination, payload) = match sliced.net.as_ref().context("no IP header")? {
        NetSlice::Ipv4(packet) => {
            ensure!(sum(packet.header().slice()) == 0xffff, "the IPv4 header's checksum is wrong");
            let header = packet.header();
            (header.source_addr().into(), header.destination_addr().into(), packet.payload())
        }
        NetSlice::Ipv6(packet) => {
            let header = packet.header();
            (header.source_addr().into(), header.destination_addr().into(), packet.payload())
        }
        NetSlice::Arp(_) => bail!("no IP header"),
    };
    if payload.fragmented {
        // The rest of what a checksum covers is elsewhere.
        return Ok(());
    }
    let protocol = payload.ip_number.0;
    let without = protocol == PROTOCOL_UDP && payload.payload.get(6..8) == Some(&[0, 0]);
    let right = transport_sum(source, destination, protocol, payload.payload) == 0xffff;
    ensure!(without || right, "the checksum of protocol {protocol} is wrong");
    Ok(())
}

/// Source and destination of a TCP or UDP frame.
pub fn tuple(frame: &[u8]) -> Result<(SocketAddr, SocketAddr)> {
    let sliced = SlicedPacket::from_ethernet(frame).context("not a whole frame")?;
    let (source, destination): (IpAddr, IpAddr) = match sliced.net.as_ref() {
        Some(NetSlice::Ipv4(packet)) => {
            (packet.header().source_addr().into(), packet.header().destination_addr().into())
        }
        Some(NetSlice::Ipv6(packet)) => {
            (packet.header().source_addr().into(), packet.header().destination_addr().into())
        }
        _ => bail!("no IP header"),
    };
    let ports = match sliced.transport {
        Some(TransportSlice::Tcp(header)) => (header.source_port(), header.destination_port()),
        Some(TransportSlice::Udp(header)) => (header.source_port(), header.destination_port()),
        _ => bail!("neither TCP nor UDP"),
    };
    Ok((SocketAddr::new(source, ports.0), SocketAddr::new(destination, ports.1)))
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("literal")
    }

    #[test]
    fn what_is_built_is_right_and_what_is_changed_is_not() {
        for (source, destination) in [("192.0.2.1:7", "192.0.2.2:8"), ("[2001:db8::1]:7", "[2001:db8::2]:8")]
        {
            let (source, destination) = (address(source), address(destination));
            for frame in [Frame::tcp(source, destination, 2), Frame::udp(source, destination).tag(0x8100, 5)]
            {
                let mut bytes = frame.payload(b"odd").padding(9).bytes();
                checksums(&bytes).expect("as built");
                assert_eq!(tuple(&bytes).expect("as built"), (source, destination));
                let last = bytes.len() - 10;
                bytes[last] ^= 1;
                assert!(checksums(&bytes).is_err());
            }
        }
    }

    #[test]
    fn the_example_of_rfc_1071_section_3() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }
}
