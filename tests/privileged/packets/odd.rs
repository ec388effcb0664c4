// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames to a VIP whose headers are unusual, or contradict themselves or each other.

use std::net::SocketAddr;

use anyhow::Result;
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, FIN, RST, SYN};
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol::{self, Tcp, Udp};

use super::fixture::Fixture;
use super::row::{Arriving, Row, play};
use super::setting::{BACK, FAMILIES, FRONT, Family, GATEWAY, Pool, backend_mac};
use super::talk::{CLIENT_ISS, PROTOCOLS, Talk, front};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// Nothing follows (RFC 8200 section 4.7).
const NOTHING: u8 = 59;

#[test]
fn odd_headers_to_a_vip_have_their_outcome() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                for protocol in PROTOCOLS {
                    play(fixture, &contradictions(family, protocol))?;
                }
                play(fixture, &[sources(family), flags(family), hops(family)].concat())?;
            }
            play(fixture, &[options(), extensions(), without_checksum()].concat())
        },
    )
}

/// A frame in which one byte is another.
fn with(frame: &Frame, offset: usize, byte: u8) -> Arriving {
    let mut arriving = front(frame);
    arriving.bytes[offset] = byte;
    arriving
}

/// Ways to spoil a frame, each with what it is counted as if it is for a VIP.
pub fn spoiled(frame: &Frame, protocol: Protocol) -> Vec<(&'static str, Arriving, Reason)> {
    let four = frame.bytes()[frame.network_offset()] >> 4 == 4;
    let network = frame.network_offset();
    let header = if four { 20 } else { 40 };
    let needed = if protocol == Tcp { 20 } else { 8 };
    let cut = |length: usize| {
        let mut short = front(frame);
        short.bytes.truncate(length);
        short
    };
    // The length of the IP packet, which has room for less than the header, or for more than the frame has.
    let (length, less) = if four { (network + 3, header + needed - 1) } else { (network + 5, needed - 1) };
    let mut ways = vec![
        ("no transport header", cut(network + header), Reason::Truncated),
        ("half a transport header", cut(network + header + needed - 1), Reason::Truncated),
        ("a packet too long", with(frame, length, 250), Reason::Truncated),
        ("a packet too short", with(frame, length, less as u8), Reason::BadHeader),
        ("version 5", with(frame, network, 0x55), Reason::BadHeader),
    ];
    if four {
        ways.push(("version 6", with(frame, network, 0x65), Reason::BadHeader));
        ways.push(("a header of 16 bytes", with(frame, network, 0x44), Reason::BadHeader));
    } else {
        ways.push(("version 4", with(frame, network, 0x45), Reason::BadHeader));
    }
    if protocol == Tcp {
        let words = network + header + 12;
        ways.push(("a TCP header too short", with(frame, words, 0x40), Reason::BadHeader));
        ways.push(("a TCP header beyond the packet", with(frame, words, 0xf0), Reason::BadHeader));
    }
    ways
}

fn contradictions(family: Family, protocol: Protocol) -> Vec<Row> {
    let first = Talk::new(family, protocol, Pool::One).first();
    spoiled(&first, protocol)
        .into_iter()
        .map(|(what, frame, reason)| Row::dropped(format!("{family:?} {protocol}: {what}"), frame, reason))
        .collect()
}

/// Addresses that nobody can have, and the VIP's own (LAND).
fn sources(family: Family) -> Vec<Row> {
    let talk = Talk::new(family, Tcp, Pool::One);
    let martians: &[&str] = match family {
        Family::V4 => &["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255"],
        Family::V6 => &["::", "::1", "::ffff:198.51.100.7", "ff02::1"],
    };
    let from = |address: std::net::IpAddr, port| talk.first().addressed((address, port).into(), talk.vip);
    let mut rows: Vec<Row> = martians
        .iter()
        .map(|text| {
            let frame = front(&from(text.parse().expect("literal"), 4000));
            Row::dropped(format!("from {text}"), frame, Reason::Martian)
        })
        .collect();
    let vip = from(talk.vip.ip(), talk.vip.port());
    rows.push(Row::dropped(format!("{family:?}: from the VIP to itself"), front(&vip), Reason::Martian));
    let other = from(family.vip(Pool::Three), 4000);
    rows.push(Row::dropped(format!("{family:?}: from another VIP"), front(&other), Reason::Martian));
    rows
}

/// Flags that make no sense open no flow (RFC 9293 section 3.10.7.1: a segment of no connection is answered by a RST).
fn flags(family: Family) -> Vec<Row> {
    let refused = |what: &str, flags: u8, taken: u32| {
        let talk = Talk::new(family, Tcp, Pool::One);
        let frame = talk.segment(flags);
        let sequence = if flags & SYN == 0 { CLIENT_ISS + 1 } else { CLIENT_ISS };
        let answer = talk.refusal(&frame, RST | ACK, 0, sequence + taken);
        Row::answered(format!("{family:?}: {what}"), front(&frame), Reason::NoFlow, &answer)
    };
    let dropped = |what: &str, flags: u8| {
        let frame = Talk::new(family, Tcp, Pool::One).segment(flags);
        Row::dropped(format!("{family:?}: {what}"), front(&frame), Reason::StrayReset)
    };
    vec![
        refused("no flags", 0, 0),
        refused("SYN and FIN", SYN | FIN, 2),
        refused("a bare FIN", FIN, 1),
        dropped("SYN and RST", SYN | RST),
        dropped("a RST", RST),
    ]
}

/// One hop to go, or none, is not enough: not even to open a flow.
fn hops(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        for ttl in [0, 1] {
            let talk = Talk::new(family, protocol, Pool::One);
            let first = talk.first().ttl(ttl);
            let case = format!("{family:?} {protocol}: the first, {ttl} hops to go");
            rows.push(Row::answered(case, front(&first), Reason::TtlExceeded, &talk.exceeded(&first)));
            let segment = talk.third().ttl(64);
            if protocol == Tcp {
                let answer = talk.refusal(&segment, RST, 0, 0).numbers(0, 0);
                let case = format!("{family:?}: and there is no flow");
                rows.push(Row::answered(case, front(&segment), Reason::NoFlow, &answer));
            }
        }
    }
    rows
}

fn options() -> Vec<Row> {
    let row = |what: &str, options: &[u8], routed: bool| {
        let talk = Talk::new(Family::V4, Tcp, Pool::One);
        let frame = talk.first().options(options);
        let case = format!("V4: {what}");
        if routed {
            return Row::dropped(case, front(&frame), Reason::SourceRouted);
        }
        Row::forwarded(case, front(&frame), Reason::NewFlow, &talk.at_backend(&frame))
    };
    vec![
        row("record route", &[7, 7, 4, 0, 0, 0, 0, 0], false),
        row("a time stamp", &[68, 8, 5, 0, 0, 0, 0, 0], false),
        row("an option without end", &[7, 0, 0, 0], false),
        row("a loose source route", &[131, 7, 4, 10, 0, 0, 1, 0], true),
        row("a strict source route behind others", &[1, 1, 148, 4, 0, 0, 137, 3, 4, 0, 0, 0], true),
        row("a source route behind the end", &[0, 131, 3, 4], false),
    ]
}

/// The headers, the first of that kind, in front of what `frame` carries.
fn behind(talk: (SocketAddr, SocketAddr), frame: &Frame, first: u8, headers: &[u8]) -> Frame {
    let segment = &frame.bytes()[frame.network_offset() + 40..];
    Frame::other(talk.0.ip(), talk.1.ip(), first).payload(&[headers, segment].concat())
}

fn extensions() -> Vec<Row> {
    const PAD: [u8; 6] = [0, 1, 4, 0, 0, 0];
    let header = |next: u8| [&[next][..], &[0], &PAD[1..], &[0]].concat();
    let row = |what: &str, first: u8, headers: &[u8]| {
        let talk = Talk::new(Family::V6, Udp, Pool::One);
        let (asks, gets) = (talk.first(), talk.at_backend(&talk.first()));
        let frame = behind((talk.client, talk.vip), &asks, first, headers).between(GATEWAY, FRONT);
        let output =
            behind((talk.snat, talk.backend), &gets, first, headers).between(BACK, backend_mac(11)).hop();
        Row::forwarded(format!("V6: {what}"), front(&frame), Reason::NewFlow, &output)
    };
    let left_alone = |what: &str, first: u8, headers: &[u8]| {
        let talk = Talk::new(Family::V6, Udp, Pool::One);
        let frame = behind((talk.client, talk.vip), &talk.first(), first, headers).between(GATEWAY, FRONT);
        Row::passed(format!("V6: {what}"), front(&frame), Reason::OtherProtocol)
    };
    let talk = Talk::new(Family::V6, Udp, Pool::One);
    let routed = behind((talk.client, talk.vip), &talk.first(), ROUTING, &[17, 0, 0, 1, 0, 0, 0, 0]);
    vec![
        row("hop-by-hop options", HOP_BY_HOP, &header(17)),
        row("options for the destination", DESTINATION, &header(17)),
        row("both", HOP_BY_HOP, &[header(DESTINATION), header(17)].concat()),
        row("a routing header of type 4", ROUTING, &[17, 0, 4, 0, 0, 0, 0, 0]),
        row("an atomic fragment", FRAGMENT, &[17, 0, 0, 0, 0, 0, 0, 9]),
        row("authentication", AUTHENTICATION, &[17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
        left_alone("more headers than are skipped", DESTINATION, &{
            let mut headers = header(DESTINATION).repeat(6);
            headers.extend(header(17));
            headers
        }),
        left_alone("nothing", NOTHING, &[]),
        Row::dropped(
            "V6: a routing header of type 0",
            front(&routed.between(GATEWAY, FRONT)),
            Reason::SourceRouted,
        ),
    ]
}

/// UDP over IPv6 has a checksum (RFC 8200 section 8.1).
fn without_checksum() -> Vec<Row> {
    let frame = Talk::new(Family::V6, Udp, Pool::One).first().without_checksum();
    vec![Row::dropped("V6: UDP without a checksum", front(&frame), Reason::NoChecksum)]
}
