// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames that are none of ours, or none that we understand: the kernel gets them as they came.

use std::net::SocketAddr;

use anyhow::Result;
use lb_common::net::{ETHERTYPE_QINQ, ETHERTYPE_VLAN, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, SYN};
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol::Tcp;

use super::fixture::{Fixture, Side};
use super::row::{Arriving, Row, play};
use super::setting::{FAMILIES, FRONT, Family, GATEWAY, Pool};
use super::talk::{PROTOCOLS, Talk, back, front};

const GROUP: [u8; 6] = [0x01, 0, 0x5e, 0, 0, 1];
const EVERYBODY: [u8; 6] = [0xff; 6];

#[test]
fn what_is_not_ours_passes_untouched() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                play(fixture, &[link_layer(family), not_ours(family), truncated(family)].concat())?;
            }
            play(fixture, &[other_link_layers(), four(), six()].concat())
        },
    )
}

/// The SYN that would open a flow, if nothing were wrong with it.
fn syn(family: Family) -> Frame {
    Talk::from_port(family, Tcp, Pool::One, 7).first()
}

/// A frame in which one byte is another.
fn with(frame: &Frame, offset: usize, byte: u8) -> Arriving {
    let mut arriving = front(frame);
    arriving.bytes[offset] = byte;
    arriving
}

fn link_layer(family: Family) -> Vec<Row> {
    let case = |what: &str| format!("{family:?}: {what}");
    let syn = syn(family);
    let tags = syn.clone().tag(ETHERTYPE_QINQ, 1).tag(ETHERTYPE_VLAN, 2).tag(ETHERTYPE_VLAN, 3);
    let to = |mac| front(&syn.clone().between(GATEWAY, mac));
    vec![
        Row::passed(case("to a group"), to(GROUP), Reason::NotUnicast),
        Row::passed(case("to everybody"), to(EVERYBODY), Reason::NotUnicast),
        Row::passed(case("three tags"), front(&tags), Reason::NotIp),
    ]
}

fn other_link_layers() -> Vec<Row> {
    let frame = |ethertype: [u8; 2], rest: &[u8]| Arriving {
        side: Side::Front,
        bytes: [&FRONT[..], &GATEWAY, &ethertype, rest].concat(),
    };
    vec![
        Row::passed("ARP", frame([8, 6], &[0; 46]), Reason::NotIp),
        Row::passed("LLDP", frame([0x88, 0xcc], &[0; 46]), Reason::NotIp),
        Row::passed("IPv4 and no more", frame([8, 0], &[]), Reason::Malformed),
        Row::passed("IPv6 and no more", frame([0x86, 0xdd], &[]), Reason::Malformed),
        Row::passed("half a tag", frame([0x81, 0], &[0, 5]), Reason::Malformed),
    ]
}

fn not_ours(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let talk = Talk::new(family, protocol, Pool::One);
        let case = |what: &str| format!("{family:?} {protocol}: {what}");
        let to = |destination: SocketAddr| front(&talk.first().addressed(talk.client, destination));
        let port = SocketAddr::new(talk.vip.ip(), 4);
        let host = SocketAddr::new(family.client(200), talk.vip.port());
        rows.push(Row::passed(case("another port"), to(port), Reason::NotOurs));
        rows.push(Row::passed(case("another address"), to(host), Reason::NotOurs));
        rows.push(Row::passed(case("an answer of no flow"), back(&talk.second()), Reason::NotOurs));
    }
    let talk = Talk::new(family, Tcp, Pool::One);
    let closed = talk.segment(ACK).addressed(talk.client, (talk.vip.ip(), 4).into());
    rows.push(Row::passed(format!("{family:?}: a closed port"), front(&closed), Reason::NotOurs));
    rows
}

/// Frames that end before their headers do, or whose headers end before they should.
fn truncated(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let first = Talk::new(family, protocol, Pool::One).first();
        let whole = front(&first);
        let header = if family == Family::V4 { 20 } else { 40 };
        let transport = first.network_offset() + header;
        let needed = if protocol == Tcp { 20 } else { 8 };
        for length in [first.network_offset() + header - 1, transport, transport + needed - 1] {
            let mut short = whole.clone();
            short.bytes.truncate(length);
            let case = format!("{family:?} {protocol}: {length} bytes");
            rows.push(Row::passed(case, short, Reason::Malformed));
        }
        // The length of the IP packet, which has room for less than the header.
        let (offset, length) = if family == Family::V4 { (3, header + needed - 1) } else { (5, needed - 1) };
        let short = with(&first, first.network_offset() + offset, length as u8);
        rows.push(Row::passed(format!("{family:?} {protocol}: a short packet"), short, Reason::Malformed));
    }
    let syn = syn(family);
    let words = syn.network_offset() + if family == Family::V4 { 20 } else { 40 } + 12;
    let case = format!("{family:?} tcp: a header too short");
    rows.push(Row::passed(case, with(&syn, words, 0x40), Reason::Malformed));
    rows
}

fn four() -> Vec<Row> {
    let syn = syn(Family::V4);
    let (client, vip) = (Family::V4.client(7), Family::V4.vip(Pool::One));
    let other = |protocol, payload: &[u8]| {
        front(&Frame::other(client, vip, protocol).payload(payload).between(GATEWAY, FRONT))
    };
    vec![
        Row::passed("V4: version 5", with(&syn, 14, 0x55), Reason::Malformed),
        Row::passed("V4: version 6", with(&syn, 14, 0x65), Reason::Malformed),
        Row::passed("V4: a header of 16 bytes", with(&syn, 14, 0x44), Reason::Malformed),
        Row::passed("V4: the first fragment", front(&syn.clone().fragment(0, true)), Reason::Fragment),
        Row::passed("V4: a middle fragment", front(&syn.clone().fragment(8, true)), Reason::Fragment),
        Row::passed("V4: the last fragment", front(&syn.clone().fragment(185, false)), Reason::Fragment),
        Row::passed("V4: ping", other(PROTOCOL_ICMP, &[8, 0, 0, 0, 0, 1, 0, 1]), Reason::OtherProtocol),
        Row::passed("V4: GRE", other(47, &[0; 16]), Reason::OtherProtocol),
        Row::passed("V4: SCTP", other(132, &[0; 16]), Reason::OtherProtocol),
    ]
}

fn six() -> Vec<Row> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;

    let talk = Talk::new(Family::V6, Tcp, Pool::One);
    let syn = talk.first();
    let segment = &Frame::tcp(talk.client, talk.vip, SYN).bytes()[54..];
    let behind = |header, extension: [u8; 8]| {
        let packet = Frame::other(talk.client.ip(), talk.vip.ip(), header);
        front(&packet.payload(&[&extension[..], segment].concat()).between(GATEWAY, FRONT))
    };
    vec![
        Row::passed("V6: version 4", with(&syn, 14, 0x45), Reason::Malformed),
        Row::passed("V6: version 7", with(&syn, 14, 0x70), Reason::Malformed),
        Row::passed("V6: a fragment", behind(FRAGMENT, [6, 0, 0, 1, 0, 0, 0, 9]), Reason::Fragment),
        Row::passed(
            "V6: hop-by-hop options",
            behind(HOP_BY_HOP, [6, 0, 1, 4, 0, 0, 0, 0]),
            Reason::OtherProtocol,
        ),
        Row::passed("V6: a routing header", behind(ROUTING, [6, 0, 0, 0, 0, 0, 0, 0]), Reason::OtherProtocol),
        Row::passed("V6: ping", behind(PROTOCOL_ICMPV6, [128, 0, 0, 0, 0, 1, 0, 1]), Reason::OtherProtocol),
    ]
}
