// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `test` says at its end.

use super::step::Outcome;
use crate::shell::paint;

/// How the steps ended, in order.
#[derive(Debug, Default)]
pub struct Summary {
    steps: Vec<(&'static str, Outcome)>,
}

impl Summary {
    /// Adds a step.
    pub fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.steps.push((name, outcome));
    }

    /// How many failures there were.
    pub fn failed(&self) -> u32 {
        self.steps.iter().map(|(_, outcome)| outcome.failed).sum()
    }

    /// Prints a row a step, and the totals.
    pub fn print(&self) {
        println!("\n{:<14} {:<7} {:>7} {:>7} {:>9}", "step", "result", "passed", "failed", "seconds");
        for (name, outcome) in &self.steps {
            let result = if outcome.failed == 0 { paint("32", "ok     ") } else { paint("31", "FAILED ") };
            let seconds = outcome.took.as_secs_f64();
            println!("{name:<14} {result} {:>7} {:>7} {seconds:>9.1}", outcome.passed, outcome.failed);
            if let Some(note) = &outcome.note {
                println!("               {note}");
            }
        }
        let passed: u32 = self.steps.iter().map(|(_, outcome)| outcome.passed).sum();
        println!("\n{passed} passed, {} failed", self.failed());
    }
}
