// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file source: one YAML file, read at once or not at all, and followed as it changes.

mod changes;
mod follow;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use super::LocatedProblem;
pub use follow::{FileSource, watch};

use super::yaml;
use crate::model::problem::Problem;
use crate::model::spec::Spec;
use crate::model::validate::validate;
use crate::model::{DesiredState, path};

/// The largest file that is read, in bytes: 100,000 rules take about 10 MiB.
pub const FILE_SIZE: usize = 16 << 20;

/// Why a file gives no state.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: cannot be read: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said; part of the message, since it is what the operator has to act on.
        source: io::Error,
    },
    /// It can be read, and is wrong.
    #[error("{}", listed(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of lines.
        problems: Vec<LocatedProblem>,
    },
}

/// One line a problem, as compilers print them.
fn listed(path: &Path, problems: &[LocatedProblem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            let separator = if problem.line.is_some() { "" } else { " " };
            format!("{}:{separator}{problem}", path.display())
        })
        .collect();
    lines.join("\n")
}

/// Reads a text and the file of ranges that it may name, or says everything that is wrong in the order of lines.
pub fn parse(text: &str) -> Result<DesiredState, Vec<LocatedProblem>> {
    if text.len() > FILE_SIZE {
        return Err(vec![too_large()]);
    }
    let reading = yaml::read::<Spec>(text);
    let mut problems = reading.findings.problems.clone();
    let spec = reading.value.map(with_ranges);
    let proved = match (spec, &reading.root) {
        (Some(spec), Some(root)) => validate(spec).map_err(|found| {
            let lines = root.lines();
            let own = found.into_iter().filter(|problem| !reading.findings.stands_in(&problem.path));
            problems
                .extend(own.map(|problem| LocatedProblem { line: line_of(&lines, &problem.path), problem }));
        }),
        _ => Err(()),
    };
    match proved {
        Ok(state) if problems.is_empty() => Ok(state),
        _ => {
            problems.sort_by_key(|problem| problem.line);
            Err(problems)
        }
    }
}

/// Fills in what is in the file that says what `cloudflare` is.
fn with_ranges(mut spec: Spec) -> Spec {
    let text = |name: &String| {
        let bytes = read(Path::new(name)).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    };
    spec.balancer.cloudflare_file = spec.balancer.cloudflare_ranges.as_ref().map(text);
    spec
}

/// Reads a file, or says everything that is wrong with it.
pub fn load(path: &Path) -> Result<DesiredState, FileError> {
    load_text(path).map(|(state, _)| state)
}

/// Reads a file and keeps the text that it was proved from.
fn load_text(path: &Path) -> Result<(DesiredState, String), FileError> {
    let bytes = read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let invalid = |problems| FileError::Invalid { path: path.to_owned(), problems };
    let text = String::from_utf8(bytes).map_err(|error| invalid(vec![not_utf8(&error)]))?;
    let state = parse(&text).map_err(invalid)?;
    Ok((state, text))
}

/// The content, up to one byte more than is accepted.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The line of the value at `path`, or of the nearest that contains it.
fn line_of(lines: &BTreeMap<String, usize>, path: &str) -> Option<usize> {
    let mut path = path;
    loop {
        if let Some(line) = lines.get(path) {
            return Some(*line);
        }
        path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
    }
}

fn too_large() -> LocatedProblem {
    let message = format!("the file is larger than {} MiB", FILE_SIZE >> 20);
    let fix = "spread the load balancers over several balancers";
    LocatedProblem { line: None, problem: Problem::at(&path::Path::ROOT, message, fix) }
}

fn not_utf8(error: &std::string::FromUtf8Error) -> LocatedProblem {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + valid.split(|byte| *byte == b'\n').skip(1).count();
    let problem = Problem::at(&path::Path::ROOT, "this is not UTF-8", "save the file as UTF-8");
    LocatedProblem { line: Some(line), problem }
}

#[cfg(test)]
mod tests;
