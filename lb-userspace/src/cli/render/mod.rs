// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers as text: tables for people, JSON for programs. Pure.

pub mod backends;
pub mod flows;
pub mod plan;
pub mod reasons;
pub mod status;
pub mod table;

use serde::Serialize;

use crate::observe::api::{LogLevelRequest, LogTarget};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// As JSON.
    pub json: bool,
    /// Tables with colours.
    pub colour: bool,
}

impl Output {
    /// Renders an answer, as JSON or by `render`, which is told whether to use colours.
    pub fn of<T: Serialize + ?Sized>(self, answer: &T, render: impl Fn(&T, bool) -> String) -> String {
        if self.json {
            // The types of the API always serialize.
            return serde_json::to_string_pretty(answer).map(|text| text + "\n").unwrap_or_default();
        }
        render(answer, self.colour)
    }
}

/// The answer to `log-level`.
pub fn log_level(answer: &LogLevelRequest, _colour: bool) -> String {
    let target = match answer.target {
        LogTarget::Daemon => "lbd",
        LogTarget::Datapath => "the program in the kernel",
    };
    format!("{target} now logs at level {}\n", answer.level.name())
}

/// A duration in its two largest units: `2d 3h`, `4m 5s`, `6s`.
pub fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m {seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h {minutes}m"),
        (days, hours, _, _) => format!("{days}d {hours}h"),
    }
}

/// Bytes in the largest binary unit in which they are at least 1: `1.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = bytes.ilog2() / 10;
    let unit = 1_u64 << (10 * exponent);
    format!("{:.1} {}", bytes as f64 / unit as f64, UNITS[exponent as usize - 1])
}

#[cfg(test)]
mod tests;
