// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is counted, and that it is counted once.

use std::num::NonZeroU16;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, Map, MapData};
use lb_common::abi::{LoadEntry, Traffic, names};
use lb_common::tcp::{ACK, FIN, RST};
use lb_userspace::datapath::ServiceId;
use lb_userspace::datapath::view::Inspect as _;
use lb_userspace::model::{BackendId, Protocol};

use super::fixture::Fixture;
use super::row::Arriving;
use super::setting::{FAMILIES, Pool, label};
use super::talk::{PROTOCOLS, Talk, back, front};

/// The slot of a flow's backend.
fn slot(fixture: &mut Fixture, talk: &Talk) -> Result<u32> {
    let id = BackendId { load_balancer: label(Pool::One), address: talk.backend.ip() };
    fixture.assignments()?.backends.get(&id).copied().context("the backend has a slot")
}

fn load(fixture: &Fixture, slot: u32) -> Result<LoadEntry> {
    let map: Array<MapData, LoadEntry> = Map::Array(fixture.map(names::LOADS)?).try_into()?;
    Ok(map.get(&slot, 0)?)
}

#[test]
fn traffic_is_the_services_and_the_backends() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let mut backend = Traffic::default();
                for protocol in PROTOCOLS {
                    let talk = Talk::new(family, protocol, Pool::One);
                    let port = NonZeroU16::new(talk.vip.port()).context("not zero")?;
                    let id = ServiceId { vip: talk.vip.ip(), protocol, port };
                    let service = fixture.assignments()?.services[&id];
                    let mut expected = Traffic { flows: 1, ..Traffic::default() };
                    let mut frames = talk.proving();
                    frames.extend([front(&talk.third()), back(&talk.answer_or_ack())]);
                    for Arriving { side, bytes } in &frames {
                        if *side == super::fixture::Side::Front {
                            expected.packets_in += 1;
                            expected.bytes_in += bytes.len() as u64;
                        } else {
                            expected.packets_out += 1;
                            expected.bytes_out += bytes.len() as u64;
                        }
                        fixture.give(*side, bytes)?;
                    }
                    let counters = fixture.datapath.counters()?;
                    ensure!(counters.services[&service] == expected, "{:?}", counters.services[&service]);
                    backend.packets_in += expected.packets_in;
                    backend.bytes_in += expected.bytes_in;
                    backend.packets_out += expected.packets_out;
                    backend.bytes_out += expected.bytes_out;
                    backend.flows += 1;
                    let found = counters.backends[&slot(fixture, &talk)?];
                    ensure!(found == backend, "{found:?} and not {backend:?}");
                }
            }
            Ok(())
        },
    )
}

/// Only if the program's `fetch_or` returns what was there before.
#[test]
fn a_flow_ends_once() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let talk = Talk::new(family, Protocol::Tcp, Pool::One);
                let slot = slot(fixture, &talk)?;
                let before = load(fixture, slot)?;
                let steps = [
                    (talk.proving(), 1, 0),
                    (vec![front(&talk.segment(FIN | ACK))], 1, 0),
                    (vec![front(&talk.segment(FIN | ACK))], 1, 0),
                    (vec![back(&talk.reply(FIN | ACK))], 1, 1),
                    (vec![back(&talk.reply(FIN | ACK))], 1, 1),
                    (vec![front(&talk.segment(RST))], 1, 1),
                    (vec![back(&talk.reply(RST))], 1, 1),
                    // Another flow in its place.
                    (talk.proving(), 2, 1),
                    (vec![back(&talk.reply(RST))], 2, 2),
                    (vec![front(&talk.segment(FIN | ACK))], 2, 2),
                ];
                for (step, (frames, opened, closed)) in steps.into_iter().enumerate() {
                    for frame in frames {
                        fixture.give(frame.side, &frame.bytes)?;
                    }
                    let now = load(fixture, slot)?;
                    let counted = (now.opened - before.opened, now.closed - before.closed);
                    ensure!(counted == (opened, closed), "{family:?}, step {step}: {counted:?}");
                }
            }
            Ok(())
        },
    )
}
