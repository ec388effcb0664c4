// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tidy`: rules about the sources that no compiler checks. Each rule is a function from the files to what is wrong.

mod abi;
mod layers;
mod text;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{output, root};

/// How to check.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Record the map layouts as those of the current ABI version (after raising it).
    #[arg(long)]
    bless: bool,
}

/// A file of the repository.
#[derive(Debug)]
pub struct Source {
    /// Its path from the root of the repository.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// What a rule found.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether it is only to be thought about.
    pub warning: bool,
}

/// Checks everything.
pub fn run(options: &Options) -> Result<()> {
    let sources = sources()?;
    if options.bless {
        return abi::bless(&sources);
    }
    let mut findings = layers::check(&sources);
    findings.extend(text::check(&sources));
    findings.extend(abi::check(&sources));
    for finding in &findings {
        let kind = if finding.warning { "warning" } else { "error" };
        println!("{kind}: {}: {}", finding.place, finding.message);
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    if errors > 0 {
        bail!("{errors} rules broken");
    }
    println!("{} files are tidy", sources.len());
    Ok(())
}

/// All text files that git knows or would add.
fn sources() -> Result<Vec<Source>> {
    let folder = root().to_string_lossy();
    let list = output("git", &["-C", &folder, "ls-files", "--cached", "--others", "--exclude-standard"])
        .context("tidy asks git for the files, but `git ls-files` failed")?;
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    Ok(list.lines().filter_map(read).collect())
}

impl Finding {
    fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), warning: false }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), warning: true }
    }
}

impl Source {
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }
}
