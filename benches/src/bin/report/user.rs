// SPDX-License-Identifier: MIT OR Apache-2.0
//! What user space's large pieces of work cost; the criterion benches measure them closer.

use std::hint::black_box;
use std::time::Instant;

use lb_benches::row::median;
use lb_benches::scale::{Size, desired, observed};
use lb_common::abi::Algorithm;
use lb_common::hash::mix;
use lb_userspace::balance::table::{Member, TableInputs, build};
use lb_userspace::datapath::{Capacity, Observed};
use lb_userspace::reconcile::conditions::Conditions;

const ROUNDS: usize = 11;

/// Milliseconds for a Maglev table of 65,537 places over 600 backends.
pub fn maglev() -> f64 {
    let member = |slot| Member { slot, generation: 0, weight: 1, identity: mix(u64::from(slot)) };
    let inputs = TableInputs::new(Algorithm::Maglev, (0..600).map(member).collect());
    milliseconds(|| drop(black_box(build(black_box(&inputs)))))
}

/// Milliseconds for comparing 10,000 forwarding rules with a data path that has them all.
pub fn diff() -> f64 {
    use lb_userspace::reconcile::diff::diff;

    let capacity = Capacity { services: 16_384, backends: 131_072, pools: 16_384 };
    let empty = Observed { capacity, ..Observed::default() };
    let wanted = desired(&Size { load_balancers: 1000, rules: 10, instances: 10 });
    let conditions = Conditions::default();
    let there = observed(diff(&wanted, &conditions, &empty, 100), empty);
    milliseconds(|| drop(black_box(diff(black_box(&wanted), &conditions, black_box(&there), 101))))
}

fn milliseconds(mut work: impl FnMut()) -> f64 {
    let mut values: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    median(&mut values)
}
