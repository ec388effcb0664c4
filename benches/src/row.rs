// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a report consists of.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// A number, beside what it is compared with if there is such.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// How much it was.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// The same of what it is compared with.
    pub floor: Option<f64>,
    /// `value / floor`.
    pub ratio: Option<f64>,
}

impl Row {
    /// A number that stands alone.
    pub fn alone(name: &str, value: f64, unit: &'static str) -> Self {
        Self { name: name.to_owned(), value, unit, floor: None, ratio: None }
    }

    /// A number beside another.
    pub fn beside(name: String, value: f64, unit: &'static str, floor: f64) -> Self {
        Self { name, value, unit, floor: Some(floor), ratio: Some(value / floor) }
    }
}

/// Prints the rows, and writes them where wanted.
pub fn publish(rows: &[Row], json: Option<&Path>) -> Result<()> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    println!("{:<28} {:>12} {:>12} {:>7}", "name", "value", "floor", "ratio");
    for row in rows {
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let (value, floor) = (number(Some(row.value)), number(row.floor));
        println!("{:<28} {value:>12} {floor:>12} {ratio:>7}  {}", row.name, row.unit);
    }
    let Some(file) = json else { return Ok(()) };
    std::fs::write(file, serde_json::to_string_pretty(rows)?)
        .with_context(|| format!("writing {}", file.display()))
}

/// The middle of the values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
