// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud says of one load balancer and is not done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::problem::{Problem, printable};

/// One part of a load balancer that is not served as the cloud says, while the rest is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// The load balancer's id.
    pub load_balancer: String,
    /// The user's name for it.
    pub name: String,
    /// What is not served: `forwarding rule https 443`, `instance 5f…`; empty for the whole.
    pub part: String,
    /// Why not, and what is done instead.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.load_balancer)?;
        if !self.name.is_empty() {
            write!(formatter, " ({})", printable(&self.name))?;
        }
        if !self.part.is_empty() {
            write!(formatter, ", {}", self.part)?;
        }
        write!(formatter, ": {}; {}", self.why, self.fix)
    }
}

/// Who is refused something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The load balancer's id.
    pub id: String,
    /// The user's name for it.
    pub name: String,
}

impl Subject {
    /// A refusal of `part` of it.
    pub fn refuse(&self, part: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Refusal {
        Refusal {
            load_balancer: self.id.clone(),
            name: self.name.clone(),
            part: part.into(),
            why: why.into(),
            fix: fix.into(),
        }
    }

    /// A refusal for a problem that validation found.
    pub fn refuse_for(&self, part: impl Into<String>, problem: &Problem, effect: &str) -> Refusal {
        let field = problem.path.rsplit('.').next().unwrap_or_default();
        let field = if field.contains('[') { "it" } else { field };
        let value = problem.value.as_ref().map(|value| format!(" ({value})")).unwrap_or_default();
        self.refuse(part, format!("{field} {}{value}{effect}", problem.message), &problem.fix)
    }
}
