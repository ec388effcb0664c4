// SPDX-License-Identifier: MIT OR Apache-2.0
//! One probe: ask a backend once, and say how it went. Everything together, from the connection to the answer, takes at
//! most the check's `response_timeout` and a bounded amount of memory, whatever the backend sends.

mod connect;
mod http;
mod https;
mod tcp;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio_rustls::TlsConnector;

use crate::model::{HealthCheck, Probe};
use connect::SourcePorts;

/// Asks backends.
pub trait Prober: Send + Sync + 'static {
    /// Asks the backend once, within the check's timeout.
    fn probe(
        &self,
        address: IpAddr,
        check: &HealthCheck,
    ) -> impl Future<Output = Result<(), ProbeError>> + Send;
}

/// Asks over the network.
pub struct NetworkProber {
    ports: SourcePorts,
    tls: Result<TlsConnector, rustls::Error>,
}

/// Why a probe did not pass, in an operator's words.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No whole answer in time.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// The connection was not accepted.
    #[error("{}", brief(.0))]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("tls: {}", brief(.0))]
    Tls(#[source] io::Error),
    /// The answer was not one of HTTP, or the connection ended before it.
    #[error("http: {0}")]
    Http(#[source] hyper::Error),
    /// The answer was not 200.
    #[error("status {0}")]
    Status(u16),
    /// No socket could be had.
    #[error("not probed: {}", brief(.0))]
    NoSocket(#[source] io::Error),
    /// TLS could not be set up on our side.
    #[error("not probed: tls: {0}")]
    NoTls(#[source] rustls::Error),
    /// The path cannot be asked for.
    #[error("not probed: {0}")]
    BadPath(#[source] hyper::http::Error),
}

impl ProbeError {
    /// Whether the failure is the backend's, as opposed to our own.
    pub const fn speaks_against_the_backend(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Connect(_) | Self::Tls(_) | Self::Http(_) | Self::Status(_) => true,
            Self::NoSocket(_) | Self::NoTls(_) | Self::BadPath(_) => false,
        }
    }
}

/// The error's kind where that says it all, without the number of the system's own text.
fn brief(error: &io::Error) -> String {
    use io::ErrorKind::{
        AddrInUse, AddrNotAvailable, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        PermissionDenied, TimedOut,
    };
    match error.kind() {
        kind @ (AddrInUse | AddrNotAvailable | ConnectionRefused | ConnectionReset | HostUnreachable
        | NetworkUnreachable | PermissionDenied | TimedOut) => kind.to_string(),
        _ => error.to_string(),
    }
}

impl NetworkProber {
    /// Makes a prober; the seed decides at which source port it begins.
    pub fn new(seed: u64) -> Self {
        Self { ports: SourcePorts::new(seed), tls: https::connector() }
    }

    async fn ask(&self, target: SocketAddr, probe: &Probe) -> Result<(), ProbeError> {
        match probe {
            Probe::Tcp => tcp::probe(&self.ports, target).await,
            Probe::Http { path } => http::probe(&self.ports, target, path).await,
            Probe::Https { path } => {
                let tls = self.tls.as_ref().map_err(|error| ProbeError::NoTls(error.clone()))?;
                https::probe(&self.ports, tls, target, path).await
            }
        }
    }
}

impl std::fmt::Debug for NetworkProber {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NetworkProber").field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl Prober for NetworkProber {
    async fn probe(&self, address: IpAddr, check: &HealthCheck) -> Result<(), ProbeError> {
        let target = SocketAddr::new(address, check.port.get());
        tokio::time::timeout(check.response_timeout, self.ask(target, &check.probe))
            .await
            .unwrap_or(Err(ProbeError::TimedOut(check.response_timeout)))
    }
}

#[cfg(test)]
mod tests;
