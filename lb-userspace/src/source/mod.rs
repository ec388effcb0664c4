// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where desired states come from. A source hands over proved states only; when what it reads is wrong, it says so and
//! the state before stays in force.

pub mod cloud;
pub mod file;
pub mod last_good;
mod yaml;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::model::DesiredState;
use crate::model::problem::Problem;
use file::FileError;

/// What a source has to say now.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// The latest state that was proved.
    pub desired: Arc<DesiredState>,
    /// Raised whenever `desired` changes.
    pub revision: u64,
    /// Why the source's present content is not `desired`, if it is not.
    pub error: Option<Arc<FileError>>,
}

/// A problem and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocatedProblem {
    /// The line of the source, from 1; none for what has no place in it.
    pub line: Option<usize>,
    /// What is wrong there.
    #[serde(flatten)]
    pub problem: Problem,
}

impl fmt::Display for LocatedProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{line}: {}", self.problem),
            None => self.problem.fmt(formatter),
        }
    }
}
