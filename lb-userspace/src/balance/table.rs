// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selection tables: what one is built from, and what comes out.

use std::iter::once;

use lb_common::abi::{Algorithm, TableChunk, TableHeader};
use lb_common::hash::mix;
use lb_common::limits::{TABLE_CHUNK, TABLE_SLOTS};

use super::{maglev, schedule};

/// Part of every fingerprint. Raised when [`build`] makes another table of equal inputs, so that a new daemon replaces
/// the tables of an old one.
const BUILD_VERSION: u64 = 1;

/// What a table is built from. Equal inputs make equal tables, on every balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInputs {
    /// How a flow finds its place.
    pub algorithm: Algorithm,
    /// Those that take new flows, by identity; none means that new flows are refused.
    pub members: Vec<Member>,
}

/// A backend in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where the backend stands in `BACKENDS`; differs between balancers.
    pub slot: u32,
    /// The slot's generation.
    pub generation: u32,
    /// The share of new flows, at least 1.
    pub weight: u32,
    /// The same on every balancer: a hash of the backend's address.
    pub identity: u64,
}

impl TableInputs {
    /// Inputs with the members in their order, however they come.
    pub fn new(algorithm: Algorithm, mut members: Vec<Member>) -> Self {
        members.sort_by_key(|member| (member.identity, member.slot));
        Self { algorithm, members }
    }

    /// The inputs as a number: a table that carries it in its header was built from them.
    pub fn fingerprint(&self) -> u64 {
        let start = mix(BUILD_VERSION << 32 | self.algorithm as u64);
        self.members.iter().fold(start, |hash, member| {
            let place = u64::from(member.slot) << 32 | u64::from(member.generation);
            let hash = mix(hash ^ member.identity);
            mix(mix(hash ^ place).wrapping_add(u64::from(member.weight)))
        })
    }
}

/// A table as the program reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What stands in front.
    pub header: TableHeader,
    /// The slots of backends, `header.length` of them.
    pub slots: Vec<u32>,
}

/// Builds the table that `inputs` ask for. Members beyond [`TABLE_SLOTS`] have no place in it.
pub fn build(inputs: &TableInputs) -> Table {
    let fitting = inputs.members.len().min(TABLE_SLOTS as usize);
    let members = &inputs.members[..fitting];
    let slots = match inputs.algorithm {
        Algorithm::RoundRobin => schedule::build(members),
        Algorithm::LeastConn => members.iter().map(|member| member.slot).collect(),
        Algorithm::Maglev | Algorithm::Source => maglev::build(members),
    };
    let header = TableHeader {
        length: slots.len() as u32,
        algorithm: inputs.algorithm as u32,
        inputs: inputs.fingerprint(),
        content: Table::content_hash(&slots),
    };
    Table { header, slots }
}

impl Table {
    /// The hash of the slots that the header carries, by which a damaged table is told.
    pub fn content_hash(slots: &[u32]) -> u64 {
        slots.iter().fold(mix(slots.len() as u64), |hash, &slot| {
            mix(hash.wrapping_add(u64::from(slot)).wrapping_add(0x9e37_79b9_7f4a_7c15))
        })
    }

    /// The elements of the table's map in their order, the header's first; the last is filled up with zeros.
    pub fn chunks(&self) -> impl Iterator<Item = TableChunk> {
        let chunk = |part: &[u32]| {
            let mut slots = [0; TABLE_CHUNK];
            slots[..part.len()].copy_from_slice(part);
            TableChunk { slots }
        };
        once(TableChunk::of_header(&self.header)).chain(self.slots.chunks(TABLE_CHUNK).map(chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [Algorithm; 4] =
        [Algorithm::RoundRobin, Algorithm::LeastConn, Algorithm::Maglev, Algorithm::Source];

    fn members(count: u32) -> Vec<Member> {
        let member =
            |slot| Member { slot, generation: 3, weight: 1 + slot % 3, identity: mix(u64::from(slot)) };
        (0..count).map(member).collect()
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        for algorithm in ALGORITHMS {
            let forward = TableInputs::new(algorithm, members(9));
            let backward = TableInputs::new(algorithm, members(9).into_iter().rev().collect());
            assert_eq!(forward.fingerprint(), backward.fingerprint());
            assert_eq!(build(&forward), build(&backward));
        }
    }

    #[test]
    fn every_input_is_in_the_fingerprint() {
        let inputs = TableInputs::new(Algorithm::Maglev, members(3));
        let changed = |change: fn(&mut TableInputs)| {
            let mut other = inputs.clone();
            change(&mut other);
            other.fingerprint()
        };
        let fingerprints = [
            inputs.fingerprint(),
            changed(|inputs| inputs.algorithm = Algorithm::Source),
            changed(|inputs| inputs.members.truncate(2)),
            changed(|inputs| inputs.members[0].slot += 1),
            changed(|inputs| inputs.members[0].generation += 1),
            changed(|inputs| inputs.members[0].weight += 1),
            changed(|inputs| inputs.members[0].identity += 1),
        ];
        let distinct: std::collections::BTreeSet<u64> = fingerprints.into_iter().collect();
        assert_eq!(distinct.len(), fingerprints.len());
    }

    #[test]
    fn without_members_the_table_is_empty() {
        for algorithm in ALGORITHMS {
            let table = build(&TableInputs::new(algorithm, Vec::new()));
            assert_eq!((table.header.length, table.chunks().count()), (0, 1));
        }
    }

    #[test]
    fn chunks_are_header_and_slots() {
        let table = build(&TableInputs::new(Algorithm::LeastConn, members(300)));
        let chunks: Vec<TableChunk> = table.chunks().collect();
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[0].header(), table.header);
        let slots: Vec<u32> = chunks[1..].iter().flat_map(|chunk| chunk.slots).collect();
        assert_eq!(slots[..300], table.slots);
        assert_eq!(table.header.content, Table::content_hash(&slots[..300]));
    }

    #[test]
    fn members_beyond_the_longest_table_are_left_out() {
        for algorithm in ALGORITHMS {
            let table = build(&TableInputs::new(algorithm, members(TABLE_SLOTS + 5)));
            assert_eq!(table.slots.len(), TABLE_SLOTS as usize);
        }
    }
}
