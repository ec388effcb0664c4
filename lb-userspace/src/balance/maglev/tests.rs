// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Maglev promises: balance, little disruption, and the same table everywhere.

use proptest::prelude::*;

use super::*;

/// Members of these weights, whose identities are hashes of numbers from `first` on.
fn members(first: u64, weights: &[u32]) -> Vec<Member> {
    let member = |(at, &weight): (usize, &u32)| Member {
        slot: at as u32,
        generation: 0,
        weight,
        identity: mix(first + at as u64),
    };
    let mut members: Vec<Member> = weights.iter().enumerate().map(member).collect();
    members.sort_by_key(|member| member.identity);
    members
}

/// How many places each slot has.
fn counts(table: &[u32], slots: usize) -> Vec<u32> {
    let mut counts = vec![0; slots];
    for &slot in table {
        counts[slot as usize] += 1;
    }
    counts
}

/// Of the places that did not belong to `gone`, the share that another slot has in `after`.
fn disruption(before: &[u32], after: &[u32], gone: u32) -> f64 {
    let moved = before.iter().zip(after).filter(|&(&old, &new)| old != gone && old != new).count();
    moved as f64 / before.len() as f64
}

#[test]
fn lengths_are_primes_with_a_hundred_places_each() {
    for length in LENGTHS {
        assert!((2..=256).filter(|divisor| divisor * divisor <= length).all(|divisor| length % divisor != 0));
    }
    assert_eq!(
        [1, 10, 11, 40, 41, 163, 164, 655, 100_000].map(length),
        [1021, 1021, 4093, 4093, 16_381, 16_381, 65_537, 65_537, 65_537]
    );
}

#[test]
fn the_places_are_part_of_the_interface() {
    // Balancers of two versions that disagree here send the flows of one client to different backends.
    let bytes: Vec<u8> = build(&members(1, &[1, 2, 3])).into_iter().map(|slot| slot as u8).collect();
    assert_eq!(lb_common::hash::bytes(&bytes), 0x4b3f_4559_2f2b_3acf);
}

#[test]
fn one_member_has_the_whole_table() {
    assert_eq!(build(&members(1, &[7])), [0; 1021]);
    assert!(build(&[]).is_empty());
}

#[test]
fn a_thousand_members_all_have_places() {
    let table = build(&members(1, &[1; 1000]));
    assert!(counts(&table, 1000).iter().all(|count| (65..=66).contains(count)));
}

/// Of the table of `size` members, whose identities come from `first` on, the share that moves between those that stay
/// when one leaves.
fn moved_by_removal(first: u64, size: usize) -> f64 {
    let all = members(first, &vec![1; size]);
    let gone = all[size / 3];
    let rest: Vec<Member> = all.iter().copied().filter(|member| *member != gone).collect();
    disruption(&build(&all), &build(&rest), gone.slot)
}

#[test]
fn removal_moves_little() {
    // None of these sizes is the first of its length: where the length changes, most places move.
    for (size, pools) in [(3, 100), (10, 100), (40, 40), (100, 10), (600, 2)] {
        let moved: f64 = (0..pools).map(|pool| moved_by_removal(pool * 1000, size)).sum();
        let mean = moved / pools as f64;
        assert!(mean <= 0.025, "{mean} of the table of {size} moved beside what the removed one had");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn imbalance_is_under_one_percent_from_a_hundred_places_on(
        first in any::<u32>(),
        // From 3 on, so that everybody is due a whole place.
        weights in prop::collection::vec(3_u32..=256, 1..160),
    ) {
        let table = build(&members(u64::from(first), &weights));
        let sum: u32 = weights.iter().sum();
        for (count, weight) in counts(&table, weights.len()).into_iter().zip(weights) {
            let due = f64::from(weight) * table.len() as f64 / f64::from(sum);
            prop_assert!((f64::from(count) - due).abs() < 1.0, "{} places for {}", count, due);
            prop_assert!((f64::from(count) / due - 1.0).abs() <= 0.01 || due < 100.0);
        }
    }

    #[test]
    fn slots_do_not_matter(first in any::<u32>(), weights in prop::collection::vec(1_u32..=256, 1..40)) {
        let here = members(u64::from(first), &weights);
        let mut there = here.clone();
        for member in &mut there {
            member.slot += 1000;
        }
        let moved: Vec<u32> = build(&here).into_iter().map(|slot| slot + 1000).collect();
        prop_assert_eq!(moved, build(&there));
    }
}
