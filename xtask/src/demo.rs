// SPDX-License-Identifier: MIT OR Apache-2.0
//! `demo`: sets up, builds, and hands over to the demo program of lb-tests, which knows the lab.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{root, show};
use crate::{build, setup};

/// How the demo runs.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Leave the lab up at the end, and say how to enter it.
    #[arg(long)]
    keep: bool,
    /// Only remove what an earlier run left, such as one with --keep.
    #[arg(long, conflicts_with = "keep")]
    clean: bool,
}

/// Runs it in our place, so that Ctrl-C and exit codes are its own.
pub fn run(options: &Options) -> Result<()> {
    setup::to_be_root("the demo")?;
    setup::to_run()?;
    build::run_release()?;
    let mut command = Command::new(root().join("target/release/demo"));
    command.args(options.keep.then_some("--keep")).args(options.clean.then_some("--clean"));
    let shown = show(&command);
    Err(command.exec()).with_context(|| format!("starting {shown}"))
}
