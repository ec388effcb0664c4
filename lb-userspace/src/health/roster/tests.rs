// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::{Duration, SystemTime};

use super::*;
use crate::health::testing::{backend, check, desired};

const START: SystemTime = SystemTime::UNIX_EPOCH;
const A: &str = "10.0.3.11";
const B: &str = "fd00:3::12";

fn roster(addresses: &[&str]) -> (Roster, Vec<Assignment>) {
    let mut roster = Roster::default();
    let changes = roster.sync(&desired(Some(check(80)), addresses), START);
    assert!(changes.stop.is_empty());
    (roster, changes.start)
}

fn tell(roster: &mut Roster, assignment: &Assignment, result: ProbeResult, now: SystemTime) -> Effect {
    let Assignment { backend, ticket, .. } = assignment.clone();
    roster.record(Finding { backend, ticket, result }, now)
}

fn failed() -> ProbeResult {
    ProbeResult::Failed("connection refused".to_owned())
}

#[test]
fn only_backends_with_a_check_are_probed() {
    let (roster, started) = roster(&[A, B]);
    assert_eq!(started.iter().map(|one| &one.backend).collect::<Vec<_>>(), [&backend(A), &backend(B)]);
    assert!(roster.report().backends.values().all(|health| *health == BackendHealth::new(START)));

    let mut without = Roster::default();
    assert!(without.sync(&desired(None, &[A]), START).start.is_empty());
    assert!(without.report().backends.is_empty());
}

#[test]
fn findings_become_health() {
    let (mut roster, started) = roster(&[A]);
    let later = START + Duration::from_secs(9);
    let effects = [ProbeResult::Passed, failed(), failed(), ProbeResult::Passed]
        .map(|result| tell(&mut roster, &started[0], result, later));
    assert_eq!(
        effects,
        [Effect::Turned(Verdict::Up), Effect::Counted, Effect::Turned(Verdict::Down), Effect::Counted]
    );
    let expected = BackendHealth {
        verdict: Some(Verdict::Down),
        since: later,
        last_error: None,
        consecutive: 1,
        probes: 4,
        failures: 2,
    };
    assert_eq!(roster.report().backends[&backend(A)], expected);
}

#[test]
fn a_failure_of_our_own_says_nothing_about_the_backend() {
    let (mut roster, started) = roster(&[A]);
    tell(&mut roster, &started[0], ProbeResult::Passed, START);
    for _ in 0..10 {
        let result = ProbeResult::NotAsked("not probed: no file descriptor".to_owned());
        assert_eq!(tell(&mut roster, &started[0], result, START), Effect::Counted);
    }
    let health = &roster.report().backends[&backend(A)];
    assert_eq!((health.verdict, health.probes, health.failures), (Some(Verdict::Up), 1, 0));
    assert_eq!(health.last_error.as_deref(), Some("not probed: no file descriptor"));
}

#[test]
fn a_backend_whose_check_is_unchanged_is_left_alone() {
    let (mut roster, started) = roster(&[A]);
    tell(&mut roster, &started[0], failed(), START);
    let before = roster.report().backends[&backend(A)].clone();
    let changes = roster.sync(&desired(Some(check(80)), &[B, A]), START + Duration::from_secs(1));
    assert_eq!(changes.start.iter().map(|one| &one.backend).collect::<Vec<_>>(), [&backend(B)]);
    assert!(changes.stop.is_empty());
    assert_eq!(roster.report().backends[&backend(A)], before);
}

#[test]
fn a_changed_check_counts_anew_but_keeps_the_verdict() {
    let (mut roster, old) = roster(&[A]);
    tell(&mut roster, &old[0], ProbeResult::Passed, START);
    tell(&mut roster, &old[0], failed(), START);
    let new = roster.sync(&desired(Some(check(81)), &[A]), START).start;
    let health = roster.report().backends[&backend(A)].clone();
    assert_eq!((health.verdict, health.consecutive, health.probes), (Some(Verdict::Up), 0, 2));

    assert_eq!(tell(&mut roster, &old[0], failed(), START), Effect::Stale);
    assert_eq!(tell(&mut roster, &new[0], failed(), START), Effect::Turned(Verdict::Down));
}

#[test]
fn removed_backends_disappear_and_come_back_as_new() {
    let (mut roster, started) = roster(&[A, B]);
    tell(&mut roster, &started[0], failed(), START);
    let changes = roster.sync(&desired(Some(check(80)), &[B]), START);
    assert_eq!((changes.stop, changes.start.len()), (vec![backend(A)], 0));
    assert_eq!(tell(&mut roster, &started[0], failed(), START), Effect::Stale);
    assert_eq!(roster.report().backends.keys().collect::<Vec<_>>(), [&backend(B)]);

    roster.sync(&desired(Some(check(80)), &[A, B]), START);
    assert_eq!(roster.report().backends[&backend(A)].verdict, None);
    assert_eq!(tell(&mut roster, &started[0], failed(), START), Effect::Stale);
}
