// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which backend a new flow gets: by the same tables and hashes as user space has them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use lb_common::hash;
use lb_common::net::{Addr4, Addr6, Address, Be16};
use lb_tests::packet::check;
use lb_userspace::balance::table;
use lb_userspace::datapath::kernel::boot_seconds;
use lb_userspace::datapath::{Change, Datapath as _, ServiceId};
use lb_userspace::model::{BackendId, Protocol};
use lb_userspace::reconcile::diff::diff;

use super::fixture::Fixture;
use super::row::Arriving;
use super::setting::{BACKENDS, FAMILIES, Family, Pool, label};
use super::talk::{PROTOCOLS, Talk, front};

/// The backend that a client's frame was sent to.
fn chosen(fixture: &Fixture, family: Family, arriving: &Arriving) -> Result<u8> {
    let (action, frame) = fixture.give(arriving.side, &arriving.bytes)?;
    let (_, backend) = check::tuple(&frame).with_context(|| format!("action {action}"))?;
    let number = BACKENDS.iter().find(|number| family.backend(**number) == backend.ip());
    number.copied().with_context(|| format!("{backend} is no backend"))
}

/// A pool's table as user space builds it, by number of the backend.
fn places(fixture: &mut Fixture, family: Family, pool: Pool) -> Result<Vec<u8>> {
    let slots = fixture.assignments()?.backends;
    let mut observed = fixture.datapath.observe(true)?;
    let port = std::num::NonZeroU16::new(80).context("not zero")?;
    let id = ServiceId { vip: family.vip(pool), protocol: Protocol::Tcp, port };
    let number = observed.services.get(&id).context("the service is there")?.pool;
    observed.pools.clear();
    let plan = diff(&fixture.desired, &fixture.conditions, &observed, boot_seconds());
    let inputs = plan.changes.iter().find_map(|change| match change {
        Change::SwapTable { pool, inputs } if *pool == number => Some(inputs),
        _ => None,
    });
    let built = table::build(inputs.context("the pool has a table")?);
    let numbers: BTreeMap<u32, u8> = BACKENDS
        .iter()
        .filter_map(|backend| {
            let id = BackendId { load_balancer: label(pool), address: family.backend(*backend) };
            Some((*slots.get(&id)?, *backend))
        })
        .collect();
    built.slots.iter().map(|slot| numbers.get(slot).copied().context("the slot of a backend")).collect()
}

#[test]
fn round_robin_takes_strictly_successive_turns() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let places = places(fixture, family, Pool::Three)?;
                for protocol in PROTOCOLS {
                    for turn in 0..=3 * places.len() {
                        let first = front(&Talk::new(family, protocol, Pool::Three).first());
                        let number = chosen(fixture, family, &first)?;
                        ensure!(number == places[turn % places.len()], "turn {turn} of {protocol}: {number}");
                        // The same flow takes no turn.
                        ensure!(chosen(fixture, family, &first)? == number, "the flow has moved");
                    }
                }
            }
            Ok(())
        },
    )
}

fn flow_hash<A: Address>(talk: &Talk, client: A, vip: A) -> u64 {
    let port = |port| Be16::new(port);
    let (from, to) = (port(talk.client.port()), port(talk.vip.port()));
    hash::flow(client, vip, from, to, talk.protocol.number())
}

/// The two hashes of a flow: of its tuple, and of its client.
fn hashes(talk: &Talk) -> (u64, u64) {
    use std::net::IpAddr::{V4, V6};

    match (talk.client.ip(), talk.vip.ip()) {
        (V4(client), V4(vip)) => {
            let (client, vip) = (Addr4::from(client), Addr4::from(vip));
            (flow_hash(talk, client, vip), hash::source(client))
        }
        (V6(client), V6(vip)) => {
            let (client, vip) = (Addr6::from(client), Addr6::from(vip));
            (flow_hash(talk, client, vip), hash::source(client))
        }
        _ => unreachable!("a talk is of one family"),
    }
}

#[test]
fn hashes_choose_as_user_space_says() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let maglev = places(fixture, family, Pool::Maglev)?;
                let source = places(fixture, family, Pool::Source)?;
                for (protocol, client) in PROTOCOLS.into_iter().flat_map(|p| (0..100).map(move |c| (p, c))) {
                    for (pool, places) in [(Pool::Maglev, &maglev), (Pool::Source, &source)] {
                        let talk = Talk::new(family, protocol, pool).with_client(client);
                        let (flow, address) = hashes(&talk);
                        let hash = if pool == Pool::Maglev { flow } else { address };
                        let expected = places[hash::reduce(hash, places.len() as u32) as usize];
                        let found = chosen(fixture, family, &front(&talk.first()))?;
                        ensure!(found == expected, "{talk:?} got {found}, not {expected}");
                    }
                }
            }
            Ok(())
        },
    )
}

#[test]
fn source_keeps_a_client_with_its_backend() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let ask = || {
                    chosen(fixture, family, &front(&Talk::new(family, Protocol::Tcp, Pool::Source).first()))
                };
                let number = ask()?;
                for _ in 0..50 {
                    ensure!(ask()? == number, "the client was moved");
                }
            }
            Ok(())
        },
    )
}

#[test]
fn leastconn_prefers_the_idler() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let mut talks: BTreeMap<u8, Vec<Talk>> = BTreeMap::from([(11, Vec::new()), (12, Vec::new())]);
                let open = |fixture: &Fixture, talks: &mut BTreeMap<u8, Vec<Talk>>| -> Result<()> {
                    let talk = Talk::new(family, Protocol::Tcp, Pool::Least);
                    let number = chosen(fixture, family, &front(&talk.first()))?;
                    talks.get_mut(&number).context("one of two")?.push(talk.with_backend(number));
                    Ok(())
                };
                // One after the other, so they never differ by more than one.
                for _ in 0..20 {
                    open(fixture, &mut talks)?;
                    ensure!(talks[&11].len().abs_diff(talks[&12].len()) <= 1, "{talks:?}");
                }
                // One loses five of its flows, and gets the next five.
                for talk in talks.get_mut(&11).context("one of two")?.drain(..5) {
                    let reset = front(&talk.segment(lb_common::tcp::RST));
                    fixture.give(reset.side, &reset.bytes)?;
                }
                for _ in 0..5 {
                    open(fixture, &mut talks)?;
                }
                ensure!(talks[&11].len() == 10 && talks[&12].len() == 10, "{talks:?}");
            }
            Ok(())
        },
    )
}
