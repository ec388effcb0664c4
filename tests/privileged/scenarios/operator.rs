// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators and their tools see.

use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use lb_tests::config::Config;
use lb_tests::lbd::backends;
use lb_tests::load::curl;
use lb_tests::scene::{NAMES, Scene, both};

#[test]
fn every_view_is_there_for_people_and_programs() -> Result<()> {
    Scene::play(Config::web, |scene| {
        both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 30).map(drop))?;
        for view in ["status", "backends", "flows", "plan", "reasons"] {
            ensure!(!scene.lbd.lbctl(&[view])?.trim().is_empty(), "lbctl {view} prints nothing");
            scene.lbd.lbctl_json(&[view])?;
        }
        let status = scene.lbd.status()?;
        ensure!(backends(&status).count() == 6, "three instances of two addresses: {status:#}");
        let flows: u64 = backends(&status).filter_map(|backend| backend["traffic"]["flows"].as_u64()).sum();
        ensure!(flows >= 60, "60 connections were made: {status:#}");
        let plan = scene.lbd.lbctl_json(&["plan"])?;
        ensure!(plan["changes"].as_array().is_some_and(Vec::is_empty), "all is done, but: {plan:#}");
        Ok(())
    })
}

#[test]
fn an_open_connection_is_listed() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let held = scene.lab.client.enter(|| TcpStream::connect(both(80)[0]))??;
        let client = held.local_addr()?.to_string();
        let flows = scene.lbd.lbctl_json(&["flows"])?;
        let mut listed = flows["flows"].as_array().into_iter().flatten();
        ensure!(listed.any(|flow| flow["client"] == client.as_str()), "{client} is not in {flows:#}");
        Ok(())
    })
}

#[test]
fn metrics_can_be_scraped() -> Result<()> {
    Scene::play(Config::web, |scene| {
        both(80).iter().try_for_each(|to| curl(&scene.lab, *to, 30)?.each_at_least(&NAMES, 1))?;
        let get = |path: &str| {
            let url = format!("http://{}{path}", scene.config.balancer.admin_address);
            scene.lab.balancer.run("curl", &format!("-sS --fail --max-time 10 {url}"))
        };
        get("/live").context("/live")?;
        get("/ready").context("/ready")?;
        serde_json::from_str::<serde_json::Value>(&get("/state")?).context("/state is no JSON")?;
        let metrics = get("/metrics")?;
        ensure!(metrics.lines().filter(|line| line.starts_with("# TYPE lb_")).count() > 5, "{metrics}");
        Ok(())
    })
}

#[test]
fn without_a_daemon_lbctl_says_so() -> Result<()> {
    Scene::play(Config::web, |scene| {
        scene.lbd.stop()?;
        let output = scene.lbd.try_lbctl(&["status"])?;
        ensure!(output.status.code() == Some(3), "{output:?}");
        ensure!(!output.stderr.is_empty(), "it says nothing");
        Ok(())
    })
}
