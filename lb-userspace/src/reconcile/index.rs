// SPDX-License-Identifier: MIT OR Apache-2.0
//! Indexes into the data path's arrays: giving them out, and telling observers who has which.

use std::collections::{BTreeMap, HashMap};

use crate::datapath::{Observed, ServiceId};
use crate::model::{BackendId, DesiredState, LoadBalancer};

/// Who has which index, as of the last reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// The index of each service in the counters.
    pub services: BTreeMap<ServiceId, u32>,
    /// The slot of each backend that is desired.
    pub backends: BTreeMap<BackendId, u32>,
}

impl Assignments {
    /// Reads them from what the data path holds.
    pub fn of(desired: &DesiredState, observed: &Observed) -> Self {
        let slots = slots_by_owner(observed);
        let ids = desired.load_balancers.iter().flat_map(LoadBalancer::backends);
        Self {
            services: observed.services.iter().map(|(id, entry)| (*id, entry.index)).collect(),
            backends: ids.filter_map(|(id, _)| slots.get(&id.owner()).map(|slot| (id, *slot))).collect(),
        }
    }
}

/// The slot of each owner; the lowest, should one have several.
pub(super) fn slots_by_owner(observed: &Observed) -> HashMap<u64, u32> {
    let occupied = observed.backends.iter().filter(|(_, entry)| !entry.is_free());
    occupied.rev().map(|(slot, entry)| (entry.owner, *slot)).collect()
}

/// The indexes of one array: taken or free.
pub(super) struct Indexes {
    taken: Vec<bool>,
    /// None below is free.
    lowest: usize,
}

impl Indexes {
    /// All of them free.
    pub(super) fn new(capacity: u32) -> Self {
        Self { taken: vec![false; capacity as usize], lowest: 0 }
    }

    /// Takes this index; false when it is taken already or out of range.
    pub(super) fn take(&mut self, index: u32) -> bool {
        self.taken.get_mut(index as usize).is_some_and(|taken| !std::mem::replace(taken, true))
    }

    /// Takes the lowest free index, if one is left.
    pub(super) fn take_lowest(&mut self) -> Option<u32> {
        let free = self.taken.iter().skip(self.lowest).position(|taken| !taken);
        self.lowest = free.map_or(self.taken.len(), |distance| self.lowest + distance);
        *self.taken.get_mut(self.lowest)? = true;
        Some(self.lowest as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_index_is_taken_until_none_is_left() {
        let mut indexes = Indexes::new(4);
        assert!(indexes.take(1));
        assert!(!indexes.take(1));
        assert!(!indexes.take(4));
        let taken: Vec<Option<u32>> = (0..5).map(|_| indexes.take_lowest()).collect();
        assert_eq!(taken, [Some(0), Some(2), Some(3), None, None]);
    }
}
