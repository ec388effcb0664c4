// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lab itself, without lbd: if these fail, no other scenario says anything.

use std::net::SocketAddr;

use anyhow::Result;
use lb_tests::lab::Lab;
use lb_tests::servers::{self, PORT};
use lb_tests::{load, wait};

#[test]
fn backends_answer_through_plain_routing() -> Result<()> {
    let lab = Lab::new()?;
    lab.route_backends()?;
    let _servers = servers::start_all(&lab)?;
    for backend in &lab.backends {
        for address in [backend.address4, backend.address6] {
            let to = SocketAddr::new(address, PORT);
            assert_eq!(load::curl(&lab, to, 3)?.of(&backend.name), 3);
            assert_eq!(load::datagrams(&lab, to, 3)?.of(&backend.name), 3);
        }
    }
    let load = load::Wrk::new_connections(&lab, SocketAddr::new(lab.backends[0].address4, PORT), 4)?;
    assert_eq!(load::curl(&lab, SocketAddr::new(lab.backends[1].address4, PORT), 20)?.of("b2"), 20);
    load.stop()?.flawless()
}

#[test]
fn nothing_is_left_of_a_lab() -> Result<()> {
    let lab = Lab::new()?;
    let (name, path, folder) = (lab.name().to_owned(), lab.client.path(), lab.folder().to_owned());
    assert!(path.exists() && folder.exists());
    drop(lab);
    wait::until_true("everything to be gone", wait::PATIENCE, || Ok(!path.exists() && !folder.exists()))?;
    let namespaces = std::fs::read_dir("/run/netns")?.flatten();
    let mut left =
        namespaces.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{name}-")));
    assert!(left.next().is_none());
    Ok(())
}
