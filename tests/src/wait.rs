// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a condition with a deadline. Nothing here or in the tests sleeps for a fixed time and hopes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// How long anything may take that should be there almost at once; long, because machines can be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `look` is content, and returns what it found; after the deadline its last complaint is the error.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(complaint) if started.elapsed() > deadline => {
                return Err(complaint.context(format!("waited {deadline:?} for {what}")));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Looks until the condition holds.
pub fn until_true(what: &str, deadline: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    until(what, deadline, || if holds()? { Ok(()) } else { Err(anyhow!("it never came to be")) })
}
