// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lab in which everything runs: where scenarios and the demo start from.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, anyhow};

use crate::config::Config;
use crate::lab::{Lab, VIP4, VIP6};
use crate::lbd::Lbd;
use crate::process::Process;
use crate::servers;

/// lbd, the servers and the lab, to be dropped in this order.
#[derive(Debug)]
pub struct Scene {
    /// The daemon.
    pub lbd: Lbd,
    /// The file that it was started with.
    pub config: Config,
    /// What the backends run.
    pub servers: Vec<Process>,
    /// Where all is.
    pub lab: Lab,
}

/// Both VIPs with a port.
pub fn both(port: u16) -> [SocketAddr; 2] {
    [VIP4, VIP6].map(|vip: IpAddr| SocketAddr::new(vip, port))
}

/// Names of the lab's backends.
pub const NAMES: [&str; 3] = ["b1", "b2", "b3"];

impl Scene {
    /// Sets everything up, and waits until all backends are known to be healthy.
    pub fn new(config: impl FnOnce(&Lab) -> Config) -> Result<Self> {
        Self::within(Lab::new()?, config)
    }

    /// The same in a lab that is there.
    pub fn within(lab: Lab, config: impl FnOnce(&Lab) -> Config) -> Result<Self> {
        let servers = servers::start_all(&lab)?;
        let config = config(&lab);
        let mut lbd = Lbd::start(&lab, &config)?;
        lbd.wait_all_up()?;
        Ok(Self { lbd, config, servers, lab })
    }

    /// Plays a scenario; if it fails, the error has lbd's log.
    pub fn play(
        config: impl FnOnce(&Lab) -> Config,
        work: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        Self::new(config)?.work(work)
    }

    /// Works on it; if that fails, the error has lbd's log.
    pub fn work(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        work(self).map_err(|error| anyhow!("{error:#}\n--- lbd's log ---\n{}", self.lbd.log()))
    }

    /// Changes the file, and waits until it is in force.
    pub fn reload(&mut self, change: impl FnOnce(&mut Config) -> Result<()>) -> Result<()> {
        change(&mut self.config)?;
        self.lbd.reload(&self.config)
    }

    /// Ends everything that backend `number`, from 0, runs.
    pub fn kill_backend(&mut self, number: usize) -> Result<()> {
        let name = format!("-{}", self.lab.backends[number].name);
        let of_backend = |process: &Process| process.name().ends_with(&name);
        self.servers.extract_if(.., |process| of_backend(process)).try_for_each(|mut process| process.kill())
    }

    /// Starts it all again.
    pub fn revive_backend(&mut self, number: usize) -> Result<()> {
        let backend = &self.lab.backends[number];
        self.servers.push(servers::web(&self.lab, backend).context("reviving")?);
        self.servers.push(servers::echo(&self.lab, backend).context("reviving")?);
        Ok(())
    }

    /// Starts iperf3 on every backend.
    pub fn start_iperf(&mut self) -> Result<()> {
        for backend in &self.lab.backends {
            self.servers.push(servers::iperf(&self.lab, backend)?);
        }
        Ok(())
    }
}
