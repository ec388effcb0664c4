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

/// Follows a cloud, if the file names one.
#[derive(Debug)]
pub struct CloudSource {
    state_dir: Option<PathBuf>,
    limits: Limits,
    seed: u64,
    client: Option<(Cloud, Client)>,
    /// The last answer; none before the first with these settings.
    wanted: Option<Vec<Converted>>,
    /// What is served of it, or was before it.
    specs: Vec<LoadBalancerSpec>,
}

impl CloudSource {
    /// A source that keeps what is served in `state_dir`.
    pub fn new(state_dir: Option<PathBuf>, limits: Limits, seed: u64) -> Self {
        Self { state_dir, limits, seed, client: None, wanted: None, specs: Vec::new() }
    }

    /// The state to start with: the file's; with a cloud what was served last, or what the cloud says now if there is
    /// nothing of that. To start with nothing, as if the cloud had said so, would end what the kernel still forwards.
    pub async fn start(&mut self, file: &SourceState) -> Result<SourceState, CloudError> {
        let balancer = &file.desired.balancer;
        let Some(cloud) = &balancer.cloud else { return Ok(file.clone()) };
        let admitted = match self.kept().and_then(|specs| readmit(balancer, &specs)) {
            Some(admitted) => admitted,
            None => self.look(cloud, balancer).await?,
        };
        let desired = Arc::new(self.serve(admitted).await.0);
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
        let looked = self.look(cloud, balancer).await;
        let requests = self.client.as_ref().map_or(0, |(_, client)| client.requests());
        match looked {
            Ok(admitted) => {
                let (desired, refused) = self.serve(admitted).await;
                publish(states, file, Some(Arc::new(desired)));
                report(reports, cloud, requests, Ok(refused));
                backoff.succeed();
                self.seed = self.seed.wrapping_add(1);
                Some(pace::jittered(cloud.poll_interval, self.seed))
            }
            Err(error) => {
                let wait =
                    backoff.fail().max(cloud.poll_interval).max(error.retry_after().unwrap_or_default());
                report(reports, cloud, requests, Err(error));
                Some(wait)
            }
        }
    }

    /// Takes over settings of the file that changed, without waiting for the cloud.
    async fn settle(&mut self, file: &SourceState, states: &watch::Sender<SourceState>) {
        let balancer = &file.desired.balancer;
        let same_cloud =
            self.client.as_ref().is_some_and(|(cloud, _)| Some(cloud) == balancer.cloud.as_ref());
        let known = if same_cloud { self.wanted.clone() } else { None };
        let changed = states.borrow().desired.balancer != *balancer;
        let desired = match known {
            Some(wanted) if changed => match admit(balancer, wanted, &self.specs) {
                Ok(admitted) => Some(Arc::new(self.serve(admitted).await.0)),
                Err(problems) => {
                    error!("{}; what is served stays", CloudError::Unservable { problems });
                    None
                }
            },
            _ => None,
        };
        publish(states, file, desired);
    }

    /// Asks the cloud and proves its answer.
    async fn look(&mut self, cloud: &Cloud, balancer: &Balancer) -> Result<Admitted, CloudError> {
        match &mut self.client {
            Some((known, client)) if known == cloud => client.renew_token(cloud)?,
            _ => {
                self.wanted = None;
                self.client = Some((cloud.clone(), Client::new(cloud, self.limits, self.seed)?));
            }
        }
        let Some((_, client)) = &self.client else { unreachable!("it was just made") };
        let before = client.requests();
        let answer = poll::poll(client, &cloud.selection).await?;
        client.forget_before(before);
        let wanted = answer.convert();
        let admitted = admit(balancer, wanted.clone(), &self.specs)
            .map_err(|problems| CloudError::Unservable { problems })?;
        self.wanted = Some(wanted);
        Ok(admitted)
    }

    /// Keeps what is to be served from now on.
    async fn serve(&mut self, admitted: Admitted) -> (DesiredState, Vec<Refusal>) {
        let Admitted { desired, specs, refused } = admitted;
        if self.specs != specs
            && let Some(folder) = self.state_dir.clone()
        {
            let kept = specs.clone();
            let saved = tokio::task::spawn_blocking(move || kept::save(&folder, &kept)).await;
            let failure = saved
                .map_or_else(|error| Some(error.to_string()), |saved| saved.err().map(|e| e.to_string()));
            if let Some(failure) = failure {
                warn!(%failure, "what the cloud says could not be kept for the next start");
            }
        }
        self.specs = specs;
        (desired, refused)
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

/// Tells operators how a look went.
fn report(
    reports: &watch::Sender<Arc<CloudStatus>>,
    cloud: &Cloud,
    requests: u64,
    outcome: Result<Vec<Refusal>, CloudError>,
) {
    let mut now = CloudStatus::clone(&reports.borrow());
    now.url = Some(cloud.url.clone());
    now.requests = requests;
    match outcome {
        Ok(refused) => {
            if now.error.take().is_some() || now.polls == 0 {
                info!(url = %cloud.url, "the cloud answers");
            }
            for refusal in refused.iter().filter(|refusal| !now.refused.contains(refusal)) {
                warn!("not served as the cloud says: {refusal}");
            }
            now.polls += 1;
            now.last_success = Some(SystemTime::now());
            now.refused = refused;
        }
        Err(failure) => {
            let message = failure.to_string();
            if now.error.as_ref() != Some(&message) {
                error!("the last good answer of the cloud stays in force: {message}");
            }
            now.failures += 1;
            now.error = Some(message);
        }
    }
    reports.send_replace(Arc::new(now));
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
