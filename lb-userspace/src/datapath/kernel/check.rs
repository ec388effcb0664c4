// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system must offer, checked before anything is touched, so that the message names the cause.

use std::fs;
use std::path::Path;

use super::{OBJECT, OpenError, Options, bpffs};

/// Capability numbers of `capabilities(7)`.
const NEEDED: [(u32, &str); 3] = [(12, "CAP_NET_ADMIN"), (38, "CAP_PERFMON"), (39, "CAP_BPF")];

/// Checks privilege, the kernel and the pin folder.
pub fn requirements(options: &Options) -> Result<(), OpenError> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let missing = missing_capabilities(&status);
    if !missing.is_empty() {
        return Err(OpenError::Privilege { missing: missing.join(", ") });
    }
    if OBJECT.is_empty() {
        return Err(OpenError::NotBuilt);
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(OpenError::NoBtf);
    }
    bpffs::check(&options.pin_root)
}

/// Checks that every interface exists.
pub fn interfaces(names: &[String]) -> Result<(), OpenError> {
    match names.iter().find(|name| nix::net::if_::if_nametoindex(name.as_str()).is_err()) {
        Some(missing) => Err(OpenError::MissingInterface { name: missing.clone() }),
        None => Ok(()),
    }
}

fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    NEEDED.iter().filter(|(bit, _)| effective & (1 << bit) == 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_capabilities_that_are_missing() {
        assert!(missing_capabilities("CapEff:\t000001ffffffffff\n").is_empty());
        assert_eq!(missing_capabilities("CapEff:\t0000000000001000\n"), ["CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(missing_capabilities("").len(), NEEDED.len());
    }
}
