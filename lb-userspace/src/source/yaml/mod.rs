// SPDX-License-Identifier: MIT OR Apache-2.0
//! YAML 1.2, of which JSON is a part: from text to a tree that knows its lines, and from the tree to any type of serde's
//! with *all* mistakes noted, not the first. Only what cannot be parsed at all ends the reading early.

mod read;
mod scalar;
mod tree;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::LocatedProblem;
use crate::model::problem::Problem;

pub(super) use tree::Node;

/// What became of a text: a value in which placeholders stand where something was wrong, and what was wrong.
#[derive(Debug)]
pub(super) struct Reading<T> {
    /// The value, unless the text could not be parsed.
    pub(super) value: Option<T>,
    /// The tree, for the lines of what is found later.
    pub(super) root: Option<Node>,
    /// What was wrong, and where the placeholders stand.
    pub(super) findings: Findings,
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The problems.
    pub(super) problems: Vec<LocatedProblem>,
    /// Paths at which a placeholder stands: what else is wrong there is not its author's mistake.
    placeholders: BTreeSet<String>,
}

impl Findings {
    /// Notes a problem.
    fn note(&mut self, line: usize, problem: Problem) {
        self.problems.push(LocatedProblem { line: Some(line), problem });
    }

    /// Notes a problem at whose path a placeholder stands.
    fn replace(&mut self, line: usize, problem: Problem) {
        self.placeholders.insert(problem.path.clone());
        self.note(line, problem);
    }

    /// Whether `path` is at or below a placeholder.
    pub(super) fn stands_in(&self, path: &str) -> bool {
        let mut ends = path.match_indices(['.', '[']).map(|(end, _)| &path[..end]);
        self.placeholders.contains("")
            || self.placeholders.contains(path)
            || ends.any(|end| self.placeholders.contains(end))
    }
}

/// Reads a text as a `T`.
pub(super) fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Reading<T> {
    let mut findings = Findings::default();
    let root = tree::parse(text, &mut findings);
    let value = root.as_ref().and_then(|root| read::value(root, &mut findings));
    Reading { value, root, findings }
}

#[cfg(test)]
mod tests;
