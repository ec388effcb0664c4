// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running a program to its end, and finding those of this project.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs the command and returns what it printed; on failure the error has everything it said.
pub fn run(command: &mut Command) -> Result<String> {
    let output = finish(command)?;
    if !output.status.success() {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {stdout}{stderr}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the command, whatever comes of it.
pub fn finish(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("starting {command:?}"))
}

/// Runs `program` with the words of `line`.
pub fn words(program: &str, line: &str) -> Result<String> {
    run(Command::new(program).args(line.split_whitespace()))
}

/// Where a program of this workspace is: beside the running one, or one folder up from where test binaries are.
pub fn own_program(name: &str) -> Result<PathBuf> {
    let here = env::current_exe().context("finding the running program")?;
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not built; `cargo xtask test` and `cargo xtask build` do that"))
}
