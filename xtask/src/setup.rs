// SPDX-License-Identifier: MIT OR Apache-2.0
//! `setup`: finds out what is missing, and installs it where that can be done. Every other verb calls it first, so it
//! must be quick when all is there.

mod debian;
mod need;

use std::fmt;

use anyhow::Result;

use self::need::Need;
use crate::shell::is_root;

/// What is missing and why it was not installed.
#[derive(Debug)]
pub struct Missing {
    needs: Vec<Need>,
    why_not: String,
}

/// Installs whatever any verb needs.
pub fn run() -> Result<()> {
    to_run()?;
    let name = lb_build::Toolchain::detect().map_or("?", lb_build::Toolchain::name);
    println!("everything is there; the XDP program is built with the {name} toolchain");
    Ok(())
}

/// Makes sure that the workspace can be built.
pub fn to_build() -> Result<()> {
    ensure(&Need::missing_to_build)
}

/// Makes sure that the workspace can be built, and tests and demo have their programs.
pub fn to_run() -> Result<()> {
    ensure(&|| [Need::missing_to_build(), Need::missing_to_run()].concat())
}

/// Makes sure that another kernel can be run.
pub fn to_emulate() -> Result<()> {
    ensure(&Need::missing_to_emulate)
}

/// Why another kernel cannot be run here, neither now nor after installing what is missing.
pub fn why_no_emulation() -> Option<Missing> {
    let needs = Need::missing_to_emulate();
    let why_not = debian::can_install().err().filter(|_| !needs.is_empty())?;
    Some(Missing { needs, why_not: why_not.to_owned() })
}

/// Makes sure that we are root, which namespaces and XDP need.
pub fn to_be_root(what: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    let why_not =
        format!("{what} needs root: it makes network namespaces and loads XDP programs; run it with sudo");
    Err(Missing { needs: Vec::new(), why_not }.into())
}

fn ensure(missing: &dyn Fn() -> Vec<Need>) -> Result<()> {
    let needs = missing();
    if !needs.is_empty() {
        debian::can_install()
            .map_err(|why_not| Missing { needs: needs.clone(), why_not: why_not.to_owned() })?;
        debian::install(&needs)?;
    }
    let still = missing();
    if !still.is_empty() {
        return Err(
            Missing { needs: still, why_not: "it was installed, but is still not found".to_owned() }.into()
        );
    }
    Ok(())
}

impl std::error::Error for Missing {}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.needs.is_empty() {
            writeln!(formatter, "missing:")?;
        }
        for need in &self.needs {
            writeln!(formatter, "  - {need}\n      {}", need.fix())?;
        }
        write!(formatter, "{}", self.why_not)
    }
}
