// SPDX-License-Identifier: MIT OR Apache-2.0
//! Does the port accept a connection?

use std::net::SocketAddr;

use super::ProbeError;
use super::connect::SourcePorts;

/// Passes when the handshake completes; the connection is reset at once.
pub(super) async fn probe(ports: &SourcePorts, target: SocketAddr) -> Result<(), ProbeError> {
    ports.connect(target).await.map(drop)
}
