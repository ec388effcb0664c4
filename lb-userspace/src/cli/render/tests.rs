// SPDX-License-Identifier: MIT OR Apache-2.0
//! What people see, compared with `golden/`; `LB_GOLDEN=write cargo test` writes it anew, to be read before a commit.

use super::*;
use crate::observe::api::{DrainAnswer, DrainedBackend, Flows, LogLevel, PlanView, ReasonStatus};
use crate::observe::fixture;

fn check(name: &str, text: &str) {
    let path = format!("{}/src/cli/render/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("LB_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{path}");
}

#[test]
fn status_shows_everything() {
    check("status", &status::status_at(&fixture::status(), 1_700_000_107, false));
}

#[test]
fn status_says_what_is_wrong() {
    let mut status = fixture::status();
    status.source.ok = false;
    status.source.problems = vec!["lb.yaml:3: balancer.interfaces: is empty; name at least one".to_owned()];
    status.source.needs_restart = vec!["balancer.admin_address: none is in force; restart lbd".to_owned()];
    status.reconcile.last_error = Some("the flows table is full".to_owned());
    if let Some(cloud) = &mut status.cloud {
        cloud.error = Some("/v2/load-balancers: no full answer within 30 s; it is asked again".to_owned());
        cloud.refused.clear();
    }
    status.datapath_error = Some("reading REASONS failed".to_owned());
    status.load_balancers.clear();
    check("status-bad", &status::status_at(&status, 1_700_000_107, false));
}

#[test]
fn flows_say_how_many_are_not_shown() {
    check("flows", &flows::list(&Flows { total: 3, flows: fixture::flows() }, false));
    let answer = Flows { total: 12, flows: fixture::flows() };
    assert!(flows::list(&answer, false).contains("3 of 12 flows; --limit shows more"));
}

#[test]
fn reasons_are_listed_with_their_meaning() {
    let reasons: Vec<ReasonStatus> = fixture::status().reasons;
    check("reasons", &reasons::list(&reasons, false));
}

#[test]
fn plans_are_numbered() {
    let plan = |changes: &[&str], unplaced: &[&str]| {
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        plan::plan(&PlanView { changes: own(changes), unplaced: own(unplaced) }, false)
    };
    assert_eq!(plan(&[], &[]), "nothing to do: the kernel is as desired\n");
    assert_eq!(
        plan(&["settle", "remove x"], &["backend y"]),
        "   1. settle\n   2. remove x\nleft out: backend y\n"
    );
}

#[test]
fn drains_say_what_happens_to_flows() {
    let answer = |changed, seconds_left| DrainAnswer {
        backends: vec![DrainedBackend { id: fixture::backend_id("10.0.3.11"), changed, seconds_left }],
    };
    let expected = "web/10.0.3.11 is drained: no new flows; open flows end in 1m 0s\n";
    assert_eq!(backends::drained(&answer(true, Some(60)), false), expected);
    let expected = "web/10.0.3.11 was drained before: no new flows; open flows have ended\n";
    assert_eq!(backends::drained(&answer(false, Some(0)), false), expected);
    assert_eq!(backends::undrained(&answer(true, None), false), "web/10.0.3.11 takes new flows again\n");
    assert_eq!(backends::undrained(&answer(false, None), false), "web/10.0.3.11 was not drained\n");
}

#[test]
fn colours_do_not_move_columns() {
    let plain = status::status_at(&fixture::status(), 1_700_000_107, false);
    let coloured = status::status_at(&fixture::status(), 1_700_000_107, true);
    let mut stripped = coloured.clone();
    for code in ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_ne!(plain, coloured);
    assert_eq!(plain, stripped);
}

#[test]
fn json_is_what_the_daemon_said() {
    let status = fixture::status();
    let text = Output { json: true, colour: true }.of(&status, status::status);
    assert_eq!(serde_json::from_str::<crate::observe::api::Status>(&text).unwrap(), status);
}

#[test]
fn units_are_for_people() {
    let pairs = [(59, "59s"), (61, "1m 1s"), (7322, "2h 2m"), (93_784, "1d 2h")];
    for (seconds, expected) in pairs {
        assert_eq!(duration(seconds), expected);
    }
    let pairs =
        [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_234_567, "1.2 MiB"), (u64::MAX, "16.0 EiB")];
    for (count, expected) in pairs {
        assert_eq!(bytes(count), expected);
    }
    let answer = LogLevelRequest { level: LogLevel::Debug, target: LogTarget::Datapath };
    assert_eq!(log_level(&answer, false), "the program in the kernel now logs at level debug\n");
}
