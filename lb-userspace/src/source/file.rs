// SPDX-License-Identifier: MIT OR Apache-2.0
//! The desired state as a file.

use std::path::PathBuf;

/// Why a file is not a desired state.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("reading {path} failed")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
