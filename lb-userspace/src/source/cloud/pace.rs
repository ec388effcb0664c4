// SPDX-License-Identifier: MIT OR Apache-2.0
//! When the cloud may be asked. Pure: given the time and a seed.

use std::time::{Duration, Instant, SystemTime};

use lb_common::hash::mix;

/// The longest that a server may tell us to wait.
const RETRY_AFTER: Duration = Duration::from_mins(10);

/// Spaces requests evenly, so that however many are wanted at once, no second sees more than the rate.
#[derive(Debug)]
pub(super) struct Budget {
    gap: Duration,
    free: Instant,
}

impl Budget {
    /// At most `rate` requests a second.
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        Self { gap: Duration::from_secs(1) / rate.max(1), free: now }
    }

    /// Takes a place; how long until it comes.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        let place = self.free.max(now);
        self.free = place + self.gap;
        place - now
    }
}

/// `interval`, shortened by up to a tenth at random, so that balancers which started together do not ask together.
pub(super) fn jittered(interval: Duration, seed: u64) -> Duration {
    let share = (mix(seed) >> 32) as f64 / f64::from(u32::MAX);
    interval.mul_f64(1.0 - share / 10.0)
}

/// What a `Retry-After` header says: seconds, or a date.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    let until = |date: SystemTime| date.duration_since(now).unwrap_or_default();
    let wait = seconds.or_else(|| httpdate::parse_http_date(text).ok().map(until))?;
    Some(wait.min(RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_the_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(10, start);
        let waits: Vec<u128> = (0..12).map(|_| budget.take(start).as_millis()).collect();
        assert_eq!(waits[..3], [0, 100, 200]);
        assert_eq!(waits[11], 1100);
        assert_eq!(budget.take(start + Duration::from_mins(1)), Duration::ZERO);
    }

    #[test]
    fn jitter_shortens_by_a_tenth_at_most() {
        for seed in 0..100 {
            let wait = jittered(Duration::from_secs(10), seed);
            assert!(wait >= Duration::from_secs(9) && wait <= Duration::from_secs(10), "{wait:?}");
        }
        assert_ne!(jittered(Duration::from_secs(10), 1), jittered(Duration::from_secs(10), 2));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("86400", now), Some(RETRY_AFTER));
        assert_eq!(retry_after("soon", now), None);
    }
}
