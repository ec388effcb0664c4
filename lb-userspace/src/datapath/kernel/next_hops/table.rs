// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which index each neighbour has: pure bookkeeping. An index stays with its neighbour, resolved or not, until the table
//! is full; then those of neighbours that the kernel has forgotten are given up, and flows look their next hop up anew.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use lb_common::abi::{NEXT_HOP_RESOLVED, NeighbourKey, NextHop, UNKNOWN_NEXT_HOP};
use lb_common::net::Mac;

/// The indexes that are given out.
#[derive(Clone, Debug)]
pub struct Indexes {
    capacity: u32,
    by_neighbour: BTreeMap<NeighbourKey, u32>,
    /// What the kernel's map holds, by neighbour.
    written: BTreeMap<NeighbourKey, NextHop>,
}

/// What to write, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Next hops by index.
    pub hops: Vec<(u32, NextHop)>,
    /// Neighbours that have got an index.
    pub neighbours: Vec<(NeighbourKey, u32)>,
    /// Neighbours that have lost theirs.
    pub forgotten: Vec<NeighbourKey>,
}

impl Indexes {
    /// Goes on from what is given out already.
    pub fn new(capacity: u32, by_neighbour: BTreeMap<NeighbourKey, u32>) -> Self {
        Self { capacity, by_neighbour, written: BTreeMap::new() }
    }

    /// Every neighbour with its index.
    pub fn iter(&self) -> impl Iterator<Item = (&NeighbourKey, u32)> {
        self.by_neighbour.iter().map(|(key, index)| (key, *index))
    }

    /// Notes what the map holds for a neighbour.
    pub fn adopt(&mut self, key: NeighbourKey, hop: NextHop) {
        self.written.insert(key, hop);
    }

    /// A neighbour's index.
    pub fn get(&self, key: &NeighbourKey) -> Option<u32> {
        self.by_neighbour.get(key).copied()
    }

    /// Follows what the kernel knows, and gives those that backends are reached by an index even before they are
    /// resolved.
    pub fn update<'a>(
        &mut self,
        known: &BTreeMap<NeighbourKey, NextHop>,
        wanted: impl Iterator<Item = &'a NeighbourKey>,
    ) -> Update {
        let mut update = Update::default();
        let wanted: BTreeSet<NeighbourKey> = wanted.copied().collect();
        let keys: BTreeSet<NeighbourKey> = known.keys().chain(&wanted).copied().collect();
        let free = self.capacity.saturating_sub(1) as usize
            - self.by_neighbour.len().min(self.capacity as usize - 1);
        let fresh = keys.iter().filter(|key| !self.by_neighbour.contains_key(key)).count();
        if fresh > free {
            self.forget_all_but(&keys, &mut update);
        }
        let mut indexes = self.free_indexes();
        for key in keys {
            if let Entry::Vacant(place) = self.by_neighbour.entry(key) {
                // Full: such flows ask the routing table for each packet.
                let Some(index) = indexes.next() else { continue };
                place.insert(index);
                update.neighbours.push((key, index));
            }
        }
        for (key, index) in &self.by_neighbour {
            let hop =
                known.get(key).copied().unwrap_or(NextHop { interface: key.interface, ..NextHop::default() });
            if self.written.get(key) != Some(&hop) {
                self.written.insert(*key, hop);
                update.hops.push((*index, hop));
            }
        }
        update
    }

    fn forget_all_but(&mut self, keys: &BTreeSet<NeighbourKey>, update: &mut Update) {
        self.by_neighbour.retain(|key, _| {
            let keep = keys.contains(key);
            if !keep {
                update.forgotten.push(*key);
            }
            keep
        });
        self.written.retain(|key, _| keys.contains(key));
    }

    fn free_indexes(&self) -> impl Iterator<Item = u32> + use<> {
        let used: BTreeSet<u32> = self.by_neighbour.values().copied().collect();
        (UNKNOWN_NEXT_HOP + 1..self.capacity).filter(move |index| !used.contains(index))
    }
}

/// A next hop whose addresses are known; the MTU is in bytes.
pub fn resolved(interface: u32, destination: Mac, source: Mac, mtu: u32) -> NextHop {
    NextHop { interface, flags: NEXT_HOP_RESOLVED, addresses: NextHop::addresses(destination, source), mtu }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u32) -> NeighbourKey {
        NeighbourKey { interface: 2, family: 4, address: [last, 0, 0, 0] }
    }

    fn hop(last: u8) -> NextHop {
        resolved(2, [2, 0, 0, 0, 0, last], [2, 0, 0, 0, 1, 1], 1500)
    }

    #[test]
    fn an_index_stays_while_its_neighbour_changes() {
        let mut indexes = Indexes::new(16, BTreeMap::new());
        let first = indexes.update(&BTreeMap::from([(key(1), hop(1))]), [].iter());
        assert_eq!(first.hops, [(1, hop(1))]);
        assert_eq!(first.neighbours, [(key(1), 1)]);

        let moved = indexes.update(&BTreeMap::from([(key(1), hop(9))]), [].iter());
        assert_eq!(moved.hops, [(1, hop(9))]);
        assert!(moved.neighbours.is_empty());

        let gone = indexes.update(&BTreeMap::new(), [].iter());
        assert_eq!(gone.hops, [(1, NextHop { interface: 2, ..NextHop::default() })]);
        assert_eq!(indexes.get(&key(1)), Some(1));
        assert_eq!(indexes.update(&BTreeMap::new(), [].iter()), Update::default());
    }

    #[test]
    fn a_wanted_neighbour_has_an_index_before_it_is_resolved() {
        let mut indexes = Indexes::new(16, BTreeMap::new());
        let update = indexes.update(&BTreeMap::new(), [key(7)].iter());
        assert_eq!(update.neighbours, [(key(7), 1)]);
        assert_eq!(update.hops[0].1.flags, 0);
    }

    #[test]
    fn a_full_table_gives_up_those_that_are_gone() {
        let mut indexes = Indexes::new(3, BTreeMap::new());
        indexes.update(&BTreeMap::from([(key(1), hop(1)), (key(2), hop(2))]), [].iter());
        let update = indexes.update(&BTreeMap::from([(key(2), hop(2)), (key(3), hop(3))]), [].iter());
        assert_eq!(update.forgotten, [key(1)]);
        assert_eq!(update.neighbours, [(key(3), 1)]);
        assert_eq!(indexes.get(&key(2)), Some(2));
    }

    #[test]
    fn more_neighbours_than_room_leave_some_without_an_index() {
        let mut indexes = Indexes::new(2, BTreeMap::new());
        indexes.update(&BTreeMap::from([(key(1), hop(1)), (key(2), hop(2))]), [].iter());
        assert_eq!(indexes.get(&key(1)), Some(1));
        assert_eq!(indexes.get(&key(2)), None);
    }
}
