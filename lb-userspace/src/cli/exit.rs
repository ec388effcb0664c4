// SPDX-License-Identifier: MIT OR Apache-2.0
//! How both programs end: what they print last, and their exit codes.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked for.
    Done = 0,
    /// The work failed.
    Failed = 1,
    /// What was asked for is wrong: arguments, a file, a name.
    BadInput = 2,
    /// `lbd` cannot be reached.
    Unreachable = 3,
    /// A privilege, or something that the system must have, is missing.
    Requirement = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Prints a result of `program` and ends with `exit`. A reader that has seen enough, as `head` does, is no failure.
pub fn print(program: &str, text: &str, exit: Exit) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(program, &error, Exit::Failed),
        _ => exit.into(),
    }
}

/// Says on standard error why `program` failed, and ends with `exit`.
pub fn fail(program: &str, error: &dyn Display, exit: Exit) -> ExitCode {
    eprintln!("{program}: {error}");
    exit.into()
}
