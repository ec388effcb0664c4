// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task of one backend: waits until a probe is due, makes it, tells the driver. Ends when it is aborted or when
//! nobody listens; safe to abort at any await, which closes its socket.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::probe::Prober;
use super::roster::{Assignment, Finding, ProbeResult};
use super::schedule::Schedule;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared<P> {
    /// Who asks.
    pub(super) prober: P,
    /// One permit for each probe under way.
    pub(super) permits: Semaphore,
    /// Where findings go.
    pub(super) findings: mpsc::Sender<Finding>,
}

/// Probes one backend, over and over.
pub(super) async fn run<P: Prober>(assignment: Assignment, mut schedule: Schedule, shared: Arc<Shared<P>>) {
    loop {
        tokio::time::sleep_until(Instant::from_std(schedule.due())).await;
        let Ok(permit) = shared.permits.acquire().await else { return };
        schedule.probe_starts(Instant::now().into_std());
        let result = probe(&shared.prober, &assignment).await;
        drop(permit);
        let finding = Finding { backend: assignment.backend.clone(), ticket: assignment.ticket, result };
        if shared.findings.send(finding).await.is_err() {
            return;
        }
    }
}

async fn probe<P: Prober>(prober: &P, assignment: &Assignment) -> ProbeResult {
    // Boxed: with its connection and TLS a probe is large, and most workers of a large pool are asleep.
    match Box::pin(prober.probe(assignment.backend.address, &assignment.check)).await {
        Ok(()) => ProbeResult::Passed,
        Err(error) if error.speaks_against_the_backend() => ProbeResult::Failed(error.to_string()),
        Err(error) => ProbeResult::NotAsked(error.to_string()),
    }
}
