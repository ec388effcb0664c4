// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an answer of the cloud with 10,000 load balancers costs: to read, to turn into a proved state, to compare with
//! the data path.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lb_benches::cloud::{directory, pages};
use lb_benches::scale::{Size, desired};
use lb_userspace::datapath::{Capacity, Observed};
use lb_userspace::reconcile::conditions::Conditions;
use lb_userspace::reconcile::diff::diff;
use lb_userspace::source::cloud::admit::admit;
use lb_userspace::source::cloud::convert::convert;
use lb_userspace::wire::{LoadBalancer, LoadBalancerPage};

/// Load balancers of the account.
const COUNT: u32 = 10_000;

fn read(pages: &[String]) -> Vec<LoadBalancer> {
    let page = |text: &String| serde_json::from_str::<LoadBalancerPage>(text).ok();
    pages.iter().filter_map(page).flat_map(|page| page.load_balancers).collect()
}

fn answers(criterion: &mut Criterion) {
    let pages = pages(COUNT);
    let directory = directory();
    let balancer = desired(&Size { load_balancers: 0, rules: 0, instances: 0 }).balancer;
    let read_all = read(&pages);
    assert_eq!(read_all.len(), COUNT as usize);
    let converted = || read_all.iter().map(|one| convert(one, &directory)).collect::<Vec<_>>();
    let admitted = admit(&balancer, converted(), &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(admitted.desired.load_balancers.len(), COUNT as usize);
    let capacity = Capacity { services: 16_384, backends: 131_072, pools: 16_384 };
    let empty = Observed { capacity, ..Observed::default() };

    criterion.bench_function("cloud/10k/parse", |bencher| bencher.iter(|| read(black_box(&pages))));
    criterion.bench_function("cloud/10k/convert", |bencher| bencher.iter(converted));
    criterion.bench_function("cloud/10k/admit", |bencher| {
        bencher.iter(|| admit(&balancer, converted(), black_box(&admitted.specs)));
    });
    criterion.bench_function("cloud/10k/diff", |bencher| {
        bencher.iter(|| diff(black_box(&admitted.desired), &Conditions::default(), &empty, 100));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = answers
}
criterion_main!(benches);
