// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plans.

use crate::observe::api::PlanView;

/// The answer to `plan`.
pub fn plan(answer: &PlanView, _colour: bool) -> String {
    let mut text: String =
        answer.changes.iter().enumerate().map(|(at, change)| format!("{:>4}. {change}\n", at + 1)).collect();
    text.extend(answer.unplaced.iter().map(|unplaced| format!("left out: {unplaced}\n")));
    if text.is_empty() { "nothing to do: the kernel is as desired\n".to_owned() } else { text }
}
