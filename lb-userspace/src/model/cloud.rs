// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a cloud account is, and what of it is to be served: settings of the balancer, not of what it balances.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The cloud account that says what is balanced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Scheme and host, without a slash at the end: `https://api.vultr.com`.
    pub url: String,
    /// Where the token is.
    pub token: TokenPlace,
    /// Certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Which load balancers are meant.
    pub selection: Selection,
    /// From the end of one look to the next.
    pub poll_interval: Duration,
    /// Requests a second, 1 to 30.
    pub request_rate: u32,
}

/// Where the token is; the token itself is read when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Variable(name) => write!(formatter, "the environment variable {name}"),
        }
    }
}

/// Which of the account's load balancers are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with these ids, each once.
    Ids(Vec<String>),
    /// All with this label.
    Label(String),
    /// All of this region.
    Region(String),
}
