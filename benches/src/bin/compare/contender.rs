// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is compared: each leads the VIP to the first backend, until its value goes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lb_tests::command::run;
use lb_tests::config::{Config, UDP_PORT};
use lb_tests::lab::{BACK, Backend, FRONT, Lab, UPLINK, VIP4};
use lb_tests::lbd::Lbd;
use lb_tests::process::Process;
use lb_tests::raw_xdp;
use lb_tests::servers::PORT;
use lb_tests::wait::{PATIENCE, until_true};

/// A way from the VIP to the backend.
#[derive(Clone, Copy, Debug)]
pub enum Contender {
    /// lbd.
    Ours,
    /// Every frame out of the other interface, addresses untouched: the backend has the VIP itself.
    Redirect,
    /// DNAT and masquerade in the kernel.
    Nftables,
    /// A proxy of TCP connections.
    Haproxy,
}

/// What runs; stops when it goes.
#[derive(Debug)]
pub enum Running<'lab> {
    /// lbd with its pins.
    Lbd(Lbd),
    /// Pinned links.
    Pins(Vec<PathBuf>, &'lab Lab),
    /// Tables of nftables.
    Tables(&'lab Lab),
    /// A process.
    Process(#[expect(dead_code, reason = "held for its drop")] Process),
}

impl Contender {
    /// All, ours first.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Redirect, Self::Nftables, Self::Haproxy];

    /// As in the names of rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "lb",
            Self::Redirect => "redirect",
            Self::Nftables => "nftables",
            Self::Haproxy => "haproxy",
        }
    }

    /// The port of the VIP; a redirect cannot translate it.
    pub const fn port(self) -> u16 {
        match self {
            Self::Redirect => PORT,
            Self::Ours | Self::Nftables | Self::Haproxy => 80,
        }
    }

    /// Starts it.
    pub fn start(self, lab: &Lab) -> Result<Running<'_>> {
        let backend = lab.backends.first().context("a lab without backends")?;
        match self {
            Self::Ours => ours(lab, backend),
            Self::Redirect => redirect(lab, backend),
            Self::Nftables => nftables(lab, backend),
            Self::Haproxy => haproxy(lab, backend),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // What cannot be taken away goes with the lab.
        match self {
            Self::Lbd(_) | Self::Process(_) => {}
            Self::Pins(pins, lab) => {
                for pin in pins {
                    let _ = fs::remove_file(pin);
                }
                if let Some(backend) = lab.backends.first() {
                    let _ = backend.netns.ip(&format!("addr del {VIP4}/32 dev lo"));
                }
            }
            Self::Tables(lab) => drop(lab.balancer.run("nft", "flush ruleset")),
        }
    }
}

fn ours<'lab>(lab: &'lab Lab, backend: &Backend) -> Result<Running<'lab>> {
    let mut config = Config::web(lab);
    config.first().instances.retain(|instance| instance.label == backend.name);
    let mut lbd = Lbd::start(lab, &config)?;
    lbd.wait_all_up()?;
    Ok(Running::Lbd(lbd))
}

fn redirect<'lab>(lab: &'lab Lab, backend: &Backend) -> Result<Running<'lab>> {
    backend.netns.ip(&format!("addr add {VIP4}/32 dev lo"))?;
    let balancer = &lab.balancer;
    let ways = [
        (FRONT, BACK, backend.netns.hardware_address("eth0")?),
        (BACK, FRONT, lab.client.hardware_address(UPLINK)?),
    ];
    let mut pins = Vec::new();
    for (from, out, to) in ways {
        let program = raw_xdp::redirect(balancer.interface_index(out)?, to, balancer.hardware_address(out)?);
        let pin = lab.pins().join(format!("redirect-{from}"));
        raw_xdp::attach(balancer, from, &program, &pin)?;
        pins.push(pin);
    }
    Ok(Running::Pins(pins, lab))
}

fn nftables<'lab>(lab: &'lab Lab, backend: &Backend) -> Result<Running<'lab>> {
    let rules = format!(
        "table ip lb {{
  chain in {{
    type nat hook prerouting priority dstnat;
    ip daddr {VIP4} tcp dport 80 dnat to {backend}:{PORT};
    ip daddr {VIP4} udp dport {UDP_PORT} dnat to {backend}:{PORT};
  }}
  chain out {{ type nat hook postrouting priority srcnat; oifname {BACK} masquerade; }}
}}
",
        backend = backend.address4
    );
    let file = lab.folder().join("rules.nft");
    fs::write(&file, rules)?;
    run(lab.balancer.command("nft").arg("-f").arg(&file))?;
    Ok(Running::Tables(lab))
}

fn haproxy<'lab>(lab: &'lab Lab, backend: &Backend) -> Result<Running<'lab>> {
    let config = format!(
        "global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen web
  bind {VIP4}:80
  server b {}:{PORT}
",
        backend.address4
    );
    let file = lab.folder().join("haproxy.cfg");
    fs::write(&file, config)?;
    let mut process = Process::start(
        "haproxy",
        lab.balancer.command("haproxy").arg("-db").arg("-f").arg(&file),
        lab.folder(),
    )?;
    until_true("haproxy to listen", PATIENCE, || {
        process.alive()?;
        Ok(!lab.balancer.run("ss", "-Hltn sport = :80")?.is_empty())
    })?;
    Ok(Running::Process(process))
}
