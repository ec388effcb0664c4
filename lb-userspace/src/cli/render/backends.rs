// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends, and the answers to `drain` and `undrain`.

use super::table::{Cell, Colour, Table};
use super::{bytes, duration};
use crate::observe::api::{BackendState, BackendStatus, DrainAnswer, TrafficCount};

/// The answer to `backends`.
pub fn list(backends: &[BackendStatus], colour: bool) -> String {
    table(backends).render(0, colour)
}

/// Backends as a table.
pub fn table(backends: &[BackendStatus]) -> Table {
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
        let traffic = backend.traffic.unwrap_or_default();
        let TrafficCount { packets_in, bytes_in, packets_out, bytes_out, flows } = traffic;
        table.row([
            backend.id.to_string().into(),
            backend.instance.to_string().into(),
            Cell::coloured(backend.state.name(), colour_of(backend.state)),
            backend.weight.into(),
            backend.open_flows.into(),
            flows.into(),
            packets_in.into(),
            packets_out.into(),
            bytes(bytes_in).into(),
            bytes(bytes_out).into(),
            detail(backend).into(),
        ]);
    }
    table
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
