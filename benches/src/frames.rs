// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames to measure with.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail};
use etherparse::{
    IpHeaders, NetSlice, PacketBuilder, PacketBuilderStep, SlicedPacket, TcpHeader, TransportSlice,
};

/// Bytes of a frame: every header, and some payload.
pub const FRAME: usize = 96;

/// A segment's flags.
#[derive(Clone, Copy, Debug)]
pub enum Flags {
    /// The first of a connection.
    Syn,
    /// Its answer.
    SynAck,
    /// All others.
    Ack,
}

/// The sequence number of every segment.
pub const SEQUENCE: u32 = 1000;

/// A TCP segment; `acknowledges` is used as the flags ask for it.
pub fn tcp(from: SocketAddr, to: SocketAddr, flags: Flags, acknowledges: u32) -> Result<[u8; FRAME]> {
    let mut header = TcpHeader::new(from.port(), to.port(), SEQUENCE, 65_000);
    header.syn = matches!(flags, Flags::Syn | Flags::SynAck);
    header.ack = matches!(flags, Flags::Ack | Flags::SynAck);
    header.acknowledgment_number = acknowledges;
    let builder = network(from.ip(), to.ip())?.tcp_header(header);
    let mut frame = Vec::new();
    let payload = vec![0; FRAME - builder.size(0)];
    builder.write(&mut frame, &payload)?;
    whole(&frame)
}

/// A datagram.
pub fn udp(from: SocketAddr, to: SocketAddr) -> Result<[u8; FRAME]> {
    let builder = network(from.ip(), to.ip())?.udp(from.port(), to.port());
    let mut frame = Vec::new();
    let payload = vec![0; FRAME - builder.size(0)];
    builder.write(&mut frame, &payload)?;
    whole(&frame)
}

fn network(from: IpAddr, to: IpAddr) -> Result<PacketBuilderStep<IpHeaders>> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    Ok(match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => ethernet.ipv6(from.octets(), to.octets(), 64),
        _ => bail!("{from} and {to} are of different families"),
    })
}

/// What [`FRAME`] says of a frame.
pub fn whole(frame: &[u8]) -> Result<[u8; FRAME]> {
    frame.try_into().with_context(|| format!("a frame of {} bytes", frame.len()))
}

/// The source and the destination of a frame.
pub fn ends(frame: &[u8; FRAME]) -> Result<(SocketAddr, SocketAddr)> {
    let sliced = SlicedPacket::from_ethernet(frame)?;
    let (from, to): (IpAddr, IpAddr) = match sliced.net {
        Some(NetSlice::Ipv4(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        Some(NetSlice::Ipv6(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        _ => bail!("a frame without IP"),
    };
    let (from_port, to_port) = match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => (tcp.source_port(), tcp.destination_port()),
        Some(TransportSlice::Udp(udp)) => (udp.source_port(), udp.destination_port()),
        _ => bail!("a frame without ports"),
    };
    Ok((SocketAddr::new(from, from_port), SocketAddr::new(to, to_port)))
}
