// SPDX-License-Identifier: MIT OR Apache-2.0
//! A BPF file system for the pins: the one there is, or one that is mounted where every system has it.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, FsType, SYSFS_MAGIC, statfs};

use super::OpenError;

/// Where systemd and bpftool mount it, too.
const MOUNT_POINT: &str = "/sys/fs/bpf";

/// Says why there can be no pins below `root`, if that is so. Changes nothing.
pub fn check(root: &Path) -> Result<(), OpenError> {
    is_missing(root).map(drop)
}

/// Mounts one for pins below `root`, unless they would be on one already.
pub fn provide(root: &Path) -> Result<(), OpenError> {
    if !is_missing(root)? {
        return Ok(());
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("bpf"), MOUNT_POINT, Some("bpf"), flags, Some("mode=700"))
        .map_err(|errno| refused(root, format!(", and mounting one failed: {}", errno.desc())))?;
    tracing::info!("mounted a BPF file system at {MOUNT_POINT}");
    Ok(())
}

/// Whether one is to be mounted, or why it can neither be found nor mounted.
fn is_missing(root: &Path) -> Result<bool, OpenError> {
    let existing = root.ancestors().find(|folder| folder.exists());
    if existing.is_some_and(|folder| has_type(folder, BPF_FS_MAGIC)) {
        return Ok(false);
    }
    // Anything but sysfs there was put there on purpose.
    if !root.starts_with(MOUNT_POINT) || !has_type(Path::new(MOUNT_POINT), SYSFS_MAGIC) {
        return Err(refused(root, String::new()));
    }
    if !outlives_us() {
        let why = ", and lbd mounts none in a mount namespace of its own, where all that is pinned would end with it \
                   (`ip netns exec` makes such a one, `nsenter --net=/run/netns/NAME` does not)";
        return Err(refused(root, why.to_owned()));
    }
    Ok(true)
}

/// Whether a mount stays when this process ends: it is in the mount namespace of the first one.
fn outlives_us() -> bool {
    let namespace = |process| fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
    namespace("1").is_some_and(|first| namespace("self") == Some(first))
}

fn has_type(folder: &Path, wanted: FsType) -> bool {
    statfs(folder).is_ok_and(|found| found.filesystem_type() == wanted)
}

fn refused(root: &Path, why: String) -> OpenError {
    OpenError::NoBpffs { path: root.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_place_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let message = check(&folder.path().join("lb")).unwrap_err().to_string();
        assert!(
            message.contains("is not on a BPF file system; run `mount -t bpf bpf /sys/fs/bpf`"),
            "{message}"
        );
        assert_eq!(
            provide(folder.path()).unwrap_err().to_string(),
            check(folder.path()).unwrap_err().to_string()
        );
    }
}
