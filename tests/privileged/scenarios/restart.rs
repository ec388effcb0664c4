// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data plane outlives the control plane.

use anyhow::{Result, ensure};
use lb_tests::config::Config;
use lb_tests::load::{Wrk, curl};
use lb_tests::process::Process;
use lb_tests::scene::{NAMES, Scene, both};
use lb_tests::wait::PATIENCE;

#[test]
fn kill_9_and_a_restart_fail_no_request() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let new = Wrk::new_connections(&scene.lab, both(80)[0], 4)?;
        let kept = Wrk::kept_connections(&scene.lab, both(80)[1], 4)?;
        for _ in 0..3 {
            scene.lbd.kill()?;
            both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 60)?.each_at_least(&NAMES, 1))?;
            scene.lbd.run(&scene.lab)?;
            scene
                .lbd
                .wait_for("the maps to be taken over", |status| status["datapath"]["adopted"] == true)?;
            both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 60)?.each_at_least(&NAMES, 1))?;
        }
        new.stop()?.flawless()?;
        kept.stop()?.flawless()
    })
}

#[test]
fn a_shutdown_leaves_forwarding_until_it_is_detached() -> Result<()> {
    Scene::play(Config::web, |scene| {
        scene.lbd.stop()?;
        both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 60)?.each_at_least(&NAMES, 1))?;
        ensure!(scene.lbd.is_pinned(), "a shutdown removed the pins");
        scene.lbd.detach(&scene.lab)?;
        ensure!(!scene.lbd.is_pinned(), "lbd detach left pins");
        ensure!(curl(&scene.lab, both(80)[0], 1).is_err(), "detached, but it still forwards");
        Ok(())
    })
}

#[test]
fn run_with_detach_takes_everything_away_at_its_end() -> Result<()> {
    Scene::play(Config::web, |scene| {
        scene.lbd.stop()?;
        let mut command = scene.lbd.command(&scene.lab.balancer)?;
        scene.lbd.process = Some(Process::start("lbd", command.arg("--detach"), scene.lab.folder())?);
        scene.lbd.wait_all_up()?;
        curl(&scene.lab, both(80)[0], 10)?;
        scene.lbd.stop()?;
        ensure!(!scene.lbd.is_pinned(), "--detach left pins");
        Ok(())
    })
}

#[test]
fn a_second_daemon_for_the_same_instance_is_refused() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let mut command = scene.lbd.command(&scene.lab.balancer)?;
        let mut second = Process::start("second", &mut command, scene.lab.folder())?;
        let status = second.wait(PATIENCE)?;
        ensure!(!status.success(), "a second lbd ran:\n{}", second.log());
        ensure!(!second.log().is_empty(), "it said nothing");
        curl(&scene.lab, both(80)[0], 30)?.each_at_least(&NAMES, 1)
    })
}
