// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the desired state comes from.

pub mod file;

use std::sync::Arc;

use crate::model::DesiredState;
use file::FileError;

/// What a source says now.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// The last state that was valid.
    pub desired: Arc<DesiredState>,
    /// Counts the states that were taken.
    pub revision: u64,
    /// Why the newest state was not taken, if it was not.
    pub error: Option<Arc<FileError>>,
}
