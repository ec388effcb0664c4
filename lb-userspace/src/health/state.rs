// SPDX-License-Identifier: MIT OR Apache-2.0
//! From results to a verdict.
//!
//! ```text
//!              pass                         fail, the unhealthy_threshold-th in a row
//!  Unknown ------------> Up { failures } ----------------------------------------------> Down { successes }
//!     |                       ^                                                             ^      |
//!     |                       '-------------------------------------------------------------+------'
//!     |                                     pass, the healthy_threshold-th in a row         |
//!     '-------------------------------------------------------------------------------------'
//!                                               fail
//! ```
//!
//! The first result decides at once, so that a fresh start knows quickly; thresholds keep later ones from flapping. A
//! result that agrees with the verdict sets the count back to zero.

use crate::reconcile::conditions::Verdict;

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Pass,
    /// Any other way.
    Fail,
}

/// How many results in a row turn a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures that turn up into down.
    pub unhealthy: u32,
    /// Successes that turn down into up.
    pub healthy: u32,
}

/// Where a backend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No result of the present check yet.
    Unknown {
        /// The verdict of the check before, which holds until the first result.
        before: Option<Verdict>,
    },
    /// It answers.
    Up {
        /// Failures since the last success.
        failures: u32,
    },
    /// It does not.
    Down {
        /// Successes since the last failure.
        successes: u32,
    },
}

impl State {
    /// The state of a backend that was never probed.
    pub const NEW: Self = Self::Unknown { before: None };

    /// The state under a changed check: what the old one found is only kept until the new one has a result.
    #[must_use]
    pub const fn restarted(self) -> Self {
        Self::Unknown { before: self.verdict() }
    }

    /// The verdict.
    pub const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Unknown { before } => before,
            Self::Up { .. } => Some(Verdict::Up),
            Self::Down { .. } => Some(Verdict::Down),
        }
    }

    /// Results in a row that speak against the verdict.
    pub const fn consecutive(self) -> u32 {
        match self {
            Self::Unknown { .. } => 0,
            Self::Up { failures } => failures,
            Self::Down { successes } => successes,
        }
    }

    /// The state after one more result.
    #[must_use]
    pub const fn after(self, outcome: Outcome, thresholds: Thresholds) -> Self {
        match (self, outcome) {
            (Self::Unknown { .. } | Self::Up { .. }, Outcome::Pass) => Self::Up { failures: 0 },
            (Self::Unknown { .. } | Self::Down { .. }, Outcome::Fail) => Self::Down { successes: 0 },
            (Self::Up { failures }, Outcome::Fail) => {
                let failures = failures.saturating_add(1);
                if failures < thresholds.unhealthy {
                    Self::Up { failures }
                } else {
                    Self::Down { successes: 0 }
                }
            }
            (Self::Down { successes }, Outcome::Pass) => {
                let successes = successes.saturating_add(1);
                if successes < thresholds.healthy {
                    Self::Down { successes }
                } else {
                    Self::Up { failures: 0 }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Fail, Pass};
    use proptest::prelude::*;

    const THRESHOLDS: Thresholds = Thresholds { unhealthy: 3, healthy: 2 };

    const fn up(failures: u32) -> State {
        State::Up { failures }
    }

    const fn down(successes: u32) -> State {
        State::Down { successes }
    }

    #[test]
    fn every_transition() {
        let inherited_up = State::Unknown { before: Some(Verdict::Up) };
        let inherited_down = State::Unknown { before: Some(Verdict::Down) };
        let table = [
            (State::NEW, Pass, up(0)),
            (State::NEW, Fail, down(0)),
            (inherited_up, Pass, up(0)),
            (inherited_up, Fail, down(0)),
            (inherited_down, Pass, up(0)),
            (inherited_down, Fail, down(0)),
            (up(0), Pass, up(0)),
            (up(2), Pass, up(0)),
            (up(0), Fail, up(1)),
            (up(1), Fail, up(2)),
            (up(2), Fail, down(0)),
            (down(0), Fail, down(0)),
            (down(1), Fail, down(0)),
            (down(0), Pass, down(1)),
            (down(1), Pass, up(0)),
        ];
        for (from, outcome, expected) in table {
            assert_eq!(from.after(outcome, THRESHOLDS), expected, "{from:?} after {outcome:?}");
        }
    }

    #[test]
    fn a_changed_check_keeps_the_verdict_but_not_the_count() {
        for (from, verdict) in [
            (State::NEW, None),
            (up(2), Some(Verdict::Up)),
            (down(1), Some(Verdict::Down)),
            (State::Unknown { before: Some(Verdict::Down) }, Some(Verdict::Down)),
        ] {
            assert_eq!(
                (from.restarted().verdict(), from.restarted().consecutive()),
                (verdict, 0),
                "{from:?}"
            );
        }
    }

    /// The verdict as a person would read it off the history: it turns where the last results all say the other.
    fn reference(history: &[Outcome], thresholds: Thresholds) -> Option<Verdict> {
        let ends_with = |upto: usize, outcome: Outcome, count: u32| {
            let seen = &history[..upto];
            seen.iter().rev().take_while(|one| **one == outcome).count() >= count as usize
        };
        (1..=history.len()).fold(None, |verdict, upto| match verdict {
            None => Some(if history[0] == Pass { Verdict::Up } else { Verdict::Down }),
            Some(Verdict::Up) if ends_with(upto, Fail, thresholds.unhealthy) => Some(Verdict::Down),
            Some(Verdict::Down) if ends_with(upto, Pass, thresholds.healthy) => Some(Verdict::Up),
            same => same,
        })
    }

    proptest! {
        #[test]
        fn the_verdict_follows_from_the_history(
            passes in prop::collection::vec(any::<bool>(), 0..40),
            unhealthy in 1_u32..6,
            healthy in 1_u32..6,
        ) {
            let thresholds = Thresholds { unhealthy, healthy };
            let history: Vec<_> = passes.iter().map(|pass| if *pass { Pass } else { Fail }).collect();
            let state = history.iter().fold(State::NEW, |state, outcome| state.after(*outcome, thresholds));
            prop_assert_eq!(state.verdict(), reference(&history, thresholds));
        }
    }
}
