// SPDX-License-Identifier: MIT OR Apache-2.0
//! `build`: the two programs as they are installed. The build script of lb-userspace builds the XDP program into lbd.

use anyhow::Result;

use crate::setup;
use crate::shell::{cargo, root, run};

/// Builds, and says where the programs are.
pub fn run_release() -> Result<()> {
    run(&mut cargo(&RELEASE))
}

/// The programs of users and of tests, in one go so that they share what they are built from.
pub const RELEASE: [&str; 8] =
    ["build", "--locked", "--release", "--bins", "--package", "lb-userspace", "--package", "lb-tests"];

/// The verb.
pub fn run_verb() -> Result<()> {
    setup::to_build()?;
    run_release()?;
    let folder = root().join("target/release");
    println!("built {} and {}", folder.join("lbd").display(), folder.join("lbctl").display());
    Ok(())
}
