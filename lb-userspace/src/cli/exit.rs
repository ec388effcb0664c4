// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exit codes of both programs.

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
