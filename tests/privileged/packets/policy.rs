// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked of new flows: firewall rules, rate limits, and the MSS clamp.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, SYN};
use lb_tests::packet::Frame;
use lb_tests::wait::{PATIENCE, until_true};
use lb_userspace::model::{DesiredState, Network, Protocol};
use tokio_util::sync::CancellationToken;

use super::fixture::Fixture;
use super::row::{Row, play, play_one};
use super::setting::{FAMILIES, Family, Pool, TCP_PORTS, UDP_PORTS, pool_mut};
use super::talk::{PROTOCOLS, Talk, back, front};

/// Admits the networks to both ports of the first pool.
fn admit(desired: &mut DesiredState, networks: impl IntoIterator<Item = (IpAddr, u8)>) {
    let network = |(address, bits)| Network::new(address, bits).expect("a prefix length");
    let sources: Arc<BTreeSet<Network>> = Arc::new(networks.into_iter().map(network).collect());
    let port = |(port, _)| NonZeroU16::new(port).expect("not zero");
    pool_mut(desired, Pool::One).policy.firewall =
        [TCP_PORTS, UDP_PORTS].map(|ports| (port(ports), Arc::clone(&sources))).into();
}

/// The host's own length of prefix, less `fewer` bits.
fn bits(family: Family, fewer: u8) -> u8 {
    (if family == Family::V4 { 32 } else { 128 }) - fewer
}

/// New flows of a client, admitted or not, over both protocols.
fn rows(family: Family, client: u8, admitted: bool) -> Vec<Row> {
    let row = |protocol| {
        let talk = Talk::new(family, protocol, Pool::One).with_client(client);
        let first = talk.first();
        let case = format!("{family:?} {protocol}: client {client}, admitted: {admitted}");
        if admitted {
            Row::forwarded(case, front(&first), Reason::NewFlow, &talk.at_backend(&first))
        } else {
            Row::dropped(case, front(&first), Reason::Firewalled)
        }
    };
    PROTOCOLS.map(row).to_vec()
}

#[test]
fn a_port_with_rules_admits_only_what_they_name() -> Result<()> {
    Fixture::play(
        // Clients 8 to 15 by their prefix, and 40 alone.
        |desired| {
            let networks = FAMILIES
                .map(|family| [(family.client(8), bits(family, 3)), (family.client(40), bits(family, 0))]);
            admit(desired, networks.concat());
        },
        |fixture| {
            for family in FAMILIES {
                // IPv6 clients differ in their first 32 bits only, so each prefix but a host's names many.
                let within = if family == Family::V4 { vec![8, 11, 15, 40] } else { vec![8, 40] };
                for client in within {
                    play(fixture, &rows(family, client, true))?;
                }
                for client in [7, 16, 41] {
                    play(fixture, &rows(family, client, false))?;
                }
            }
            // Another load balancer has no rules.
            let talk = Talk::new(Family::V4, Protocol::Tcp, Pool::Three);
            let outcome = fixture.run(front(&talk.first()).side, &talk.first().bytes())?;
            ensure!(outcome.reasons.contains_key(&Reason::NewFlow), "{outcome:?}");
            Ok(())
        },
    )
}

#[test]
fn rules_of_one_family_close_the_port_to_the_other() -> Result<()> {
    Fixture::play(
        |desired| admit(desired, [(Family::V4.client(0), 0)]),
        |fixture| {
            play(fixture, &rows(Family::V4, 7, true))?;
            play(fixture, &rows(Family::V6, 7, false))
        },
    )
}

#[test]
fn thousands_of_networks_are_looked_up_and_replaced() -> Result<()> {
    /// Neighbours of nobody, of lengths that vary.
    fn crowd() -> impl Iterator<Item = (IpAddr, u8)> {
        let four =
            (0..4000_u32).map(|n| (IpAddr::from((0x0a00_0000 + n * 256).to_be_bytes()), 24 + (n % 9) as u8));
        let six = (0..4000_u16).map(|n| (IpAddr::from([0x2a00, n, 0, 0, 0, 0, 0, 0]), 32 + (n % 97) as u8));
        four.chain(six)
    }
    Fixture::play(
        |desired| admit(desired, crowd().chain(FAMILIES.map(|family| (family.client(7), bits(family, 0))))),
        |fixture| {
            for family in FAMILIES {
                play(fixture, &rows(family, 7, true))?;
                play(fixture, &rows(family, 9, false))?;
            }
            for client in [9, 7] {
                let others = FAMILIES.map(|family| (family.client(client), bits(family, 0)));
                admit(&mut fixture.desired, crowd().chain(others));
                fixture.reconcile()?;
                for family in FAMILIES {
                    play(fixture, &rows(family, client, true))?;
                    play(fixture, &rows(family, 16 - client, false))?;
                }
            }
            Ok(())
        },
    )
}

/// Lets the sweep work until the program counts another reason for the frame than `Established`.
fn sweep_ends(fixture: &Fixture, frame: &Frame) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let shutdown = CancellationToken::new();
    let task = runtime.spawn(fixture.datapath.clone().run_sweep(shutdown.clone()));
    let ended = until_true("the flow to end", PATIENCE, || {
        let outcome = fixture.run(front(frame).side, &frame.bytes())?;
        Ok(!outcome.reasons.contains_key(&Reason::Established))
    });
    shutdown.cancel();
    runtime.block_on(task)?;
    ended
}

#[test]
fn flows_of_sources_that_are_no_longer_admitted_end() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            let talk = |family, protocol, client| Talk::new(family, protocol, Pool::One).with_client(client);
            let flows = |client| {
                FAMILIES.map(|family| PROTOCOLS.map(|protocol| talk(family, protocol, client))).concat()
            };
            let (kept, ended) = (flows(8), flows(7));
            for frame in kept.iter().chain(&ended).flat_map(Talk::proving) {
                fixture.give(frame.side, &frame.bytes)?;
            }
            // Into the flow cache.
            for talk in kept.iter().chain(&ended) {
                fixture.give(front(&talk.third()).side, &talk.third().bytes())?;
            }
            admit(&mut fixture.desired, FAMILIES.map(|family| (family.client(8), bits(family, 0))));
            fixture.reconcile()?;
            for talk in &ended {
                sweep_ends(fixture, &talk.third())?;
                let again = talk.third();
                match talk.protocol {
                    Protocol::Udp => {
                        play_one(fixture, &Row::dropped("a datagram", front(&again), Reason::Firewalled))?;
                    }
                    Protocol::Tcp => {
                        let outcome = fixture.run(front(&again).side, &again.bytes())?;
                        ensure!(outcome.reasons.contains_key(&Reason::NoFlow), "{outcome:?}");
                    }
                }
                let late = back(&talk.answer_or_ack());
                play_one(fixture, &Row::passed("the backend's", late, Reason::NotOurs))?;
            }
            for talk in &kept {
                let more = talk.third();
                let output = talk.at_backend(&more);
                play_one(fixture, &Row::forwarded("who stays", front(&more), Reason::Established, &output))?;
            }
            Ok(())
        },
    )
}

/// Opens flows until one is dropped for `reason`, and returns how many were admitted, having checked that the bucket gave
/// no more than it may have had.
fn until_limited(fixture: &Fixture, family: Family, rate: u32, client: u8, reason: Reason) -> Result<u32> {
    let started = Instant::now();
    let mut admitted = 0;
    loop {
        let talk = Talk::new(family, Protocol::Tcp, Pool::One).with_client(client);
        let outcome = fixture.run(front(&talk.first()).side, &talk.first().bytes())?;
        let most = f64::from(rate) * (1.0 + started.elapsed().as_secs_f64()) + 1.0;
        if outcome.reasons.contains_key(&reason) {
            return Ok(admitted);
        }
        ensure!(outcome.reasons.contains_key(&Reason::NewFlow), "{outcome:?}");
        admitted += 1;
        ensure!(f64::from(admitted) <= most, "{admitted} flows");
        ensure!(started.elapsed() < PATIENCE, "never limited");
    }
}

#[test]
fn a_source_opens_so_many_flows_and_others_go_on() -> Result<()> {
    Fixture::play(
        |desired| pool_mut(desired, Pool::One).policy.new_flows_per_source = 4,
        |fixture| {
            for family in FAMILIES {
                for client in [7, 8] {
                    let admitted = until_limited(fixture, family, 4, client, Reason::RateLimitedSource)?;
                    ensure!(admitted >= 4, "{family:?}: {admitted} of a burst of 4");
                }
            }
            Ok(())
        },
    )
}

#[test]
fn a_service_takes_so_many_flows_of_all() -> Result<()> {
    Fixture::play(
        |desired| pool_mut(desired, Pool::One).policy.new_flows = 4,
        |fixture| {
            for family in FAMILIES {
                let flow = Talk::new(family, Protocol::Tcp, Pool::One);
                for frame in flow.proving() {
                    fixture.give(frame.side, &frame.bytes)?;
                }
                let admitted = until_limited(fixture, family, 4, 7, Reason::RateLimitedService)?;
                ensure!(admitted >= 3, "{family:?}: {admitted} of a burst of 4, of which one was taken");
                // Flows that exist are not counted.
                let more = flow.third();
                let output = flow.at_backend(&more);
                play_one(fixture, &Row::forwarded("a flow", front(&more), Reason::Established, &output))?;
            }
            Ok(())
        },
    )
}

/// TCP options with an MSS of `mss` behind `padding` no-operations, and others behind it.
fn options(mss: u16, padding: usize) -> Vec<u8> {
    let mut options = vec![1; padding];
    options.extend([2, 4]);
    options.extend(mss.to_be_bytes());
    options.extend([4, 2, 3, 3, 7]);
    options.resize(options.len().next_multiple_of(4), 0);
    options
}

#[test]
fn the_mss_of_a_handshake_is_lowered_never_raised() -> Result<()> {
    Fixture::play(
        |desired| pool_mut(desired, Pool::One).policy.mss = 1340,
        |fixture| {
            for family in FAMILIES {
                for padding in 0..=27 {
                    for (said, heard) in [(1460, 1340), (1341, 1340), (1340, 1340), (536, 536), (9000, 1340)]
                    {
                        let talk = Talk::new(family, Protocol::Tcp, Pool::One);
                        let syn = |mss| talk.segment(SYN).tcp_options(&options(mss, padding));
                        let syn_ack = |mss| talk.reply(SYN | ACK).tcp_options(&options(mss, padding));
                        let case = format!("{family:?}: {said} behind {padding} bytes");
                        let there = talk.at_backend(&syn(heard));
                        let here = talk.at_client(&syn_ack(heard));
                        let row = |reason| Row::forwarded(&case, front(&syn(said)), reason, &there);
                        let answer = Row::forwarded(&case, back(&syn_ack(said)), Reason::Unproven, &here);
                        play(fixture, &[row(Reason::NewFlow), row(Reason::Unproven), answer])?;
                    }
                }
            }
            Ok(())
        },
    )
}

#[test]
fn what_has_no_mss_or_is_no_handshake_stays_as_it_is() -> Result<()> {
    Fixture::play(
        |desired| pool_mut(desired, Pool::One).policy.mss = 1340,
        |fixture| {
            for family in FAMILIES {
                for odd in [
                    &[][..],
                    &[1, 1, 1, 0],
                    &[0, 2, 4, 9, 9, 0, 0, 0],
                    &[2, 3, 9, 0],
                    &[8, 1, 2, 4],
                    &[2, 40, 9, 9],
                ] {
                    let talk = Talk::new(family, Protocol::Tcp, Pool::One);
                    let syn = talk.segment(SYN).tcp_options(odd);
                    let output = talk.at_backend(&syn);
                    play_one(fixture, &Row::forwarded("odd", front(&syn), Reason::NewFlow, &output))?;
                }
                let talk = Talk::new(family, Protocol::Tcp, Pool::One);
                let data = talk.segment(ACK).tcp_options(&options(1460, 0));
                let output = talk.at_backend(&data);
                let row = Row::forwarded("data", front(&data), Reason::Established, &output);
                play_one(fixture, &row.given(&talk.proving()))?;
                let other = Talk::new(family, Protocol::Tcp, Pool::Three);
                let syn = other.segment(SYN).tcp_options(&options(1460, 0));
                let outcome = fixture.run(front(&syn).side, &syn.bytes())?;
                let sent = [1460_u16.to_be_bytes(), 1340_u16.to_be_bytes()]
                    .map(|mss| outcome.frame.windows(2).any(|bytes| bytes == mss));
                ensure!(sent == [true, false], "without the setting: {sent:?}");
            }
            Ok(())
        },
    )
}
