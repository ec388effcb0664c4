// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a data path cannot be opened, each with the way out.

use std::io;
use std::path::PathBuf;

use aya::programs::ProgramError;

use crate::datapath::DatapathError;

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was asked for is wrong: the file, an argument.
    Input,
    /// A privilege or a part of the system is missing.
    Privilege,
    /// The system refused.
    System,
}

/// Why a data path cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The daemon was built where no BPF toolchain was.
    #[error("this lbd was built without its XDP program; run `cargo xtask setup` and build again")]
    NotBuilt,
    /// A capability is missing.
    #[error(
        "{missing}: missing; run lbd as root, or with AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON"
    )]
    Privilege {
        /// The capabilities that are not there.
        missing: String,
    },
    /// The kernel has no type information.
    #[error(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux is missing); use one with CONFIG_DEBUG_INFO_BTF=y"
    )]
    NoBtf,
    /// The pin folder is not on a bpffs, and none can be mounted for it.
    #[error(
        "{path} is not on a BPF file system{why}; run `mount -t bpf bpf /sys/fs/bpf`, or name a folder on one by --pin-root"
    )]
    NoBpffs {
        /// The folder.
        path: PathBuf,
        /// Why none is mounted for it, to be read after the path; empty where that is plain.
        why: String,
    },
    /// Maps of another version are pinned.
    #[error(
        "{path} holds the maps of version {found}, this lbd speaks version {ours}; run the lbd that made them, or give \
         up their flows by `lbd detach --instance {instance}`"
    )]
    OtherVersion {
        /// Where they are pinned.
        path: PathBuf,
        /// Their version.
        found: String,
        /// Ours.
        ours: u32,
        /// The instance.
        instance: String,
    },
    /// A pinned map is not what its version says.
    #[error("the pinned map {path} is not ours ({detail}); give up what is pinned by `lbd detach`")]
    ForeignMap {
        /// Where it is pinned.
        path: PathBuf,
        /// What differs.
        detail: String,
    },
    /// An interface does not exist.
    #[error("balancer.interfaces: there is no interface `{name}`; `ip link` lists those there are")]
    MissingInterface {
        /// Its name.
        name: String,
    },
    /// An interface has another program.
    #[error(
        "interface `{name}` already carries another XDP program; take it off by `ip link set dev {name} xdp off`, or \
         see `bpftool net` for who owns it"
    )]
    ForeignProgram {
        /// The interface's name.
        name: String,
    },
    /// The kernel refuses to attach.
    #[error("attaching to interface `{name}` failed")]
    Attach {
        /// The interface's name.
        name: String,
        /// What the kernel said.
        #[source]
        source: ProgramError,
    },
    /// The kernel refuses the object.
    #[error("loading the XDP program failed")]
    Load(#[source] Box<aya::EbpfError>),
    /// The kernel refuses the program.
    #[error("{action} the XDP program failed")]
    Program {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        #[source]
        source: ProgramError,
    },
    /// A pin cannot be made, read or removed.
    #[error("the pin {path} cannot be used")]
    Pin {
        /// The pin.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The CPUs cannot be counted.
    #[error("{path} does not say how many CPUs there are")]
    Cpus {
        /// What was read.
        path: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A map cannot be used.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

impl OpenError {
    /// Who can do something about it.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::MissingInterface { .. } => ErrorClass::Input,
            Self::Privilege { .. }
            | Self::NoBtf
            | Self::NoBpffs { .. }
            | Self::NotBuilt
            | Self::ForeignProgram { .. } => ErrorClass::Privilege,
            _ => ErrorClass::System,
        }
    }
}
