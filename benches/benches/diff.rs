// SPDX-License-Identifier: MIT OR Apache-2.0
//! What comparing desire and data path costs: 10,000 forwarding rules, or 100,000 backends, with nothing and with one
//! thing changed.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lb_benches::scale::{Size, desired, observed};
use lb_userspace::datapath::{Capacity, Observed};
use lb_userspace::model::Weight;
use lb_userspace::reconcile::conditions::Conditions;
use lb_userspace::reconcile::diff::diff;

fn compare(criterion: &mut Criterion, name: &str, size: &Size) {
    let capacity = Capacity { services: 16_384, backends: 131_072, pools: 16_384 };
    let empty = Observed { capacity, ..Observed::default() };
    let wanted = desired(size);
    let conditions = Conditions::default();
    let there = observed(diff(&wanted, &conditions, &empty, 100), empty);
    let mut changed = wanted.clone();
    changed.load_balancers[0].instances[0].weight = Weight::ZERO;
    for (case, desired) in [("unchanged", &wanted), ("one-changed", &changed)] {
        criterion.bench_function(&format!("diff/{name}/{case}"), |bencher| {
            bencher.iter(|| diff(black_box(desired), &conditions, black_box(&there), 101));
        });
    }
}

fn diffs(criterion: &mut Criterion) {
    compare(criterion, "10k-rules", &Size { load_balancers: 1000, rules: 10, instances: 10 });
    compare(criterion, "100k-backends", &Size { load_balancers: 1000, rules: 1, instances: 100 });
}

criterion_group!(benches, diffs);
criterion_main!(benches);
