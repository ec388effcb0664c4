// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything at a glance.

use std::time::{SystemTime, UNIX_EPOCH};

use super::table::{Cell, Colour, Table};
use super::{backends, bytes, duration, reasons};
use crate::datapath::view::{AttachMode, Facts};
use crate::model::problem::printable;
use crate::observe::api::{CloudView, LoadBalancerStatus, ReconcileView, SourceStatus, Status};

/// The answer to `status`.
pub fn status(status: &Status, colour: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    status_at(status, now, colour)
}

/// The same for an operator who looks at `now`, in seconds since 1970.
pub fn status_at(status: &Status, now: u64, colour: bool) -> String {
    let mut parts = head(status, now, colour);
    let mut section =
        |title: &str, table: &Table| parts.push(format!("\n{title}\n{}", table.render(2, colour)));
    section("Interfaces", &interfaces(&status.datapath));
    section("Tables", &tables(&status.datapath));
    for balancer in &status.load_balancers {
        let check = balancer.health_check.as_deref().unwrap_or("none");
        let name = balancer.name.as_deref().map(|name| format!(", {}", printable(name))).unwrap_or_default();
        let LoadBalancerStatus { label, algorithm, .. } = balancer;
        let title = format!("Load balancer {label}{name} ({algorithm}, health check: {check})");
        section(&title, &services(balancer));
        section("  Backends", &backends::table(&balancer.backends, &[]));
    }
    if !status.removed_backends.is_empty() {
        section("Backends that were removed", &backends::table(&[], &status.removed_backends));
    }
    let counted = status.reasons.iter().filter(|reason| reason.packets > 0);
    section("Reasons that were counted", &reasons::table(counted));
    parts.concat()
}

fn head(status: &Status, now: u64, colour: bool) -> Vec<String> {
    let (daemon, facts) = (&status.daemon, &status.datapath);
    let uptime = duration(daemon.uptime_seconds);
    let origin = if facts.adopted { "taken over from an earlier lbd" } else { "made anew" };
    let (layout, instructions) = (facts.abi_version, facts.verified_instructions);
    let error = status.datapath_error.iter();
    let mut parts = vec![format!(
        "lbd {} instance {}, pid {}, up {uptime}\n",
        daemon.version, daemon.instance, daemon.pid
    )];
    parts.extend(source(&status.source, colour));
    parts.extend(status.cloud.iter().flat_map(|view| cloud(view, now, colour)));
    parts.extend(reconcile(&status.reconcile, now, colour));
    parts.push(format!("data path  map layout {layout}, {origin}, {instructions} verified instructions\n"));
    parts.extend(error.map(|error| below(&Colour::Bad.paint(error, colour))));
    parts
}

/// A line under the value of the one above.
fn below(text: &str) -> String {
    format!("           {text}\n")
}

fn source(source: &SourceStatus, colour: bool) -> Vec<String> {
    let state = if source.ok {
        Colour::Good.paint("ok", colour)
    } else {
        Colour::Bad.paint("bad; the last good state is in force", colour)
    };
    let mut parts = vec![format!("source     {} revision {}: {state}\n", source.file, source.revision)];
    parts.extend(source.problems.iter().map(|problem| below(problem)));
    let needs_restart = source.needs_restart.iter();
    parts.extend(
        needs_restart.map(|line| below(&Colour::Notice.paint(&format!("needs a restart: {line}"), colour))),
    );
    parts
}

fn cloud(cloud: &CloudView, now: u64, colour: bool) -> Vec<String> {
    let age = cloud.last_success.map(|at| format!(", {} ago", duration(now.saturating_sub(at))));
    let state = match (&cloud.error, age) {
        (Some(error), _) => Colour::Bad.paint(&format!("the last good answer is in force: {error}"), colour),
        (None, Some(age)) => format!("{}{age}", Colour::Good.paint("ok", colour)),
        (None, None) => Colour::Notice.paint("not asked yet", colour),
    };
    let CloudView { url, polls, failures, .. } = cloud;
    let mut parts = vec![format!("cloud      {url}: {state} ({polls} answers, {failures} failures)\n")];
    parts.extend(
        cloud.refused.iter().map(|refusal| below(&Colour::Notice.paint(&refusal.to_string(), colour))),
    );
    parts
}

fn reconcile(reconcile: &ReconcileView, now: u64, colour: bool) -> Vec<String> {
    let state = match (&reconcile.last_error, reconcile.last_success) {
        (Some(error), _) => Colour::Bad.paint(&format!("failed: {error}"), colour),
        (None, None) => Colour::Notice.paint("not yet", colour),
        (None, Some(at)) => {
            format!("{}, {} ago", Colour::Good.paint("ok", colour), duration(now.saturating_sub(at)))
        }
    };
    let ReconcileView { changes, repaired, errors, .. } = reconcile;
    let mut parts =
        vec![format!("reconcile  {state} ({changes} changes, {repaired} repaired, {errors} errors)\n")];
    parts.extend(reconcile.unplaced.iter().map(|unplaced| below(&Colour::Bad.paint(unplaced, colour))));
    parts
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
