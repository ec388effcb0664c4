// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who gets new connections. Bounds are generous where chance or other connections have a say.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};
use lb_tests::config::{ALGORITHMS, Config, UDP_PORT};
use lb_tests::lab::{Lab, VIP4};
use lb_tests::load::{Spread, ask_on, curl, datagrams};
use lb_tests::scene::{NAMES, Scene, both};

/// Enough that a third of them is far from none.
const REQUESTS: usize = 60;

#[test]
fn every_algorithm_answers_over_both_families() -> Result<()> {
    Scene::play(Config::all_algorithms, |scene| {
        for (algorithm, port) in ALGORITHMS {
            for to in both(port) {
                let spread =
                    curl(&scene.lab, to, REQUESTS).with_context(|| format!("{algorithm} at {to}"))?;
                match algorithm {
                    "roundrobin" => spread.each_at_least(&NAMES, REQUESTS / 5)?,
                    "source" => ensure!(spread.0.len() == 1, "one client met several backends: {spread}"),
                    // One request at a time leaves no connection open to count, so any order is right for leastconn.
                    "leastconn" => {}
                    _ => spread.each_at_least(&NAMES, 1)?,
                }
            }
        }
        Ok(())
    })
}

#[test]
fn round_robin_follows_the_weights() -> Result<()> {
    let weighted = |lab: &Lab| {
        let mut config = Config::web(lab);
        for (instance, weight) in config.first().instances.iter_mut().zip([1, 2, 7]) {
            instance.weight = weight;
        }
        config
    };
    Scene::play(weighted, |scene| {
        for to in both(80) {
            let spread = curl(&scene.lab, to, 100)?;
            spread.each_at_least(&NAMES, 1)?;
            ensure!(spread.of("b3") > spread.of("b1") + spread.of("b2"), "b3 has 7 of 10 parts: {spread}");
        }
        Ok(())
    })
}

#[test]
fn datagrams_reach_every_backend() -> Result<()> {
    Scene::play(Config::web, |scene| {
        both(UDP_PORT)
            .iter()
            .try_for_each(|to| datagrams(&scene.lab, *to, REQUESTS)?.each_at_least(&NAMES, 10))
    })
}

#[test]
fn least_connections_spreads_open_ones() -> Result<()> {
    Scene::play(Config::all_algorithms, |scene| {
        for to in both(81) {
            let held = scene.lab.client.enter(|| (0..12).map(|_| hold(to)).collect::<Result<Vec<_>>>())??;
            let mut spread = Spread::default();
            for (name, _) in &held {
                spread.count(name);
            }
            // Four each when nothing else is open; connections that have just closed may still count.
            spread.each_at_least(&NAMES, 2)?;
        }
        Ok(())
    })
}

/// Opens a connection, and asks who is at its other end.
fn hold(to: SocketAddr) -> Result<(String, TcpStream)> {
    let stream = TcpStream::connect(to)?;
    Ok((ask_on(&stream)?, stream))
}

#[test]
fn source_keeps_each_client_and_spreads_clients() -> Result<()> {
    const CLIENTS: u8 = 24;
    Scene::play(Config::all_algorithms, |scene| {
        let mut met = BTreeSet::new();
        for number in 0..CLIENTS {
            let from = format!("198.18.0.{}", 100 + number);
            scene.lab.client.ip(&format!("addr add {from}/24 dev uplink"))?;
            let ask = || {
                scene
                    .lab
                    .client
                    .run("curl", &format!("-sS --max-time 10 --interface {from} http://{VIP4}:83/"))
            };
            let first = ask()?;
            for _ in 0..3 {
                let again = ask()?;
                ensure!(again == first, "{from} met {first} first, then {again}");
            }
            met.insert(first);
        }
        ensure!(met.len() > 1, "{CLIENTS} clients all met {met:?}");
        Ok(())
    })
}
