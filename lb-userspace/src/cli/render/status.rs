// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything at a glance.

use std::time::{SystemTime, UNIX_EPOCH};

use super::table::{Cell, Colour, Table};
use super::{backends, bytes, duration, reasons};
use crate::datapath::view::{AttachMode, Facts};
use crate::observe::api::{LoadBalancerStatus, ReconcileView, SourceStatus, Status};

/// The answer to `status`.
pub fn status(status: &Status, colour: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    status_at(status, now, colour)
}

/// The same for an operator who looks at `now`, in seconds since 1970.
pub fn status_at(status: &Status, now: u64, colour: bool) -> String {
    let mut text = head(status, now, colour);
    let mut section = |title: &str, table: &Table| {
        text += &format!("\n{title}\n{}", table.render(2, colour));
    };
    section("Interfaces", &interfaces(&status.datapath));
    section("Tables", &tables(&status.datapath));
    for balancer in &status.load_balancers {
        let check = balancer.health_check.as_deref().unwrap_or("none");
        let title =
            format!("Load balancer {} ({}, health check: {check})", balancer.label, balancer.algorithm);
        section(&title, &services(balancer));
        section("  Backends", &backends::table(&balancer.backends));
    }
    section(
        "Reasons that were counted",
        &reasons::table(status.reasons.iter().filter(|reason| reason.packets > 0)),
    );
    text
}

fn head(status: &Status, now: u64, colour: bool) -> String {
    let daemon = &status.daemon;
    let mut text = format!(
        "lbd {} instance {}, pid {}, up {}\n",
        daemon.version,
        daemon.instance,
        daemon.pid,
        duration(daemon.uptime_seconds)
    );
    text += &source(&status.source, colour);
    text += &reconcile(&status.reconcile, now, colour);
    let facts = &status.datapath;
    let origin = if facts.adopted { "taken over from an earlier lbd" } else { "made anew" };
    let instructions = facts.verified_instructions;
    text += &format!(
        "data path  map layout {}, {origin}, {instructions} verified instructions\n",
        facts.abi_version
    );
    if let Some(error) = &status.datapath_error {
        text += &format!("           {}\n", Colour::Bad.paint(error, colour));
    }
    text
}

fn source(source: &SourceStatus, colour: bool) -> String {
    let state = if source.ok {
        Colour::Good.paint("ok", colour)
    } else {
        Colour::Bad.paint("bad; the last good state is in force", colour)
    };
    let problems: String = source.problems.iter().map(|problem| format!("           {problem}\n")).collect();
    format!("source     {} revision {}: {state}\n{problems}", source.file, source.revision)
}

fn reconcile(reconcile: &ReconcileView, now: u64, colour: bool) -> String {
    let state = match (&reconcile.last_error, reconcile.last_success) {
        (Some(error), _) => Colour::Bad.paint(&format!("failed: {error}"), colour),
        (None, None) => Colour::Notice.paint("not yet", colour),
        (None, Some(at)) => {
            format!("{}, {} ago", Colour::Good.paint("ok", colour), duration(now.saturating_sub(at)))
        }
    };
    let ReconcileView { changes, repaired, errors, .. } = reconcile;
    format!("reconcile  {state} ({changes} changes, {repaired} repaired, {errors} errors)\n")
}

fn interfaces(facts: &Facts) -> Table {
    let mut table = Table::new(&["INTERFACE", "MODE", "DETAIL"]);
    for interface in &facts.interfaces {
        let mode = match interface.mode {
            AttachMode::Native => Cell::coloured("native", Colour::Good),
            AttachMode::Generic => Cell::coloured("generic", Colour::Notice),
        };
        table.row([(&interface.name).into(), mode, interface.detail.as_deref().unwrap_or("").into()]);
    }
    table
}

fn tables(facts: &Facts) -> Table {
    let mut table = Table::new(&["TABLE", ">USED", ">CAPACITY", ">FILL"]);
    for (name, fill) in &facts.tables {
        let percent = f64::from(fill.used) * 100.0 / f64::from(fill.capacity.max(1));
        let shown = format!("{percent:.1} %");
        let shown = if percent >= 90.0 { Cell::coloured(shown, Colour::Bad) } else { shown.into() };
        table.row([name.into(), fill.used.into(), fill.capacity.into(), shown]);
    }
    table
}

fn services(balancer: &LoadBalancerStatus) -> Table {
    let mut table = Table::new(&["RULE", "TO PORT", ">FLOWS", ">PACKETS IN", ">OUT", ">BYTES IN", ">OUT"]);
    for service in &balancer.services {
        let traffic = service.traffic.unwrap_or_default();
        table.row([
            format!("{} {}", service.protocol, std::net::SocketAddr::new(service.vip, service.port)).into(),
            service.backend_port.into(),
            traffic.flows.into(),
            traffic.packets_in.into(),
            traffic.packets_out.into(),
            bytes(traffic.bytes_in).into(),
            bytes(traffic.bytes_out).into(),
        ]);
    }
    table
}
