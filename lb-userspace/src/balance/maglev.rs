// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section
//! 3.4), with weights.
//!
//! Each member walks the table in an order of its own and takes, when it is its turn, the next place that is free. The
//! order comes from the member's identity alone, so balancers that know the same members agree on every place, and a
//! member that leaves hardly moves the others: beside its own places, on average 2 in 100 change their owner.
//!
//! Weights: a member's number of places is fixed beforehand to its share, rounded down or up, and the heavier take turns
//! more often. So a member that is due `s` places is off by less than `1 / s`: under 1 % from 100 places on, which the
//! length grants to members of average weight or more in pools of up to 655.

use lb_common::hash::{mix, reduce};
use lb_common::limits::TABLE_SLOTS;

use super::share::apportion;
use super::table::Member;

/// Lengths of tables: primes, so that every step walks through the whole table. Far apart, because a pool that grows past
/// one moves most of its new flows.
const LENGTHS: [u32; 4] = [1021, 4093, 16_381, TABLE_SLOTS];

/// Places for each member of average weight, while the longest table has them.
const PLACES: u32 = 100;

/// The length of the table for so many members.
pub fn length(members: usize) -> u32 {
    let wanted = u64::from(PLACES) * members as u64;
    LENGTHS.into_iter().find(|&length| u64::from(length) >= wanted).unwrap_or(TABLE_SLOTS)
}

/// The table for `members`, which are in the order of their identities and no more than [`TABLE_SLOTS`].
pub fn build(members: &[Member]) -> Vec<u32> {
    if members.is_empty() {
        return Vec::new();
    }
    let length = length(members.len());
    let weights: Vec<u32> = members.iter().map(|member| member.weight).collect();
    let heaviest = weights.iter().copied().max().unwrap_or(1);
    let quotas = apportion(&weights, length);
    let mut walkers: Vec<Walker> =
        members.iter().zip(quotas).map(|(member, quota)| Walker::new(member, quota, length)).collect();
    let mut places = Places::new(length);
    while !walkers.is_empty() {
        for walker in &mut walkers {
            walker.turn(&mut places, heaviest);
        }
        walkers.retain(|walker| walker.quota > 0);
    }
    places.slots
}

/// The table being filled.
struct Places {
    slots: Vec<u32>,
    /// One bit a place: small enough for the first-level cache, which the search for a free place lives in.
    taken: Vec<u64>,
}

impl Places {
    fn new(length: u32) -> Self {
        Self { slots: vec![0; length as usize], taken: vec![0; length.div_ceil(64) as usize] }
    }

    fn is_taken(&self, at: u32) -> bool {
        self.taken[(at / 64) as usize] >> (at % 64) & 1 == 1
    }

    fn take(&mut self, at: u32, slot: u32) {
        self.taken[(at / 64) as usize] |= 1 << (at % 64);
        self.slots[at as usize] = slot;
    }
}

/// A member on its way through the table.
struct Walker {
    slot: u32,
    weight: u32,
    /// Weight saved up; a turn costs the heaviest member's.
    credit: u32,
    /// Places still to take.
    quota: u32,
    at: u32,
    step: u32,
}

impl Walker {
    fn new(member: &Member, quota: u32, length: u32) -> Self {
        // Two hashes that do not depend on each other, as the paper's h1 and h2.
        let at = reduce(mix(member.identity), length);
        let step = 1 + reduce(mix(!member.identity), length - 1);
        Self { slot: member.slot, weight: member.weight, credit: 0, quota, at, step }
    }

    fn turn(&mut self, places: &mut Places, cost: u32) {
        self.credit += self.weight;
        if self.credit < cost || self.quota == 0 {
            return;
        }
        self.credit -= cost;
        self.quota -= 1;
        let length = places.slots.len() as u32;
        while places.is_taken(self.at) {
            self.at += self.step;
            if self.at >= length {
                self.at -= length;
            }
        }
        places.take(self.at, self.slot);
    }
}

#[cfg(test)]
mod tests;
