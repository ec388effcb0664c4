// SPDX-License-Identifier: MIT OR Apache-2.0
//! A system without a BPF file system: lbd mounts one where it stays, and says why not where it would not.

use std::process::Command;

use anyhow::{Result, ensure};
use lb_tests::command::own_program;
use lb_tests::config::Config;
use lb_tests::lab::Lab;
use lb_tests::lbd::Lbd;
use lb_tests::process::Process;
use lb_tests::wait::PATIENCE;

/// The exit code for what the system lacks.
const SYSTEM: i32 = 4;

/// Takes the BPF file system away from a mount namespace of its own, and starts lbd there.
const WITHOUT: &str = "while umount /sys/fs/bpf 2>/dev/null; do :; done; exec \"$@\"";

/// lbd in another mount namespace, after `before`.
fn unshared(lab: &Lab, lbd: &Lbd, options: &[&str], before: &str) -> Result<Command> {
    let mut command = lab.balancer.command("unshare");
    command.args(options).args(["sh", "-c", &format!("{before}{WITHOUT}"), "sh"]);
    lbd.add_arguments(command.arg(own_program("lbd")?));
    Ok(command)
}

#[test]
fn one_is_mounted_where_it_stays() -> Result<()> {
    let lab = Lab::new()?;
    let mut lbd = Lbd::prepared(&lab, &Config::web(&lab))?;
    // As in a container: the first process has the same mount namespace.
    let options = ["--mount", "--pid", "--fork", "--kill-child"];
    let mut command = unshared(&lab, &lbd, &options, "mount -t proc proc /proc; ")?;
    lbd.process = Some(Process::start("lbd", &mut command, lab.folder())?);
    lbd.wait_for("lbd to be ready", |status| status["reconcile"]["last_success"].is_u64())?;
    ensure!(lbd.log().contains("mounted a BPF file system at /sys/fs/bpf"), "{}", lbd.log());
    Ok(())
}

#[test]
fn none_is_mounted_that_would_end_with_the_daemon() -> Result<()> {
    let lab = Lab::new()?;
    let lbd = Lbd::prepared(&lab, &Config::web(&lab))?;
    let mut command = unshared(&lab, &lbd, &["--mount"], "")?;
    let mut process = Process::start("refused", &mut command, lab.folder())?;
    let status = process.wait(PATIENCE)?;
    let log = process.log();
    ensure!(status.code() == Some(SYSTEM), "{status}:\n{log}");
    ensure!(log.contains("is not on a BPF file system, and lbd mounts none"), "{log}");
    Ok(())
}
