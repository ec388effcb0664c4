// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plans.

use crate::observe::api::PlanView;

/// The answer to `plan`.
pub fn plan(answer: &PlanView, _colour: bool) -> String {
    if answer.changes.is_empty() {
        return "nothing to do: the kernel is as desired\n".to_owned();
    }
    answer.changes.iter().enumerate().map(|(at, change)| format!("{:>4}. {change}\n", at + 1)).collect()
}
