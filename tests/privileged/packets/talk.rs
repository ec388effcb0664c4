// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client and a backend say to each other through the balancer: each frame as it comes in, and as it has to go
//! out.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};

use lb_common::tcp::{ACK, FIN, RST, SYN};
use lb_tests::packet::Frame;
use lb_userspace::model::Protocol;

use super::fixture::Side;
use super::row::Arriving;
use super::setting::{BACK, FRONT, Family, GATEWAY, Pool, TCP_PORTS, UDP_PORTS, backend_mac};

/// The client's first sequence number.
pub const CLIENT_ISS: u32 = 1000;
/// The backend's; its acknowledgement wraps.
pub const BACKEND_ISS: u32 = u32::MAX;

/// One flow, whose source port towards the backend is the client's own.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    pub protocol: Protocol,
    pub client: SocketAddr,
    pub vip: SocketAddr,
    pub snat: SocketAddr,
    pub backend: SocketAddr,
    number: u8,
}

impl Talk {
    /// A flow of a client port that no other flow of this run has, with the first backend.
    pub fn new(family: Family, protocol: Protocol, pool: Pool) -> Self {
        static PORT: AtomicU16 = AtomicU16::new(20_000);
        Self::from_port(family, protocol, pool, PORT.fetch_add(1, Ordering::Relaxed))
    }

    /// A flow of that client port.
    pub fn from_port(family: Family, protocol: Protocol, pool: Pool, port: u16) -> Self {
        let (frontend, backend) = match protocol {
            Protocol::Tcp => TCP_PORTS,
            Protocol::Udp => UDP_PORTS,
        };
        Self {
            protocol,
            client: (family.client(7), port).into(),
            vip: (family.vip(pool), frontend).into(),
            snat: (family.snat(), port).into(),
            backend: (family.backend(11), backend).into(),
            number: 11,
        }
    }

    /// The same with another backend.
    #[must_use]
    pub fn with_backend(self, number: u8) -> Self {
        let family = if self.vip.is_ipv4() { Family::V4 } else { Family::V6 };
        Self { backend: (family.backend(number), self.backend.port()).into(), number, ..self }
    }

    /// The same from another client.
    #[must_use]
    pub fn with_client(self, number: u8) -> Self {
        let family = if self.vip.is_ipv4() { Family::V4 } else { Family::V6 };
        Self { client: (family.client(number), self.client.port()).into(), ..self }
    }

    /// The same with another source towards the backend.
    #[must_use]
    pub fn with_snat(self, snat: SocketAddr) -> Self {
        Self { snat, ..self }
    }

    /// A segment from the client; sequence numbers are those after the handshake.
    pub fn segment(&self, flags: u8) -> Frame {
        let opens = flags & SYN != 0;
        let sequence = if opens { CLIENT_ISS } else { CLIENT_ISS + 1 };
        let acknowledged = if flags & ACK == 0 { 0 } else { BACKEND_ISS.wrapping_add(1) };
        Frame::tcp(self.client, self.vip, flags)
            .numbers(sequence, acknowledged)
            .window(64_240)
            .identification(0x4d2)
            .between(GATEWAY, FRONT)
    }

    /// A segment from the backend.
    pub fn reply(&self, flags: u8) -> Frame {
        let sequence = if flags & SYN != 0 { BACKEND_ISS } else { BACKEND_ISS.wrapping_add(1) };
        Frame::tcp(self.backend, self.snat, flags)
            .numbers(sequence, CLIENT_ISS + 1)
            .window(65_160)
            .between(backend_mac(self.number), BACK)
    }

    /// A datagram from the client.
    pub fn question(&self) -> Frame {
        Frame::udp(self.client, self.vip).payload(b"question").between(GATEWAY, FRONT)
    }

    /// A datagram from the backend.
    pub fn answer(&self) -> Frame {
        Frame::udp(self.backend, self.snat).payload(b"the answer").between(backend_mac(self.number), BACK)
    }

    /// What opens the flow.
    pub fn first(&self) -> Frame {
        match self.protocol {
            Protocol::Tcp => self.segment(SYN),
            Protocol::Udp => self.question(),
        }
    }

    /// What the backend says to that.
    pub fn second(&self) -> Frame {
        match self.protocol {
            Protocol::Tcp => self.reply(SYN | ACK),
            Protocol::Udp => self.answer(),
        }
    }

    /// What the client says next: TCP's proof.
    pub fn third(&self) -> Frame {
        match self.protocol {
            Protocol::Tcp => self.segment(ACK),
            Protocol::Udp => self.question(),
        }
    }

    /// What the backend says when the flow is proven.
    pub fn answer_or_ack(&self) -> Frame {
        match self.protocol {
            Protocol::Tcp => self.reply(ACK),
            Protocol::Udp => self.answer(),
        }
    }

    /// Frames that open the flow.
    pub fn opening(&self) -> Vec<Arriving> {
        vec![front(&self.first())]
    }

    /// Frames that open the flow and prove it.
    pub fn proving(&self) -> Vec<Arriving> {
        match self.protocol {
            Protocol::Tcp => vec![front(&self.first()), back(&self.second()), front(&self.third())],
            Protocol::Udp => vec![front(&self.first()), back(&self.second())],
        }
    }

    /// Frames of a whole connection, to its end.
    pub fn whole(&self) -> Vec<Arriving> {
        let ending = [front(&self.segment(FIN | ACK)), back(&self.reply(FIN | ACK))];
        [self.proving(), ending.to_vec()].concat()
    }

    /// Frames of a connection that the client has reset.
    pub fn broken(&self) -> Vec<Arriving> {
        [self.proving(), vec![front(&self.segment(RST))]].concat()
    }

    /// A frame from the client as the backend is to get it.
    pub fn at_backend(&self, frame: &Frame) -> Frame {
        frame.clone().addressed(self.snat, self.backend).between(BACK, backend_mac(self.number)).hop()
    }

    /// A frame from the backend as the client is to get it.
    pub fn at_client(&self, frame: &Frame) -> Frame {
        frame.clone().addressed(self.vip, self.client).between(FRONT, GATEWAY).hop()
    }

    /// A RST from the VIP in answer to a frame of the client.
    pub fn refusal(&self, frame: &Frame, flags: u8, sequence: u32, acknowledged: u32) -> Frame {
        Frame::tcp(self.vip, self.client, flags).numbers(sequence, acknowledged).in_answer_to(frame)
    }

    /// An ICMP error from the VIP in answer to a frame of the client: port unreachable.
    pub fn unreachable(&self, frame: &Frame) -> Frame {
        let (kind, code) = if self.vip.is_ipv4() { (3, 3) } else { (1, 4) };
        Frame::icmp_error(self.vip.ip(), self.client.ip(), kind, code, frame).in_answer_to(frame)
    }

    /// An ICMP error from the VIP in answer to a frame of the client: time exceeded.
    pub fn exceeded(&self, frame: &Frame) -> Frame {
        let kind = if self.vip.is_ipv4() { 11 } else { 3 };
        Frame::icmp_error(self.vip.ip(), self.client.ip(), kind, 0, frame).in_answer_to(frame)
    }

    /// What a client is told whose first frame goes nowhere.
    pub fn refused(&self, frame: &Frame) -> Frame {
        match self.protocol {
            Protocol::Tcp => self.refusal(frame, RST | ACK, 0, CLIENT_ISS + 1),
            Protocol::Udp => self.unreachable(frame),
        }
    }
}

/// Both protocols.
pub const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

/// A frame that comes from clients.
pub fn front(frame: &Frame) -> Arriving {
    Arriving { side: Side::Front, bytes: frame.bytes() }
}

/// A frame that comes from backends.
pub fn back(frame: &Frame) -> Arriving {
    Arriving { side: Side::Back, bytes: frame.bytes() }
}
