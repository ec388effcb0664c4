// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lbd refuses to start with: one clear message, a meaningful exit code, nothing left behind.

use anyhow::{Result, ensure};
use lb_tests::command::own_program;
use lb_tests::config::Config;
use lb_tests::lab::{FRONT, Lab};
use lb_tests::lbd::Lbd;
use lb_tests::process::Process;
use lb_tests::raw_xdp;
use lb_tests::wait::PATIENCE;

/// The exit codes that operators' tools can tell apart.
const BAD_INPUT: i32 = 2;
const SYSTEM: i32 = 4;

/// Starts lbd, which must end by itself with one of these codes and say these words.
fn refused(lab: &Lab, config: &Config, codes: &[i32], words: &[&str]) -> Result<()> {
    let lbd = Lbd::prepared(lab, config)?;
    let mut process = Process::start("refused", &mut lbd.command(&lab.balancer)?, lab.folder())?;
    let status = process.wait(PATIENCE)?;
    let log = process.log();
    ensure!(
        status.code().is_some_and(|code| codes.contains(&code)),
        "{status}, not one of {codes:?}:\n{log}"
    );
    let unsaid: Vec<_> = words.iter().filter(|word| !log.contains(**word)).collect();
    ensure!(unsaid.is_empty(), "it does not say {unsaid:?}:\n{log}");
    ensure!(!lbd.is_pinned(), "pins are left");
    Ok(())
}

#[test]
fn a_missing_interface() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = Config::web(&lab);
    config.balancer.interfaces.push("nosuch0".to_owned());
    refused(&lab, &config, &[BAD_INPUT, SYSTEM], &["nosuch0"])
}

#[test]
fn an_interface_that_carries_another_program() -> Result<()> {
    let lab = Lab::new()?;
    raw_xdp::attach(&lab.balancer, FRONT, &raw_xdp::pass(), &lab.pins().join("foreign"))?;
    refused(&lab, &Config::web(&lab), &[BAD_INPUT, SYSTEM], &[FRONT])?;
    let shown = lab.balancer.ip(&format!("link show dev {FRONT}"))?;
    ensure!(shown.contains("xdp"), "the other program is gone: {shown}");
    Ok(())
}

#[test]
fn no_root() -> Result<()> {
    let lab = Lab::new()?;
    let lbd = Lbd::prepared(&lab, &Config::web(&lab))?;
    // A user who can read and run everything that it takes, but is not root.
    lab.open_to_all()?;
    let program = lab.folder().join("lbd");
    std::fs::copy(own_program("lbd")?, &program)?;
    let mut command = lab.balancer.command("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]);
    lbd.add_arguments(command.arg(program));
    let mut process = Process::start("no-root", &mut command, lab.folder())?;
    let status = process.wait(PATIENCE)?;
    ensure!(status.code() == Some(SYSTEM), "{status}:\n{}", process.log());
    ensure!(process.log().contains("root") || process.log().contains("CAP_"), "{}", process.log());
    Ok(())
}

#[test]
fn a_file_that_is_not_there() -> Result<()> {
    let lab = Lab::new()?;
    let lbd = Lbd::prepared(&lab, &Config::web(&lab))?;
    std::fs::remove_file(&lbd.file)?;
    let mut process = Process::start("no-file", &mut lbd.command(&lab.balancer)?, lab.folder())?;
    let status = process.wait(PATIENCE)?;
    ensure!(status.code() == Some(BAD_INPUT), "{status}:\n{}", process.log());
    ensure!(process.log().contains("lb.yaml"), "{}", process.log());
    Ok(())
}
