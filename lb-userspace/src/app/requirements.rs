// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system must have, checked before anything is touched, so that each lack is one clear message.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

/// Something that the system must have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Capabilities.
    #[error("lbd lacks {}; run it as root, or give it CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON", .0.join(", "))]
    Capabilities(Vec<&'static str>),
    /// The kernel's type information.
    #[error(
        "the kernel has no type information in /sys/kernel/btf/vmlinux; use one with CONFIG_DEBUG_INFO_BTF=y (Debian's and Ubuntu's have it)"
    )]
    Btf,
    /// A file system for pins.
    #[error("{} is not on a bpffs; run `mount -t bpf bpf /sys/fs/bpf`, or choose a folder on one by --pin-root", .0.display())]
    Bpffs(PathBuf),
}

/// Bits of capability sets, from `linux/capability.h`; `CAP_SYS_ADMIN` stands for those that were split off it.
const NET_ADMIN: u32 = 12;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// Checks everything.
pub fn check(pin_root: &Path) -> Result<(), Missing> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lacking = lacking(&status);
    if !lacking.is_empty() {
        return Err(Missing::Capabilities(lacking));
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(Missing::Btf);
    }
    // The folder itself is made later; what it is made in decides.
    let existing = pin_root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    match statfs(existing) {
        Ok(found) if found.filesystem_type() == BPF_FS_MAGIC => Ok(()),
        _ => Err(Missing::Bpffs(pin_root.to_owned())),
    }
}

/// Which capabilities are not in `CapEff` of `/proc/self/status`.
fn lacking(status: &str) -> Vec<&'static str> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let has = |bit: u32| effective >> bit & 1 == 1;
    let wanted = [
        ("CAP_BPF", has(BPF) || has(SYS_ADMIN)),
        ("CAP_NET_ADMIN", has(NET_ADMIN)),
        ("CAP_PERFMON", has(PERFMON) || has(SYS_ADMIN)),
    ];
    wanted.into_iter().filter(|(_, has)| !has).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        let check = |mask: u64, expected: &[&str]| {
            assert_eq!(lacking(&format!("Name:\tlbd\nCapEff:\t{mask:016x}\n")), expected);
        };
        check(0, &["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
        check(1 << SYS_ADMIN, &["CAP_NET_ADMIN"]);
        check(1 << BPF | 1 << NET_ADMIN, &["CAP_PERFMON"]);
        check(1 << BPF | 1 << NET_ADMIN | 1 << PERFMON, &[]);
        assert_eq!(lacking("").len(), 3);
    }
}
