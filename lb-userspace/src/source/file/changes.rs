// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells when a file may have changed. What is watched is not the file but every folder that its name leads through, so
//! that an editor's rename, an atomic replacement and a symbolic link that turns elsewhere (Kubernetes' `..data`) are
//! all seen.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::unix::AsyncFd;

/// Links followed before giving up, as the kernel does.
const LINKS: usize = 40;

/// Watches on the folders that lead to one file, as they are when this is made: a new one is needed after each change.
pub(super) struct Changes {
    inotify: AsyncFd<Watches>,
}

/// Gives tokio the descriptor, which `nix` only borrows out.
struct Watches(Inotify);

impl AsRawFd for Watches {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Changes {
    /// Begins to watch; what happens from now on is noticed.
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        // A file that is being written is of no interest until it is closed.
        let events = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE;
        for folder in folders(file) {
            // One that does not exist is noticed by the poll once it does.
            let _ = inotify.add_watch(&folder, events | AddWatchFlags::IN_ONLYDIR);
        }
        Ok(Self { inotify: registered(Watches(inotify))? })
    }

    /// Waits until something happened in one of the folders. Dropping the future loses nothing.
    pub(super) async fn next(&self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            match self.inotify.get_ref().0.read_events() {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; `Watches` owns one descriptor that it never changes or closes"
)]
fn registered(watches: Watches) -> io::Result<AsyncFd<Watches>> {
    AsyncFd::new(watches)
}

/// The folders in which a change of an entry can make `file` lead elsewhere.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut links = 0;
    let mut pending = vec![file.to_owned()];
    while let Some(path) = pending.pop() {
        let Some(folder) = path.parent() else { continue };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        found.insert(folder.to_owned());
        for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
            let Ok(target) = part.read_link() else { continue };
            links += 1;
            if links > LINKS {
                return found;
            }
            let rest = path.strip_prefix(part).unwrap_or(Path::new(""));
            let above = part.parent().unwrap_or(Path::new("/"));
            found.insert(if above.as_os_str().is_empty() { PathBuf::from(".") } else { above.to_owned() });
            let target = above.join(target);
            pending.push(if rest.as_os_str().is_empty() { target } else { target.join(rest) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    /// Longer than any machine is busy; a test that passes does not wait for it.
    const DEADLINE: Duration = Duration::from_mins(1);

    async fn noticed(file: &Path, change: impl FnOnce()) {
        let changes = Changes::of(file).unwrap();
        change();
        tokio::time::timeout(DEADLINE, changes.next()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn every_way_to_change_a_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lb.yaml");
        noticed(&file, || fs::write(&file, "a").unwrap()).await;
        noticed(&file, || fs::write(&file, "b").unwrap()).await;
        let other = folder.path().join("other");
        noticed(&file, || {
            fs::write(&other, "c").unwrap();
            fs::rename(&other, &file).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_link_that_turns_elsewhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("lb.yaml"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/lb.yaml", at("lb.yaml")).unwrap();
        noticed(&at("lb.yaml"), || fs::write(at("..1").join("lb.yaml"), "1").unwrap()).await;
        noticed(&at("lb.yaml"), || {
            symlink("..2", at("..new")).unwrap();
            fs::rename(at("..new"), at("..data")).unwrap();
        })
        .await;
        let expected: BTreeSet<PathBuf> =
            [folder.path().to_owned(), at("..data"), at("..2")].into_iter().collect();
        assert!(folders(&at("lb.yaml")).is_superset(&expected));
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        assert!(folders(&folder.path().join("a")).contains(folder.path()));
    }
}
