// SPDX-License-Identifier: MIT OR Apache-2.0
//! When the report is published: a changed verdict at once, counters within a second, and never so often that copying
//! the report of many backends keeps a CPU busy.

use std::time::{Duration, Instant};

/// Shortest time between two reports: what changes meanwhile goes into one. Far below a failover's seconds.
const GAP: Duration = Duration::from_millis(20);

/// Longest time that a counter's change waits.
const COUNTERS_WITHIN: Duration = Duration::from_secs(1);

/// When the next report is due.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Pace {
    /// When to publish, if anything is to be published.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Notes that a verdict, or who has one, changed.
    pub fn verdict_changed(&mut self, now: Instant) {
        self.due_by(self.last.map_or(now, |last| now.max(last + GAP)));
    }

    /// Notes that only counters changed.
    pub fn counter_changed(&mut self, now: Instant) {
        self.due_by(self.last.map_or(now, |last| now.max(last + COUNTERS_WITHIN)));
    }

    /// Notes that the report was published.
    pub const fn published(&mut self, now: Instant) {
        self.last = Some(now);
        self.due = None;
    }

    fn due_by(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_due_until_something_changes() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.published(Instant::now());
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn a_verdict_goes_out_at_once_but_not_in_a_burst() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.verdict_changed(start);
        assert_eq!(pace.due(), Some(start));
        pace.published(start);
        pace.verdict_changed(start);
        assert_eq!(pace.due(), Some(start + GAP));
        pace.published(start + GAP);
        pace.verdict_changed(start + GAP * 5);
        assert_eq!(pace.due(), Some(start + GAP * 5));
    }

    #[test]
    fn counters_wait_unless_a_verdict_comes() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.published(start);
        pace.counter_changed(start);
        assert_eq!(pace.due(), Some(start + COUNTERS_WITHIN));
        pace.verdict_changed(start + GAP);
        assert_eq!(pace.due(), Some(start + GAP));
        pace.counter_changed(start + GAP);
        assert_eq!(pace.due(), Some(start + GAP));
    }
}
