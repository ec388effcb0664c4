// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time is paused: it jumps to the next timer when every task waits, so hours pass in no time, and the machine's load
//! changes nothing. Only the last test uses sockets and the real clock.

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::health::probe::ProbeError;
use crate::health::testing::{backend, check, source};
use crate::health::{BackendHealth, HealthReport};
use crate::model::HealthCheck;

const A: &str = "10.0.3.11";
const B: &str = "10.0.3.12";

/// Backends that answer or not as the test says, and how they were asked.
#[derive(Default)]
struct Scene {
    down: Mutex<Vec<IpAddr>>,
    /// How long an answer takes.
    takes: Duration,
    asked: Mutex<Vec<(IpAddr, u16, Instant)>>,
    under_way: Mutex<(usize, usize)>,
}

impl Scene {
    fn set_down(&self, address: &str, down: bool) {
        let address: IpAddr = address.parse().unwrap();
        let mut all = self.down.lock().unwrap();
        all.retain(|one| *one != address);
        all.extend(down.then_some(address));
    }

    fn times_asked(&self, address: &str) -> Vec<Instant> {
        let address = address.parse::<IpAddr>().unwrap();
        self.asked.lock().unwrap().iter().filter(|asked| asked.0 == address).map(|asked| asked.2).collect()
    }
}

impl Prober for Arc<Scene> {
    async fn probe(&self, address: IpAddr, check: &HealthCheck) -> Result<(), ProbeError> {
        self.asked.lock().unwrap().push((address, check.port.get(), Instant::now()));
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        tokio::time::sleep(self.takes).await;
        self.under_way.lock().unwrap().0 -= 1;
        if self.down.lock().unwrap().contains(&address) {
            return Err(ProbeError::Connect(io::ErrorKind::ConnectionRefused.into()));
        }
        Ok(())
    }
}

/// A driver at work.
struct Lab {
    scene: Arc<Scene>,
    desired: watch::Sender<SourceState>,
    report: watch::Receiver<Arc<HealthReport>>,
    shutdown: CancellationToken,
    driver: JoinHandle<()>,
}

impl Lab {
    fn start(scene: Scene, state: SourceState) -> Self {
        let scene = Arc::new(scene);
        let (desired, states) = watch::channel(state);
        let (verdicts, report) = watch::channel(Arc::default());
        let shutdown = CancellationToken::new();
        let driver = tokio::spawn(run_with(Arc::clone(&scene), 1, states, verdicts, shutdown.clone()));
        Self { scene, desired, report, shutdown, driver }
    }

    async fn until(&mut self, condition: impl FnMut(&Arc<HealthReport>) -> bool) -> Arc<HealthReport> {
        let report = tokio::time::timeout(Duration::from_mins(10), self.report.wait_for(condition)).await;
        Arc::clone(&report.expect("the condition is never met").unwrap())
    }

    async fn until_verdict(&mut self, address: &str, verdict: Verdict) -> BackendHealth {
        let id = backend(address);
        let has = |report: &Arc<HealthReport>| {
            report.backends.get(&id).is_some_and(|health| health.verdict == Some(verdict))
        };
        self.until(has).await.backends[&id].clone()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.driver.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_dies_and_comes_back() {
    let mut lab = Lab::start(Scene::default(), source(Some(check(80)), &[A, B]));
    lab.until_verdict(A, Verdict::Up).await;
    lab.until_verdict(B, Verdict::Up).await;

    lab.scene.set_down(A, true);
    let died = Instant::now();
    let health = lab.until_verdict(A, Verdict::Down).await;
    assert!(died.elapsed() < Duration::from_secs(3), "found out after {:?}", died.elapsed());
    assert_eq!(health.last_error.as_deref(), Some("connection refused"));

    lab.scene.set_down(A, false);
    let health = lab.until_verdict(A, Verdict::Up).await;
    assert_eq!(health.failures, 2);
    lab.until_verdict(B, Verdict::Up).await;
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn all_verdicts_are_known_soon_however_long_the_interval() {
    let slow = HealthCheck { check_interval: Duration::from_mins(5), ..check(80) };
    let started = Instant::now();
    let mut lab = Lab::start(Scene::default(), source(Some(slow), &[A, B]));
    lab.until_verdict(A, Verdict::Up).await;
    lab.until_verdict(B, Verdict::Up).await;
    assert!(started.elapsed() < Duration::from_secs(2));
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn counters_are_published_although_no_verdict_changes() {
    let mut lab = Lab::start(Scene::default(), source(Some(check(80)), &[A]));
    lab.until(|report| report.backends.get(&backend(A)).is_some_and(|health| health.probes >= 10)).await;
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_starts_stops_and_keeps() {
    let mut lab = Lab::start(Scene::default(), source(Some(check(80)), &[A]));
    lab.until_verdict(A, Verdict::Up).await;

    lab.desired.send_replace(source(Some(check(80)), &[A, B]));
    lab.until_verdict(B, Verdict::Up).await;
    lab.desired.send_replace(source(Some(check(80)), &[B]));
    lab.until(|report| report.backends.keys().eq([&backend(B)])).await;

    let asked = lab.scene.times_asked(A).len();
    lab.until(|report| report.backends[&backend(B)].probes >= 10).await;
    assert_eq!(lab.scene.times_asked(A).len(), asked, "probed after it was removed");
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_check_is_used_from_then_on() {
    let mut lab = Lab::start(Scene::default(), source(Some(check(80)), &[A]));
    lab.until_verdict(A, Verdict::Up).await;
    lab.scene.set_down(A, true);
    lab.desired.send_replace(source(Some(check(81)), &[A]));
    // The first result of the new check decides at once.
    let health = lab.until_verdict(A, Verdict::Down).await;
    let ports: Vec<_> = lab.scene.asked.lock().unwrap().iter().map(|asked| asked.1).collect();
    assert_eq!(ports.iter().filter(|port| **port == 81).count(), 1, "{ports:?}");
    assert_eq!(ports.last(), Some(&81));
    assert!(health.probes >= 2);
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_source_and_its_end_change_nothing() {
    let state = source(Some(check(80)), &[A]);
    let mut lab = Lab::start(Scene::default(), state.clone());
    lab.until_verdict(A, Verdict::Up).await;
    lab.desired.send_replace(SourceState { revision: 2, ..state });
    let (elsewhere, _) = watch::channel(source(None, &[]));
    drop(std::mem::replace(&mut lab.desired, elsewhere));
    lab.until(|report| report.backends[&backend(A)].probes >= 10).await;
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_overruns_is_followed_by_one_not_by_all_that_were_missed() {
    let scene = Scene { takes: Duration::from_secs(4), ..Scene::default() };
    let mut lab = Lab::start(scene, source(Some(check(80)), &[A]));
    lab.until(|report| report.backends.get(&backend(A)).is_some_and(|health| health.probes >= 5)).await;
    let times = lab.scene.times_asked(A);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(4)), "{times:?}");
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn probes_under_way_are_bounded() {
    let addresses: Vec<_> =
        (0..3_000).map(|number| format!("10.1.{}.{}", number / 250, number % 250)).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let scene = Scene { takes: Duration::from_secs(5), ..Scene::default() };
    let mut lab = Lab::start(scene, source(Some(check(80)), &addresses));
    lab.until(|report| {
        report.backends.len() == addresses.len()
            && report.backends.values().all(|health| health.verdict.is_some())
    })
    .await;
    assert_eq!(lab.scene.under_way.lock().unwrap().1, IN_FLIGHT);
    lab.stop().await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_every_worker() {
    let scene = Scene { takes: Duration::from_hours(1), ..Scene::default() };
    let lab = Lab::start(scene, source(Some(check(80)), &[A, B]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let scene = Arc::clone(&lab.scene);
    assert_eq!(scene.asked.lock().unwrap().len(), 2);
    lab.stop().await;
    // Only this test holds the scene now: no worker is left that could ask.
    assert_eq!(Arc::strong_count(&scene), 1);
}

#[tokio::test]
async fn a_real_backend_dies_and_comes_back() {
    // An address whose ports no other test takes while nobody listens.
    let listener = TcpListener::bind("127.0.0.78:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let quick = HealthCheck { check_interval: Duration::from_millis(20), ..check(address.port()) };
    let (desired, states) = watch::channel(source(Some(quick), &["127.0.0.78"]));
    let (verdicts, report) = watch::channel(Arc::default());
    let shutdown = CancellationToken::new();
    let driver = tokio::spawn(run(states, verdicts, shutdown.clone()));
    let mut lab = Lab { scene: Arc::default(), desired, report, shutdown, driver };

    lab.until_verdict("127.0.0.78", Verdict::Up).await;
    drop(listener);
    let health = lab.until_verdict("127.0.0.78", Verdict::Down).await;
    assert_eq!(health.last_error.as_deref(), Some("connection refused"));
    let _listener = TcpListener::bind(address).await.unwrap();
    lab.until_verdict("127.0.0.78", Verdict::Up).await;
    lab.stop().await;
}
