// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of the file while requests go on.

use anyhow::{Context, Result, ensure};
use lb_tests::config::{Config, write_whole};
use lb_tests::load::{Wrk, curl};
use lb_tests::scene::{NAMES, Scene, both};

const RELOADS: u32 = 100;

/// Weights change every time, and every tenth time an instance goes away or comes back.
#[test]
fn a_hundred_reloads_fail_no_request() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let load = Wrk::new_connections(&scene.lab, both(80)[0], 8)?;
        let third = scene.config.instance("b3")?.clone();
        for number in 0..RELOADS {
            scene.reload(|config| {
                config.instance("b1")?.weight = 2 + number % 7;
                config.instance("b2")?.weight = 1 + number % 5;
                let instances = &mut config.first().instances;
                match number % 20 {
                    9 => instances.retain(|instance| instance.label != "b3"),
                    19 => instances.push(third.clone()),
                    _ => {}
                }
                Ok(())
            })?;
        }
        load.stop()?.flawless().with_context(|| scene.lbd.lbctl(&["reasons"]).unwrap_or_default())?;
        both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 60)?.each_at_least(&NAMES, 1))
    })
}

#[test]
fn a_bad_file_changes_nothing_and_is_reported() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let load = Wrk::new_connections(&scene.lab, both(80)[0], 4)?;
        for bad in [
            "version: 1\nload_balancers: [",
            "version: 1\nload_balancers: []\nbalancer: {interfaces: []}\n",
            "",
        ] {
            write_whole(&scene.lbd.file, bad)?;
            scene.lbd.wait_for("the bad file to be reported", |status| {
                let problems =
                    status["source"]["problems"].as_array().is_some_and(|problems| !problems.is_empty());
                status["source"]["ok"] == false && problems
            })?;
            both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 30)?.each_at_least(&NAMES, 1))?;
            scene.config.write(&scene.lbd.file)?;
            scene.lbd.wait_for("the good file to be back", |status| status["source"]["ok"] == true)?;
        }
        load.stop()?.flawless()
    })
}

#[test]
fn an_address_can_be_added_while_running() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let more = "203.0.113.77".parse()?;
        scene.lab.balancer.ip(&format!("addr add {more}/32 dev lo"))?;
        scene.reload(|config| {
            config.first().vips.push(more);
            Ok(())
        })?;
        let spread = curl(&scene.lab, (more, 80).into(), 60)?;
        spread.each_at_least(&NAMES, 1)?;
        scene.reload(|config| {
            config.first().vips.pop();
            Ok(())
        })?;
        ensure!(curl(&scene.lab, (more, 80).into(), 1).is_err(), "{more} is no VIP any more, but answers");
        Ok(())
    })
}
