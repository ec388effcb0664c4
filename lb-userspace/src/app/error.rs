// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the daemon does not start. Each message says what to do; each error has its exit code.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::observe::log::LogError;
use crate::source::cloud::CloudError;
use crate::source::file::FileError;

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file is bad, and there is no last good one.
    #[error("{0}")]
    Config(FileError),
    /// The cloud says nothing, and nothing it said was kept.
    #[error("{0}; there is no answer from before to start with")]
    Cloud(CloudError),
    /// A folder cannot be used.
    #[error("{}: {source}; make the folder writable for lbd, or choose another by --run-dir or --state-dir", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another daemon runs.
    #[error(
        "another lbd runs as instance `{instance}` (pid {pid}); stop it, or choose another name by --instance"
    )]
    Running {
        /// The instance.
        instance: String,
        /// The other's process id, as far as known.
        pid: String,
    },
    /// The admin address cannot be listened on.
    #[error(
        "balancer.admin_address: {address}: {source}; choose an address of this host and a port that is free"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The admin socket cannot be made.
    #[error("{}: {source}; choose another folder by --run-dir", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The metrics contradict each other; a bug.
    #[error("the table of metrics is wrong: {0}; please report it")]
    Metrics(#[from] prometheus::Error),
    /// The log's filter is bad.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system gives no threads or signals.
    #[error("the process cannot be set up: {0}; see the limits of its unit or shell (`ulimit -a`)")]
    Runtime(io::Error),
    /// The data path was refused.
    #[error("{message}")]
    Datapath {
        /// Why, and the fix.
        message: String,
        /// What kind of failure it is.
        exit: Exit,
    },
}

impl StartError {
    /// The exit code that says what kind of failure it is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Address { .. } | Self::Log(_) => Exit::BadInput,
            Self::Datapath { exit, .. } => *exit,
            Self::Folder { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::Requirement
            }
            Self::Cloud(_)
            | Self::Runtime(_)
            | Self::Folder { .. }
            | Self::Running { .. }
            | Self::Socket { .. }
            | Self::Metrics(_) => Exit::Failed,
        }
    }
}
