// SPDX-License-Identifier: MIT OR Apache-2.0
//! ICMP: errors about packets of flows, in both directions, and echo.

use std::net::IpAddr;

use anyhow::Result;
use lb_common::reason::Reason;
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol;

use super::fixture::{Fixture, Side};
use super::row::{Arriving, Row, play};
use super::setting::{BACK, FAMILIES, FRONT, Family, GATEWAY, Pool, backend_mac};
use super::talk::{PROTOCOLS, Talk};

#[test]
fn errors_reach_who_sent_what_they_are_about() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                play(fixture, &errors(family, protocol))?;
            }
            Ok(())
        },
    )
}

#[test]
fn echo_is_answered_for_vips_only() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| FAMILIES.into_iter().try_for_each(|family| play(fixture, &echoes(family))),
    )
}

/// Names and headers of errors: unreachable of two kinds, too big, time exceeded, a problem with a parameter.
fn kinds(family: Family) -> Vec<(&'static str, [u8; 8])> {
    match family {
        Family::V4 => vec![
            ("port unreachable", [3, 3, 0, 0, 0, 0, 0, 0]),
            ("fragmentation needed", [3, 4, 0, 0, 0, 0, 5, 0x14]),
            ("time exceeded", [11, 0, 0, 0, 0, 0, 0, 0]),
            ("a problem with a parameter", [12, 0, 0, 0, 20, 0, 0, 0]),
        ],
        Family::V6 => vec![
            ("port unreachable", [1, 4, 0, 0, 0, 0, 0, 0]),
            ("packet too big", [2, 0, 0, 0, 0, 0, 5, 0x14]),
            ("time exceeded", [3, 0, 0, 0, 0, 0, 0, 0]),
            ("a problem with a parameter", [4, 0, 0, 0, 0, 0, 0, 40]),
        ],
    }
}

fn errors(family: Family, protocol: Protocol) -> Vec<Row> {
    let talk = Talk::new(family, protocol, Pool::One);
    let mut rows = Vec::new();
    let mut given = talk.proving();
    for (what, header) in kinds(family) {
        // What is certain to be quoted, and more than that: a checksum with it.
        for bytes in [8, 24] {
            for row in both_ways(&talk, family, header, bytes) {
                let case = format!("{family:?} {protocol}: {what}, {bytes} bytes, {}", row.case);
                rows.push(Row { case, ..row }.given(&given));
                given = Vec::new();
            }
        }
    }
    rows.extend(others(&talk, family, protocol));
    rows
}

/// From a router and from the end, about what goes to the client and what goes to the backend.
fn both_ways(talk: &Talk, family: Family, header: [u8; 8], bytes: usize) -> Vec<Row> {
    let error =
        |from: IpAddr, to: IpAddr, about: &Frame| Frame::icmp_error_quoting(from, to, header, about, bytes);
    let (asked, says) = (talk.third().payload(b"a question"), talk.answer_or_ack().payload(b"an answer"));
    // As they were on the way, a hop behind us, and as their senders know them.
    let (to_backend, to_client) = (talk.at_backend(&asked), talk.at_client(&says));
    let (as_asked, as_said) = (asked.hop(), says.hop());
    let router = family.client(250);
    let inner_router = family.backend(250);
    let front = |frame: Frame| Arriving { side: Side::Front, bytes: frame.between(GATEWAY, FRONT).bytes() };
    let back =
        |frame: Frame| Arriving { side: Side::Back, bytes: frame.between(backend_mac(11), BACK).bytes() };
    let inwards = |frame: Frame| frame.between(BACK, backend_mac(11)).hop();
    let outwards = |frame: Frame| frame.between(FRONT, GATEWAY).hop();
    let (client, vip) = (talk.client.ip(), talk.vip.ip());
    let (snat, backend) = (talk.snat.ip(), talk.backend.ip());
    let row =
        |case: &str, arriving, output: &Frame| Row::forwarded(case, arriving, Reason::IcmpError, output);
    vec![
        row(
            "by a router, to the backend",
            front(error(router, vip, &to_client)),
            &inwards(error(router, backend, &as_said)),
        ),
        row(
            "by the client, to the backend",
            front(error(client, vip, &to_client)),
            &inwards(error(snat, backend, &as_said)),
        ),
        row(
            "by a router, to the client",
            back(error(inner_router, snat, &to_backend)),
            &outwards(error(inner_router, client, &as_asked)),
        ),
        row(
            "by the backend, to the client",
            back(error(backend, snat, &to_backend)),
            &outwards(error(vip, client, &as_asked)),
        ),
    ]
}

/// Errors that are about no packet of ours, or are not what they seem.
fn others(talk: &Talk, family: Family, protocol: Protocol) -> Vec<Row> {
    let case = |what: &str| format!("{family:?} {protocol}: {what}");
    let (_, header) = kinds(family)[0];
    let front = |frame: Frame| Arriving { side: Side::Front, bytes: frame.between(GATEWAY, FRONT).bytes() };
    let router = family.client(250);
    let stranger = Talk::new(family, protocol, Pool::One);
    let of_no_flow = stranger.at_client(&stranger.answer_or_ack());
    let about = talk.at_client(&talk.answer_or_ack());
    let to_another = family.vip(Pool::Three);
    let error =
        |to: IpAddr, about: &Frame, bytes| Frame::icmp_error_quoting(router, to, header, about, bytes);
    let vip = talk.vip.ip();
    vec![
        Row::passed(case("of no flow"), front(error(vip, &of_no_flow, 8)), Reason::ErrorOfNoFlow),
        Row::passed(
            case("to another than the sender"),
            front(error(to_another, &about, 8)),
            Reason::ErrorOfNoFlow,
        ),
        Row::passed(case("that quotes too little"), front(error(vip, &about, 3)), Reason::ErrorOfNoFlow),
        Row::dropped(case("without hops to go"), front(error(vip, &about, 8).ttl(1)), Reason::TtlExpired),
    ]
}

fn echoes(family: Family) -> Vec<Row> {
    let (request, reply) = if family == Family::V4 { (8, 0) } else { (128, 129) };
    let (client, vip) = (family.client(7), family.vip(Pool::One));
    let echo = |from: IpAddr, to: IpAddr, kind: u8, code: u8| {
        Frame::icmp(from, to, [kind, code, 0, 0, 0x12, 0x34, 0, 9], b"who is there?")
    };
    let arriving =
        |frame: &Frame| Arriving { side: Side::Front, bytes: frame.clone().between(GATEWAY, FRONT).bytes() };
    let case = |what: &str| format!("{family:?}: {what}");
    let to_vip = echo(client, vip, request, 0);
    let answer = echo(vip, client, reply, 0).between(FRONT, GATEWAY);
    let martian = if family == Family::V4 { "127.0.0.1" } else { "::1" };
    let forged = echo(martian.parse().expect("literal"), vip, request, 0);
    let mut rows = vec![
        Row::answered(case("ping"), arriving(&to_vip), Reason::Echo, &answer),
        Row::answered(
            case("ping over the last hop"),
            arriving(&to_vip.clone().ttl(1)),
            Reason::Echo,
            &answer,
        ),
        Row::passed(case("pong"), arriving(&echo(client, vip, reply, 0)), Reason::OtherProtocol),
        Row::passed(
            case("ping with a code"),
            arriving(&echo(client, vip, request, 1)),
            Reason::OtherProtocol,
        ),
        Row::passed(
            case("ping of another host"),
            arriving(&echo(client, family.client(200), request, 0)),
            Reason::OtherProtocol,
        ),
        Row::dropped(case("ping from nowhere"), arriving(&forged), Reason::Martian),
    ];
    if family == Family::V4 {
        let fragment = to_vip.fragment(0, true);
        rows.push(Row::passed(case("the first fragment of a ping"), arriving(&fragment), Reason::Fragment));
    }
    rows
}
