// SPDX-License-Identifier: MIT OR Apache-2.0
//! How following the cloud goes, for operators.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::refusal::Refusal;

/// How it goes; nothing of it where no cloud is followed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudStatus {
    /// Where the cloud is; none where none is followed.
    pub url: Option<String>,
    /// Looks that gave an answer.
    pub polls: u64,
    /// Looks that gave none.
    pub failures: u64,
    /// Requests made.
    pub requests: u64,
    /// When the last answer came; none before the first of this process.
    pub last_success: Option<SystemTime>,
    /// Why the last look gave none, if so; the last good answer is in force.
    pub error: Option<String>,
    /// The users' names for the load balancers of the last answer, by id.
    pub names: BTreeMap<String, String>,
    /// What of the last answer is not served, sorted.
    pub refused: Vec<Refusal>,
}
