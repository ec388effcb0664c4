// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long to wait before trying again.

use std::time::Duration;

use lb_common::hash::mix;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: a transient fault that lasts is noticed to be over within this.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits that double with each failure in a row, each shortened by up to a half at random, so that balancers which
/// failed together do not try again together.
#[derive(Clone, Debug)]
pub struct Backoff {
    seed: u64,
    failures: u32,
}

impl Backoff {
    /// Starts without failures.
    pub const fn new(seed: u64) -> Self {
        Self { seed, failures: 0 }
    }

    /// Counts a failure and says how long to wait.
    pub fn fail(&mut self) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.seed = mix(self.seed.wrapping_add(u64::from(self.failures)));
        let half = wait / 2;
        half + half.mul_f64((self.seed >> 32) as f64 / f64::from(u32::MAX))
    }

    /// Forgets the failures.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(7);
        for doubling in 0..20 {
            let most = FIRST.saturating_mul(1 << doubling).min(LONGEST);
            let wait = backoff.fail();
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
        backoff.succeed();
        assert!(backoff.fail() <= FIRST);
    }

    #[test]
    fn seeds_make_different_waits() {
        assert_ne!(Backoff::new(1).fail(), Backoff::new(2).fail());
    }
}
