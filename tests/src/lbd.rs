// SPDX-License-Identifier: MIT OR Apache-2.0
//! lbd and lbctl in the lab, as a user runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use lb_common::abi::ABI_VERSION;
use serde_json::Value;

use crate::command::{finish, own_program, run};
use crate::config::Config;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::process::Process;
use crate::wait::{self, PATIENCE};

/// A place for one lbd, and the daemon while it runs. Pins go with the value, the lab at the latest.
#[derive(Debug)]
pub struct Lbd {
    /// The file that it follows.
    pub file: PathBuf,
    /// The daemon; `None` while it does not run.
    pub process: Option<Process>,
    folder: PathBuf,
    pin_root: PathBuf,
}

impl Lbd {
    /// Starts lbd in the balancer's namespace with this file, and waits until it has done what the file says.
    pub fn start(lab: &Lab, config: &Config) -> Result<Self> {
        let mut lbd = Self::prepared(lab, config)?;
        lbd.run(lab)?;
        Ok(lbd)
    }

    /// Writes the file and makes the place, without starting.
    pub fn prepared(lab: &Lab, config: &Config) -> Result<Self> {
        let file = lab.folder().join("lb.yaml");
        config.write(&file)?;
        let pin_root = lab.pins().join("lbd");
        Ok(Self { file, process: None, folder: lab.folder().to_owned(), pin_root })
    }

    /// Starts the daemon, and waits until it has done what the file says.
    pub fn run(&mut self, lab: &Lab) -> Result<()> {
        let mut command = self.command(&lab.balancer)?;
        self.process = Some(Process::start("lbd", &mut command, &self.folder)?);
        self.wait_for("lbd to be ready", |status| status["reconcile"]["last_success"].is_u64())
    }

    /// The command that starts the daemon, for tests that want to see it refuse.
    pub fn command(&self, netns: &Netns) -> Result<Command> {
        let mut command = netns.command(own_program("lbd")?);
        self.add_arguments(&mut command);
        Ok(command)
    }

    /// What the daemon is started with.
    pub fn add_arguments(&self, command: &mut Command) {
        command.arg("run").arg("--config").arg(&self.file).args(["--instance", "lab"]);
        command.arg("--pin-root").arg(&self.pin_root);
        command.arg("--run-dir").arg(self.folder.join("run"));
        command.arg("--state-dir").arg(self.folder.join("state"));
    }

    /// Takes the program off and the pins away.
    pub fn detach(&self, lab: &Lab) -> Result<()> {
        let mut command = lab.balancer.command(own_program("lbd")?);
        command.args(["detach", "--instance", "lab", "--pin-root"]).arg(&self.pin_root);
        run(&mut command).map(drop)
    }

    /// Where its admin socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/admin.sock")
    }

    /// Runs lbctl, whatever comes of it.
    pub fn try_lbctl(&self, arguments: &[&str]) -> Result<Output> {
        finish(Command::new(own_program("lbctl")?).arg("--socket").arg(self.socket()).args(arguments))
    }

    /// Runs lbctl and returns what it prints for people.
    pub fn lbctl(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new(own_program("lbctl")?).arg("--socket").arg(self.socket()).args(arguments))
    }

    /// Runs lbctl and returns what it prints for programs.
    pub fn lbctl_json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.lbctl(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("lbctl printed no JSON: {text}"))
    }

    /// Everything at this moment.
    pub fn status(&self) -> Result<Value> {
        self.lbctl_json(&["status"])
    }

    /// Waits until the status is as wanted.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        wait::until(what, PATIENCE, || {
            if let Some(process) = &mut self.process {
                process.alive()?;
            }
            let status = self.status()?;
            ensure!(wanted(&status), "status: {status:#}");
            Ok(())
        })
    }

    /// Waits until every backend of that instance is in this state: `up`, `down` or `draining`. The name may be
    /// `instance`, or `load-balancer/instance`.
    pub fn wait_for_state(&mut self, name: &str, state: &str) -> Result<()> {
        let (load_balancer, instance) =
            name.split_once('/').map_or((None, name), |(of, name)| (Some(of), name));
        self.wait_for(&format!("{name} to be {state}"), |status| {
            let meant = load_balancers(status)
                .filter(|found| load_balancer.is_none_or(|label| found["label"] == label))
                .flat_map(|found| found["backends"].as_array().into_iter().flatten())
                .filter(|backend| backend["instance"] == instance);
            let states: Vec<&Value> = meant.map(|backend| &backend["state"]).collect();
            !states.is_empty() && states.iter().all(|found| *found == state)
        })
    }

    /// Waits until every backend has been probed and is up.
    pub fn wait_all_up(&mut self) -> Result<()> {
        self.wait_for("all backends to be up", |status| {
            backends(status).count() > 0 && backends(status).all(|backend| backend["state"] == "up")
        })
    }

    /// Replaces the file, and waits until it is in force.
    pub fn reload(&mut self, config: &Config) -> Result<()> {
        let before = revision(&self.status()?);
        config.write(&self.file)?;
        self.wait_for("the new file to be in force", |status| {
            let now = revision(status);
            now > before && status["reconcile"]["revision"] == now
        })
    }

    /// Ends the daemon as kill -9 does; forwarding goes on without it.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("lbd does not run")?.kill()
    }

    /// Ends the daemon as an operator does.
    pub fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("lbd does not run")?;
        let status = process.stop()?;
        ensure!(status.success(), "lbd ended with {status}:\n{}", process.log());
        Ok(())
    }

    /// What the daemons of this place have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("lbd.log")).unwrap_or_default()
    }

    /// The pin of the link that holds the program on an interface, if the driver runs it.
    pub fn link(&self, interface: &str) -> PathBuf {
        let version = self.pin_root.join("lab").join(format!("v{ABI_VERSION}"));
        version.join("links").join(format!("{interface}@native"))
    }

    /// Whether pins are left.
    pub fn is_pinned(&self) -> bool {
        fn has_file(folder: &Path) -> bool {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).any(|path| !path.is_dir() || has_file(&path))
        }
        has_file(&self.pin_root)
    }
}

impl Drop for Lbd {
    fn drop(&mut self) {
        self.process = None;
        // There is none if lbd refused to start, or was detached.
        let _ = fs::remove_dir_all(&self.pin_root);
    }
}

/// All backends of a status.
pub fn backends(status: &Value) -> impl Iterator<Item = &Value> {
    load_balancers(status).flat_map(|found| found["backends"].as_array().into_iter().flatten())
}

fn load_balancers(status: &Value) -> impl Iterator<Item = &Value> {
    status["load_balancers"].as_array().into_iter().flatten()
}

fn revision(status: &Value) -> u64 {
    status["source"]["revision"].as_u64().unwrap_or(0)
}
