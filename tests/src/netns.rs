// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network namespace as a value.
//!
//! Programs enter it by nsenter, not by `ip netns exec`: that would mount another /sys, without the pins of eBPF maps.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, thread};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};

use crate::command::{run, words};

/// What the name of every namespace of ours starts with.
pub const PREFIX: &str = "lbt-";

/// A network namespace that goes away with the value.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

/// A prefix for names that no other value of this or another process has: `lbt-<pid>-<number>`.
pub fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Netns {
    /// Makes a namespace with its loopback up and IPv6 addresses usable at once.
    pub fn new(name: String) -> Result<Self> {
        words("ip", &format!("netns add {name}"))?;
        let netns = Self { name };
        for when in ["all", "default"] {
            netns.set(&format!("net/ipv6/conf/{when}/accept_dad"), "0")?;
        }
        netns.ip("link set lo up")?;
        Ok(netns)
    }

    /// Its name, as in `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// A command that runs in it; the process id is that of the program itself.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Runs a program in it to its end.
    pub fn run(&self, program: &str, line: &str) -> Result<String> {
        run(self.command(program).args(line.split_whitespace()))
    }

    /// `ip` in it.
    pub fn ip(&self, line: &str) -> Result<String> {
        words("ip", &format!("-n {} {line}", self.name))
    }

    /// The hardware address of an interface.
    pub fn hardware_address(&self, interface: &str) -> Result<[u8; 6]> {
        let shown = self.ip(&format!("-o link show dev {interface}"))?;
        let text = shown.split_whitespace().skip_while(|word| *word != "link/ether").nth(1);
        let bytes =
            text.into_iter().flat_map(|text| text.split(':')).map(|byte| u8::from_str_radix(byte, 16));
        let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
        bytes.try_into().map_err(|_| anyhow!("{interface} has no hardware address: {shown}"))
    }

    /// The number of an interface.
    pub fn interface_index(&self, interface: &str) -> Result<u32> {
        let shown = self.ip(&format!("-o link show dev {interface}"))?;
        Ok(shown.split(':').next().unwrap_or_default().parse()?)
    }

    /// Sets a switch under /proc/sys.
    pub fn set(&self, switch: &str, value: &str) -> Result<()> {
        let file = Path::new("/proc/sys").join(switch);
        self.enter(|| {
            fs::write(&file, value).with_context(|| format!("writing {value} to {}", file.display()))
        })?
    }

    /// Does something in it, on a thread of its own: sockets that are made there stay there.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(self.path()).with_context(|| format!("opening namespace {}", self.name))?;
        let inside = || -> Result<T> {
            setns(&file, CloneFlags::CLONE_NEWNET).with_context(|| format!("entering {}", self.name))?;
            Ok(work())
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("work in {} panicked", self.name))?
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if let Err(error) = words("ip", &format!("netns del {}", self.name)) {
            eprintln!("namespace {} stays: {error:#}", self.name);
        }
    }
}
