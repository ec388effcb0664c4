// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables without room.

use anyhow::{Result, ensure};
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, RST};
use lb_userspace::datapath::Datapath as _;
use lb_userspace::model::Protocol::{Tcp, Udp};

use super::fixture::Fixture;
use super::row::{Arriving, Row, play_one};
use super::setting::{FAMILIES, Pool};
use super::talk::{PROTOCOLS, Talk, back, front};

fn give_all(fixture: &Fixture, frames: &[Arriving]) -> Result<()> {
    frames.iter().try_for_each(|frame| fixture.give(frame.side, &frame.bytes).map(drop))
}

#[test]
fn a_flood_removes_no_proven_flow() -> Result<()> {
    Fixture::play(
        |desired| desired.balancer.tables.unproven_flows = 64,
        |fixture| {
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                let proven = Talk::new(family, protocol, Pool::One);
                give_all(fixture, &proven.proving())?;
                for _ in 0..2000 {
                    give_all(fixture, &Talk::new(family, protocol, Pool::One).opening())?;
                }
                let (asks, says) = (proven.third(), proven.answer_or_ack());
                let there = proven.at_backend(&asks);
                play_one(fixture, &Row::forwarded("there", front(&asks), Reason::Established, &there))?;
                let back_again = proven.at_client(&says);
                play_one(fixture, &Row::forwarded("back", back(&says), Reason::Established, &back_again))?;
                // One that opens now gets through.
                let late = Talk::new(family, protocol, Pool::One);
                give_all(fixture, &late.proving())?;
                let asks = late.third();
                let there = late.at_backend(&asks);
                play_one(fixture, &Row::forwarded("late", front(&asks), Reason::Established, &there))?;
            }
            Ok(())
        },
    )
}

#[test]
fn a_full_table_refuses_the_next() -> Result<()> {
    Fixture::play(
        |desired| desired.balancer.tables.flows = 2,
        |fixture| {
            for family in FAMILIES {
                give_all(fixture, &Talk::new(family, Tcp, Pool::One).proving())?;
                let talk = Talk::new(family, Tcp, Pool::One);
                let proof = talk.segment(ACK);
                let answer = talk.refusal(&proof, RST, 0, 0);
                let row = Row::answered("tcp", front(&proof), Reason::TableFull, &answer);
                play_one(fixture, &row.given(&talk.proving()[..2]))?;
                // What is left of it is nothing.
                let answer = talk.refusal(&proof, RST, 0, 0);
                play_one(fixture, &Row::answered("after", front(&proof), Reason::NoFlow, &answer))?;

                // A datagram goes on without proof.
                let talk = Talk::new(family, Udp, Pool::One);
                let says = talk.answer();
                let output = talk.at_client(&says);
                let row = Row::forwarded("udp", back(&says), Reason::Unproven, &output);
                play_one(fixture, &row.given(&talk.opening()))?;
                let asks = talk.question();
                let output = talk.at_backend(&asks);
                play_one(fixture, &Row::forwarded("more", front(&asks), Reason::Unproven, &output))?;
            }
            Ok(())
        },
    )
}

#[test]
fn nothing_desired_leaves_nothing() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            fixture.desired.load_balancers.clear();
            fixture.reconcile()?;
            let observed = fixture.datapath.observe(true)?;
            ensure!(observed.services.is_empty() && observed.pools.is_empty(), "{observed:?}");
            for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
                let asks = Talk::new(family, protocol, Pool::One).first();
                play_one(fixture, &Row::passed("gone", front(&asks), Reason::NotOurs))?;
            }
            Ok(())
        },
    )
}
