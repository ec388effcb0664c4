// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which toolchain compiles for BPF: upstream's way, a rustup nightly with `rust-src`, or a toolchain that ships `core`
//! for BPF ready made, as Debian's does once it is linked into rustup as `distro`.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// Names the toolchain to use, `nightly` or `distro`, where detection is not wanted.
pub const VARIABLE: &str = "LB_BPF_TOOLCHAIN";

/// A toolchain that can compile for BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// A rustup nightly with `rust-src`: `core` is built along.
    Nightly,
    /// A toolchain linked as `distro` that has `core` for BPF.
    Distro,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The linker.
    Linker,
    /// A compiler with `core` for BPF, or with its source.
    Compiler,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Linker => "bpf-linker is not on the PATH",
            Self::Compiler => {
                "there is neither a rustup nightly with rust-src nor a toolchain `distro` with core for BPF"
            }
        };
        write!(formatter, "{what}; run `cargo xtask setup`")
    }
}

impl Toolchain {
    /// The toolchain to use on this machine.
    pub fn detect() -> Result<Self, Missing> {
        if !linker_is_there() {
            return Err(Missing::Linker);
        }
        Self::compiler().ok_or(Missing::Compiler)
    }

    /// The first compiler that is whole, whether or not there is a linker.
    pub fn compiler() -> Option<Self> {
        let order = match std::env::var(VARIABLE).as_deref() {
            Ok("nightly") => &[Self::Nightly][..],
            Ok("distro") => &[Self::Distro],
            _ => &[Self::Nightly, Self::Distro],
        };
        order.iter().copied().find(|toolchain| toolchain.usable())
    }

    /// Its name for `rustup run`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nightly => "nightly",
            Self::Distro => "distro",
        }
    }

    /// What cargo needs to be told beyond the target.
    pub(crate) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Nightly => &["-Zbuild-std=core"],
            Self::Distro => &[],
        }
    }

    /// The crates that use unstable features, where the compiler is not a nightly: atomics on map values exist as
    /// intrinsics only.
    pub(crate) const fn bootstrap(self) -> Option<&'static str> {
        match self {
            Self::Nightly => None,
            Self::Distro => Some("aya_ebpf,lb,lab"),
        }
    }

    fn usable(self) -> bool {
        let Ok(output) =
            Command::new("rustup").args(["run", self.name(), "rustc", "--print", "sysroot"]).output()
        else {
            return false;
        };
        let sysroot = String::from_utf8_lossy(&output.stdout);
        let part = match self {
            Self::Nightly => "lib/rustlib/src/rust/library/core",
            Self::Distro => "lib/rustlib/bpfel-unknown-none",
        };
        output.status.success() && Path::new(sysroot.trim()).join(part).is_dir()
    }
}

/// Whether what links BPF objects can be run.
pub fn linker_is_there() -> bool {
    Command::new("bpf-linker").arg("--version").output().is_ok_and(|output| output.status.success())
}
