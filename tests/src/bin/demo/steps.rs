// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the demo shows, in order.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lb_tests::config::{ALGORITHMS, UDP_PORT};
use lb_tests::load::{Spread, Wrk, curl, curl_once, datagrams};
use lb_tests::scene::{NAMES, Scene, both};
use lb_tests::wait::{PATIENCE, until_true};

use crate::narrator::Narrator;

/// Requests for a look at the spread.
const REQUESTS: usize = 60;
/// Reloads under load.
const RELOADS: u32 = 20;
/// How soon no request may meet a dead backend: a probe a second, two failures.
const FAILOVER: Duration = Duration::from_secs(3);

/// Plays everything.
pub fn play(scene: &mut Scene, narrator: &mut Narrator) {
    narrator.title(&format!("The spread of {REQUESTS} connections with curl, over IPv4 and IPv6"));
    for (algorithm, port) in ALGORITHMS {
        for to in both(port) {
            narrator.step(&format!("{algorithm:<10} tcp {to}"), || spread(scene, algorithm, to));
        }
    }
    narrator.title(&format!("{REQUESTS} datagrams, each from a socket of its own"));
    for to in both(UDP_PORT) {
        narrator.step(&format!("roundrobin udp {to}"), || {
            let spread = datagrams(&scene.lab, to, REQUESTS)?;
            spread.each_at_least(&NAMES, 1)?;
            Ok(spread.to_string())
        });
    }
    narrator.title("A backend dies and comes back");
    narrator.step("b1 is killed; how long requests still met it", || failover(scene));
    narrator.step("b1 comes back", || come_back(scene));
    narrator.title("Changes under load: wrk, a new connection for every request");
    narrator.step("b2 is drained by lbctl, then put back", || under_load(scene, drain));
    narrator.step(&format!("the file changes {RELOADS} times"), || under_load(scene, reloads));
    narrator.step("lbd is killed with -9, and started again", || under_load(scene, restart));
}

fn spread(scene: &Scene, algorithm: &str, to: std::net::SocketAddr) -> Result<String> {
    let spread = curl(&scene.lab, to, REQUESTS)?;
    match algorithm {
        "source" => ensure!(spread.0.len() == 1, "one client met several backends: {spread}"),
        "roundrobin" => spread.each_at_least(&NAMES, REQUESTS / 5)?,
        "maglev" => spread.each_at_least(&NAMES, 1)?,
        _ => {}
    }
    Ok(spread.to_string())
}

/// Asks without a pause for twice as long as it may take.
fn failover(scene: &mut Scene) -> Result<String> {
    scene.kill_backend(0)?;
    let died = Instant::now();
    let (mut last_failure, mut failures, mut after) = (Duration::ZERO, 0, Spread::default());
    while died.elapsed() < FAILOVER * 2 {
        let asked = died.elapsed();
        match curl_once(&scene.lab, both(80)[0])? {
            Ok(name) if asked > FAILOVER => after.count(&name),
            Ok(_) => {}
            Err(_) => (last_failure, failures) = (asked, failures + 1),
        }
    }
    let seconds = last_failure.as_secs_f64();
    ensure!(last_failure <= FAILOVER, "requests met it for {seconds:.1} s");
    ensure!(after.of("b1") == 0, "it answered after its death: {after}");
    Ok(format!("{seconds:.1} s ({failures} requests failed); then {after}"))
}

fn come_back(scene: &mut Scene) -> Result<String> {
    scene.revive_backend(0)?;
    let started = Instant::now();
    scene.lbd.wait_for_state("b1", "up")?;
    let seconds = started.elapsed().as_secs_f64();
    let spread = curl(&scene.lab, both(80)[0], REQUESTS)?;
    spread.each_at_least(&NAMES, 1)?;
    Ok(format!("up after {seconds:.1} s; {spread}"))
}

/// Runs wrk while `work` is done; no request may fail.
fn under_load(scene: &mut Scene, work: fn(&mut Scene) -> Result<String>) -> Result<String> {
    let load = Wrk::new_connections(&scene.lab, both(80)[0], 4)?;
    let seen = work(scene)?;
    let result = load.stop()?;
    result.flawless()?;
    Ok(format!("{seen}; {} requests, {} failed", result.requests, result.failed))
}

fn drain(scene: &mut Scene) -> Result<String> {
    scene.lbd.lbctl(&["drain", "web/b2"])?;
    scene.lbd.wait_for_state("web/b2", "draining")?;
    until_true("b2 to get no more", PATIENCE, || Ok(curl(&scene.lab, both(80)[0], 30)?.of("b2") == 0))?;
    let during = curl(&scene.lab, both(80)[0], REQUESTS)?;
    ensure!(during.of("b2") == 0, "a drained backend answered: {during}");
    scene.lbd.lbctl(&["undrain", "web/b2"])?;
    scene.lbd.wait_for_state("web/b2", "up")?;
    let after = curl(&scene.lab, both(80)[0], REQUESTS)?;
    Ok(format!("{during}, then {after}"))
}

fn reloads(scene: &mut Scene) -> Result<String> {
    for number in 1..=RELOADS {
        scene.reload(|config| {
            config.instance("b1")?.weight = 1 + number % 3;
            Ok(())
        })?;
    }
    Ok("each took force".to_owned())
}

fn restart(scene: &mut Scene) -> Result<String> {
    scene.lbd.kill()?;
    let without = curl(&scene.lab, both(80)[0], REQUESTS)?;
    scene.lbd.run(&scene.lab)?;
    let again = curl(&scene.lab, both(80)[0], REQUESTS)?;
    Ok(format!("without it {without}, with it again {again}"))
}
