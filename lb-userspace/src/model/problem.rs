// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a desired state: where, with which value, and how to put it right.

use std::fmt;

use serde::Serialize;

use super::path::Path;

/// The longest value that a message repeats, in characters.
const VALUE_LENGTH: usize = 80;

/// One thing that keeps a spec from being accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where, as `load_balancers[0].vips[1]`; empty for the whole.
    pub path: String,
    /// The value that stands there, fit to be printed.
    pub value: Option<String>,
    /// What is wrong with it; reads on after the path.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)?;
        if let Some(value) = &self.value {
            write!(formatter, " ({value})")?;
        }
        write!(formatter, "; {}", self.fix)
    }
}

impl Problem {
    /// A problem with the place itself: something missing, or too much of it.
    pub fn at(path: &Path<'_>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_string(), value: None, message: message.into(), fix: fix.into() }
    }

    /// Adds the value that is wrong.
    #[must_use]
    pub fn with(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(printable(&value.to_string()));
        self
    }
}

/// The problems of one spec, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// Notes a problem with a value.
    pub(crate) fn value(
        &mut self,
        path: &Path<'_>,
        value: impl fmt::Display,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(Problem::at(path, message, fix).with(value));
    }

    /// Notes a problem with the place itself.
    pub(crate) fn place(&mut self, path: &Path<'_>, message: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Problem::at(path, message, fix));
    }
}

/// A value on one line and of a bounded length, so that a message cannot forge another.
pub(crate) fn printable(value: &str) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    let mut characters = value.chars();
    let mut text: String =
        characters.by_ref().take(VALUE_LENGTH).flat_map(|character| escaped(character).into_iter()).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    text
}

/// A character as it is printed: control characters and line ends as escapes.
fn escaped(character: char) -> Vec<char> {
    match character {
        '"' | '\'' => vec![character],
        _ => character.escape_debug().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_what_and_how() {
        let port = Path::ROOT.key("port");
        let problem = Problem::at(&port, "must be 1 to 65535", "choose one in that range").with(70_000);
        assert_eq!(problem.to_string(), "port: must be 1 to 65535 (70000); choose one in that range");
        let whole = Problem::at(&Path::ROOT, "the file is empty", "write one");
        assert_eq!(whole.to_string(), "the file is empty; write one");
    }

    #[test]
    fn values_stay_on_their_line() {
        assert_eq!(printable(""), "\"\"");
        assert_eq!(printable("a\nb\u{1b}[2K \"c\""), "a\\nb\\u{1b}[2K \"c\"");
        assert_eq!(printable(&"x".repeat(100)), format!("{}…", "x".repeat(80)));
    }
}
