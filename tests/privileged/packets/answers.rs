// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the balancer says itself: RST and ICMP errors, byte for byte; and when it says nothing.

use anyhow::Result;
use lb_common::net::{ETHERTYPE_QINQ, ETHERTYPE_VLAN};
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, FIN, RST, SYN};
use lb_userspace::model::Protocol::{Tcp, Udp};

use super::fixture::Fixture;
use super::row::{Row, play};
use super::setting::{FAMILIES, Family, Pool};
use super::talk::{PROTOCOLS, Talk, back, front};

#[test]
fn answers_are_as_written() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                play(fixture, &[no_flow(family), no_backend(family), hops(family)].concat())?;
            }
            play(fixture, &options())
        },
    )
}

/// Segments of no flow (RFC 9293 section 3.10.7.1).
fn no_flow(family: Family) -> Vec<Row> {
    let talk = Talk::new(family, Tcp, Pool::One);
    let case = |what: &str| format!("{family:?} tcp of no flow: {what}");
    let refused = |what: &str, frame, flags, sequence, acknowledged| {
        let answer = talk.refusal(&frame, flags, sequence, acknowledged);
        Row::answered(case(what), front(&frame), Reason::NoFlow, &answer)
    };
    let ack = || talk.segment(ACK).numbers(5, 77);
    let bare = |flags| talk.segment(flags).numbers(u32::MAX, 0);
    vec![
        refused("an ACK gets its own number back", ack(), RST, 77, 0),
        refused("data with an ACK too", ack().payload(b"data"), RST, 77, 0),
        refused("a FIN with an ACK too", talk.segment(FIN | ACK).numbers(5, 78), RST, 78, 0),
        refused("a SYN-ACK too", talk.segment(SYN | ACK).numbers(5, 79), RST, 79, 0),
        refused("data without an ACK is acknowledged", bare(0).payload(b"four"), RST | ACK, 0, 3),
        refused("a FIN counts as one", bare(FIN), RST | ACK, 0, 0),
        refused("a SYN counts as one", bare(SYN | FIN).payload(b"x"), RST | ACK, 0, 2),
        refused("options are no data", bare(0).tcp_options(&[1; 12]).payload(b"12"), RST | ACK, 0, 1),
        refused("padding is no data", bare(0).payload(b"12").padding(6), RST | ACK, 0, 1),
        refused("tags stay", ack().tag(ETHERTYPE_QINQ, 7).tag(ETHERTYPE_VLAN, 8), RST, 77, 0),
        Row::dropped(case("a RST"), front(&talk.segment(RST)), Reason::StrayReset),
        Row::dropped(case("a RST with an ACK"), front(&talk.segment(RST | ACK)), Reason::StrayReset),
    ]
}

fn no_backend(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let talk = Talk::new(family, protocol, Pool::Nobody);
        let first = talk.first();
        let tagged = first.clone().tag(ETHERTYPE_VLAN, 5);
        let twice = tagged.clone().tag(ETHERTYPE_VLAN, 6).payload(&[7; 700]);
        for (what, frame) in [("", first), (", tagged", tagged)] {
            let case = format!("{family:?} {protocol}: no backend{what}");
            rows.push(Row::answered(case, front(&frame), Reason::NoBackend, &talk.refused(&frame)));
        }
        if protocol == Udp {
            let case = format!("{family:?} {protocol}: no backend, tagged twice, much to quote");
            rows.push(Row::answered(case, front(&twice), Reason::NoBackend, &talk.refused(&twice)));
        }
    }
    rows
}

/// TTLs and hop limits.
fn hops(family: Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let case = |what: &str| format!("{family:?} {protocol}: {what}");
        for (what, proven, ttl) in
            [("of a new flow", false, 1), ("of a proven flow", true, 1), ("of none left", true, 0)]
        {
            let talk = Talk::new(family, protocol, Pool::One);
            let frame = if proven { talk.third() } else { talk.first() }.ttl(ttl).payload(b"any payload");
            let given = if proven { talk.proving() } else { Vec::new() };
            let case = case(&format!("the last hop {what}"));
            let answer = talk.exceeded(&frame);
            rows.push(Row::answered(case, front(&frame), Reason::TtlExceeded, &answer).given(&given));
        }
        let talk = Talk::new(family, protocol, Pool::One);
        let (asks, says) = (talk.third().ttl(2), talk.second().ttl(1));
        let sent = talk.at_backend(&asks);
        let sent = Row::forwarded(case("one hop left"), front(&asks), Reason::Established, &sent);
        rows.push(sent.given(&talk.proving()));
        rows.push(Row::dropped(case("the last hop of an answer"), back(&says), Reason::TtlExpired));
    }
    rows
}

/// IPv4 options: none is kept in an answer, all are quoted.
fn options() -> Vec<Row> {
    let (tcp, udp) = (Talk::new(Family::V4, Tcp, Pool::Nobody), Talk::new(Family::V4, Udp, Pool::Nobody));
    let segment = tcp.first().options(&[1; 40]);
    let datagram = udp.first().options(&[1; 40]).tag(ETHERTYPE_QINQ, 1).tag(ETHERTYPE_VLAN, 2);
    vec![
        Row::answered("V4 tcp: options", front(&segment), Reason::NoBackend, &tcp.refused(&segment)),
        Row::answered("V4 udp: options", front(&datagram), Reason::NoBackend, &udp.refused(&datagram)),
    ]
}
