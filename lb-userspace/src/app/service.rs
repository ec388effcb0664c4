// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the service manager (systemd) is told: ready, status, reloading, stopping, and that we live. Without one, nothing.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::observe::observer::Observer;

/// From one sign of life to the next without a watchdog that asks for more.
const STATUS: Duration = Duration::from_secs(10);

/// Tells of readiness after the first successful reconcile, then of status, until `shutdown`.
pub(super) async fn tell(observer: Arc<Observer>, shutdown: CancellationToken) {
    let mut reconcile = observer.reconcile.clone();
    let every = sd_notify::watchdog_enabled().map_or(STATUS, |watchdog| (watchdog / 3).min(STATUS));
    let mut ready = false;
    reconcile.mark_changed();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = reconcile.changed() => if changed.is_err() {
                return shutdown.cancelled().await;
            },
            () = tokio::time::sleep(every) => {}
        }
        let first = !ready && reconcile.borrow_and_update().last_success.is_some();
        ready |= first;
        if first {
            tracing::info!("ready");
            send(&[NotifyState::Ready]);
        }
        send(&[NotifyState::Status(&summary(&observer)), NotifyState::Watchdog]);
    }
}

/// Tells that the file is being read anew; the manager waits for the end, which is at once: a bad file changes nothing.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
    send(&[NotifyState::Ready]);
}

/// Tells that the end has begun.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}

fn summary(observer: &Observer) -> String {
    let source = observer.source.borrow();
    let reconcile = observer.reconcile.borrow();
    let balancers = source.desired.load_balancers.len();
    match (&reconcile.last_error, &source.error) {
        (Some(error), _) => format!("reconciliation fails: {error}"),
        (None, Some(_)) => {
            format!("{balancers} load balancers; the file is bad, the last good state is in force")
        }
        (None, None) => format!("{balancers} load balancers, revision {}", reconcile.revision),
    }
}
