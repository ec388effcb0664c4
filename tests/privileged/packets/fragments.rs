// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that come in fragments.

use std::net::SocketAddr;

use anyhow::Result;
use lb_common::net::{PROTOCOL_TCP, PROTOCOL_UDP};
use lb_common::reason::Reason;
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol;

use super::fixture::{Fixture, Side};
use super::row::{Arriving, Row, play};
use super::setting::{BACK, FAMILIES, FRONT, Family, GATEWAY, Pool, backend_mac};
use super::talk::{PROTOCOLS, Talk};

const FRAGMENT: u8 = 44;

#[test]
fn fragments_go_where_the_first_one_goes() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                play(fixture, &rows(family, protocol))?;
            }
            Ok(())
        },
    )
}

/// A part of a packet between two ends, of which `segment` is the transport header with what follows.
struct Part<'a> {
    ends: (SocketAddr, SocketAddr),
    protocol: u8,
    /// The packet's identification.
    number: u16,
    /// In units of eight bytes.
    offset: u16,
    more: bool,
    bytes: &'a [u8],
}

impl Part<'_> {
    fn frame(&self) -> Frame {
        let (source, destination) = (self.ends.0.ip(), self.ends.1.ip());
        if source.is_ipv4() {
            return Frame::other(source, destination, self.protocol)
                .payload(self.bytes)
                .identification(self.number)
                .fragment(self.offset, self.more);
        }
        let [high, low] = (self.offset << 3 | u16::from(self.more)).to_be_bytes();
        let [third, fourth] = self.number.to_be_bytes();
        let header = [self.protocol, 0, high, low, 0, 0, third, fourth];
        Frame::other(source, destination, FRAGMENT).payload(&[&header, self.bytes].concat())
    }
}

fn rows(family: Family, protocol: Protocol) -> Vec<Row> {
    let talk = Talk::new(family, protocol, Pool::One);
    let number = match protocol {
        Protocol::Tcp => PROTOCOL_TCP,
        Protocol::Udp => PROTOCOL_UDP,
    };
    let case = |what: &str| format!("{family:?} {protocol}: {what}");
    let segment = |frame: &Frame| {
        let header = if family == Family::V4 { 20 } else { 40 };
        frame.bytes()[frame.network_offset() + header..].to_vec()
    };
    // Each packet is cut after 24 bytes.
    let packet = talk.third().payload(&[7; 40]);
    let (asked, gotten) = (segment(&packet), segment(&talk.at_backend(&packet)));
    let there = |id: u16, ends, bytes: &[u8], offset: u16, more| {
        let id = id + 100 * u16::from(number);
        Part { ends, protocol: number, number: id, offset, more, bytes }.frame()
    };
    let (outside, inside) = ((talk.client, talk.vip), (talk.snat, talk.backend));
    let arriving =
        |frame: Frame| Arriving { side: Side::Front, bytes: frame.between(GATEWAY, FRONT).bytes() };
    let leaving = |frame: Frame| frame.between(BACK, backend_mac(11)).hop();

    let first = arriving(there(1, outside, &asked[..24], 0, true));
    let later = arriving(there(1, outside, &asked[24..], 3, false));
    let middle = arriving(there(1, outside, &asked[24..32], 3, true));
    let unknown = arriving(there(2, outside, &asked[24..], 3, false));
    let elsewhere =
        arriving(there(1, (talk.client, (family.client(200), 80).into()), &asked[24..], 3, false));
    let first_elsewhere =
        arriving(there(1, (talk.client, (family.client(200), 80).into()), &asked[..24], 0, true));
    let spent = Arriving {
        bytes: there(1, outside, &asked[24..], 3, false).ttl(1).between(GATEWAY, FRONT).bytes(),
        ..later.clone()
    };

    let mut rows = vec![
        Row::dropped(case("a later fragment before the first"), later.clone(), Reason::FirstFragmentMissing),
        Row::forwarded(
            case("the first fragment"),
            first,
            Reason::Established,
            &leaving(there(1, inside, &gotten[..24], 0, true)),
        )
        .given(&talk.proving()),
        Row::forwarded(
            case("a middle fragment"),
            middle,
            Reason::LaterFragment,
            &leaving(there(1, inside, &gotten[24..32], 3, true)),
        ),
        Row::forwarded(
            case("the last fragment"),
            later,
            Reason::LaterFragment,
            &leaving(there(1, inside, &gotten[24..], 3, false)),
        ),
        Row::dropped(case("a fragment of another packet"), unknown, Reason::FirstFragmentMissing),
        Row::dropped(case("a fragment without hops to go"), spent, Reason::TtlExpired),
        Row::passed(case("a later fragment to another host"), elsewhere, Reason::Fragment),
        Row::passed(case("a first fragment to another host"), first_elsewhere, Reason::NotOurs),
    ];
    rows.extend(back_to_the_client(&talk, number, &case));
    if protocol == Protocol::Udp {
        rows.extend(opening(family, &case));
    }
    rows
}

/// The same from the backend.
fn back_to_the_client(talk: &Talk, protocol: u8, case: &dyn Fn(&str) -> String) -> Vec<Row> {
    let header = if talk.vip.is_ipv4() { 20 } else { 40 };
    let packet = talk.answer_or_ack().payload(&[9; 40]);
    let (says, hears) = (packet.bytes(), talk.at_client(&packet).bytes());
    let start = packet.network_offset() + header;
    let part = |ends, bytes, offset, more| Part { ends, protocol, number: 5, offset, more, bytes }.frame();
    let arriving =
        |frame: Frame| Arriving { side: Side::Back, bytes: frame.between(backend_mac(11), BACK).bytes() };
    let leaving = |frame: Frame| frame.between(FRONT, GATEWAY).hop();
    let (inside, outside) = ((talk.backend, talk.snat), (talk.vip, talk.client));
    vec![
        Row::forwarded(
            case("the first fragment from the backend"),
            arriving(part(inside, &says[start..start + 24], 0, true)),
            Reason::Established,
            &leaving(part(outside, &hears[start..start + 24], 0, true)),
        ),
        Row::forwarded(
            case("the last fragment from the backend"),
            arriving(part(inside, &says[start + 24..], 3, false)),
            Reason::LaterFragment,
            &leaving(part(outside, &hears[start + 24..], 3, false)),
        ),
    ]
}

/// A flow that begins with a datagram in fragments.
fn opening(family: Family, case: &dyn Fn(&str) -> String) -> Vec<Row> {
    let talk = Talk::new(family, Protocol::Udp, Pool::One);
    let header = if family == Family::V4 { 20 } else { 40 };
    let packet = talk.first().payload(&[1; 40]);
    let (asked, gotten) = (packet.bytes(), talk.at_backend(&packet).bytes());
    let start = packet.network_offset() + header;
    let part = |ends, bytes, offset, more| {
        Part { ends, protocol: PROTOCOL_UDP, number: 77, offset, more, bytes }.frame()
    };
    let arriving =
        |frame: Frame| Arriving { side: Side::Front, bytes: frame.between(GATEWAY, FRONT).bytes() };
    let leaving = |frame: Frame| frame.between(BACK, backend_mac(11)).hop();
    let (outside, inside) = ((talk.client, talk.vip), (talk.snat, talk.backend));
    vec![
        Row::forwarded(
            case("a first fragment that opens a flow"),
            arriving(part(outside, &asked[start..start + 24], 0, true)),
            Reason::NewFlow,
            &leaving(part(inside, &gotten[start..start + 24], 0, true)),
        ),
        Row::forwarded(
            case("and the last"),
            arriving(part(outside, &asked[start + 24..], 3, false)),
            Reason::LaterFragment,
            &leaving(part(inside, &gotten[start + 24..], 3, false)),
        ),
    ]
}
