// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many bytes: nothing is lost or changed on the way.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lb_tests::config::Config;
use lb_tests::lab::{VIP4, VIP6};
use lb_tests::scene::{Scene, both};
use lb_tests::servers::IPERF_PORT;
use serde_json::Value;

#[test]
fn a_large_file_arrives_whole() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let sent = fs::read(scene.lab.folder().join("big"))?;
        let urls = both(80).map(|to| format!("http://{to}/big")).into_iter();
        for url in urls.chain(both(443).map(|to| format!("https://{to}/big"))) {
            let file = scene.lab.folder().join("received");
            download(scene, &url, &file)?;
            ensure!(fs::read(&file)? == sent, "{url} did not arrive as it was sent");
        }
        Ok(())
    })
}

fn download(scene: &Scene, url: &str, file: &Path) -> Result<()> {
    let file = file.to_str().context("a path that is no text")?;
    scene
        .lab
        .client
        .run("curl", &format!("-sS --insecure --globoff --max-time 120 -o {file} {url}"))
        .map(drop)
}

#[test]
fn iperf_moves_bytes_over_tcp_and_udp() -> Result<()> {
    Scene::play(
        |lab| {
            let mut config = Config::web(lab);
            // iperf3 opens a second connection that must meet the same server.
            config.first().balancing_algorithm = "source".to_owned();
            config
        },
        |scene| {
            scene.start_iperf()?;
            for to in [VIP4, VIP6].map(|vip| SocketAddr::new(vip, IPERF_PORT)) {
                let tcp = iperf(scene, to, "")?;
                ensure!(received(&tcp["end"]["sum_received"]) > 1e6, "{tcp:#}");
                // Loss is UDP's right on a busy machine; silence is not.
                let udp = iperf(scene, to, "--udp --length 1200 --bitrate 20M")?;
                ensure!(received(&udp["end"]["sum"]) > 1e5, "{udp:#}");
            }
            Ok(())
        },
    )
}

fn iperf(scene: &Scene, to: SocketAddr, more: &str) -> Result<Value> {
    let line = format!("--json --time 2 --client {} --port {} {more}", to.ip(), to.port());
    Ok(serde_json::from_str(&scene.lab.client.run("iperf3", &line)?)?)
}

fn received(sum: &Value) -> f64 {
    let lost = sum["lost_percent"].as_f64().unwrap_or(0.0) / 100.0;
    sum["bytes"].as_f64().unwrap_or(0.0) * (1.0 - lost)
}
