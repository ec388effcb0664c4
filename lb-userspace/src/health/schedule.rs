// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a backend is probed next. Probes of many backends, and of many balancers, spread out instead of marching in
//! step: the first one by a random wait, later ones by a little jitter.

use std::time::{Duration, Instant};

use lb_common::hash;

/// Longest wait for the first probe, however long the interval: after a start, all verdicts are known soon.
const FIRST_WITHIN: Duration = Duration::from_secs(1);

/// A probe comes up to this part of the interval early. Never late: how soon a dead backend is found is a promise.
const JITTER_PART: u32 = 10;

/// When one backend is probed.
#[derive(Clone, Debug)]
pub struct Schedule {
    interval: Duration,
    due: Instant,
    seed: u64,
}

impl Schedule {
    /// Begins a schedule; backends with different seeds get different times.
    pub fn new(interval: Duration, seed: u64, now: Instant) -> Self {
        let seed = hash::mix(seed);
        Self { interval, due: now + part_of(interval.min(FIRST_WITHIN), seed), seed }
    }

    /// When the next probe is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// Notes that a probe starts. One that runs over its interval is followed by the next at once, without making up
    /// for those missed.
    pub fn probe_starts(&mut self, now: Instant) {
        self.seed = hash::mix(self.seed.wrapping_add(1));
        self.due = now + self.interval.saturating_sub(part_of(self.interval / JITTER_PART, self.seed));
    }
}

/// A part of the duration, chosen by the random number; less than the whole.
fn part_of(whole: Duration, random: u64) -> Duration {
    let nanoseconds = (whole.as_nanos() * u128::from(random >> 32)) >> 32;
    Duration::from_nanos(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_probe_comes_soon_whatever_the_interval() {
        let now = Instant::now();
        for (interval, latest) in [(100, 100), (1_000, 1_000), (300_000, 1_000)] {
            let interval = Duration::from_millis(interval);
            for seed in 0..1_000 {
                let wait = Schedule::new(interval, seed, now).due() - now;
                assert!(wait < Duration::from_millis(latest), "{interval:?} with seed {seed} waits {wait:?}");
            }
        }
    }

    #[test]
    fn first_probes_spread() {
        let now = Instant::now();
        let early = (0..1_000)
            .filter(|seed| Schedule::new(FIRST_WITHIN, *seed, now).due() - now < FIRST_WITHIN / 2)
            .count();
        assert!((300..700).contains(&early), "{early} of 1000 in the first half");
    }

    #[test]
    fn later_probes_are_at_most_a_tenth_early_and_never_late() {
        let interval = Duration::from_secs(10);
        let mut schedule = Schedule::new(interval, 7, Instant::now());
        let mut waits = Vec::new();
        for _ in 0..100 {
            let start = schedule.due();
            schedule.probe_starts(start);
            waits.push(schedule.due() - start);
        }
        assert!(waits.iter().all(|wait| (interval * 9 / 10..=interval).contains(wait)), "{waits:?}");
        waits.dedup();
        assert!(waits.len() > 1, "no jitter at all");
    }

    #[test]
    fn a_late_start_is_not_made_up_for() {
        let interval = Duration::from_secs(1);
        let mut schedule = Schedule::new(interval, 7, Instant::now());
        let late = schedule.due() + Duration::from_mins(1);
        schedule.probe_starts(late);
        assert!(schedule.due() > late + interval / 2);
    }
}
