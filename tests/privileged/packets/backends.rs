// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends that go, drain or fall ill under flows.

use std::time::Duration;

use anyhow::Result;
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, RST, SYN};
use lb_tests::packet::Frame;
use lb_userspace::model::{BackendId, DesiredState, HealthCheck, Probe, Protocol, Weight};
use lb_userspace::reconcile::conditions::{Drain, Verdict};

use super::fixture::Fixture;
use super::row::{Row, play, play_one};
use super::setting::{FAMILIES, Family, Pool, instance, label, pool_mut};
use super::talk::{PROTOCOLS, Talk, back, front};

/// Flows of a backend that is replaced: what each is to see.
fn after_replacement(family: Family) -> (Vec<Talk>, Vec<Row>) {
    let tcp = || Talk::new(family, Protocol::Tcp, Pool::One);
    let udp = || Talk::new(family, Protocol::Udp, Pool::One);
    let gone = |what: &str, frame: Frame, answer: Frame| {
        Row::answered(format!("{family:?}: {what}"), front(&frame), Reason::BackendGone, &answer)
    };
    let moves = |what: &str, talk: &Talk, frame: Frame| {
        let output = talk.with_backend(12).at_backend(&frame);
        Row::forwarded(format!("{family:?}: {what}"), front(&frame), Reason::NewFlow, &output)
    };
    let (data, syn, reset, from_backend, question) = (tcp(), tcp(), tcp(), tcp(), udp());
    let segment = data.segment(ACK).numbers(5, 77).payload(b"data");
    let response = from_backend.reply(ACK).numbers(6, 88);
    let to_backend =
        Frame::tcp(from_backend.snat, from_backend.backend, RST).numbers(88, 0).in_answer_to(&response);
    let rows = vec![
        gone("data", segment.clone(), data.refusal(&segment, RST, 77, 0)),
        moves("a SYN opens another flow", &syn, syn.segment(SYN)),
        moves("a question goes to another", &question, question.question()),
        Row::dropped(
            format!("{family:?}: a RST is not answered"),
            front(&reset.segment(RST)),
            Reason::StrayReset,
        ),
        Row::answered(format!("{family:?}: the backend"), back(&response), Reason::BackendGone, &to_backend),
    ];
    (vec![data, syn, reset, from_backend, question], rows)
}

fn replace_the_backend(desired: &mut DesiredState) {
    pool_mut(desired, Pool::One).instances = vec![instance(12)];
}

fn at_once(desired: &mut DesiredState) {
    pool_mut(desired, Pool::One).drain_timeout = Duration::ZERO;
}

#[test]
fn a_backend_that_is_gone_is_told() -> Result<()> {
    Fixture::play(at_once, |fixture| {
        let plays: Vec<(Vec<Talk>, Vec<Row>)> = FAMILIES.map(after_replacement).to_vec();
        for frame in plays.iter().flat_map(|(talks, _)| talks).flat_map(Talk::proving) {
            fixture.give(frame.side, &frame.bytes)?;
        }
        replace_the_backend(&mut fixture.desired);
        fixture.reconcile()?;
        plays.iter().try_for_each(|(_, rows)| play(fixture, rows))
    })
}

#[test]
fn a_flow_without_proof_moves_from_a_backend_that_is_gone() -> Result<()> {
    Fixture::play(at_once, |fixture| {
        let mut rows = Vec::new();
        for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
            let talk = Talk::new(family, protocol, Pool::One);
            for frame in talk.opening() {
                fixture.give(frame.side, &frame.bytes)?;
            }
            let (first, output) = (talk.first(), talk.with_backend(12).at_backend(&talk.first()));
            let case = format!("{family:?} {protocol}");
            rows.push(Row::forwarded(case, front(&first), Reason::NewFlow, &output));
        }
        replace_the_backend(&mut fixture.desired);
        fixture.reconcile()?;
        play(fixture, &rows)
    })
}

/// New flows go to the second backend, flows of the first go on.
fn first_takes_no_more(fixture: &mut Fixture, change: impl FnOnce(&mut Fixture)) -> Result<()> {
    let proven: Vec<Talk> = FAMILIES
        .into_iter()
        .flat_map(|family| PROTOCOLS.map(|protocol| Talk::new(family, protocol, Pool::One)))
        .collect();
    for frame in proven.iter().flat_map(Talk::proving) {
        fixture.give(frame.side, &frame.bytes)?;
    }
    pool_mut(&mut fixture.desired, Pool::One).instances.push(instance(12));
    change(fixture);
    fixture.reconcile()?;
    for talk in &proven {
        let (asks, says) = (talk.third(), talk.answer_or_ack());
        let there = talk.at_backend(&asks);
        play_one(fixture, &Row::forwarded("there", front(&asks), Reason::Established, &there))?;
        let back_again = talk.at_client(&says);
        play_one(fixture, &Row::forwarded("back", back(&says), Reason::Established, &back_again))?;
        let family = if talk.vip.is_ipv4() { Family::V4 } else { Family::V6 };
        for _ in 0..4 {
            let new = Talk::new(family, talk.protocol, Pool::One).with_backend(12);
            let (first, output) = (new.first(), new.at_backend(&new.first()));
            play_one(fixture, &Row::forwarded("new", front(&first), Reason::NewFlow, &output))?;
        }
    }
    Ok(())
}

fn first(family: Family) -> BackendId {
    BackendId { load_balancer: label(Pool::One), address: family.backend(11) }
}

#[test]
fn weight_zero_takes_no_new_flows() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            first_takes_no_more(fixture, |fixture| {
                pool_mut(&mut fixture.desired, Pool::One).instances[0].weight = Weight::ZERO;
            })
        },
    )
}

#[test]
fn a_drained_backend_keeps_its_flows() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            first_takes_no_more(fixture, |fixture| {
                let forever = Drain { until: u32::MAX };
                fixture.conditions.drains = FAMILIES.map(|family| (first(family), forever)).into();
            })
        },
    )
}

#[test]
fn a_backend_that_is_down_keeps_its_flows() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            first_takes_no_more(fixture, |fixture| {
                pool_mut(&mut fixture.desired, Pool::One).health_check = Some(HealthCheck {
                    probe: Probe::Tcp,
                    port: std::num::NonZeroU16::MIN,
                    check_interval: Duration::from_secs(15),
                    response_timeout: Duration::from_secs(5),
                    unhealthy_threshold: 5,
                    healthy_threshold: 5,
                });
                fixture.conditions.health = FAMILIES.map(|family| (first(family), Verdict::Down)).into();
            })
        },
    )
}
