// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reasons for verdicts.

use super::bytes;
use super::table::{Cell, Colour, Table};
use crate::observe::api::ReasonStatus;

/// The answer to `reasons`.
pub fn list(reasons: &[ReasonStatus], colour: bool) -> String {
    table(reasons).render(0, colour)
}

/// Reasons as a table.
pub fn table<'a>(reasons: impl IntoIterator<Item = &'a ReasonStatus>) -> Table {
    let mut table = Table::new(&[">NO", "REASON", "OUTCOME", ">PACKETS", ">BYTES", "MEANING"]);
    for reason in reasons {
        let outcome = match reason.outcome.as_str() {
            "drop" if reason.packets > 0 => Cell::coloured(&reason.outcome, Colour::Bad),
            "reply" if reason.packets > 0 => Cell::coloured(&reason.outcome, Colour::Notice),
            outcome => outcome.into(),
        };
        let counts: [Cell; 2] = [reason.packets.into(), bytes(reason.bytes).into()];
        let [packets, bytes] = counts;
        table.row([
            reason.number.into(),
            (&reason.name).into(),
            outcome,
            packets,
            bytes,
            (&reason.meaning).into(),
        ]);
    }
    table
}
