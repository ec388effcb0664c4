// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts the rows of a test, and says at its end how many held, in the one line that `cargo xtask kernels` reads.

use std::cell::Cell;

use anyhow::Result;

/// Rows of a program under test; its end prints them.
#[derive(Debug)]
pub struct Tally {
    verified: u32,
    passed: Cell<u32>,
    total: Cell<u32>,
}

impl Tally {
    /// No rows yet, of a program for which the verifier walked that many instructions.
    pub fn new(verified: u32) -> Self {
        Self { verified, passed: Cell::new(0), total: Cell::new(0) }
    }

    /// Counts a row, and returns what came of it.
    pub fn count<T>(&self, row: Result<T>) -> Result<T> {
        self.total.update(|total| total + 1);
        self.passed.update(|passed| passed + u32::from(row.is_ok()));
        row
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let Self { verified, passed, total } = self;
        println!("tally: {} of {} rows, {verified} verified instructions", passed.get(), total.get());
    }
}
