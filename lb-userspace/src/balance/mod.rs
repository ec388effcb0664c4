// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selection: from the backends that take new flows to the table that the program reads.

pub mod maglev;
pub mod schedule;
mod share;
pub mod table;
