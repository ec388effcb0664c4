// SPDX-License-Identifier: MIT OR Apache-2.0
//! Token buckets for new flows: `rate` tokens a second, room for those of one second.
//!
//! A bucket is kept as the moment at which it will be full: a token taken puts that off by the time one takes to come
//! back, and the bucket is empty when it is a second away. One number instead of a fill and a time, and nothing to refill.
//! The time of a token is whole nanoseconds, so a rate is kept to within a thousandth.

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// The highest rate, in flows a second.
pub const RATE_MAX: u32 = 1_000_000;

/// What to do with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing: it is empty.
    Refuse,
    /// It was full: let it be full at that moment.
    Set(u64),
    /// Put off the moment by so much.
    Add(u64),
}

/// Takes a token at `now` from a bucket that is full at `full_at`; `rate` is not zero.
///
/// The two ways to write let CPUs share a bucket without a lock: what several add at once all counts, so a burst of
/// theirs is owed later. Only the first token of a full bucket can be had by several for the price of one.
#[inline(always)]
pub const fn take(full_at: u64, now: u64, rate: u32) -> Take {
    let token = SECOND / if rate == 0 { 1 } else { rate as u64 };
    if full_at <= now {
        Take::Set(now + token)
    } else if full_at - now + token <= SECOND {
        Take::Add(token)
    } else {
        Take::Refuse
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes a token, and says if there was one.
    fn admits(full_at: &mut u64, now: u64, rate: u32) -> bool {
        match take(*full_at, now, rate) {
            Take::Refuse => return false,
            Take::Set(moment) => *full_at = moment,
            Take::Add(token) => *full_at += token,
        }
        true
    }

    #[test]
    fn a_second_s_worth_at_once_and_then_one_at_a_time() {
        for rate in [1, 3, 7, 1_000, 30_000] {
            let (mut bucket, now) = (0, 5 * SECOND);
            let burst = (0..2 * rate).filter(|_| admits(&mut bucket, now, rate)).count();
            assert_eq!(burst, rate as usize);
            let token = SECOND / u64::from(rate);
            assert!(!admits(&mut bucket, now + token / 2, rate));
            assert!(admits(&mut bucket, now + token, rate));
            assert!(!admits(&mut bucket, now + token, rate));
        }
    }

    #[test]
    fn the_highest_rate_is_kept() {
        let (mut bucket, now) = (0, SECOND);
        let burst = (0..2 * RATE_MAX).filter(|_| admits(&mut bucket, now, RATE_MAX)).count();
        assert_eq!(burst, RATE_MAX as usize);
    }

    proptest! {
        #[test]
        fn no_window_admits_more_than_its_seconds_and_a_burst(
            rate in 1_u32..2_000, steps in prop::collection::vec(0_u64..20_000_000, 1..2_000)
        ) {
            let (mut bucket, mut now, mut admitted) = (0, SECOND, 0_u64);
            let start = now;
            for step in steps {
                now += step;
                admitted += u64::from(admits(&mut bucket, now, rate));
                // One more for the part of a token that is on its way.
                let most = u64::from(rate) + (now - start) / (SECOND / u64::from(rate)) + 1;
                prop_assert!(admitted <= most, "{} after {} ns", admitted, now - start);
            }
        }
    }
}
