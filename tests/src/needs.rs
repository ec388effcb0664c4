// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a privileged test needs. One that cannot run fails with the reason: nothing is green by being left out.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MsFlags, mount};

use crate::leftovers::BPF_FOLDER;

/// Root, for namespaces and XDP, and the file system that eBPF objects are pinned in, mounted now if it is not.
pub fn privileges() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "this makes network namespaces and loads XDP programs: run it as root"
    );
    let mounted = fs::read_to_string("/proc/mounts")?.lines().any(|line| line.contains(" /sys/fs/bpf bpf "));
    if !mounted {
        mount(Some("bpf"), BPF_FOLDER, Some("bpf"), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("mounting the bpf file system on {BPF_FOLDER}"))?;
    }
    Ok(())
}

/// Programs on the path.
pub fn programs(names: &[&str]) -> Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let there = |name: &str| folders.iter().any(|folder| Path::new(folder).join(name).is_file());
    let missing: Vec<_> = names.iter().copied().filter(|name| !there(name)).collect();
    if !missing.is_empty() {
        bail!("not installed: {}; `cargo xtask setup` installs what is needed", missing.join(", "));
    }
    Ok(())
}
