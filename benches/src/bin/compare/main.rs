// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets, connections and requests through namespaces: ours beside nftables, `HAProxy` and a plain XDP redirect, all
//! in one run, with one backend and the same client. `ratio` is ours over the other's. The method is in the README of
//! this package.
#![forbid(unsafe_code)]

mod contender;
mod packets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use lb_benches::row::{Row, median, publish};
use lb_tests::lab::{Lab, VIP4};
use lb_tests::load::{Wrk, curl};
use lb_tests::servers;

use crate::contender::Contender;

/// How often each is measured; the median counts.
const ROUNDS: usize = 3;
/// How long each is measured.
const WINDOW: Duration = Duration::from_secs(3);
/// Connections at a time.
const CONNECTIONS: u32 = 16;

/// Compares the load balancer with others.
#[derive(Debug, Parser)]
struct Arguments {
    /// Also write the numbers here, as an array of `{name, value, unit, floor, ratio}`.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What one contender reached, a value a round.
#[derive(Debug, Default)]
struct Rates {
    connections: Vec<f64>,
    requests: Vec<f64>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let lab = Lab::new()?;
    lab.route_backends()?;
    let _servers = servers::start_all(&lab)?;
    let mut rates: Vec<(Contender, Rates)> =
        Contender::ALL.map(|contender| (contender, Rates::default())).into();
    for round in 1..=ROUNDS {
        for (contender, rates) in &mut rates {
            eprintln!("round {round} of {ROUNDS}: {}", contender.name());
            measure(&lab, *contender, rates).with_context(|| format!("measuring {}", contender.name()))?;
        }
    }
    let mut rows = rows(&mut rates);
    rows.push(packets::row(&lab)?);
    publish(&rows, arguments.json.as_deref())
}

fn measure(lab: &Lab, contender: Contender, rates: &mut Rates) -> Result<()> {
    let _running = contender.start(lab)?;
    let to = SocketAddr::new(VIP4, contender.port());
    curl(lab, to, 3)?;
    rates.connections.push(rate(Wrk::new_connections(lab, to, CONNECTIONS)?)?);
    rates.requests.push(rate(Wrk::kept_connections(lab, to, CONNECTIONS)?)?);
    Ok(())
}

fn rate(load: Wrk) -> Result<f64> {
    thread::sleep(WINDOW);
    let result = load.stop()?;
    result.flawless()?;
    Ok(result.rate)
}

/// The first contender is ours; the others are what it is compared with.
fn rows(rates: &mut [(Contender, Rates)]) -> Vec<Row> {
    let medians: Vec<_> = rates
        .iter_mut()
        .map(|(contender, rates)| {
            (contender.name(), median(&mut rates.connections), median(&mut rates.requests))
        })
        .collect();
    let Some(((_, connections, requests), others)) = medians.split_first() else { return Vec::new() };
    let of = |kind: &str, name: &str| format!("{kind}/{name}");
    let connection_rows = others.iter().map(|(name, other, _)| {
        Row::beside(of("tcp-connections", name), *connections, "connections/s", *other)
    });
    let request_rows = others
        .iter()
        .map(|(name, _, other)| Row::beside(of("tcp-requests", name), *requests, "requests/s", *other));
    connection_rows.chain(request_rows).collect()
}
