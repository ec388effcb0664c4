// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dividing the slots of a table by weight.

/// How many of `total` slots each weight gets: its share rounded down or up (largest remainders win, the earlier on a
/// tie), but never less than one slot; what the smallest get beyond their share the others do without.
///
/// The counts add up to `total`. Weights are at least 1, and there are at most `total` of them.
pub fn apportion(weights: &[u32], total: u32) -> Vec<u32> {
    let mut rest =
        Rest { slots: u64::from(total), weight: weights.iter().map(|&weight| u64::from(weight)).sum() };
    let mut counts = vec![0; weights.len()];
    // Each slot given to one below its share makes the share of the others smaller, so that more may fall below.
    while give_one(weights, &mut counts, &mut rest) {}
    give_shares(weights, &mut counts, &rest);
    counts
}

/// What is still to be divided, and the weight of those it is for.
struct Rest {
    slots: u64,
    weight: u64,
}

/// Gives one slot to each whose share of the rest is less; false when there was none.
fn give_one(weights: &[u32], counts: &mut [u32], rest: &mut Rest) -> bool {
    let Rest { slots, weight: sum } = *rest;
    for (count, &weight) in counts.iter_mut().zip(weights) {
        if *count == 0 && u64::from(weight) * slots < sum {
            *count = 1;
            rest.slots -= 1;
            rest.weight -= u64::from(weight);
        }
    }
    rest.slots < slots
}

/// Divides the rest among those that have nothing yet.
fn give_shares(weights: &[u32], counts: &mut [u32], rest: &Rest) {
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = rest.slots;
    for (at, (count, &weight)) in counts.iter_mut().zip(weights).enumerate() {
        if *count == 0 {
            let product = u64::from(weight) * rest.slots;
            *count = (product / rest.weight) as u32;
            left -= u64::from(*count);
            remainders.push((product % rest.weight, at));
        }
    }
    remainders.sort_by_key(|&(remainder, at)| (std::cmp::Reverse(remainder), at));
    for &(_, at) in remainders.iter().take(left as usize) {
        counts[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn remainders_go_to_the_largest_then_to_the_first() {
        assert_eq!(apportion(&[1, 1, 1], 10), [4, 3, 3]);
        assert_eq!(apportion(&[3, 2, 2], 10), [4, 3, 3]);
        assert_eq!(apportion(&[], 10), [0; 0]);
    }

    #[test]
    fn nobody_goes_without() {
        assert_eq!(apportion(&[256, 1, 256], 5), [2, 1, 2]);
        assert_eq!(apportion(&[256, 1, 1], 3), [1, 1, 1]);
    }

    proptest! {
        #[test]
        fn counts_are_shares_rounded(weights in prop::collection::vec(1_u32..=256, 1..200), more in 0_u32..5000) {
            let total = weights.len() as u32 + more;
            let counts = apportion(&weights, total);
            prop_assert_eq!(counts.iter().sum::<u32>(), total);
            prop_assert!(counts.iter().all(|&count| count >= 1));
            let sum = weights.iter().sum::<u32>();
            let all_have_a_slot = weights.iter().all(|&weight| weight * total >= sum);
            for (&count, &weight) in counts.iter().zip(&weights) {
                let share = weight * total / sum;
                prop_assert!(count <= (share + 1).max(1), "{} for a share of {}", count, share);
                prop_assert!(!all_have_a_slot || count >= share, "{} for a share of {}", count, share);
            }
        }
    }
}
