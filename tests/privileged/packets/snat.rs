// SPDX-License-Identifier: MIT OR Apache-2.0
//! The source port towards backends.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use lb_common::limits::{PROBE_PORT_MIN, SNAT_PORT_MIN};
use lb_common::reason::Reason;
use lb_tests::packet::check;
use lb_userspace::model::Protocol;

use super::fixture::Fixture;
use super::row::{Row, play_one};
use super::setting::{FAMILIES, Family, Pool};
use super::talk::{PROTOCOLS, Talk, back, front};

/// Opens a flow, and says with which source towards the backend.
fn open(fixture: &Fixture, talk: &Talk) -> Result<SocketAddr> {
    let first = front(&talk.first());
    let outcome = fixture.run(first.side, &first.bytes)?;
    ensure!(outcome.reasons.keys().eq([&Reason::NewFlow]), "{:?}", outcome.reasons);
    check::checksums(&outcome.frame)?;
    let (source, backend) = check::tuple(&outcome.frame)?;
    ensure!(backend == talk.backend, "{backend}");
    Ok(source)
}

/// The rest of the flow goes by the port that was found.
fn goes_on(fixture: &Fixture, talk: Talk, snat: SocketAddr) -> Result<()> {
    let talk = talk.with_snat(snat);
    let second = talk.second();
    let reason = if talk.protocol == Protocol::Tcp { Reason::Unproven } else { Reason::Proved };
    play_one(fixture, &Row::forwarded("answer", back(&second), reason, &talk.at_client(&second)))
}

fn usable(port: u16) -> bool {
    (SNAT_PORT_MIN..PROBE_PORT_MIN).contains(&port)
}

#[test]
fn a_port_that_is_taken_is_replaced() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                let one = Talk::new(family, protocol, Pool::One);
                let other = one.with_client(8);
                ensure!(open(fixture, &one)? == one.snat, "a free port is kept");
                let snat = open(fixture, &other)?;
                ensure!(snat.ip() == one.snat.ip() && snat.port() != one.snat.port(), "{snat}");
                ensure!(usable(snat.port()), "{snat}");
                goes_on(fixture, one, one.snat)?;
                goes_on(fixture, other, snat)?;
                let third = one.with_client(9);
                ensure!(open(fixture, &third)?.port() != one.snat.port(), "taken by a proven flow as well");
            }
            Ok(())
        },
    )
}

#[test]
fn a_second_address_saves_the_port() -> Result<()> {
    let second: [IpAddr; 2] = [[10, 0, 3, 3].into(), [0xfd03, 0, 0, 0, 0, 0, 0, 3].into()];
    Fixture::play(
        |desired| desired.balancer.snat_addresses.extend(second),
        |fixture| {
            for family in FAMILIES {
                let one = Talk::new(family, Protocol::Tcp, Pool::One);
                let first = open(fixture, &one)?;
                let other = open(fixture, &one.with_client(8))?;
                ensure!(first.port() == one.client.port() && other.port() == first.port());
                ensure!(first.ip() != other.ip(), "{first} and {other}");
            }
            Ok(())
        },
    )
}

#[test]
fn reserved_ports_are_not_kept() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for (family, port) in FAMILIES
                .into_iter()
                .flat_map(|family| [1, 53, 1023, PROBE_PORT_MIN, u16::MAX].map(|port| (family, port)))
            {
                let talk = Talk::from_port(family, Protocol::Udp, Pool::One, port);
                let snat = open(fixture, &talk)?;
                ensure!(usable(snat.port()), "{snat} for {port}");
                goes_on(fixture, talk, snat)?;
            }
            Ok(())
        },
    )
}

#[test]
fn without_an_address_flows_are_refused() -> Result<()> {
    Fixture::play(
        |desired| desired.balancer.snat_addresses.clear(),
        |fixture| {
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                let talk = Talk::new(family, protocol, Pool::One);
                let first = talk.first();
                let case = format!("{family:?} {protocol}");
                let row = Row::answered(case, front(&first), Reason::NoSnatAddress, &talk.refused(&first));
                play_one(fixture, &row)?;
            }
            Ok(())
        },
    )
}

#[test]
fn without_a_free_port_flows_are_refused() -> Result<()> {
    Fixture::play(
        |desired| desired.balancer.tables.unproven_flows = 4 * 65_536,
        |fixture| {
            for port in SNAT_PORT_MIN..PROBE_PORT_MIN {
                let first = front(&Talk::from_port(Family::V4, Protocol::Udp, Pool::One, port).first());
                fixture.give(first.side, &first.bytes)?;
            }
            let talk = Talk::new(Family::V4, Protocol::Udp, Pool::One).with_client(8);
            let first = talk.first();
            let answer = talk.refused(&first);
            play_one(fixture, &Row::answered("exhausted", front(&first), Reason::SnatExhausted, &answer))
        },
    )
}
