// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bench`: measures, always beside a floor of the same run. The programs are in the benches package.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueHint};

use crate::shell::{cargo, run as run_command};
use crate::{build, setup};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Time a packet takes in the XDP program, beside a lookup in a kernel hash map.
    Report(Output),
    /// Packets, connections and requests through namespaces, beside nftables, `HAProxy` and a plain XDP redirect.
    Compare(Output),
}

#[derive(Debug, clap::Args)]
struct Output {
    /// Also write the numbers here, as an array of `{name, value, unit, floor, ratio}`.
    #[arg(long, value_hint = ValueHint::FilePath)]
    json: Option<PathBuf>,
}

/// Builds and runs the report.
pub fn run(options: &Options) -> Result<()> {
    setup::to_be_root("measuring")?;
    setup::to_run()?;
    let (program, output) = match &options.report {
        Report::Report(output) => ("report", output),
        Report::Compare(output) => {
            build::run_release()?;
            ("compare", output)
        }
    };
    let mut command = cargo(&["run", "--locked", "--release", "--package", "lb-benches", "--bin", program]);
    if let Some(file) = &output.json {
        // The program runs in the workspace, the path is meant from where we were called.
        command.arg("--").arg("--json").arg(std::path::absolute(file)?);
    }
    run_command(&mut command)
}
