// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weighted round robin as a table: one full cycle of nginx's smooth algorithm, in which the turns of a heavy member are
//! spread over the cycle instead of following each other.
//!
//! The algorithm: before each turn every member earns its weight; the one with the most takes the turn and pays the sum
//! of all weights. Members of one weight differ only in the turns they took, so among them it is a queue, and a turn
//! costs a comparison for each different weight instead of one for each member.

use std::collections::{BTreeMap, VecDeque};

use lb_common::limits::TABLE_SLOTS;

use super::share::apportion;
use super::table::Member;

/// The schedule for `members`, which are in the order of their identities and no more than [`TABLE_SLOTS`]: each stands
/// in it as often as its weight says, or, if that would be too long, as its share of the longest table.
pub fn build(members: &[Member]) -> Vec<u32> {
    let turns = turns(members);
    let cycle: i64 = turns.iter().map(|&turns| i64::from(turns)).sum();
    let mut classes = classes(&turns);
    let mut slots = Vec::new();
    for _ in 0..cycle {
        for class in &mut classes {
            class.earn();
        }
        let Some(richest) = classes.iter_mut().max_by_key(|class| class.claim()) else { break };
        slots.push(members[richest.take_turn(cycle)].slot);
    }
    slots
}

/// How often each member stands in the schedule.
fn turns(members: &[Member]) -> Vec<u32> {
    let divisor = members.iter().fold(0, |divisor, member| gcd(divisor, member.weight)).max(1);
    let weights: Vec<u32> = members.iter().map(|member| member.weight / divisor).collect();
    let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    if sum <= u64::from(TABLE_SLOTS) { weights } else { apportion(&weights, TABLE_SLOTS) }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Members of one weight.
struct Class {
    weight: i64,
    /// What a member that took no turn would have by now.
    earned: i64,
    /// Members by number, each with what it has paid so far; those that paid least stand first.
    queue: VecDeque<(usize, i64)>,
}

fn classes(turns: &[u32]) -> Vec<Class> {
    let mut queues: BTreeMap<u32, VecDeque<(usize, i64)>> = BTreeMap::new();
    for (number, &weight) in turns.iter().enumerate() {
        queues.entry(weight).or_default().push_back((number, 0));
    }
    let class = |(weight, queue)| Class { weight: i64::from(weight), earned: 0, queue };
    queues.into_iter().map(class).collect()
}

impl Class {
    fn earn(&mut self) {
        self.earned += self.weight;
    }

    /// What the first in the queue has, and, for a tie, that it comes before those with higher numbers.
    fn claim(&self) -> Option<(i64, std::cmp::Reverse<usize>)> {
        self.queue.front().map(|&(number, paid)| (self.earned - paid, std::cmp::Reverse(number)))
    }

    /// Lets the first in the queue have the turn and says who it was.
    fn take_turn(&mut self, price: i64) -> usize {
        let (number, paid) = self.queue.pop_front().unwrap_or_default();
        self.queue.push_back((number, paid + price));
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(at, &weight)| Member { slot: at as u32, generation: 0, weight, identity: at as u64 };
        weights.iter().enumerate().map(member).collect()
    }

    /// The algorithm as nginx has it.
    fn reference(weights: &[u32]) -> Vec<u32> {
        let sum: u32 = weights.iter().sum();
        let mut current = vec![0_i64; weights.len()];
        let turn = |_| {
            for (current, &weight) in current.iter_mut().zip(weights) {
                *current += i64::from(weight);
            }
            let most = current.iter().copied().max().expect("not empty");
            let best = current.iter().position(|&current| current == most).expect("it is there");
            current[best] -= i64::from(sum);
            best as u32
        };
        (0..sum).map(turn).collect()
    }

    #[test]
    fn heavy_members_do_not_come_in_a_row() {
        assert_eq!(build(&members(&[5, 1, 1])), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(build(&members(&[10, 30])), [1, 0, 1, 1]);
        assert_eq!(build(&members(&[4, 4, 4])), [0, 1, 2]);
        assert!(build(&[]).is_empty());
    }

    #[test]
    fn what_is_too_long_is_scaled_down() {
        let weights: Vec<u32> = (0..1000).map(|at| if at == 0 { 1 } else { 200 + at % 2 }).collect();
        let slots = build(&members(&weights));
        assert_eq!(slots.len(), TABLE_SLOTS as usize);
        assert_eq!(slots.iter().filter(|&&slot| slot == 0).count(), 1);
    }

    proptest! {
        #[test]
        fn it_is_what_nginx_does(weights in prop::collection::vec(1_u32..12, 1..20)) {
            let divisor = weights.iter().fold(0, |divisor, &weight| gcd(divisor, weight));
            let reduced: Vec<u32> = weights.iter().map(|weight| weight / divisor).collect();
            prop_assert_eq!(build(&members(&weights)), reference(&reduced));
        }
    }
}
