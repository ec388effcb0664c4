// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bears on a backend besides the desired state.

/// What health checks say of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers.
    Up,
    /// It does not.
    Down,
}
