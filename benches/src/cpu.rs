// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a measurement runs.

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// Keeps this thread on the CPU it is on: one that moves finds cold caches.
pub fn stay_here() -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(sched_getcpu()?)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).context("staying on one CPU")
}
