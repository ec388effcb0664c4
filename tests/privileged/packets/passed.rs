// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames that are none of ours, or none that we understand: the kernel gets them as they came.

use std::net::SocketAddr;

use anyhow::Result;
use lb_common::net::{ETHERTYPE_QINQ, ETHERTYPE_VLAN};
use lb_common::reason::Reason;
use lb_common::tcp::ACK;
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
                play(fixture, &[link_layer(family), not_ours(family), odd(family)].concat())?;
            }
            play(fixture, &[other_link_layers(), other_protocols()].concat())
        },
    )
}

/// The SYN that would open a flow, if nothing were wrong with it.
fn syn(family: Family) -> Frame {
    Talk::from_port(family, Tcp, Pool::One, 7).first()
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

/// What would be dropped if it were for a VIP.
fn odd(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let talk = Talk::from_port(family, protocol, Pool::One, 7);
        let elsewhere = talk.first().addressed(talk.client, (family.client(200), talk.vip.port()).into());
        for (what, frame, reason) in super::odd::spoiled(&elsewhere, protocol) {
            let reason = if reason == Reason::Malformed { reason } else { Reason::Malformed };
            rows.push(Row::passed(format!("{family:?} {protocol}: not for a VIP, {what}"), frame, reason));
        }
    }
    let syn = syn(family);
    let mut headless = front(&syn);
    headless.bytes.truncate(syn.network_offset() + 19);
    rows.push(Row::passed(format!("{family:?}: half an IP header"), headless, Reason::Malformed));
    rows
}

fn other_protocols() -> Vec<Row> {
    let mut rows = Vec::new();
    for family in FAMILIES {
        let (client, vip) = (family.client(7), family.vip(Pool::One));
        let other =
            |protocol| front(&Frame::other(client, vip, protocol).payload(&[0; 16]).between(GATEWAY, FRONT));
        rows.push(Row::passed(format!("{family:?}: GRE"), other(47), Reason::OtherProtocol));
        rows.push(Row::passed(format!("{family:?}: ESP"), other(50), Reason::OtherProtocol));
        rows.push(Row::passed(format!("{family:?}: SCTP"), other(132), Reason::OtherProtocol));
    }
    rows
}
