// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selection tables: for each pool an inner map whose element 0 starts with a [`TableHeader`] and whose further elements
//! hold the slots of backends. A table is never changed: a new one is filled, then takes the place of the old in the
//! outer map, so a reader sees one or the other.

use core::mem::size_of;

use crate::limits::TABLE_CHUNK;

/// One element of a pool's map.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableChunk {
    /// Slots of backends; in element 0 the words of the header.
    pub slots: [u32; TABLE_CHUNK],
}

/// The head of a table.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableHeader {
    /// Slots in the table; 0 when the pool has no backend for new flows.
    pub length: u32,
    /// How a flow finds its place: [`Algorithm`] as a number.
    pub algorithm: u32,
    /// Identifies what the table was built from, so that user space need not build it again to compare.
    pub inputs: u64,
    /// Hash of the slots, so that user space can tell a damaged table.
    pub content: u64,
}

/// How a new flow finds its place in the table.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// The next place, in turn; the table is a schedule in which each backend stands as often as its weight says.
    RoundRobin = 0,
    /// The backend with the fewest open flows for its weight; the table lists each once.
    LeastConn = 1,
    /// By the hash of the flow; a Maglev table.
    Maglev = 2,
    /// By the hash of the client's address; a Maglev table.
    Source = 3,
}

impl Algorithm {
    /// The algorithm with that number.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::RoundRobin),
            1 => Some(Self::LeastConn),
            2 => Some(Self::Maglev),
            3 => Some(Self::Source),
            _ => None,
        }
    }
}

impl TableChunk {
    /// The element 0 that carries `header`.
    pub const fn of_header(header: &TableHeader) -> Self {
        let mut slots = [0; TABLE_CHUNK];
        slots[0] = header.length;
        slots[1] = header.algorithm;
        slots[2] = header.inputs as u32;
        slots[3] = (header.inputs >> 32) as u32;
        slots[4] = header.content as u32;
        slots[5] = (header.content >> 32) as u32;
        Self { slots }
    }

    /// The header in element 0.
    pub const fn header(&self) -> TableHeader {
        let slots = &self.slots;
        TableHeader {
            length: slots[0],
            algorithm: slots[1],
            inputs: slots[2] as u64 | ((slots[3] as u64) << 32),
            content: slots[4] as u64 | ((slots[5] as u64) << 32),
        }
    }
}

const _: () = assert!(size_of::<TableChunk>() == 4 * TABLE_CHUNK && size_of::<TableHeader>() == 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_its_element() {
        let header =
            TableHeader { length: 1021, algorithm: 2, inputs: 0x0123_4567_89ab_cdef, content: u64::MAX - 7 };
        assert_eq!(TableChunk::of_header(&header).header(), header);
    }

    #[test]
    fn algorithms_keep_their_numbers() {
        for algorithm in [Algorithm::RoundRobin, Algorithm::LeastConn, Algorithm::Maglev, Algorithm::Source] {
            assert_eq!(Algorithm::from_number(algorithm as u32), Some(algorithm));
        }
        assert_eq!(Algorithm::from_number(4), None);
    }
}
