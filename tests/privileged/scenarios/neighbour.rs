// SPDX-License-Identifier: MIT OR Apache-2.0
//! Neighbours that change under running flows.

use anyhow::Result;
use lb_tests::config::Config;
use lb_tests::load::{Wrk, curl};
use lb_tests::scene::{NAMES, Scene, both};
use lb_tests::wait::{PATIENCE, until};

#[test]
fn a_backend_gets_another_hardware_address() -> Result<()> {
    Scene::play(Config::web, |scene| {
        let kept = Wrk::kept_connections(&scene.lab, both(80)[0], 6)?;
        let backend = &scene.lab.backends[0];
        backend.netns.ip("link set dev eth0 address 02:00:5e:00:53:01")?;
        // The balancer learns of it when the backend announces itself, as a machine that takes over an address does.
        for address in [backend.address4, backend.address6] {
            let family = if address.is_ipv4() { "-4" } else { "-6" };
            scene
                .lab
                .balancer
                .ip(&format!("{family} neigh replace {address} lladdr 02:00:5e:00:53:01 dev back"))?;
        }
        for to in both(80) {
            until("every backend to answer again", PATIENCE, || {
                curl(&scene.lab, to, 60)?.each_at_least(&NAMES, 1)
            })?;
        }
        kept.stop()?.flawless()
    })
}
