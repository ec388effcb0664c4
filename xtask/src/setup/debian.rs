// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installing on Debian, as root.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::need::{BPF_LINKER, LLVM_PREFIX, Need};
use crate::shell::{cargo, find, is_root, run};

/// Whether this is a place where we can install.
pub fn can_install() -> Result<(), &'static str> {
    if !fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian")) {
        Err("this system is not Debian, so nothing is installed for you")
    } else if !is_root() {
        Err(
            "not root, so nothing can be installed for you; run what stands above, or the same command as root",
        )
    } else if find("rustup").is_none() {
        Err(
            "rustup is not there, and the XDP program is built with a toolchain that it knows; get it first: https://rustup.rs",
        )
    } else {
        Ok(())
    }
}

/// Installs everything that `missing` names.
pub fn install(missing: &[Need]) -> Result<()> {
    println!("Installing what is missing:");
    for need in missing {
        println!("  - {need}");
    }
    install_packages(&missing.iter().flat_map(|need| need.packages()).collect())?;
    if missing.contains(&Need::BpfToolchain) {
        run(Command::new("rustup").args(["toolchain", "link", "distro", "/usr"]))?;
    }
    if missing.contains(&Need::BpfLinker) {
        install_linker()?;
    }
    Ok(())
}

fn install_packages(packages: &BTreeSet<&str>) -> Result<()> {
    let _no_services = NoServices::begin()?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(&mut apt(&["update", "-q"]))?;
    let mut install = apt(&["install", "-q", "-y", "--no-install-recommends"]);
    run(install.args(packages))
}

/// The linker must be built against the very LLVM whose objects it reads.
fn install_linker() -> Result<()> {
    let mut command = cargo(&["install", "bpf-linker", "--version", BPF_LINKER, "--locked"]);
    run(command.args(["--no-default-features", "--features", "llvm-22"]).env("LLVM_PREFIX", LLVM_PREFIX))
}

/// While it lives, packages that are installed do not start their services: the machine needs no web server of its own.
struct NoServices {
    written: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<Self> {
        let path = Path::new(Self::POLICY);
        if path.exists() {
            return Ok(Self { written: false });
        }
        fs::write(path, "#!/bin/sh\nexit 101\n").with_context(|| format!("writing {}", Self::POLICY))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { written: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.written {
            // Left behind, it would keep other packages from starting their services; say so if it cannot be removed.
            if let Err(error) = fs::remove_file(Self::POLICY) {
                eprintln!("warning: remove {} yourself: {error}", Self::POLICY);
            }
        }
    }
}
