// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a flow, packet by packet.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use lb_common::limits::PROOF_WINDOW;
use lb_common::reason::Reason;
use lb_common::tcp::{ACK, FIN, RST, SYN};
use lb_userspace::model::Protocol::{Tcp, Udp};

use super::fixture::Fixture;
use super::row::{Action, Row, play};
use super::setting::{FAMILIES, Family, Pool};
use super::talk::{Talk, back, front};

#[test]
fn flows_live_as_written() -> Result<()> {
    Fixture::play(
        |_| {},
        |fixture| {
            for family in FAMILIES {
                let rows = [handshake(family), talking(family), ending(family), again(family), udp(family)];
                play(fixture, &rows.concat())?;
            }
            Ok(())
        },
    )
}

/// Two packets of a client on two CPUs at once, the proof and what follows it: neither may take the flow for unknown, in
/// whatever table it is at that moment.
#[test]
fn a_flow_that_is_being_proved_is_not_lost() -> Result<()> {
    const FLOWS: usize = 3000;
    Fixture::play(
        |desired| desired.balancer.tables.flows = 16 * 1024,
        |fixture| {
            let fixture = &*fixture;
            for (number, family) in FAMILIES.into_iter().cycle().take(FLOWS).enumerate() {
                let talk = Talk::new(family, Tcp, Pool::One);
                for frame in [front(&talk.first()), back(&talk.second())] {
                    fixture.give(frame.side, &frame.bytes)?;
                }
                let (proof, data) = (front(&talk.third()), front(&talk.third().payload(b"GET / HTTP/1.0")));
                let started = AtomicBool::new(false);
                let (first, second) = std::thread::scope(|scope| {
                    let other = scope.spawn(|| {
                        started.store(true, Ordering::Release);
                        fixture.give(data.side, &data.bytes)
                    });
                    while !started.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    // At a different moment each time.
                    (0..number % 256 * 16).for_each(|_| std::hint::spin_loop());
                    (fixture.give(proof.side, &proof.bytes), other.join())
                });
                let second = second.map_err(|_| anyhow::anyhow!("the other thread panicked"))??;
                let actions = [first?.0, second.0];
                ensure!(actions == [Action::Redirect as u32; 2], "flow {number}: actions {actions:?}");
            }
            Ok(())
        },
    )
}

fn handshake(family: Family) -> Vec<Row> {
    let case = |what: &str| format!("{family:?} tcp: {what}");
    let to_backend = |what: &str, talk: &Talk, frame, reason| {
        Row::forwarded(case(what), front(&frame), reason, &talk.at_backend(&frame))
    };
    let to_client = |what: &str, talk: &Talk, frame, reason| {
        Row::forwarded(case(what), back(&frame), reason, &talk.at_client(&frame))
    };
    let new = || Talk::new(family, Tcp, Pool::One);
    let answered = |talk: &Talk| [talk.opening(), vec![back(&talk.second())]].concat();
    let t: Vec<Talk> = std::iter::repeat_with(new).take(10).collect();
    vec![
        to_backend("a SYN opens a flow", &t[0], t[0].first(), Reason::NewFlow),
        to_backend("ECN set-up opens one too", &t[1], t[1].first().payload(b"fast open"), Reason::NewFlow),
        to_backend("a SYN sent again", &t[2], t[2].first(), Reason::Unproven).given(&t[2].opening()),
        to_client("the SYN-ACK", &t[3], t[3].second(), Reason::Unproven).given(&t[3].opening()),
        to_client("the SYN-ACK sent again", &t[4], t[4].second(), Reason::Unproven).given(&answered(&t[4])),
        to_backend("the proof", &t[5], t[5].third(), Reason::Proved).given(&answered(&t[5])),
        to_backend("a proof that carries data", &t[6], t[6].third().payload(b"GET /"), Reason::Proved)
            .given(&answered(&t[6])),
        to_backend(
            "a guess proves nothing",
            &t[7],
            t[7].third().numbers(1001, PROOF_WINDOW),
            Reason::Unproven,
        )
        .given(&answered(&t[7])),
        to_backend("an ACK of nothing proves nothing", &t[8], t[8].third(), Reason::Unproven)
            .given(&t[8].opening()),
        to_client("a backend that refuses", &t[9], t[9].reply(RST | ACK), Reason::Unproven)
            .given(&t[9].opening()),
    ]
}

fn talking(family: Family) -> Vec<Row> {
    let established = |what: &str, from_client: bool, more: bool| {
        let talk = Talk::new(family, Tcp, Pool::One);
        let data = [talk.segment(ACK).payload(b"request"), talk.reply(ACK).payload(b"response")];
        let mut given = talk.proving();
        if more {
            given.extend([front(&data[0]), back(&data[1])]);
        }
        let case = format!("{family:?} tcp: {what}");
        let row = if from_client {
            Row::forwarded(case, front(&data[0]), Reason::Established, &talk.at_backend(&data[0]))
        } else {
            Row::forwarded(case, back(&data[1]), Reason::Established, &talk.at_client(&data[1]))
        };
        row.given(&given)
    };
    vec![
        established("the first data from the client", true, false),
        established("the first data from the backend", false, false),
        established("more data from the client", true, true),
        established("more data from the backend", false, true),
    ]
}

fn ending(family: Family) -> Vec<Row> {
    let case = |what: &str| format!("{family:?} tcp: {what}");
    let mut rows = Vec::new();
    for (what, flags) in [("the client's FIN", FIN | ACK), ("the client's RST", RST)] {
        let talk = Talk::new(family, Tcp, Pool::One);
        let frame = talk.segment(flags);
        let output = talk.at_backend(&frame);
        let row = Row::forwarded(case(what), front(&frame), Reason::Established, &output);
        rows.push(row.given(&talk.proving()));
    }
    for (what, flags) in [("the backend's FIN", FIN | ACK), ("the backend's RST", RST | ACK)] {
        let talk = Talk::new(family, Tcp, Pool::One);
        let frame = talk.reply(flags);
        let output = talk.at_client(&frame);
        let row = Row::forwarded(case(what), back(&frame), Reason::Established, &output);
        rows.push(row.given(&talk.proving()));
    }
    for (what, ended) in
        [("both FINs", Talk::whole as fn(&Talk) -> Vec<_>), ("a RST", Talk::broken as fn(&Talk) -> Vec<_>)]
    {
        let talk = Talk::new(family, Tcp, Pool::One);
        let (last, late) = (talk.segment(ACK), talk.reply(ACK).payload(b"late"));
        let case = |who| format!("{family:?} tcp: after {what}, the {who} is still heard");
        let client =
            Row::forwarded(case("client"), front(&last), Reason::Established, &talk.at_backend(&last));
        rows.push(client.given(&ended(&talk)));
        rows.push(Row::forwarded(case("backend"), back(&late), Reason::Established, &talk.at_client(&late)));
    }
    rows
}

/// A SYN with the tuple of a flow that there is or was.
fn again(family: Family) -> Vec<Row> {
    let row = |what: &str, given: fn(&Talk) -> Vec<_>, reason| {
        let talk = Talk::new(family, Tcp, Pool::One);
        let syn = talk.segment(SYN).numbers(50_000, 0);
        let case = format!("{family:?} tcp: a SYN {what}");
        Row::forwarded(case, front(&syn), reason, &talk.at_backend(&syn)).given(&given(&talk))
    };
    let half_closed = |talk: &Talk| [talk.proving(), vec![front(&talk.segment(FIN | ACK))]].concat();
    let refused = |talk: &Talk| [talk.opening(), vec![back(&talk.reply(RST | ACK))]].concat();
    let given_up = |talk: &Talk| [talk.opening(), vec![front(&talk.segment(RST))]].concat();
    vec![
        row("after both FINs opens another flow", Talk::whole, Reason::NewFlow),
        row("after a RST opens another flow", Talk::broken, Reason::NewFlow),
        row("after the backend refused opens another flow", refused, Reason::NewFlow),
        row("after the client gave up opens another flow", given_up, Reason::NewFlow),
        row("on a flow that lives is the backend's to judge", Talk::proving, Reason::Established),
        row("on a flow that is half closed as well", half_closed, Reason::Established),
    ]
}

fn udp(family: Family) -> Vec<Row> {
    let question = |what: &str, given: fn(&Talk) -> Vec<_>, reason| {
        let talk = Talk::new(family, Udp, Pool::One);
        let frame = talk.question();
        let case = format!("{family:?} udp: {what}");
        Row::forwarded(case, front(&frame), reason, &talk.at_backend(&frame)).given(&given(&talk))
    };
    let answer = |what: &str, given: fn(&Talk) -> Vec<_>, reason| {
        let talk = Talk::new(family, Udp, Pool::One);
        let frame = talk.answer();
        let case = format!("{family:?} udp: {what}");
        Row::forwarded(case, back(&frame), reason, &talk.at_client(&frame)).given(&given(&talk))
    };
    let more = |talk: &Talk| [talk.proving(), vec![back(&talk.answer())]].concat();
    vec![
        question("a question opens a flow", |_| Vec::new(), Reason::NewFlow),
        question("a question asked again", Talk::opening, Reason::Unproven),
        question("another question", Talk::proving, Reason::Established),
        answer("the answer proves the flow", Talk::opening, Reason::Proved),
        answer("a second answer", Talk::proving, Reason::Established),
        answer("a third answer", more, Reason::Established),
    ]
}
