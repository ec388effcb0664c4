// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which compiler builds the XDP program. Upstream's way is a rustup nightly with `rust-src`; Debian's packages bring
//! a whole toolchain with a ready-made `core` for the BPF target, which rustup knows as `distro` once linked.

use std::path::Path;

use crate::shell::output;

/// A compiler that can build for the BPF target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfToolchain {
    /// rustup's nightly, which builds `core` from `rust-src`.
    Nightly,
    /// Debian's, linked into rustup.
    Distro,
}

impl BpfToolchain {
    /// The first that is there and whole.
    pub fn detect() -> Option<Self> {
        let list = output("rustup", &["toolchain", "list"])?;
        let has = |prefix: &str| list.lines().any(|line| line.starts_with(prefix));
        if has("nightly-") && nightly_has_source() {
            Some(Self::Nightly)
        } else if has(Self::Distro.name()) && Path::new("/usr/lib/rustlib/bpfel-unknown-none/lib").is_dir() {
            Some(Self::Distro)
        } else {
            None
        }
    }

    /// What rustup calls it, and what the build script of lb-userspace reads from `LB_BPF_TOOLCHAIN`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nightly => "nightly",
            Self::Distro => "distro",
        }
    }
}

fn nightly_has_source() -> bool {
    output("rustup", &["run", "nightly", "rustc", "--print", "sysroot"]).is_some_and(|root| {
        Path::new(root.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
    })
}
