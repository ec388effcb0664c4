// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of `test`, in order, and running one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::build::RELEASE;
use crate::setup;
use crate::shell::{cargo, is_root, show};

/// One step.
#[derive(Debug)]
pub struct Step {
    /// What it is called, here and on the command line.
    pub name: &'static str,
    /// How it runs and counts.
    pub kind: Kind,
    arguments: &'static [&'static str],
}

/// How a step runs and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Passes or fails as a whole.
    Check,
    /// Builds what tests run.
    Build,
    /// Runs tests, which are counted.
    Tests,
    /// Runs tests that need root, one at a time: timing is part of what they check, and the machine is small.
    RootTests,
    /// Passes or fails as a whole, needs root, and is left out where no other kernel can be run.
    Kernels,
}

/// How a step ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many tests passed; a check is one test.
    pub passed: u32,
    /// How many failed; a step that did not get as far as running tests is one.
    pub failed: u32,
    /// How long it took.
    pub took: Duration,
    /// Why it failed, where the output does not say.
    pub note: Option<String>,
}

/// The steps, cheap ones first. Clippy and the dev tests share one profile, builds and privileged tests the other.
pub fn steps() -> Vec<Step> {
    let step = |name, kind, arguments| Step { name, kind, arguments };
    vec![
        step("format", Kind::Check, &["fmt", "--all", "--check"]),
        step("tidy", Kind::Check, &["run", "--locked", "--quiet", "--package", "xtask", "--", "tidy"]),
        step("clippy", Kind::Check, &["clippy", "--locked", "--all-targets", "--", "--deny", "warnings"]),
        step("unit", Kind::Tests, &["test", "--locked", "--lib", "--bins"]),
        step("doc", Kind::Tests, &["test", "--locked", "--doc"]),
        step(
            "unprivileged",
            Kind::Tests,
            &["test", "--locked", "--package", "lb-tests", "--test", "unprivileged"],
        ),
        step("build", Kind::Build, &RELEASE),
        step(
            "privileged",
            Kind::RootTests,
            &["test", "--locked", "--release", "--package", "lb-tests", "--test", "privileged"],
        ),
        step(
            "kernels",
            Kind::Kernels,
            &["run", "--locked", "--quiet", "--package", "xtask", "--", "kernels"],
        ),
        step("benches", Kind::Check, &["bench", "--locked", "--package", "lb-benches", "--no-run"]),
    ]
}

impl Step {
    /// Runs it; its output goes to ours, and test results in it are counted.
    pub fn run(&self, filter: &[String]) -> Outcome {
        if matches!(self.kind, Kind::RootTests | Kind::Kernels) && !is_root() {
            let note =
                "these tests make network namespaces and load XDP programs: run `cargo xtask test` as root";
            println!("{note}");
            return Outcome { failed: 1, note: Some(note.to_owned()), ..Outcome::default() };
        }
        if self.kind == Kind::Kernels
            && let Some(missing) = setup::why_no_emulation()
        {
            println!("{missing}");
            let note = "left out: there is nothing here to emulate another kernel with".to_owned();
            return Outcome { note: Some(note), ..Outcome::default() };
        }
        let started = Instant::now();
        let mut outcome = self.attempt(&mut self.command(filter)).unwrap_or_else(|error| Outcome {
            failed: 1,
            note: Some(format!("{error:#}")),
            ..Outcome::default()
        });
        outcome.took = started.elapsed();
        outcome
    }

    fn command(&self, filter: &[String]) -> Command {
        let mut command = cargo(self.arguments);
        match self.kind {
            Kind::Check | Kind::Build | Kind::Kernels => {}
            Kind::Tests => drop(command.arg("--no-fail-fast").arg("--").args(filter)),
            Kind::RootTests => drop(command.args(["--", "--test-threads=1"]).args(filter)),
        }
        command
    }

    fn attempt(&self, command: &mut Command) -> Result<Outcome> {
        let shown = show(command);
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {shown}"))?;
        let mut outcome = Outcome::default();
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            println!("{}", String::from_utf8_lossy(&line));
            std::io::stdout().flush()?;
            outcome.count(&String::from_utf8_lossy(&line));
        }
        let succeeded = child.wait()?.success();
        let counts = matches!(self.kind, Kind::Tests | Kind::RootTests);
        if !succeeded {
            outcome.failed = outcome.failed.max(1);
        } else if !counts {
            outcome.passed = 1;
        }
        Ok(outcome)
    }
}

impl Outcome {
    /// Adds what a line like `test result: ok. 12 passed; 0 failed; …` says.
    fn count(&mut self, line: &str) {
        let Some((_, result)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in result.split("; ") {
            match part.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_test_harness_says() {
        let mut outcome = Outcome::default();
        outcome.count("running 3 tests");
        outcome.count(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        outcome.count("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!((outcome.passed, outcome.failed), (14, 1));
    }
}
