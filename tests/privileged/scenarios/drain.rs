// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a backend out of service: no new connections, old ones go on until the deadline.

use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use lb_tests::config::Config;
use lb_tests::lab::Lab;
use lb_tests::load::{Wrk, ask_on, curl};
use lb_tests::scene::{NAMES, Scene, both};
use lb_tests::wait::{PATIENCE, until_true};

#[test]
fn a_drain_by_hand_moves_new_connections_away() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let load = Wrk::new_connections(&scene.lab, both(80)[0], 4)?;
        scene.lbd.lbctl(&["drain", "web/b1"])?;
        scene.lbd.wait_for_state("b1", "draining")?;
        until_true("b1 to get no more", PATIENCE, || Ok(curl(&scene.lab, both(80)[0], 30)?.of("b1") == 0))?;
        scene.lbd.lbctl(&["undrain", "web/b1"])?;
        scene.lbd.wait_for_state("b1", "up")?;
        until_true("b1 to get some again", PATIENCE, || Ok(curl(&scene.lab, both(80)[0], 30)?.of("b1") > 0))?;
        load.stop()?.flawless()
    })
}

#[test]
fn weight_zero_drains() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let load = Wrk::new_connections(&scene.lab, both(80)[1], 4)?;
        scene.reload(|config| {
            config.instance("b3")?.weight = 0;
            Ok(())
        })?;
        for to in both(80) {
            until_true("b3 to get no more", PATIENCE, || Ok(curl(&scene.lab, to, 30)?.of("b3") == 0))?;
        }
        load.stop()?.flawless()
    })
}

#[test]
fn an_open_connection_goes_on_until_the_deadline_and_then_ends() -> Result<()> {
    let impatient = |lab: &Lab| {
        let mut config = Config::web(lab);
        config.first().drain_timeout = 10;
        config
    };
    Scene::play(impatient, |scene| {
        let stream = scene.lab.client.enter(|| TcpStream::connect(both(80)[0]))??;
        let name = ask_on(&stream)?;
        ensure!(NAMES.contains(&name.as_str()), "an answer by {name}");
        scene.lbd.lbctl(&["drain", &format!("web/{name}")])?;
        scene.lbd.wait_for_state(&name, "draining")?;
        // Even a slow machine gets here long before ten seconds are over; if not, the next look says nothing.
        ensure!(ask_on(&stream)? == name, "an established connection changed its backend");
        until_true("the deadline to end the connection", PATIENCE, || Ok(ask_on(&stream).is_err()))
    })
}

#[test]
fn a_removed_backend_is_shown_while_it_drains() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let stream = scene.lab.client.enter(|| TcpStream::connect(both(80)[0]))??;
        let name = ask_on(&stream)?;
        scene.reload(|config| {
            config.first().instances.retain(|instance| instance.label != name);
            Ok(())
        })?;
        let backend = scene.lab.backends.iter().find(|backend| backend.name == name);
        let address = backend.map(|backend| backend.address4.to_string()).context("no such backend")?;
        scene.lbd.wait_for(&format!("{name} to be shown as removed"), |status| {
            let mut removed = status["removed_backends"].as_array().into_iter().flatten();
            removed.any(|found| found["address"] == address.as_str() && found["open_flows"] == 1)
        })?;
        let shown = scene.lbd.lbctl(&["backends"])?;
        let line = shown.lines().find(|line| line.starts_with(&address)).context("no line of it")?;
        ensure!(line.contains("draining") && line.contains("removed from the file"), "{shown}");
        ensure!(ask_on(&stream)? == name, "the open connection changed its backend");
        Ok(())
    })
}
