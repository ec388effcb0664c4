// SPDX-License-Identifier: MIT OR Apache-2.0
//! An emulated machine with that kernel: tests speak by its second serial port, the kernel by its first.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::debian::Kernel;
use super::report::Report;
use super::{image, tell};
use crate::shell::{root, show};

/// How long all plays together may take; emulation is slow, and the machine may have other work.
const DEADLINE: Duration = Duration::from_mins(40);

/// Boots the kernel, and reads what the plays print until the machine switches itself off.
pub fn run(kernel: &Kernel, tests: &Path, report: &mut Report) -> Result<()> {
    let folder = root().join("target/kernels");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    let files = image::build(kernel, tests, &folder)?;
    let console = folder.join("console.log");
    let mut command = machine(&kernel.image, &files, &console);
    let shown = show(&command);
    let child = command.spawn().with_context(|| format!("starting {shown}"))?;
    let ended = follow(Machine(child), report);
    if ended.is_err() || report.is_empty() {
        println!("--- the emulated kernel's console ---");
        println!("{}", String::from_utf8_lossy(&fs::read(&console).unwrap_or_default()));
    }
    ended?;
    if report.is_empty() {
        bail!("the emulated kernel did not come as far as running tests");
    }
    Ok(())
}

fn machine(image: &Path, files: &Path, console: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2G"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
    command.arg("-kernel").arg(image).arg("-initrd").arg(files);
    command.args(["-append", "console=ttyS0 loglevel=4 panic=-1"]);
    command.arg("-serial").arg(format!("file:{}", console.display())).args(["-serial", "stdio"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// A machine that is switched off with the value.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It has ended by itself, mostly.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads until the machine is off or its time is over.
fn follow(mut machine: Machine, report: &mut Report) -> Result<()> {
    let stdout = machine.0.stdout.take().context("a pipe was asked for")?;
    let (sender, lines) = mpsc::channel();
    // It ends with the pipe, which ends with the machine.
    std::thread::spawn(move || BufReader::new(stdout).split(b'\n').try_for_each(|line| sender.send(line)));
    let started = Instant::now();
    loop {
        match lines.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
            Ok(line) => tell(&line?, report)?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => bail!("the emulated kernel was not done after {DEADLINE:?}"),
        }
    }
}
