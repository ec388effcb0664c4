// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts the rows of a test, and says at its end how many held, in the one line that `cargo xtask kernels` reads.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::Result;

/// Rows of a program under test; its end prints them.
#[derive(Debug)]
pub struct Tally {
    verified: u32,
    passed: AtomicU32,
    total: AtomicU32,
}

impl Tally {
    /// No rows yet, of a program for which the verifier walked that many instructions.
    pub fn new(verified: u32) -> Self {
        Self { verified, passed: AtomicU32::new(0), total: AtomicU32::new(0) }
    }

    /// Counts a row, and returns what came of it.
    pub fn count<T>(&self, row: Result<T>) -> Result<T> {
        self.total.fetch_add(1, Relaxed);
        self.passed.fetch_add(row.is_ok().into(), Relaxed);
        row
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let Self { verified, passed, total } = self;
        println!("tally: {} of {} rows, {verified} verified instructions", passed.get_mut(), total.get_mut());
    }
}
