// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the project needs of the system beside Rust.

use std::fmt;
use std::path::Path;

use lb_build::Toolchain;

use crate::shell::find;

/// The linker's version that the project is built and tested with.
pub const BPF_LINKER: &str = "0.13.0";

/// Where Debian's LLVM is, for building the linker against it.
pub const LLVM_PREFIX: &str = "/usr/lib/llvm-22";

/// Something that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A C compiler, for the crates that bring C with them and for bpf-linker.
    CCompiler,
    /// A compiler for the BPF target.
    BpfToolchain,
    /// The linker that makes BPF objects.
    BpfLinker,
    /// A program that tests and demo run.
    Program(&'static Program),
}

/// A program from a Debian package.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// The package that has it.
    pub package: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// Debian's packages that make up a compiler for the BPF target.
pub const TOOLCHAIN_PACKAGES: [&str; 4] =
    ["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev-bpf"];

/// Debian's packages that bpf-linker is built from.
pub const LINKER_PACKAGES: [&str; 3] = ["g++", "llvm-22-dev", "libpolly-22-dev"];

const PROGRAMS: [Program; 10] = [
    Program { name: "ip", package: "iproute2", why: "makes the network namespaces" },
    Program { name: "ethtool", package: "ethtool", why: "sets offloads of the virtual interfaces" },
    Program { name: "nsenter", package: "util-linux", why: "runs programs in the namespaces" },
    Program { name: "curl", package: "curl", why: "the client" },
    Program { name: "nginx", package: "nginx-light", why: "the backends' web server" },
    Program { name: "openssl", package: "openssl", why: "makes the web servers' certificates" },
    Program { name: "iperf3", package: "iperf3", why: "bulk transfers" },
    Program { name: "wrk", package: "wrk", why: "load" },
    Program { name: "haproxy", package: "haproxy", why: "what we compare with" },
    Program { name: "nft", package: "nftables", why: "what we compare with" },
];

/// What it takes to run another kernel.
const EMULATION: [Program; 2] = [
    Program {
        name: "qemu-system-x86_64",
        package: "qemu-system-x86",
        why: "emulates a machine for another kernel",
    },
    Program { name: "busybox", package: "busybox-static", why: "boots that machine" },
];

impl Need {
    /// What building needs and is not there.
    pub fn missing_to_build() -> Vec<Self> {
        [
            (Self::CCompiler, find("cc").is_some()),
            (Self::BpfToolchain, Toolchain::compiler().is_some()),
            (Self::BpfLinker, lb_build::linker_is_there()),
        ]
        .into_iter()
        .filter_map(|(need, there)| (!there).then_some(need))
        .collect()
    }

    /// What running tests and the demo needs and is not there.
    pub fn missing_to_run() -> Vec<Self> {
        Self::missing(&PROGRAMS)
    }

    /// What running another kernel needs and is not there.
    pub fn missing_to_emulate() -> Vec<Self> {
        Self::missing(&EMULATION)
    }

    fn missing(programs: &'static [Program]) -> Vec<Self> {
        programs.iter().filter(|program| find(program.name).is_none()).map(Self::Program).collect()
    }

    /// The Debian packages that it takes.
    pub fn packages(self) -> Vec<&'static str> {
        match self {
            Self::CCompiler => vec!["g++"],
            Self::BpfToolchain => TOOLCHAIN_PACKAGES.to_vec(),
            Self::BpfLinker if Path::new(LLVM_PREFIX).join("bin/llvm-config").is_file() => vec!["g++"],
            Self::BpfLinker => LINKER_PACKAGES.to_vec(),
            Self::Program(program) => vec![program.package],
        }
    }

    /// What a person can run to get it.
    pub fn fix(self) -> String {
        let packages = self.packages().join(" ");
        match self {
            Self::CCompiler | Self::Program(_) => format!("apt-get install {packages}"),
            Self::BpfToolchain => format!(
                "rustup toolchain install nightly --component rust-src   (anywhere)\n      \
                 apt-get install {packages} && rustup toolchain link distro /usr   (Debian)"
            ),
            Self::BpfLinker => format!(
                "cargo install bpf-linker   (anywhere)\n      \
                 apt-get install {packages} && LLVM_PREFIX={LLVM_PREFIX} cargo install bpf-linker \
                 --version {BPF_LINKER} --locked --no-default-features --features llvm-22   (Debian)"
            ),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CCompiler => formatter.write_str("a C compiler: some libraries bring C with them"),
            Self::BpfToolchain => {
                formatter.write_str("a Rust toolchain for the BPF target: builds the XDP program")
            }
            Self::BpfLinker => formatter.write_str("bpf-linker: links the XDP program"),
            Self::Program(program) => write!(formatter, "{}: {}", program.name, program.why),
        }
    }
}
