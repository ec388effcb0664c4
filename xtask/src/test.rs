// SPDX-License-Identifier: MIT OR Apache-2.0
//! `test`: every check and test there is, one step after the other, with a summary. CI runs this and nothing else.
//!
//! A step that fails does not stop the ones after it. Nothing is green by being left out: without root the privileged
//! tests count as failed.

mod step;
mod summary;

use anyhow::{Result, bail};

use self::step::{Kind, Step, steps};
use self::summary::Summary;
use crate::setup;
use crate::shell::is_root;

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Run only tests whose name contains one of these; checks and builds that no test needs are left out.
    filter: Vec<String>,
    /// Run only this step (may be given again): format, tidy, clippy, unit, doc, unprivileged, build, privileged,
    /// kernels, benches.
    #[arg(long, conflicts_with = "filter")]
    step: Vec<String>,
}

/// Runs the steps and prints the summary.
pub fn run(options: &Options) -> Result<()> {
    if is_root() {
        setup::to_run()?;
    } else {
        setup::to_build()?;
    }
    let chosen: Vec<Step> = steps().into_iter().filter(|step| options.wants(step)).collect();
    if chosen.is_empty() {
        bail!("no step is called {}", options.step.join(" or "));
    }
    let mut summary = Summary::default();
    for step in &chosen {
        println!("\n=== {} ===", step.name);
        summary.add(step.name, step.run(&options.filter));
    }
    summary.print();
    if summary.failed() > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

impl Options {
    fn wants(&self, step: &Step) -> bool {
        let named = self.step.is_empty() || self.step.iter().any(|name| name == step.name);
        let whole = matches!(step.kind, Kind::Check | Kind::Kernels);
        named && (self.filter.is_empty() || !whole)
    }
}
