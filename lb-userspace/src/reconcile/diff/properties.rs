// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for every sequence of desires, conditions and faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use lb_common::abi::OPEN;
use proptest::prelude::*;
use proptest::sample::Index;

use super::tests::{CAPACITY, address, desired, instance, label, load_balancer, port};
use super::*;
use crate::datapath::chaos::ChaosDatapath;
use crate::datapath::memory::MemoryDatapath;
use crate::datapath::{Datapath, Observed};
use crate::model::{AllDown, BackendId, LoadBalancer, Network, Sources};
use crate::reconcile::apply::apply;
use crate::reconcile::conditions::{Drain, Verdict};

/// One moment: what is desired, what bears on it, which slots have flows, and how much time has passed.
#[derive(Clone, Debug)]
struct Moment {
    desired: DesiredState,
    conditions: Conditions,
    busy: Vec<bool>,
    passed: u32,
}

fn some_load_balancer(name: &'static str) -> impl Strategy<Value = LoadBalancer> {
    // Weight 0 drains; both names share instances, and ports are given out apart, below.
    let instances = prop::collection::btree_map(0_u8..6, 0_u16..4, 0..6);
    let firewall = prop::collection::btree_map(80_u16..85, some_sources(), 0..4);
    (instances, 0_u64..3, any::<bool>(), any::<bool>(), firewall).prop_map(
        move |(instances, drain, open, v6, firewall)| {
            let instances = instances.into_iter().map(|(number, weight)| instance(number, weight)).collect();
            let mut made = load_balancer(name, &[], instances);
            made.drain_timeout = std::time::Duration::from_secs(drain * 20);
            made.all_down = if open { AllDown::FailOpen } else { AllDown::Reject };
            made.policy.firewall =
                firewall.into_iter().map(|(number, sources)| (port(number), sources)).collect();
            made.vips.extend(v6.then(|| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])));
            made
        },
    )
}

/// Few, so that load balancers share some.
fn some_sources() -> impl Strategy<Value = Sources> {
    prop::collection::btree_set(8_u8..12, 1..3).prop_map(|lengths| {
        let network = |bits| Network::new(address(1), bits).expect("a prefix length");
        Arc::new(lengths.into_iter().map(network).collect())
    })
}

fn some_desire() -> impl Strategy<Value = DesiredState> {
    // For each of five ports: nobody's, or the first's or second's or third's.
    let owners = prop::collection::vec(0_usize..4, 5);
    let three = (some_load_balancer("a"), some_load_balancer("b"), some_load_balancer("c"));
    (three, owners, prop::sample::subsequence(vec![0, 1, 2], 0..=3)).prop_map(|((a, b, c), owners, kept)| {
        let all = [a, b, c];
        let with_rules = |at: usize| {
            let ports = (80..).zip(&owners).filter(|(_, owner)| **owner == at).map(|(port, _)| port);
            let rules = load_balancer("x", &ports.collect::<Vec<u16>>(), Vec::new()).forwarding_rules;
            LoadBalancer { forwarding_rules: rules, ..all[at].clone() }
        };
        desired(kept.into_iter().map(with_rules).collect())
    })
}

fn some_id() -> impl Strategy<Value = BackendId> {
    let names = prop::sample::select(vec!["a", "b", "c"]);
    (names, 0_u8..6)
        .prop_map(|(name, number)| BackendId { load_balancer: label(name), address: address(number) })
}

fn some_conditions() -> impl Strategy<Value = Conditions> {
    let verdict = prop::sample::select(vec![Verdict::Up, Verdict::Down]);
    let health = prop::collection::btree_map(some_id(), verdict, 0..12);
    let drain = (0_u32..400).prop_map(|until| Drain { until });
    let drains = prop::collection::btree_map(some_id(), drain, 0..3);
    (health, drains).prop_map(|(health, drains)| Conditions { health, drains })
}

fn some_moment() -> impl Strategy<Value = Moment> {
    let busy = prop::collection::vec(any::<bool>(), 32);
    (some_desire(), some_conditions(), busy, 0_u32..50)
        .prop_map(|(desired, conditions, busy, passed)| Moment { desired, conditions, busy, passed })
}

fn some_moments() -> impl Strategy<Value = Vec<Moment>> {
    prop::collection::vec(some_moment(), 1..6)
}

fn observe(datapath: &mut MemoryDatapath) -> Observed {
    datapath.observe(true).expect("memory")
}

/// Reconciles until nothing is left to do; the double checks every step. Each plan but the first only gives up slots or
/// uses the room that the one before has made.
fn settle(datapath: &mut MemoryDatapath, moment: &Moment, now: u32) {
    for round in 0..4 {
        let plan = diff(&moment.desired, &moment.conditions, &observe(datapath), now);
        if plan.is_empty() {
            assert!(plan.unplaced.is_empty(), "there is room for all of it");
            return;
        }
        assert!(round == 0 || plan.repairs() == 0, "left over after round {round}:\n{plan}");
        apply(datapath, &plan).unwrap_or_else(|error| panic!("{error:?} in\n{plan}"));
    }
    panic!("it never ends");
}

fn set_flows(datapath: &mut MemoryDatapath, busy: &[bool]) {
    datapath.open_flows = (0..).zip(busy).filter(|(_, busy)| **busy).map(|(slot, _)| (slot, 1)).collect();
}

/// What clients meet at a service: the port, the addresses and weights that its table has, and who is admitted.
type Behaviour = (u16, Vec<(IpAddr, u32)>, Option<Sources>);

/// What clients meet.
fn behaviour(datapath: &MemoryDatapath) -> BTreeMap<ServiceId, Behaviour> {
    let member = |member: &crate::balance::table::Member| {
        (crate::datapath::backend_address(&datapath.backends[&member.slot]), member.weight)
    };
    let service = |(id, entry): (&ServiceId, &ServiceEntry)| {
        let members = datapath.tables[&entry.pool].inputs.members.iter().map(member).collect();
        let admitted = (entry.firewall != OPEN).then(|| datapath.firewalls[&entry.firewall].clone());
        (*id, (entry.backend_port.host(), members, admitted))
    };
    datapath.services.iter().map(service).collect()
}

/// A slot that changes its owner, or starts again with the former one, has another generation.
fn check_owners(before: &MemoryDatapath, after: &MemoryDatapath) {
    for (slot, old) in before.backends.iter().filter(|(_, old)| !old.is_free()) {
        let new = &after.backends[slot];
        assert!(
            new.owner == old.owner || new.generation != old.generation,
            "slot {slot}: {old:?} to {new:?}"
        );
    }
}

/// A drain under way that goes on ends no later than it was to.
fn check_deadlines(before: &MemoryDatapath, after: &MemoryDatapath) {
    for (slot, old) in before.backends.iter().filter(|(_, old)| encode::is_draining(old)) {
        let new = &after.backends[slot];
        let goes_on = new.owner == old.owner && encode::is_draining(new);
        assert!(!goes_on || new.drain_until <= old.drain_until, "slot {slot}: {old:?} to {new:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_sequence_reaches_what_is_desired(moments in some_moments()) {
        let mut datapath = MemoryDatapath::new(CAPACITY);
        let mut now = 100;
        for moment in &moments {
            now += moment.passed;
            set_flows(&mut datapath, &moment.busy);
            let before = datapath.clone();
            settle(&mut datapath, moment, now);
            check_owners(&before, &datapath);
            check_deadlines(&before, &datapath);
            // Conditions say nothing of some backends, so an empty data path may know less; give it all slots first.
            let mut fresh = MemoryDatapath::new(CAPACITY);
            fresh.backends.clone_from(&datapath.backends);
            settle(&mut fresh, moment, now);
            prop_assert_eq!(behaviour(&datapath), behaviour(&fresh));
        }
    }

    #[test]
    fn a_plan_cut_anywhere_is_taken_up(moments in some_moments(), cuts in prop::collection::vec(any::<Index>(), 6)) {
        let mut datapath = MemoryDatapath::new(CAPACITY);
        let mut now = 100;
        for (moment, cut) in moments.iter().zip(&cuts) {
            now += moment.passed;
            set_flows(&mut datapath, &moment.busy);
            let mut plan = diff(&moment.desired, &moment.conditions, &observe(&mut datapath), now);
            plan.changes.truncate(cut.index(plan.changes.len() + 1));
            apply(&mut datapath, &plan).expect("every step keeps the data path whole");
            prop_assert_eq!(datapath.check(), Ok(()));
        }
        let last = &moments[moments.len() - 1];
        let mut now_settled = datapath.clone();
        settle(&mut now_settled, last, now);
        check_owners(&datapath, &now_settled);
    }

    #[test]
    fn chaos_only_delays(moments in some_moments(), seed in any::<u64>()) {
        let mut chaos = ChaosDatapath::new(MemoryDatapath::new(CAPACITY), 0.15, seed);
        let now = 100;
        for moment in &moments {
            for _ in 0..20 {
                let Ok(observed) = chaos.observe(true) else { continue };
                let plan = diff(&moment.desired, &moment.conditions, &observed, now);
                let outcome = apply(&mut chaos, &plan).map_err(|error| error.source);
                let struck = matches!(outcome, Err(crate::datapath::DatapathError::Chaos(_)));
                prop_assert!(outcome.is_ok() || struck, "{:?}", outcome);
            }
        }
        let mut datapath = chaos.into_inner();
        let last = &moments[moments.len() - 1];
        // However far it came: without chaos the rest is done.
        settle(&mut datapath, last, now);
    }

    #[test]
    fn damage_is_repaired(moment in some_moment(), damage in prop::collection::vec((0_u8..6, any::<Index>()), 1..6)) {
        let mut datapath = MemoryDatapath::new(CAPACITY);
        set_flows(&mut datapath, &moment.busy);
        settle(&mut datapath, &moment, 100);
        let whole = behaviour(&datapath);
        for (kind, at) in damage {
            damage_one(&mut datapath, kind, at);
        }
        let plan = diff(&moment.desired, &moment.conditions, &observe(&mut datapath), 100);
        apply(&mut datapath, &plan).expect("what was damaged can be put back");
        prop_assert_eq!(behaviour(&datapath), whole);
        prop_assert!(datapath.tables.values().all(|table| table.intact));
    }
}

/// Does what a stranger with `bpftool` can do, except to the slots' memory of who owns them.
fn damage_one(datapath: &mut MemoryDatapath, kind: u8, at: Index) {
    let services: Vec<ServiceId> = datapath.services.keys().copied().collect();
    let pools: Vec<u32> = datapath.tables.keys().copied().collect();
    let lists: Vec<u32> = datapath.firewalls.keys().copied().collect();
    match kind {
        0 => datapath.snat_addresses.clear(),
        1 if !services.is_empty() => _ = datapath.services.remove(at.get(&services)),
        2 if !services.is_empty() => {
            datapath.services.entry(*at.get(&services)).and_modify(|entry| entry.idle_timeout += 1);
        }
        3 if !pools.is_empty() => {
            datapath.tables.entry(*at.get(&pools)).and_modify(|table| table.intact = false);
        }
        4 if !lists.is_empty() => {
            let sources = datapath.firewalls.get_mut(at.get(&lists)).expect("one of them");
            *sources = Arc::new(sources.iter().skip(1).copied().collect());
        }
        _ => {}
    }
}
