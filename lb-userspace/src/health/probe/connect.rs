// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections of our own towards backends, from source ports that the fast path never uses.
//!
//! A translated flow and a probe may have the same source address, backend and port; if they shared the source port too, the
//! fast path would take the backend's answer to the probe for the flow's. So probes bind ports from
//! [`PROBE_PORT_MIN`] on, which the fast path leaves alone. They are few, hence:
//!
//! - `SO_REUSEADDR`: probes of different backends share a port; the kernel only refuses the same four-tuple twice;
//! - `SO_LINGER` 0: closing resets the connection, so that no `TIME_WAIT` blocks its tuple for a minute;
//! - the search starts one port further each time, and gives up after [`ATTEMPTS`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use lb_common::limits::PROBE_PORT_MIN;
use tokio::net::{TcpSocket, TcpStream};

use super::ProbeError;

/// Ports for probes.
const PORTS: u32 = u16::MAX as u32 - PROBE_PORT_MIN as u32 + 1;

/// Ports tried for one probe. A port fails only when a server of this host listens there, or when the same backend is
/// being asked from it already; to meet that many in a row, something else is wrong.
const ATTEMPTS: u32 = 64;

/// Deals out source ports.
#[derive(Debug)]
pub(super) struct SourcePorts {
    next: AtomicU32,
}

impl SourcePorts {
    /// Begins at a port chosen by the seed, so that a restart does not repeat the tuples of before at once.
    pub(super) const fn new(seed: u64) -> Self {
        Self { next: AtomicU32::new(seed as u32) }
    }

    /// Connects from the next port that can be used.
    pub(super) async fn connect(&self, target: SocketAddr) -> Result<TcpStream, ProbeError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
        for attempt in 0..ATTEMPTS {
            let port = port_at(first.wrapping_add(attempt));
            // From its own port a local target's connection would meet itself, and succeed with nobody there.
            if port == target.port() {
                continue;
            }
            match connect_from(port, target).await {
                Err(Failure::PortTaken(error)) => taken = error,
                Err(Failure::Final(error)) => return Err(error),
                Ok(stream) => return Ok(stream),
            }
        }
        Err(ProbeError::NoSocket(taken))
    }
}

enum Failure {
    PortTaken(io::Error),
    Final(ProbeError),
}

async fn connect_from(port: u16, target: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = socket_for(target).map_err(|error| Failure::Final(ProbeError::NoSocket(error)))?;
    socket.bind(any_address(target, port)).map_err(|error| failure(error, ProbeError::NoSocket))?;
    socket.connect(target).await.map_err(|error| failure(error, ProbeError::Connect))
}

fn socket_for(target: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_zero_linger()?;
    Ok(socket)
}

fn failure(error: io::Error, otherwise: fn(io::Error) -> ProbeError) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => Failure::PortTaken(error),
        _ => Failure::Final(otherwise(error)),
    }
}

/// The unspecified address: which source address leads to the target is for the routing table to say.
const fn any_address(target: SocketAddr, port: u16) -> SocketAddr {
    let address = match target {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(address, port)
}

const fn port_at(position: u32) -> u16 {
    PROBE_PORT_MIN + (position % PORTS) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn source_port_towards(address: &str) -> u16 {
        let listener = TcpListener::bind(address).await.unwrap();
        let stream = SourcePorts::new(5).connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut accepted, peer) = listener.accept().await.unwrap();
        drop(stream);
        // SO_LINGER 0: the backend sees a reset, not an end.
        assert_eq!(accepted.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        peer.port()
    }

    #[tokio::test]
    async fn connections_come_from_the_ports_of_probes() {
        assert!(source_port_towards("127.0.0.1:0").await >= PROBE_PORT_MIN);
        assert!(source_port_towards("[::1]:0").await >= PROBE_PORT_MIN);
    }

    #[test]
    fn positions_cover_exactly_the_ports_of_probes() {
        let ports: std::collections::BTreeSet<_> = (0..PORTS * 2).map(port_at).collect();
        assert_eq!(
            (ports.len(), ports.first(), ports.last()),
            (1024, Some(&PROBE_PORT_MIN), Some(&u16::MAX))
        );
    }

    #[tokio::test]
    async fn one_port_serves_several_backends_but_never_the_same_tuple_twice() {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Each connection looks for a port from the same start.
        let connect = async |listener: &TcpListener| {
            SourcePorts::new(700).connect(listener.local_addr().unwrap()).await.unwrap()
        };
        let open = [connect(&one).await, connect(&other).await, connect(&one).await];
        let [first, shared, second] = open.each_ref().map(|stream| stream.local_addr().unwrap().port());
        assert_eq!(first, shared);
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn a_port_that_a_server_listens_on_is_passed_over() {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (taken, _server) = listen_on_a_probe_port().await;
        let ports = SourcePorts::new(u64::from(taken - PROBE_PORT_MIN));
        let stream = ports.connect(target.local_addr().unwrap()).await.unwrap();
        assert_ne!(stream.local_addr().unwrap().port(), taken);
    }

    #[tokio::test]
    async fn a_target_among_the_ports_of_probes_is_not_met_by_itself() {
        // An address of this test's own, where nobody listens.
        let target = SocketAddr::from(([127, 0, 0, 77], PROBE_PORT_MIN));
        let outcome = SourcePorts::new(0).connect(target).await;
        assert!(matches!(outcome, Err(ProbeError::Connect(_))), "{outcome:?}");
    }

    async fn listen_on_a_probe_port() -> (u16, TcpListener) {
        for port in PROBE_PORT_MIN..=u16::MAX {
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
                return (port, listener);
            }
        }
        panic!("every port for probes is taken");
    }
}
