// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows the cloud: stands between the file, which has the balancer's own settings, and whoever wants the desired
//! state. Without a cloud in the file it passes the file's states on. Runs in the task of its caller.
//!
//! Whatever goes wrong changes nothing: the last good answer is in force until there is a better one, and the one that was
//! served when the process ended is in force at the next start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::admit::{Admitted, admit};
use super::client::{Client, Limits};
use super::convert::Converted;
use super::error::CloudError;
use super::refusal::{Refusal, Subject};
use super::status::CloudStatus;
use super::{kept, pace, poll};
use crate::model::cloud::Cloud;
use crate::model::spec::LoadBalancerSpec;
use crate::model::{Balancer, DesiredState};
use crate::reconcile::backoff::Backoff;
use crate::source::SourceState;

/// How many refusals of one answer are logged.
const LOGGED: usize = 20;

/// Follows a cloud, if the file names one.
#[derive(Debug)]
pub struct CloudSource {
    state_dir: Option<PathBuf>,
    limits: Limits,
    seed: u64,
    client: Option<(Cloud, Client)>,
    /// The last answer; none before the first with these settings.
    answer: Option<Answered>,
    /// What is served of it, or was before it.
    specs: Vec<LoadBalancerSpec>,
}

/// An answer, and what came of it.
#[derive(Debug)]
struct Answered {
    wanted: Vec<Converted>,
    /// The settings that it was proved for.
    balancer: Balancer,
    refused: Vec<Refusal>,
}

impl CloudSource {
    /// A source that keeps what is served in `state_dir`.
    pub fn new(state_dir: Option<PathBuf>, limits: Limits, seed: u64) -> Self {
        Self { state_dir, limits, seed, client: None, answer: None, specs: Vec::new() }
    }

    /// The state to start with: the file's; with a cloud what was served last, or what the cloud says now if there is
    /// nothing of that. To start with nothing, as if the cloud had said so, would end what the kernel still forwards.
    pub async fn start(&mut self, file: &SourceState) -> Result<SourceState, CloudError> {
        let balancer = &file.desired.balancer;
        let Some(cloud) = &balancer.cloud else { return Ok(file.clone()) };
        let kept = self.kept().and_then(|specs| readmit(balancer, &specs));
        let admitted = if let Some(admitted) = kept {
            info!(url = %cloud.url, "starting with what the cloud said last");
            admitted
        } else {
            let wanted = self.look(cloud).await?;
            self.prove(balancer, &wanted)?
        };
        let desired = self.serve(admitted).await;
        Ok(SourceState { desired, revision: file.revision, error: file.error.clone() })
    }

    /// Puts what the cloud says into `states` whenever that changes, until `shutdown`.
    pub async fn follow(
        mut self,
        mut file: watch::Receiver<SourceState>,
        states: watch::Sender<SourceState>,
        reports: watch::Sender<Arc<CloudStatus>>,
        shutdown: CancellationToken,
    ) {
        let mut backoff = Backoff::new(self.seed);
        loop {
            let current = file.borrow_and_update().clone();
            let looking = self.step(&current, &states, &reports, &mut backoff);
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                changed = file.changed() => {
                    // The file's task ends only at shutdown.
                    if changed.is_err() { return shutdown.cancelled().await }
                    continue;
                }
                next = looking => next,
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = file.changed() => if changed.is_err() { return shutdown.cancelled().await },
                () = sleep(next) => {}
            }
        }
    }

    /// Publishes what is known, looks at the cloud, publishes what that gave; how long to wait then, if not for ever.
    async fn step(
        &mut self,
        file: &SourceState,
        states: &watch::Sender<SourceState>,
        reports: &watch::Sender<Arc<CloudStatus>>,
        backoff: &mut Backoff,
    ) -> Option<Duration> {
        let balancer = &file.desired.balancer;
        let Some(cloud) = &balancer.cloud else {
            *self = Self::new(self.state_dir.take(), self.limits, self.seed);
            publish(states, file, Some(Arc::clone(&file.desired)));
            reports.send_replace(Arc::default());
            return None;
        };
        self.settle(file, states).await;
        let looked = match self.look(cloud).await {
            Ok(wanted) => self.take(file, wanted, states).await,
            Err(error) => Err(error),
        };
        let wait = match &looked {
            Ok(()) => {
                backoff.succeed();
                self.seed = self.seed.wrapping_add(1);
                pace::jittered(cloud.poll_interval, self.seed)
            }
            Err(error) => {
                backoff.fail().max(cloud.poll_interval).max(error.retry_after().unwrap_or_default())
            }
        };
        reports.send_modify(|status| self.report(Arc::make_mut(status), cloud, looked.err()));
        Some(wait)
    }

    /// Takes over settings of the file that changed, without waiting for the cloud.
    async fn settle(&mut self, file: &SourceState, states: &watch::Sender<SourceState>) {
        publish(states, file, None);
        let balancer = &file.desired.balancer;
        let same_cloud =
            self.client.as_ref().is_some_and(|(cloud, _)| Some(cloud) == balancer.cloud.as_ref());
        if let Some(answer) = self.answer.take_if(|answer| same_cloud && answer.balancer != *balancer)
            && let Err(error) = self.take(file, answer.wanted, states).await
        {
            error!("what is served stays, whatever the file changed: {error}");
        }
    }

    /// Asks the cloud.
    async fn look(&mut self, cloud: &Cloud) -> Result<Vec<Converted>, CloudError> {
        let client = match &mut self.client {
            Some((known, client)) if known == cloud => client,
            other => {
                self.answer = None;
                &mut other.insert((cloud.clone(), Client::new(cloud, self.limits, self.seed)?)).1
            }
        };
        client.renew_token(cloud)?;
        let before = client.requests();
        let limit = self.limits.look;
        let looked = tokio::time::timeout(limit, poll::poll(client, &cloud.selection)).await;
        let answer = looked.map_err(|_| CloudError::Slow { path: "/v2".to_owned(), limit })??;
        client.forget_before(before);
        Ok(answer.convert())
    }

    /// Serves what is wanted, unless it is served.
    async fn take(
        &mut self,
        file: &SourceState,
        wanted: Vec<Converted>,
        states: &watch::Sender<SourceState>,
    ) -> Result<(), CloudError> {
        let balancer = &file.desired.balancer;
        if let Some(answer) = &self.answer
            && answer.wanted == wanted
            && answer.balancer == *balancer
        {
            return Ok(());
        }
        let admitted = self.prove(balancer, &wanted)?;
        let refused = admitted.refused.clone();
        let desired = self.serve(admitted).await;
        publish(states, file, Some(desired));
        // Only now: whoever ends this half-way has it done again.
        self.answer = Some(Answered { wanted, balancer: balancer.clone(), refused });
        Ok(())
    }

    fn prove(&self, balancer: &Balancer, wanted: &[Converted]) -> Result<Admitted, CloudError> {
        admit(balancer, wanted.to_vec(), &self.specs).map_err(|problems| CloudError::Unservable { problems })
    }

    /// Keeps what is to be served from now on.
    async fn serve(&mut self, admitted: Admitted) -> Arc<DesiredState> {
        let Admitted { desired, specs, .. } = admitted;
        if self.specs != specs
            && let Some(folder) = self.state_dir.clone()
        {
            let kept = specs.clone();
            let saved = tokio::task::spawn_blocking(move || kept::save(&folder, &kept)).await;
            if let Err(failure) = saved.unwrap_or_else(|failure| Err(std::io::Error::other(failure))) {
                warn!(%failure, "what the cloud says could not be kept for the next start");
            }
        }
        self.specs = specs;
        Arc::new(desired)
    }

    /// Notes for operators how a look went.
    fn report(&self, status: &mut CloudStatus, cloud: &Cloud, failure: Option<CloudError>) {
        status.url = Some(cloud.url.clone());
        status.requests = self.client.as_ref().map_or(0, |(_, client)| client.requests());
        if let Some(failure) = failure {
            let message = failure.to_string();
            if status.error.as_ref() != Some(&message) {
                error!("the last good answer of the cloud stays in force: {message}");
            }
            status.failures += 1;
            status.error = Some(message);
            return;
        }
        if status.error.take().is_some() || status.polls == 0 {
            info!(url = %cloud.url, "the cloud answers");
        }
        status.polls += 1;
        status.last_success = Some(SystemTime::now());
        if let Some(answer) = &self.answer {
            log_new(&answer.refused, &status.refused);
            status.refused.clone_from(&answer.refused);
            let subjects = answer.wanted.iter().map(|wanted| &wanted.subject);
            status.names = subjects.map(|subject| (subject.id.clone(), subject.name.clone())).collect();
        }
    }

    fn kept(&self) -> Option<Vec<LoadBalancerSpec>> {
        let folder = self.state_dir.as_deref()?;
        kept::load(folder).unwrap_or_else(|failure| {
            warn!(%failure, "what the cloud said last is of no use");
            None
        })
    }
}

/// What was served before, on a balancer whose settings may have changed since.
fn readmit(balancer: &Balancer, specs: &[LoadBalancerSpec]) -> Option<Admitted> {
    let convert = |spec: &LoadBalancerSpec| Converted {
        subject: Subject { id: spec.label.clone(), name: String::new() },
        spec: Some(spec.clone()),
        refused: Vec::new(),
    };
    let wanted = specs.iter().map(convert).collect();
    admit(balancer, wanted, specs)
        .map_err(|problems| warn!("what was kept cannot be served: {}", CloudError::Unservable { problems }))
        .ok()
}

/// Publishes `desired`, if there is one, and how the file is; nothing if that is known.
fn publish(states: &watch::Sender<SourceState>, file: &SourceState, desired: Option<Arc<DesiredState>>) {
    states.send_if_modified(|state| {
        let same_error = match (&state.error, &file.error) {
            (Some(known), Some(error)) => Arc::ptr_eq(known, error),
            (None, None) => true,
            _ => false,
        };
        state.error.clone_from(&file.error);
        let Some(desired) = desired.filter(|desired| *desired != state.desired) else { return !same_error };
        state.desired = desired;
        state.revision += 1;
        true
    });
}

/// Logs what is refused and was not before, as much as one reads.
fn log_new(refused: &[Refusal], known: &[Refusal]) {
    let mut new = refused.iter().filter(|refusal| known.binary_search(refusal).is_err());
    for refusal in new.by_ref().take(LOGGED) {
        warn!("not served as the cloud says: {refusal}");
    }
    let more = new.count();
    if more > 0 {
        warn!("and {more} more, which `lbctl status` lists");
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
