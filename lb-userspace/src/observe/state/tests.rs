// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::observe::fixture;

#[test]
fn backends_have_the_state_that_bears_on_new_flows() {
    let status = fixture::status();
    let backends = &status.load_balancers[0].backends;
    let found: Vec<BackendState> = backends.iter().map(|backend| backend.state).collect();
    assert_eq!(found, [BackendState::Up, BackendState::Down, BackendState::Draining]);
    assert_eq!(backends[0].open_flows, 7);
    assert_eq!(backends[1].traffic.map(|traffic| traffic.flows), Some(0), "in the kernel, nothing counted");
    assert_eq!((backends[2].drain_seconds_left, backends[2].traffic), (Some(45), None));
}

#[test]
fn a_removed_backend_is_there_until_its_flows_end() {
    let removed = fixture::status().removed_backends;
    let [only] = &removed[..] else { panic!("{removed:?}") };
    assert_eq!(only.address, std::net::IpAddr::from([10, 0, 3, 14]));
    assert_eq!((only.state, only.open_flows, only.drain_seconds_left), (BackendState::Draining, 2, 30));
    assert_eq!(only.traffic.flows, 70);
}

#[test]
fn without_a_result_a_checked_backend_is_unknown_and_an_unchecked_one_up() {
    let mut balancer = fixture::desired().load_balancers.remove(0);
    assert_eq!(checked_state(&balancer, None), BackendState::Unknown);
    balancer.health_check = None;
    assert_eq!(checked_state(&balancer, None), BackendState::Up);
}

#[test]
fn every_reason_is_listed_once() {
    let reasons = fixture::status().reasons;
    assert_eq!(reasons.len(), Reason::ALL.len());
    assert!(reasons.iter().all(|reason| !reason.meaning.starts_with(' ')));
}

#[test]
fn a_bad_file_is_said_and_does_not_make_unready() {
    let mut status = fixture::status();
    status.source.ok = false;
    status.source.problems = vec!["lb.yaml:3: balancer: missing".to_owned()];
    let readiness = readiness(&status);
    assert!(readiness.ready);
    assert_eq!(
        readiness.source.why.as_deref(),
        Some("/etc/lb/lb.yaml is bad and the last good state is in force: lb.yaml:3: balancer: missing")
    );
}

#[test]
fn a_bad_cloud_is_said_and_does_not_make_unready() {
    let mut status = fixture::status();
    status.cloud.as_mut().unwrap().error = Some("no answer".to_owned());
    let readiness = readiness(&status);
    assert!(readiness.ready);
    let expected = "the last good answer of https://api.example.net is in force: no answer";
    assert_eq!(readiness.source.why.as_deref(), Some(expected));
}

#[test]
fn what_keeps_from_being_ready() {
    let not_ready = |change: fn(&mut Status), expected: &str| {
        let mut status = fixture::status();
        change(&mut status);
        let readiness = readiness(&status);
        assert!(!readiness.ready);
        assert_eq!(readiness.reconcile.why.or(readiness.datapath.why).as_deref(), Some(expected));
    };
    not_ready(
        |status| status.reconcile.last_success = None,
        "the kernel has not been brought to the desired state yet",
    );
    not_ready(|status| status.reconcile.last_error = Some("full".to_owned()), "full");
    not_ready(|status| status.datapath.interfaces.clear(), "no interface carries the program");
    not_ready(
        |status| status.datapath_error = Some("reading REASONS failed".to_owned()),
        "reading REASONS failed",
    );
}
