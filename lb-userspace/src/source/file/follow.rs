// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows a file: each content that is right becomes the desired state, each that is wrong is reported once, and what
//! was right last is kept for the next start. Runs in the task of its caller and spawns nothing but single reads.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::changes::Changes;
use super::{FileError, load_text};
use crate::model::DesiredState;
use crate::source::{SourceState, last_good};

/// How long to wait after a change for those that belong to it: a tool that writes several files, an editor that renames.
const QUIET: Duration = Duration::from_millis(50);

/// How often to look without being told, for file systems that tell nothing (NFS, FUSE).
const POLL: Duration = Duration::from_secs(10);

/// A file that says what is desired, and where its last good content is kept.
#[derive(Clone, Debug)]
pub struct FileSource {
    /// The file.
    pub path: PathBuf,
    /// The folder of [`last_good`], if there is one.
    pub state_dir: Option<PathBuf>,
}

/// Follows `path` until `shutdown`, without keeping what was good; see [`FileSource::watch`].
pub async fn watch(
    path: PathBuf,
    states: watch::Sender<SourceState>,
    reload: Arc<Notify>,
    shutdown: CancellationToken,
) {
    FileSource { path, state_dir: None }.watch(states, reload, shutdown).await;
}

impl FileSource {
    /// The state to start with: the file's, or the last good one if the file is wrong now, which `error` then says. Fails
    /// with the file's error if there is neither.
    pub fn start(&self) -> Result<SourceState, FileError> {
        let (desired, error) = match self.read() {
            Ok(desired) => (desired, None),
            Err(error) => match self.last_good() {
                Some(desired) => (desired, Some(Arc::new(error))),
                None => return Err(error),
            },
        };
        Ok(SourceState { desired: Arc::new(desired), revision: 1, error })
    }

    /// Puts what the file says into `states` whenever that changes, until `shutdown`. `reload` makes it look at once.
    pub async fn watch(
        self,
        states: watch::Sender<SourceState>,
        reload: Arc<Notify>,
        shutdown: CancellationToken,
    ) {
        let mut told = false;
        while !shutdown.is_cancelled() {
            // Watched before it is read, so that no change falls between the two.
            let changes = Changes::of(&self.path)
                .inspect_err(|failure| {
                    if !std::mem::replace(&mut told, true) {
                        warn!(%failure, "the system gives no watch; looking for changes every {} s", POLL.as_secs());
                    }
                })
                .ok();
            self.look(&states).await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = reload.notified() => info!(path = %self.path.display(), "reload was asked for"),
                () = next(changes.as_ref()) => tokio::time::sleep(QUIET).await,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Reads the file away from the tasks that must not wait, and publishes what came of it.
    async fn look(&self, states: &watch::Sender<SourceState>) {
        let source = self.clone();
        match tokio::task::spawn_blocking(move || source.read()).await {
            Ok(result) => {
                states.send_if_modified(|state| state.take(result));
            }
            Err(failure) => error!(%failure, "reading the configuration did not end"),
        }
    }

    /// Reads the file, and keeps its text if it is good.
    fn read(&self) -> Result<DesiredState, FileError> {
        let (desired, text) = load_text(&self.path)?;
        if let Some(folder) = &self.state_dir
            && let Err(failure) = last_good::save(folder, &text)
        {
            warn!(folder = %folder.display(), %failure, "the configuration could not be kept for the next start");
        }
        Ok(desired)
    }

    /// What was good when the file was read last, by this process or one before.
    fn last_good(&self) -> Option<DesiredState> {
        match last_good::load(self.state_dir.as_deref()?) {
            Ok(kept) => kept,
            Err(failure) => {
                warn!(%failure, "the last good configuration is of no use either");
                None
            }
        }
    }
}

impl SourceState {
    /// Takes over what was read; false if it says nothing new.
    fn take(&mut self, read: Result<DesiredState, FileError>) -> bool {
        match read {
            Ok(desired) if *self.desired == desired => self.error.take().is_some(),
            Ok(desired) => {
                self.desired = Arc::new(desired);
                self.revision += 1;
                self.error = None;
                info!(revision = self.revision, "the configuration changed");
                true
            }
            Err(error) => {
                let message = error.to_string();
                if self.error.as_ref().is_some_and(|known| known.to_string() == message) {
                    return false;
                }
                error!("the configuration is not accepted, the one before stays in force:\n{message}");
                self.error = Some(Arc::new(error));
                true
            }
        }
    }
}

/// Waits for a change; for ever if nothing is watched.
async fn next(changes: Option<&Changes>) {
    match changes {
        Some(changes) if changes.next().await.is_ok() => {}
        _ => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::model::spec;

    /// Longer than any machine is busy; a test that passes does not wait for it.
    const DEADLINE: Duration = Duration::from_mins(1);

    /// A file with the example in a folder of its own.
    fn source() -> (tempfile::TempDir, FileSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lb.yaml");
        fs::write(&path, spec::example()).unwrap();
        let state_dir = Some(folder.path().join("state"));
        (folder, FileSource { path, state_dir })
    }

    fn replace(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    #[test]
    fn a_start_with_a_bad_file_uses_the_last_good_one() {
        let (_folder, source) = source();
        let good = source.start().unwrap();
        assert!(good.error.is_none());
        fs::write(&source.path, "version: 2").unwrap();
        let kept = source.start().unwrap();
        assert_eq!(kept.desired, good.desired);
        assert!(matches!(kept.error.as_deref(), Some(FileError::Invalid { .. })));
        fs::remove_file(&source.path).unwrap();
        assert!(matches!(source.start().unwrap().error.as_deref(), Some(FileError::Read { .. })));
    }

    #[test]
    fn a_first_start_with_a_bad_file_fails() {
        let (_folder, source) = source();
        fs::write(&source.path, "").unwrap();
        assert!(
            source
                .start()
                .unwrap_err()
                .to_string()
                .ends_with("lb.yaml:1: the file is empty; start from the output of `lbd config example`")
        );
    }

    #[tokio::test]
    async fn what_is_good_is_taken_and_what_is_bad_is_reported() {
        let (_folder, source) = source();
        let path = source.path.clone();
        let (sender, mut states) = watch::channel(source.start().unwrap());
        let shutdown = CancellationToken::new();
        let reload = Arc::new(Notify::new());
        let task = tokio::spawn(source.watch(sender, Arc::clone(&reload), shutdown.clone()));
        let until = async |states: &mut watch::Receiver<SourceState>, wanted: fn(&SourceState) -> bool| {
            tokio::time::timeout(DEADLINE, states.wait_for(wanted)).await.unwrap().unwrap().clone()
        };

        replace(&path, "version: 1");
        let bad = until(&mut states, |state| state.error.is_some()).await;
        assert_eq!((bad.revision, bad.desired.load_balancers.len()), (1, 2));

        replace(&path, &spec::example().replace("timeout: 600", "timeout: 601"));
        let good = until(&mut states, |state| state.revision == 2).await;
        assert!(good.error.is_none());
        assert_eq!(good.desired.load_balancers[0].timeout.as_secs(), 601);

        fs::remove_file(&path).unwrap();
        reload.notify_one();
        let gone = until(&mut states, |state| state.error.is_some()).await;
        assert_eq!(gone.desired, good.desired);

        shutdown.cancel();
        tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    }
}
