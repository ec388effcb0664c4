// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules about text: sizes, first lines, promises to do something later, paths of the machine it was written on.

use std::path::Path;

use super::{Finding, Source};
use crate::shell::root;

/// Above this a file is probably more than one idea.
const LINES_WARN: usize = 500;
/// Above this it certainly is.
const LINES_MAX: usize = 800;

const SPDX: &str = "// SPDX-License-Identifier: ";
/// In two parts, so that this file does not find itself.
const LATER: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Applies every rule to every file.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(|source| check_file(source, root())).collect()
}

fn check_file(source: &Source, root: &Path) -> Vec<Finding> {
    let mut findings = later(source);
    findings.extend(machine_path(source, root));
    if source.is_rust() {
        findings.extend(size(source));
        findings.extend(licence(source));
    }
    findings
}

fn size(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let message = format!("{lines} lines; split it by idea (at most {LINES_MAX})");
    if lines > LINES_MAX {
        Some(Finding::error(&source.path, message))
    } else {
        (lines > LINES_WARN).then(|| Finding::warning(&source.path, message))
    }
}

fn licence(source: &Source) -> Option<Finding> {
    let missing = !source.text.starts_with(SPDX);
    missing.then(|| Finding::error(&source.path, format!("the first line is not `{SPDX}…`")))
}

/// A promise needs a place where it is kept track of, as in `(#12)`.
fn later(source: &Source) -> Vec<Finding> {
    let broken = |line: &str| {
        LATER.iter().any(|word| line.split_once(word).is_some_and(|(_, rest)| !rest.starts_with("(#")))
    };
    let places = source.text.lines().enumerate().filter(|(_, line)| broken(line));
    places
        .map(|(number, _)| {
            let place = format!("{}:{}", source.path, number + 1);
            Finding::error(place, "do it, or name the issue that will: `(#12)` right behind the word")
        })
        .collect()
}

/// Where this clone lies concerns nobody else. A clone right under `/` has too common a name to look for.
fn machine_path(source: &Source, root: &Path) -> Option<Finding> {
    let folder = root.to_str().filter(|_| root.components().count() > 2)?;
    let named = source.text.contains(folder);
    named.then(|| Finding::error(&source.path, format!("names {folder}, which is on no other machine")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check_file(&source, Path::new("/home/someone/lb"))
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_good_file_passes() {
        assert!(messages("a.rs", "// SPDX-License-Identifier: MIT\n//! Good.\n").is_empty());
        assert!(messages("a.md", &format!("{}(#3): more\n", LATER[0])).is_empty());
    }

    #[test]
    fn each_rule_is_held() {
        assert_eq!(messages("a.rs", "//! No licence.\n").len(), 1);
        assert_eq!(messages("a.md", &format!("{}: more\n", LATER[0])).len(), 1);
        assert_eq!(messages("a.md", "see /home/someone/lb/README.md\n").len(), 1);
        assert_eq!(messages("a.rs", &format!("{SPDX}MIT\n{}", "\n".repeat(LINES_WARN))).len(), 1);
    }
}
