// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's drains: which backends take no new flows by the operator's word, until `undrain`. Kept on disk, so
//! that a restart does not send traffic to a machine that is being worked on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::durable;
use crate::model::BackendId;
use crate::reconcile::conditions::Drain;

/// Drained backends, with when their flows end.
pub type DrainSet = BTreeMap<BackendId, Drain>;

/// The store. Whatever [`Self::subscribe`] shows is on disk.
#[derive(Debug)]
pub struct Drains {
    path: PathBuf,
    boot: String,
    current: Mutex<DrainSet>,
    published: watch::Sender<Arc<DrainSet>>,
}

/// Why drains could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DrainsError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// The file cannot be written; nothing was drained or undrained.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The file. Deadlines are on the boot clock, which means nothing after the next boot.
#[derive(Serialize, Deserialize)]
struct Stored {
    boot: String,
    drains: Vec<StoredDrain>,
}

#[derive(Serialize, Deserialize)]
struct StoredDrain {
    #[serde(flatten)]
    backend: BackendId,
    until: u32,
}

impl Drains {
    /// Reads `drains.json` of `directory`. A file that cannot be used counts as no drains, and the second value says
    /// why. `boot` identifies this run of the kernel: no flow outlives it, so deadlines of another one have passed.
    pub fn open(directory: &Path, boot: &str, now: u32) -> (Self, Option<DrainsError>) {
        let path = directory.join("drains.json");
        let (drains, error) = match read(&path, boot, now) {
            Ok(drains) => (drains, None),
            Err(error) => (DrainSet::new(), Some(error)),
        };
        let (published, _) = watch::channel(Arc::new(drains.clone()));
        (Self { path, boot: boot.to_owned(), current: Mutex::new(drains), published }, error)
    }

    /// The drains now and from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<DrainSet>> {
        self.published.subscribe()
    }

    /// The drains now.
    pub fn current(&self) -> Arc<DrainSet> {
        Arc::clone(&self.published.borrow())
    }

    /// Drains a backend. One that is drained keeps its deadline: asking twice does not give its flows more time.
    /// Answers with the deadline, and whether anything changed.
    pub fn drain(&self, backend: &BackendId, until: u32) -> Result<(Drain, bool), DrainsError> {
        let mut current = self.lock();
        if let Some(drain) = current.get(backend) {
            return Ok((*drain, false));
        }
        let mut next = current.clone();
        let drain = Drain { until };
        next.insert(backend.clone(), drain);
        self.replace(&mut current, next)?;
        Ok((drain, true))
    }

    /// Ends a drain; answers whether there was one.
    pub fn undrain(&self, backend: &BackendId) -> Result<bool, DrainsError> {
        let mut current = self.lock();
        let mut next = current.clone();
        if next.remove(backend).is_none() {
            return Ok(false);
        }
        self.replace(&mut current, next)?;
        Ok(true)
    }

    fn replace(&self, current: &mut DrainSet, next: DrainSet) -> Result<(), DrainsError> {
        let drains =
            next.iter().map(|(backend, drain)| StoredDrain { backend: backend.clone(), until: drain.until });
        let stored = Stored { boot: self.boot.clone(), drains: drains.collect() };
        serde_json::to_vec_pretty(&stored)
            .map_err(io::Error::from)
            .and_then(|text| durable::write(&self.path, &text))
            .map_err(|source| DrainsError::Write { path: self.path.clone(), source })?;
        self.published.send_replace(Arc::new(next.clone()));
        *current = next;
        Ok(())
    }

    /// The set is replaced as a whole, so a panic elsewhere cannot have left half of a change in it.
    fn lock(&self) -> MutexGuard<'_, DrainSet> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path, boot: &str, now: u32) -> Result<DrainSet, DrainsError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DrainSet::new()),
        Err(source) => return Err(DrainsError::Read { path: path.to_owned(), source }),
    };
    let stored: Stored = serde_json::from_slice(&text)
        .map_err(|source| DrainsError::Damaged { path: path.to_owned(), source })?;
    let same_boot = stored.boot == boot;
    let until = |drain: &StoredDrain| if same_boot { drain.until } else { now };
    Ok(stored
        .drains
        .into_iter()
        .map(|drain| (drain.backend.clone(), Drain { until: until(&drain) }))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Label;

    fn backend(last: u8) -> BackendId {
        BackendId { load_balancer: Label::new("web").unwrap(), address: [10, 0, 3, last].into() }
    }

    fn open(directory: &Path, boot: &str, now: u32) -> Drains {
        let (drains, error) = Drains::open(directory, boot, now);
        assert!(error.is_none(), "{error:?}");
        drains
    }

    #[test]
    fn drains_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let drains = open(directory.path(), "boot-1", 100);
        let mut seen = drains.subscribe();
        assert_eq!(drains.drain(&backend(11), 160).unwrap(), (Drain { until: 160 }, true));
        assert!(seen.has_changed().unwrap());
        assert_eq!(seen.borrow_and_update()[&backend(11)], Drain { until: 160 });
        assert_eq!(drains.drain(&backend(12), 170).unwrap(), (Drain { until: 170 }, true));
        assert!(drains.undrain(&backend(12)).unwrap());

        let again = open(directory.path(), "boot-1", 130);
        assert_eq!(*again.current(), BTreeMap::from([(backend(11), Drain { until: 160 })]));
    }

    #[test]
    fn asking_twice_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let drains = open(directory.path(), "boot-1", 100);
        drains.drain(&backend(11), 160).unwrap();
        assert_eq!(drains.drain(&backend(11), 190).unwrap(), (Drain { until: 160 }, false));
        assert!(drains.undrain(&backend(11)).unwrap());
        assert!(!drains.undrain(&backend(11)).unwrap());
    }

    #[test]
    fn after_a_boot_the_deadline_has_passed() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), "boot-1", 90_000).drain(&backend(11), 90_060).unwrap();
        let again = open(directory.path(), "boot-2", 12);
        assert_eq!(again.current()[&backend(11)], Drain { until: 12 });
    }

    #[test]
    fn a_damaged_file_is_said_and_counts_as_none() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("drains.json"), "{\"boot\": \"x\", \"dra").unwrap();
        let (drains, error) = Drains::open(directory.path(), "boot-1", 0);
        assert!(matches!(error, Some(DrainsError::Damaged { .. })), "{error:?}");
        assert!(drains.current().is_empty());
        drains.drain(&backend(11), 60).unwrap();
        assert_eq!(open(directory.path(), "boot-1", 1).current().len(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_not_done() {
        let directory = tempfile::tempdir().unwrap();
        let drains = open(&directory.path().join("gone"), "boot-1", 0);
        assert!(matches!(drains.drain(&backend(11), 60), Err(DrainsError::Write { .. })));
        assert!(drains.current().is_empty());
    }
}
