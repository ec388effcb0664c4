// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backend slots: what each is to say, and which are to be given up.

use lb_common::abi::{BACKEND_DRAINING, BACKEND_USABLE, BackendEntry};

use super::conditions::{Conditions, Verdict};
use super::encode;
use super::index::{Indexes, slots_by_owner};
use super::plan::Unplaced;
use crate::datapath::{Change, Observed};
use crate::model::{BackendId, DesiredState, Instance, LoadBalancer};

/// A desired backend in its slot.
pub struct Placed {
    /// The slot.
    pub slot: u32,
    /// What the slot is to say.
    pub entry: BackendEntry,
    /// Whether a table will name it.
    pub listed: bool,
    /// What the slot says now, if the backend has it already.
    seen: Option<BackendEntry>,
}

/// What is to happen to the slots.
pub struct Backends {
    /// The backends of each load balancer, in the order of the desired state.
    pub placed: Vec<Vec<Placed>>,
    /// Slots whose backend is not desired any more, in the order of the slots.
    gone: Vec<Gone>,
}

/// What becomes of a slot whose backend is not desired any more.
enum Gone {
    /// Its flows go on for a while.
    Draining(Change),
    /// It is given up.
    Released(Change),
}

/// Backend changes by the moment they are made at.
#[derive(Default)]
pub struct BackendChanges {
    /// Before tables name them.
    pub before_tables: Vec<Change>,
    /// Once no table names them.
    pub after_tables: Vec<Change>,
    /// Once no packet that saw the tables before is on its way: what ends flows.
    pub settled: Vec<Change>,
}

impl Backends {
    /// Gives each desired backend its slot, the one it has or the lowest that is free, and says what slots are to say.
    pub fn place(
        desired: &DesiredState,
        conditions: &Conditions,
        observed: &Observed,
        now: u32,
        unplaced: &mut Vec<Unplaced>,
    ) -> Self {
        let mut slots = Slots::new(observed);
        let mut place = |load_balancer, id: BackendId, instance| {
            let owner = id.owner();
            let Some((slot, seen)) = slots.of(owner) else {
                unplaced.push(Unplaced::Backend(id));
                return None;
            };
            let generation = observed.backends.get(&slot).map_or(0, |entry| entry.generation);
            let backend = Backend { load_balancer, instance, id: &id, conditions, seen: seen.as_ref(), now };
            let entry = backend.entry(owner, generation);
            Some(Placed { slot, entry, listed: false, seen })
        };
        let placed = desired
            .load_balancers
            .iter()
            .map(|lb| lb.backends().filter_map(|(id, instance)| place(lb, id, instance)).collect())
            .collect();
        Self { placed, gone: slots.gone(now) }
    }

    /// The changes that make the slots say what they are to say.
    pub fn changes(&self) -> BackendChanges {
        let mut changes = BackendChanges::default();
        for placed in self.placed.iter().flatten().filter(|placed| placed.seen != Some(placed.entry)) {
            let change = Change::PutBackend { slot: placed.slot, entry: placed.entry };
            if placed.ends_flows() {
                changes.settled.push(change);
            } else if placed.listed {
                changes.before_tables.push(change);
            } else {
                changes.after_tables.push(change);
            }
        }
        for gone in &self.gone {
            match gone {
                Gone::Draining(change) => changes.after_tables.push(change.clone()),
                Gone::Released(change) => changes.settled.push(change.clone()),
            }
        }
        changes
    }
}

impl Placed {
    fn ends_flows(&self) -> bool {
        self.seen.is_some_and(|seen| seen.generation != self.entry.generation)
    }
}

/// A desired backend and everything that bears on it.
struct Backend<'a> {
    load_balancer: &'a LoadBalancer,
    instance: &'a Instance,
    id: &'a BackendId,
    conditions: &'a Conditions,
    seen: Option<&'a BackendEntry>,
    now: u32,
}

impl Backend<'_> {
    fn entry(&self, owner: u64, generation: u32) -> BackendEntry {
        let weight = self.instance.weight.number();
        let drain_timeout = encode::seconds(self.load_balancer.drain_timeout);
        let mut entry = encode::backend(owner, self.id.address, generation, weight, drain_timeout);
        if !self.is_usable() {
            entry.flags &= !BACKEND_USABLE;
        }
        if let Some(wanted) = self.drain(drain_timeout) {
            self.drain_entry(&mut entry, wanted);
        }
        entry
    }

    fn is_usable(&self) -> bool {
        let verdict = self.conditions.health.get(self.id);
        match verdict {
            _ if self.load_balancer.health_check.is_none() => true,
            Some(verdict) => *verdict == Verdict::Up,
            None => self.seen.is_none_or(encode::is_usable),
        }
    }

    /// The deadline of a drain that begins now, if there is to be one.
    fn drain(&self, timeout: u32) -> Option<u32> {
        let by_operator = self.conditions.drains.get(self.id).map(|drain| drain.until);
        let by_weight = (self.instance.weight.number() == 0).then(|| self.now.saturating_add(timeout));
        by_operator.into_iter().chain(by_weight).min()
    }

    /// Drains until `wanted` at the latest. From the deadline on the slot has another generation, which ends its flows,
    /// and says 0: there are none.
    fn drain_entry(&self, entry: &mut BackendEntry, wanted: u32) {
        entry.flags |= BACKEND_DRAINING;
        let Some(seen) = self.seen else { return };
        entry.drain_until = deadline(seen, wanted);
        if entry.drain_until != 0 && entry.drain_until <= self.now {
            entry.drain_until = 0;
            entry.generation = entry.generation.wrapping_add(1);
        }
    }
}

/// When a drain ends that is wanted to end then: a drain that is under way is never prolonged.
fn deadline(seen: &BackendEntry, wanted: u32) -> u32 {
    let wanted = wanted.max(1);
    if encode::is_draining(seen) { seen.drain_until.min(wanted) } else { wanted }
}

/// The slots as they are found, and who gets which.
struct Slots<'a> {
    observed: &'a Observed,
    by_owner: std::collections::HashMap<u64, u32>,
    /// Slots of owners that are still desired.
    kept: Indexes,
    /// All that nobody else may get; those to be released are free for the next plan only.
    occupied: Indexes,
}

impl<'a> Slots<'a> {
    fn new(observed: &'a Observed) -> Self {
        let mut occupied = Indexes::new(observed.capacity.backends);
        for (slot, _) in observed.backends.iter().filter(|(_, entry)| !entry.is_free()) {
            occupied.take(*slot);
        }
        let kept = Indexes::new(observed.capacity.backends);
        Self { observed, by_owner: slots_by_owner(observed), kept, occupied }
    }

    /// The slot of this owner, with what it says if it is the owner's already; nothing when all are taken.
    fn of(&mut self, owner: u64) -> Option<(u32, Option<BackendEntry>)> {
        if let Some(slot) = self.by_owner.get(&owner).copied().filter(|slot| self.kept.take(*slot)) {
            return Some((slot, self.observed.backends.get(&slot).copied()));
        }
        self.occupied.take_lowest().map(|slot| (slot, None))
    }

    /// What becomes of the slots that no desired backend has kept.
    fn gone(mut self, now: u32) -> Vec<Gone> {
        let occupied = self.observed.backends.iter().filter(|(_, entry)| !entry.is_free());
        let left = occupied.filter(|(slot, _)| self.kept.take(**slot));
        left.filter_map(|(slot, entry)| {
            let flows = self.observed.open_flows.get(slot).copied().unwrap_or(0);
            retire(*slot, entry, flows, now)
        })
        .collect()
    }
}

/// Drains a slot, and gives it up once its time is over or its flows are. One that was open for new flows until now is
/// drained first even if it seems to have none: some may just be opening.
fn retire(slot: u32, entry: &BackendEntry, flows: u32, now: u32) -> Option<Gone> {
    let until = deadline(entry, now.saturating_add(entry.drain_timeout));
    if until <= now || (encode::is_draining(entry) && flows == 0) {
        let generation = entry.generation.wrapping_add(1);
        return Some(Gone::Released(Change::ReleaseBackend { slot, generation }));
    }
    let flags = entry.flags | BACKEND_DRAINING;
    let drained = BackendEntry { flags, drain_until: until, ..*entry };
    (drained != *entry).then_some(Gone::Draining(Change::PutBackend { slot, entry: drained }))
}
