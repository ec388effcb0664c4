// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends, and the answers to `drain` and `undrain`.

use super::table::{Cell, Colour, Table};
use super::{bytes, duration};
use crate::observe::api::{BackendState, BackendStatus, Backends, DrainAnswer, RemovedBackend, TrafficCount};

/// The answer to `backends`.
pub fn list(answer: &Backends, colour: bool) -> String {
    table(&answer.backends, &answer.removed).render(0, colour)
}

/// Backends as a table, those of the file and those that were removed.
pub fn table(backends: &[BackendStatus], removed: &[RemovedBackend]) -> Table {
    let mut table = Table::new(&[
        "BACKEND",
        "INSTANCE",
        "STATE",
        ">WEIGHT",
        ">OPEN",
        ">FLOWS",
        ">PACKETS IN",
        ">OUT",
        ">BYTES IN",
        ">OUT",
        "DETAIL",
    ]);
    for backend in backends {
        let who =
            [(&backend.id).into(), (&backend.instance).into(), state(backend.state), backend.weight.into()];
        table.row(row(who, backend.open_flows, backend.traffic.unwrap_or_default(), detail(backend)));
    }
    for backend in removed {
        let who = [backend.address.into(), "-".into(), state(backend.state), "-".into()];
        let left = duration(backend.drain_seconds_left.into());
        let detail = format!("removed from the file, open flows end in {left}");
        table.row(row(who, backend.open_flows, backend.traffic, detail));
    }
    table
}

fn row(who: [Cell; 4], open_flows: u32, traffic: TrafficCount, detail: String) -> Vec<Cell> {
    let TrafficCount { packets_in, bytes_in, packets_out, bytes_out, flows } = traffic;
    let counts = [open_flows.into(), flows.into(), packets_in.into(), packets_out.into()];
    let rest = [bytes(bytes_in).into(), bytes(bytes_out).into(), detail.into()];
    who.into_iter().chain(counts).chain(rest).collect()
}

fn state(state: BackendState) -> Cell {
    Cell::coloured(state.name(), colour_of(state))
}

fn colour_of(state: BackendState) -> Colour {
    match state {
        BackendState::Up => Colour::Good,
        BackendState::Down => Colour::Bad,
        BackendState::Unknown | BackendState::Draining => Colour::Notice,
    }
}

/// Why a backend is in its state, as far as that is not plain.
fn detail(backend: &BackendStatus) -> String {
    let unhealthy = backend.health.as_ref().is_some_and(|health| health.healthy == Some(false));
    let error = backend.health.as_ref().and_then(|health| health.last_error.clone());
    let parts = [
        backend.drain_seconds_left.map(|left| match left {
            0 => "drained by the operator".to_owned(),
            left => format!("drained by the operator, open flows end in {}", duration(left.into())),
        }),
        (backend.weight == 0).then(|| "weight 0".to_owned()),
        error.map(|error| if unhealthy { error } else { format!("last probe: {error}") }),
        backend.traffic.is_none().then(|| "not in the kernel".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The answer to `drain`.
pub fn drained(answer: &DrainAnswer, _colour: bool) -> String {
    let line = |backend: &crate::observe::api::DrainedBackend| {
        let lead = if backend.changed { "is drained" } else { "was drained before" };
        let end = match backend.seconds_left {
            None | Some(0) => "open flows have ended".to_owned(),
            Some(left) => format!("open flows end in {}", duration(left.into())),
        };
        format!("{} {lead}: no new flows; {end}\n", backend.id)
    };
    answer.backends.iter().map(line).collect()
}

/// The answer to `undrain`.
pub fn undrained(answer: &DrainAnswer, _colour: bool) -> String {
    let line = |backend: &crate::observe::api::DrainedBackend| {
        let state = if backend.changed { "takes new flows again" } else { "was not drained" };
        format!("{} {state}\n", backend.id)
    };
    answer.backends.iter().map(line).collect()
}
