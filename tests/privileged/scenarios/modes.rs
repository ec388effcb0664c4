// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program where the driver runs it and where the stack has to: the same requests. `cargo xtask kernels` plays these
//! on other kernels too.

use anyhow::{Context, Result, ensure};
use lb_tests::config::{ALGORITHMS, Config, UDP_PORT};
use lb_tests::lab::{Driver, Lab};
use lb_tests::load::{curl, datagrams};
use lb_tests::scene::{Scene, both};
use lb_tests::tally::Tally;

const REQUESTS: usize = 12;

/// A row is so many requests to one VIP and port: HTTP for each algorithm, and UDP, over both families.
fn play(driver: Driver, mode: &str) -> Result<()> {
    let mut scene = Scene::within(Lab::with(driver)?, |lab| Config::all_algorithms(lab).patient())?;
    scene.work(|scene| {
        let status = scene.lbd.status()?;
        let interfaces = status["datapath"]["interfaces"].as_array().context("no interfaces")?;
        ensure!(interfaces.iter().all(|found| found["mode"] == mode), "not {mode}: {interfaces:?}");
        let verified = status["datapath"]["verified_instructions"].as_u64().context("no instructions")?;
        let tally = Tally::new(u32::try_from(verified)?);
        let algorithms = ALGORITHMS.map(|(_, port)| both(port).map(|to| curl(&scene.lab, to, REQUESTS)));
        let datagrams = both(UDP_PORT).map(|to| datagrams(&scene.lab, to, REQUESTS));
        // All of them, whatever becomes of the first.
        let rows: Vec<_> =
            algorithms.into_iter().flatten().chain(datagrams).map(|row| tally.count(row)).collect();
        rows.into_iter().try_for_each(|row| row.map(drop))
    })
}

#[test]
fn natively() -> Result<()> {
    play(Driver::Native, "native")
}

#[test]
fn in_the_generic_way() -> Result<()> {
    play(Driver::Refuses, "generic")
}
