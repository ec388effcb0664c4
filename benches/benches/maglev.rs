// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a selection table costs: `build/<slots>x<backends>`, and `rebuild` after one of 600 backends has left.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lb_common::abi::Algorithm;
use lb_common::hash::mix;
use lb_userspace::balance::table::{Member, TableInputs, build};

fn inputs(algorithm: Algorithm, members: u32) -> TableInputs {
    let member = |slot| Member { slot, generation: 0, weight: 1 + slot % 3, identity: mix(u64::from(slot)) };
    TableInputs::new(algorithm, (0..members).map(member).collect())
}

fn tables(criterion: &mut Criterion) {
    for (name, members) in [("build/16381x100", 100), ("build/65537x600", 600), ("build/65537x1000", 1000)] {
        let inputs = inputs(Algorithm::Maglev, members);
        criterion.bench_function(&format!("maglev/{name}"), |bencher| {
            bencher.iter(|| build(black_box(&inputs)));
        });
    }
    let mut left = inputs(Algorithm::Maglev, 600);
    left.members.remove(300);
    criterion.bench_function("maglev/rebuild", |bencher| bencher.iter(|| build(black_box(&left))));
    let schedule = inputs(Algorithm::RoundRobin, 1000);
    criterion.bench_function("schedule/build/1000", |bencher| bencher.iter(|| build(black_box(&schedule))));
}

criterion_group!(benches, tables);
criterion_main!(benches);
