// SPDX-License-Identifier: MIT OR Apache-2.0
//! A data path that fails at random in front of another: before a change is made, or after, as a kernel does whose
//! answer is lost.

use lb_common::hash::mix;

use super::{Change, Datapath, DatapathError, Observed};

/// Fails some of the calls to `inner`.
#[derive(Clone, Debug)]
pub struct ChaosDatapath<D> {
    inner: D,
    /// How often, from 0 to 1, a call fails on either side of the inner one.
    probability: f64,
    state: u64,
}

impl<D> ChaosDatapath<D> {
    /// Fails before the inner call with this probability, and as often after it. Equal seeds fail alike.
    pub fn new(inner: D, probability: f64, seed: u64) -> Self {
        Self { inner, probability, state: seed }
    }

    /// What is behind.
    pub fn into_inner(self) -> D {
        self.inner
    }

    fn strike(&mut self, at: &'static str) -> Result<(), DatapathError> {
        // Splitmix64, but for its finalizer.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let share = (mix(self.state) >> 32) as f64 / 2_f64.powi(32);
        if share < self.probability { Err(DatapathError::Chaos(at)) } else { Ok(()) }
    }
}

impl<D: Datapath> Datapath for ChaosDatapath<D> {
    fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError> {
        self.strike("observe")?;
        self.inner.observe(thorough)
    }

    fn apply(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.strike("before the change")?;
        self.inner.apply(change)?;
        self.strike("after the change")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datapath::memory::MemoryDatapath;

    #[test]
    fn never_and_always_are_what_they_say() {
        let mut never = ChaosDatapath::new(MemoryDatapath::default(), 0.0, 1);
        let mut always = ChaosDatapath::new(MemoryDatapath::default(), 1.0, 1);
        for _ in 0..100 {
            assert!(never.apply(&Change::Settle).is_ok());
            assert!(always.apply(&Change::Settle).is_err());
        }
    }

    #[test]
    fn equal_seeds_fail_alike() {
        let run = |seed| {
            let mut chaos = ChaosDatapath::new(MemoryDatapath::default(), 0.3, seed);
            (0..64).map(|_| chaos.apply(&Change::Settle).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
