// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames in which anything may be wrong.

use anyhow::{Context as _, Result, ensure};
use lb_common::hash::mix;
use lb_common::net::ETHERTYPE_VLAN;
use lb_common::reason::Outcome as Kind;
use lb_common::tcp::{ACK, FIN, RST, SYN};
use lb_tests::packet::check;

use super::fixture::{Fixture, Side};
use super::row::Arriving;
use super::setting::{FAMILIES, Pool};
use super::talk::{PROTOCOLS, Talk, back, front};

const ROUNDS: u64 = 8000;
/// Bytes in which something may change: headers, mostly.
const REACH: u64 = 90;

/// Frames of flows in all states.
fn corpus() -> Vec<Arriving> {
    let mut frames = Vec::new();
    for (family, protocol) in FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p))) {
        for pool in [Pool::One, Pool::Nobody, Pool::Unheard, Pool::Maglev] {
            let talk = Talk::new(family, protocol, pool);
            frames.extend(talk.proving());
            frames.push(front(&talk.third().tag(ETHERTYPE_VLAN, 5).payload(b"payload")));
            frames.push(back(&talk.answer_or_ack().ttl(1)));
            frames.extend([SYN, ACK, FIN | ACK, RST].map(|flags| front(&talk.segment(flags))));
        }
    }
    frames
}

/// Changes up to three bytes or bits, or the length; the same number makes the same change.
fn mutate(frame: &Arriving, number: u64) -> Arriving {
    let mut mutant = frame.clone();
    let mut random = mix(number + 1);
    let mut draw = |below: u64| {
        random = mix(random.wrapping_add(0x9e37_79b9_7f4a_7c15));
        random % below
    };
    for _ in 0..draw(4) {
        let at = draw(REACH.min(mutant.bytes.len() as u64)) as usize;
        mutant.bytes[at] = match draw(3) {
            0 => mutant.bytes[at] ^ (1 << draw(8)),
            1 => draw(256) as u8,
            _ => [0, 1, 0x7f, 0x80, 0xff][draw(5) as usize],
        };
    }
    match draw(6) {
        0 => mutant.bytes.truncate(14 + draw(mutant.bytes.len() as u64 - 13) as usize),
        1 => mutant.bytes.extend(vec![0xaa; draw(64) as usize]),
        _ => {}
    }
    if draw(8) == 0 {
        mutant.side = if mutant.side == Side::Front { Side::Back } else { Side::Front };
    }
    mutant
}

fn hold(fixture: &Fixture, frame: &Arriving) -> Result<()> {
    let outcome = fixture.run(frame.side, &frame.bytes)?;
    let action = outcome.action;
    ensure!((1..=4).contains(&action), "action {action}");
    let (reason, packets) = outcome.reasons.first_key_value().context("no reason was counted")?;
    ensure!(outcome.reasons.len() == 1 && *packets == 1, "{:?}", outcome.reasons);
    let actions: &[u32] = match reason.outcome() {
        Kind::Pass | Kind::Handover => &[2],
        Kind::Forward => &[3, 4],
        Kind::Reply => &[3],
        Kind::Drop => &[1],
    };
    ensure!(actions.contains(&action), "action {action} for {reason:?}");
    match reason.outcome() {
        Kind::Pass => ensure!(outcome.frame == frame.bytes, "{reason:?} has changed the frame"),
        Kind::Reply => check::checksums(&outcome.frame).with_context(|| format!("{reason:?}"))?,
        Kind::Forward | Kind::Handover if check::checksums(&frame.bytes).is_ok() => {
            check::checksums(&outcome.frame).with_context(|| format!("{reason:?}"))?;
        }
        _ => {}
    }
    Ok(())
}

#[test]
fn nothing_upsets_the_program() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            let corpus = corpus();
            for round in 0..ROUNDS {
                let frame = mutate(&corpus[(mix(round) % corpus.len() as u64) as usize], round);
                hold(fixture, &frame).with_context(|| {
                    let hex = super::row::hex(&frame.bytes);
                    format!("round {round}, by the {:?}, {hex}", frame.side)
                })?;
            }
            Ok(())
        },
    )
}
