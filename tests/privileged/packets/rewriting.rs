// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is left as it was when a frame is translated, and how it leaves.

use anyhow::Result;
use lb_common::net::{ETHERTYPE_QINQ, ETHERTYPE_VLAN};
use lb_common::reason::Reason;
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol;

use super::fixture::{Fixture, Side};
use super::row::{Action, Arriving, Row, play};
use super::setting::{FAMILIES, Family, MTU, Pool, UNHEARD_OF};
use super::talk::{PROTOCOLS, Talk, back, front};

#[test]
fn the_rest_of_a_frame_stays() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for (family, protocol) in all() {
                play(fixture, &shapes(family, protocol))?;
                play(fixture, &ways_out(family, protocol))?;
                play(fixture, &too_long(family, protocol))?;
            }
            Ok(())
        },
    )
}

fn all() -> impl Iterator<Item = (Family, Protocol)> {
    FAMILIES.into_iter().flat_map(|family| PROTOCOLS.map(|protocol| (family, protocol)))
}

/// A name and what it makes of a frame.
type Shape = (&'static str, fn(Frame) -> Frame);

/// Frames of every shape: the first, and ones of the proven flow in both directions.
fn shapes(family: Family, protocol: Protocol) -> Vec<Row> {
    let mut shapes: Vec<Shape> = vec![
        ("one tag", |frame| frame.tag(ETHERTYPE_VLAN, 0x2005)),
        ("two tags", |frame| frame.tag(ETHERTYPE_QINQ, 5).tag(ETHERTYPE_VLAN, 6)),
        ("padding", |frame| frame.payload(b"").padding(18)),
        ("an odd payload", |frame| frame.payload(b"odd")),
        ("a large payload", |frame| frame.payload(&[0xa5; 1400])),
        ("a jumbo payload", |frame| frame.payload(&[0x5a; 3000])),
    ];
    if family == Family::V4 {
        shapes.push(("an option", |frame| frame.options(&[0x94, 4, 0, 0])));
        shapes.push(("many options", |frame| frame.options(&[1; 40]).tag(ETHERTYPE_VLAN, 5)));
        if protocol == Protocol::Udp {
            shapes.push(("no checksum", Frame::without_checksum));
        }
    }
    let mut rows = Vec::new();
    for (what, shape) in shapes {
        let talk = Talk::new(family, protocol, Pool::One);
        let case = |part: &str| format!("{family:?} {protocol}: {what}, {part}");
        let first = shape(talk.first());
        rows.push(Row::forwarded(case("first"), front(&first), Reason::NewFlow, &talk.at_backend(&first)));
        let (asks, says) = (shape(talk.third()), shape(talk.answer_or_ack()));
        let there = Row::forwarded(
            case("from the client"),
            front(&asks),
            Reason::Established,
            &talk.at_backend(&asks),
        );
        rows.push(there.given(&talk.proving()));
        rows.push(Row::forwarded(
            case("from the backend"),
            back(&says),
            Reason::Established,
            &talk.at_client(&says),
        ));
    }
    rows
}

/// Packets that are longer than the next hop's MTU (RFC 1191, RFC 8201).
fn too_long(family: Family, protocol: Protocol) -> Vec<Row> {
    let [high, low] = MTU.to_be_bytes();
    let header =
        if family == Family::V4 { [3, 4, 0, 0, 0, 0, high, low] } else { [2, 0, 0, 0, 0, 0, high, low] };
    let talk = Talk::new(family, protocol, Pool::One);
    let case = |what: &str| format!("{family:?} {protocol}: too long {what}");
    let long = |frame: Frame| frame.payload(&[0x33; MTU as usize]);
    let (first, asks, says) = (long(talk.first()), long(talk.third()), long(talk.answer_or_ack()));
    let told = |frame: &Frame, by: std::net::SocketAddr, whom: std::net::SocketAddr| {
        Frame::icmp_error_quoting(by.ip(), whom.ip(), header, frame, 8).in_answer_to(frame)
    };
    let mut rows = vec![
        Row::answered(
            case("to open a flow"),
            front(&first),
            Reason::TooBig,
            &told(&first, talk.vip, talk.client),
        ),
        Row::answered(
            case("to a backend"),
            front(&asks),
            Reason::TooBig,
            &told(&asks, talk.vip, talk.client),
        )
        .given(&talk.proving()),
        Row::answered(
            case("to a client"),
            back(&says),
            Reason::TooBig,
            &told(&says, talk.snat, talk.backend),
        ),
    ];
    if family == Family::V4 {
        // The kernel takes it apart, and takes the hop.
        let divisible = asks.divisible();
        let output = divisible.clone().addressed(talk.snat, talk.backend);
        rows.push(Row {
            action: Action::Pass,
            ..Row::forwarded(case("and divisible"), front(&divisible), Reason::TooLong, &output)
        });
    }
    rows
}

fn ways_out(family: Family, protocol: Protocol) -> Vec<Row> {
    let case = |what: &str| format!("{family:?} {protocol}: {what}");
    let talk = Talk::new(family, protocol, Pool::One);
    let first = talk.first();
    let same = Arriving { side: Side::Back, bytes: first.bytes() };
    let hairpin = Row {
        action: Action::Tx,
        ..Row::forwarded(case("by where it came in"), same, Reason::NewFlow, &talk.at_backend(&first))
    };

    // The kernel resolves the neighbour, and takes the hop.
    let talk = Talk::new(family, protocol, Pool::Unheard).with_backend(UNHEARD_OF);
    let first = talk.first();
    let output = first.clone().addressed(talk.snat, talk.backend);
    let handed_over = Row {
        action: Action::Pass,
        ..Row::forwarded(case("by the kernel"), front(&first), Reason::NextHopUnresolved, &output)
    };
    vec![hairpin, handed_over]
}
