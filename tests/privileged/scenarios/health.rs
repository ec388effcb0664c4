// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends that die, come back, or are all gone.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use lb_tests::config::Config;
use lb_tests::load::{curl, curl_once};
use lb_tests::scene::{NAMES, Scene, both};
use lb_tests::wait::{PATIENCE, until};

/// With a probe a second and two failures to be down.
const PROMISE: Duration = Duration::from_secs(3);

/// On a machine that is busy with something else one death may take longer, so the best of three counts.
#[test]
fn no_new_connection_meets_a_dead_backend_after_three_seconds() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let mut took = Vec::new();
        for _ in 0..3 {
            scene.kill_backend(0)?;
            let died = Instant::now();
            let mut last_failure = Duration::ZERO;
            while died.elapsed() < PROMISE * 2 {
                let asked = died.elapsed();
                if curl_once(&scene.lab, both(80)[0])?.is_err() {
                    last_failure = asked;
                }
            }
            scene.lbd.wait_for_state("b1", "down")?;
            ensure!(curl(&scene.lab, both(80)[0], 30)?.of("b1") == 0, "a dead backend answered");
            if last_failure <= PROMISE {
                return Ok(());
            }
            took.push(last_failure);
            scene.revive_backend(0)?;
            scene.lbd.wait_all_up()?;
        }
        bail!("connections met a dead backend for {took:?}, but {PROMISE:?} is promised")
    })
}

#[test]
fn a_backend_that_comes_back_is_used_again() -> Result<()> {
    Scene::play(Config::web, |scene| {
        scene.kill_backend(1)?;
        scene.lbd.wait_for_state("b2", "down")?;
        for to in both(80) {
            let spread = curl(&scene.lab, to, 30)?;
            ensure!(spread.of("b2") == 0, "{spread}");
        }
        scene.revive_backend(1)?;
        scene.lbd.wait_for_state("b2", "up")?;
        both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 60)?.each_at_least(&NAMES, 10))
    })
}

#[test]
fn with_no_backend_left_connections_are_refused_at_once() -> Result<()> {
    Scene::play(Config::web, |scene| {
        (0..3).try_for_each(|number| scene.kill_backend(number))?;
        NAMES.iter().try_for_each(|name| scene.lbd.wait_for_state(name, "down"))?;
        for to in both(80) {
            // 7 is curl's word for a refused connection; a lost one would be 28.
            until("connections to be refused", PATIENCE, || {
                let answer = curl_once(&scene.lab, to)?;
                ensure!(answer == Err(7), "curl at {to}: {answer:?}");
                Ok(())
            })?;
        }
        Ok(())
    })
}
