// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs that were killed have left: namespaces, the processes in them, pins and folders, all named after a process
//! that is no more.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::words;
use crate::netns::PREFIX;

/// Where the pins of tests are.
pub const BPF_FOLDER: &str = "/sys/fs/bpf";

/// Removes what dead runs left.
pub fn remove() -> Result<()> {
    remove_where(&|name| owner(name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()))
}

/// Removes everything of a run, dead or alive, by the prefix of its names.
pub fn remove_named(prefix: &str) -> Result<()> {
    remove_where(&|name| name.starts_with(prefix))
}

fn remove_where(chosen: &dyn Fn(&str) -> bool) -> Result<()> {
    for name in names_in(Path::new("/run/netns"), chosen) {
        end_processes(&name)?;
        words("ip", &format!("netns del {name}"))?;
    }
    for folder in [Path::new(BPF_FOLDER).to_owned(), std::env::temp_dir()] {
        for name in names_in(&folder, chosen) {
            let path: PathBuf = folder.join(name);
            fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// The process that a name of ours carries.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

fn names_in(folder: &Path, chosen: &dyn Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| chosen(name)).collect()
}

/// Ends what runs in a namespace of ours, process by process.
fn end_processes(netns: &str) -> Result<()> {
    for pid in
        words("ip", &format!("netns pids {netns}"))?.lines().filter_map(|line| line.trim().parse().ok())
    {
        // It may have ended by itself meanwhile.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    Ok(())
}
