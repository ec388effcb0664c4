// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was served last, kept so that a start without the cloud still balances. Not the cloud's answer but what was
//! proved of it is kept, since a load balancer that was refused since stays what it was, over a restart too.

use std::path::Path;
use std::{fs, io};

use crate::model::spec::LoadBalancerSpec;
use crate::source::last_good;

/// The file's name in the state folder.
const NAME: &str = "last-good-cloud.json";

/// Keeps what is served.
pub(super) fn save(folder: &Path, specs: &[LoadBalancerSpec]) -> io::Result<()> {
    last_good::save_as(folder, NAME, &serde_json::to_string(specs)?)
}

/// What was kept; none if nothing ever was.
pub(super) fn load(folder: &Path) -> io::Result<Option<Vec<LoadBalancerSpec>>> {
    match fs::read(folder.join(NAME)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
