// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver over the double, under a clock that jumps when everybody waits.

use super::*;
use crate::datapath::chaos::ChaosDatapath;
use crate::datapath::memory::MemoryDatapath;
use crate::health::BackendHealth;
use crate::model::LoadBalancer;
use crate::reconcile::conditions::Verdict;
use crate::reconcile::diff::tests::{CAPACITY, address, desired, instance, label, load_balancer};

/// Longer than any backoff or check by far; only passes when something is stuck.
const STUCK: Duration = Duration::from_secs(100_000);

/// A driver at work, and what a test can do to it.
struct Lab {
    datapath: Arc<Mutex<MemoryDatapath>>,
    desired: watch::Sender<SourceState>,
    health: watch::Sender<Arc<HealthReport>>,
    drains: watch::Sender<Arc<BTreeMap<BackendId, Drain>>>,
    status: watch::Receiver<Arc<ReconcileStatus>>,
    planner: Planner,
    shutdown: CancellationToken,
}

impl Lab {
    fn start(chaos: f64) -> Self {
        let datapath = Arc::new(Mutex::new(MemoryDatapath::new(CAPACITY)));
        let desired = watch::Sender::new(source(1, vec![web()]));
        let (health, drains) = (watch::Sender::default(), watch::Sender::default());
        let start = Instant::now();
        let inputs = Inputs {
            desired: desired.subscribe(),
            health: health.subscribe(),
            drains: drains.subscribe(),
            now: Box::new(move || 100 + start.elapsed().as_secs() as u32),
        };
        let driver = Driver::new(Box::new(ChaosDatapath::new(Arc::clone(&datapath), chaos, 11)), inputs, 7);
        let (status, planner, shutdown) = (driver.status(), driver.planner(), CancellationToken::new());
        tokio::spawn(driver.run(shutdown.clone()));
        Self { datapath, desired, health, drains, status, planner, shutdown }
    }

    /// Waits until the status is as it should be.
    async fn until(&mut self, is_so: impl Fn(&ReconcileStatus) -> bool) -> Arc<ReconcileStatus> {
        let wait = self.status.wait_for(|status| is_so(status));
        let status = tokio::time::timeout(STUCK, wait).await.expect("it comes to pass").expect("it runs");
        Arc::clone(&status)
    }

    fn memory<T>(&self, look: impl FnOnce(&mut MemoryDatapath) -> T) -> T {
        look(&mut self.datapath.lock().expect("nobody panics"))
    }

    fn members(&self) -> usize {
        self.memory(|memory| memory.tables.values().map(|table| table.inputs.members.len()).sum())
    }
}

fn web() -> LoadBalancer {
    load_balancer("web", &[80], vec![instance(11, 1), instance(12, 1)])
}

fn id(number: u8) -> BackendId {
    BackendId { load_balancer: label("web"), address: address(number) }
}

fn source(revision: u64, load_balancers: Vec<LoadBalancer>) -> SourceState {
    SourceState { desired: Arc::new(desired(load_balancers)), revision, error: None }
}

fn report(verdict: Verdict, probes: u64) -> Arc<HealthReport> {
    let health = BackendHealth {
        verdict: Some(verdict),
        since: SystemTime::UNIX_EPOCH,
        last_error: None,
        consecutive: 0,
        probes,
        failures: 0,
    };
    Arc::new(HealthReport { backends: [(id(11), health)].into() })
}

#[tokio::test(start_paused = true)]
async fn changes_of_every_input_reach_the_data_path() {
    let mut lab = Lab::start(0.0);
    let status = lab.until(|status| status.revision == 1).await;
    assert_eq!(status.assignments.backends.len(), 2);
    assert!(status.last_plan.iter().any(|line| line.starts_with("put service")));
    assert_eq!(lab.members(), 2);

    lab.health.send_replace(report(Verdict::Down, 1));
    lab.until(|status| status.successes == 2).await;
    assert_eq!(lab.members(), 1);

    lab.drains.send_replace(Arc::new([(id(12), Drain { until: 100_000 })].into()));
    let status = lab.until(|status| status.successes == 3).await;
    assert_eq!(lab.members(), 0);
    assert_eq!(status.drains[0].backend, Some(id(12)));

    lab.desired.send_replace(source(2, Vec::new()));
    lab.until(|status| status.revision == 2).await;
    assert!(lab.memory(|memory| memory.services.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_says_nothing_new_costs_nothing() {
    let mut lab = Lab::start(0.0);
    lab.health.send_replace(report(Verdict::Up, 1));
    lab.until(|status| status.revision == 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = lab.status.borrow().successes;
    for probes in 2..10 {
        lab.health.send_replace(report(Verdict::Up, probes));
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.status.borrow().successes, before);
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_and_counted() {
    let mut lab = Lab::start(0.0);
    lab.until(|status| status.revision == 1).await;
    lab.memory(|memory| {
        memory.services.clear();
        memory.tables.values_mut().for_each(|table| table.intact = false);
    });
    let status = lab.until(|status| status.repaired_changes > 0).await;
    assert_eq!(status.repaired_changes, 2);
    assert!(lab.memory(|memory| memory.services.len() == 1 && memory.tables[&0].intact));
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_its_deadline() {
    let mut lab = Lab::start(0.0);
    lab.until(|status| status.revision == 1).await;
    lab.memory(|memory| memory.open_flows = [(0, 5), (1, 5)].into());
    lab.desired.send_replace(source(2, vec![load_balancer("web", &[80], vec![instance(11, 1)])]));
    let status = lab.until(|status| status.revision == 2).await;
    assert_eq!((status.drains.len(), status.drains[0].open_flows), (1, 5));
    let status = lab.until(|status| status.drains.is_empty()).await;
    assert!(lab.memory(|memory| memory.backends[&1].is_free()));
    assert_eq!(status.repaired_changes, 0, "time did it, nobody else");
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_and_tried_again() {
    let mut lab = Lab::start(0.2);
    let status = lab.until(|status| status.revision == 1).await;
    assert!(status.failures > 0 && status.last_error.is_none());
    lab.desired.send_replace(source(2, vec![load_balancer("api", &[80, 81], vec![instance(13, 1)])]));
    lab.until(|status| status.last_error.as_ref().is_some_and(|error| error.contains("chaos struck"))).await;
    lab.until(|status| status.revision == 2).await;
    assert_eq!(lab.memory(|memory| memory.services.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_made_without_being_applied() {
    let mut lab = Lab::start(0.0);
    lab.until(|status| status.revision == 1).await;
    let before = lab.memory(|memory| memory.services.clone());
    let plan = lab.planner.plan(Arc::new(desired(Vec::new()))).await.expect("it runs");
    assert!(plan.to_string().contains("remove service tcp 192.0.2.10:80"));
    assert_eq!(lab.memory(|memory| memory.services.clone()), before);
    lab.shutdown.cancel();
    while lab.status.changed().await.is_ok() {}
    let ended = lab.planner.plan(Arc::new(desired(Vec::new()))).await;
    assert!(matches!(ended, Err(PlanError::Ended)));
}
