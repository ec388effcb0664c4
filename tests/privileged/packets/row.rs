// SPDX-License-Identifier: MIT OR Apache-2.0
//! A row of the table, and playing it.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lb_common::reason::{Outcome as Kind, Reason};
use lb_tests::packet::{Frame, check};

use super::fixture::{Fixture, Side};

/// An XDP action as the kernel numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Drop = 1,
    Pass = 2,
    Tx = 3,
    Redirect = 4,
}

/// A frame that comes in.
#[derive(Clone, Debug)]
pub struct Arriving {
    /// By which interface.
    pub side: Side,
    /// As what.
    pub bytes: Vec<u8>,
}

/// What is expected of a frame.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub case: String,
    /// Frames that come before.
    pub given: Vec<Arriving>,
    /// The frame.
    pub arriving: Arriving,
    /// What the program returns.
    pub action: Action,
    /// The one reason that is counted, for one packet.
    pub reason: Reason,
    /// The frame afterwards; none for one that is dropped.
    pub output: Option<Vec<u8>>,
}

impl Row {
    /// A frame that is left alone.
    pub fn passed(case: impl Into<String>, arriving: Arriving, reason: Reason) -> Self {
        let output = Some(arriving.bytes.clone());
        Self { case: case.into(), given: Vec::new(), arriving, action: Action::Pass, reason, output }
    }

    /// A frame that is dropped.
    pub fn dropped(case: impl Into<String>, arriving: Arriving, reason: Reason) -> Self {
        Self { case: case.into(), given: Vec::new(), arriving, action: Action::Drop, reason, output: None }
    }

    /// A frame that goes out by the other interface, changed.
    pub fn forwarded(case: impl Into<String>, arriving: Arriving, reason: Reason, output: &Frame) -> Self {
        let output = Some(output.bytes());
        Self { case: case.into(), given: Vec::new(), arriving, action: Action::Redirect, reason, output }
    }

    /// A frame whose sender gets an answer.
    pub fn answered(case: impl Into<String>, arriving: Arriving, reason: Reason, output: &Frame) -> Self {
        Self { action: Action::Tx, ..Self::forwarded(case, arriving, reason, output) }
    }

    /// Frames that come before.
    #[must_use]
    pub fn given(self, given: &[Arriving]) -> Self {
        Self { given: given.to_vec(), ..self }
    }
}

/// Plays rows one after the other. All that differ are reported.
pub fn play(fixture: &Fixture, rows: &[Row]) -> Result<()> {
    let complaints: Vec<String> = rows
        .iter()
        .filter_map(|row| play_one(fixture, row).err().map(|error| format!("{}: {error:#}", row.case)))
        .collect();
    ensure!(
        complaints.is_empty(),
        "{} of {} rows differ\n{}",
        complaints.len(),
        rows.len(),
        complaints.join("\n")
    );
    Ok(())
}

/// Plays one row.
pub fn play_one(fixture: &Fixture, row: &Row) -> Result<()> {
    fixture.tally.count(hold(fixture, row))
}

fn hold(fixture: &Fixture, row: &Row) -> Result<()> {
    for before in &row.given {
        let (action, _) = fixture.give(before.side, &before.bytes)?;
        ensure!((1..=4).contains(&action), "a frame before it: action {action}");
    }
    let outcome = fixture.run(row.arriving.side, &row.arriving.bytes)?;
    ensure!(
        outcome.action == row.action as u32 && outcome.reasons == BTreeMap::from([(row.reason, 1)]),
        "{:?} for {:?} expected, got {} for {:?}",
        row.action,
        row.reason,
        outcome.action,
        outcome.reasons
    );
    let Some(expected) = &row.output else { return Ok(()) };
    ensure!(*expected == outcome.frame, "\n expected {}\n got      {}", hex(expected), hex(&outcome.frame));
    if row.reason.outcome() != Kind::Pass {
        check::checksums(&outcome.frame)?;
    }
    Ok(())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
