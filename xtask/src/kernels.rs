// SPDX-License-Identifier: MIT OR Apache-2.0
//! `kernels`: the program on the oldest kernel that it is for, in an emulated machine, and on the one that runs here. The
//! very binaries that test it here are what tests it there.

mod debian;
mod guest;
mod image;
mod report;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueHint;
use serde_json::Value;

use self::report::Report;
use crate::shell::{cargo, output, root, show};
use crate::{build, setup};

/// Which kernels.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Emulate this one and not Debian's Linux 6.1: a Debian package, or an image that has veth and bridge built in.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    kernel: Option<PathBuf>,
}

/// Something to run on every kernel.
#[derive(Debug, PartialEq, Eq)]
pub struct Play {
    /// How the program runs in it.
    pub mode: &'static str,
    /// What the tests that make it up have in their names.
    pub filter: &'static str,
    /// What it is, in words.
    pub what: &'static str,
}

/// All there is to run.
pub const PLAYS: [Play; 3] = [
    Play {
        mode: "test run",
        filter: "packets::",
        what: "the packet table and mutants, by BPF_PROG_TEST_RUN",
    },
    Play {
        mode: "native",
        filter: "scenarios::modes::natively",
        what: "HTTP and UDP requests through lbd on veth",
    },
    Play {
        mode: "generic",
        filter: "scenarios::modes::in_the_generic_way",
        what: "the same, where veth refuses native XDP",
    },
];

/// How a play's tests are run, behind the filter.
pub const TEST_ARGUMENTS: [&str; 2] = ["--nocapture", "--test-threads=1"];

/// Runs all on both kernels, and prints the table.
pub fn run(options: &Options) -> Result<()> {
    setup::to_be_root("loading XDP programs")?;
    setup::to_run()?;
    setup::to_emulate()?;
    build::run_release()?;
    let tests = build_tests()?;
    let kernel = match &options.kernel {
        Some(path) => debian::given(path)?,
        None => debian::oldest()?,
    };
    let mut report = Report::default();
    guest::run(&kernel, &tests, &mut report)?;
    here(&tests, &mut report)?;
    report.print();
    let wrong = report.wrong();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n       "));
    }
    Ok(())
}

/// Builds the tests that need root, and says where they are.
fn build_tests() -> Result<PathBuf> {
    let mut command = cargo(&[
        "test",
        "--locked",
        "--release",
        "--package",
        "lb-tests",
        "--test",
        "privileged",
        "--no-run",
    ]);
    let shown = show(&command);
    let output = command.arg("--message-format=json").stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{shown} failed ({})", output.status);
    }
    let messages =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let executable = |message: Value| {
        let ours = message["target"]["name"] == "privileged";
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    };
    messages.filter_map(executable).next_back().context("cargo does not say where it has built the tests")
}

/// Runs all on the kernel that runs here.
fn here(tests: &Path, report: &mut Report) -> Result<()> {
    let release = output("uname", &["-r"]).context("asking for the kernel's release")?;
    report.read(&format!("kernel {}", release.trim()));
    for play in &PLAYS {
        let mut command = Command::new(tests);
        command.arg(play.filter).args(TEST_ARGUMENTS).current_dir(root()).env_remove("RUST_BACKTRACE");
        show(&command);
        report.read(&format!("play {}", play.mode));
        let mut child = command.stdout(Stdio::piped()).spawn().context("starting the tests")?;
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        for line in BufReader::new(stdout).split(b'\n') {
            tell(&line?, report)?;
        }
        let code = child.wait()?.code().unwrap_or(-1);
        report.read(&format!("ended {code}"));
    }
    Ok(())
}

/// Shows a line that tests have printed, and reads it.
fn tell(line: &[u8], report: &mut Report) -> Result<()> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    println!("{line}");
    std::io::stdout().flush()?;
    report.read(line);
    Ok(())
}
