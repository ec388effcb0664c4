// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plans.

use std::fmt::Write;

use crate::observe::api::PlanView;

/// The answer to `plan`.
pub fn plan(answer: &PlanView, _colour: bool) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for (at, change) in answer.changes.iter().enumerate() {
        let _ = writeln!(text, "{:>4}. {change}", at + 1);
    }
    for unplaced in &answer.unplaced {
        let _ = writeln!(text, "left out: {unplaced}");
    }
    if text.is_empty() { "nothing to do: the kernel is as desired\n".to_owned() } else { text }
}
