// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames for the packet table: a builder that computes every length and checksum anew, and a [`check`] that believes
//! none of them. What the program changes step by step has to come out as if it had been built so.

pub mod check;

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header, TcpHeader,
    UdpHeader,
};
use lb_common::net::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Mac, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use lb_common::tcp::{ACK, FIN, RST, SYN};

/// A frame that is being built. Each method changes one thing.
#[derive(Clone, Debug)]
pub struct Frame {
    from: Mac,
    to: Mac,
    /// EtherType and identifier of each tag.
    tags: Vec<(u16, u16)>,
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
    options: Vec<u8>,
    identification: u16,
    more_fragments: bool,
    fragment_offset: u16,
    divisible: bool,
    transport: Transport,
    payload: Vec<u8>,
    padding: usize,
}

#[derive(Clone, Debug)]
enum Transport {
    Tcp(Box<TcpHeader>),
    Udp { checksum: bool },
    Other(u8),
}

impl Frame {
    fn new(source: SocketAddr, destination: SocketAddr, transport: Transport) -> Self {
        Self {
            from: [0; 6],
            to: [0; 6],
            tags: Vec::new(),
            source,
            destination,
            ttl: 64,
            options: Vec::new(),
            identification: 0,
            more_fragments: false,
            fragment_offset: 0,
            divisible: false,
            transport,
            payload: Vec::new(),
            padding: 0,
        }
    }

    /// A TCP segment with these flags.
    pub fn tcp(source: SocketAddr, destination: SocketAddr, flags: u8) -> Self {
        let mut header = TcpHeader::new(source.port(), destination.port(), 0, 0);
        header.syn = flags & SYN != 0;
        header.ack = flags & ACK != 0;
        header.fin = flags & FIN != 0;
        header.rst = flags & RST != 0;
        Self::new(source, destination, Transport::Tcp(Box::new(header)))
    }

    /// A UDP datagram.
    pub fn udp(source: SocketAddr, destination: SocketAddr) -> Self {
        Self::new(source, destination, Transport::Udp { checksum: true })
    }

    /// A packet of another protocol, or of an IPv6 extension header; the payload is all that follows.
    pub fn other(source: IpAddr, destination: IpAddr, protocol: u8) -> Self {
        Self::new((source, 0).into(), (destination, 0).into(), Transport::Other(protocol))
    }

    /// An ICMP error of that type and code, which quotes the IP packet in `about` up to eight bytes behind its header.
    pub fn icmp_error(source: IpAddr, destination: IpAddr, kind: u8, code: u8, about: &Self) -> Self {
        Self::icmp_error_quoting(source, destination, [kind, code, 0, 0, 0, 0, 0, 0], about, 8)
    }

    /// An ICMP error with that header, checksum aside, which quotes the IP packet in `about` so many bytes behind its
    /// header.
    pub fn icmp_error_quoting(
        source: IpAddr,
        destination: IpAddr,
        header: [u8; 8],
        about: &Self,
        bytes: usize,
    ) -> Self {
        let packet = about.packet();
        let quoted = packet.len().min(about.network_header(0).len() + bytes);
        Self::icmp(source, destination, header, &packet[..quoted])
    }

    /// An ICMP message with that header, checksum aside.
    pub fn icmp(source: IpAddr, destination: IpAddr, header: [u8; 8], rest: &[u8]) -> Self {
        let mut message = [&header[..], rest].concat();
        let protocol = if source.is_ipv4() { PROTOCOL_ICMP } else { PROTOCOL_ICMPV6 };
        let checksum = !check::transport_sum(source, destination, protocol, &message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
        Self::other(source, destination, protocol).payload(&message)
    }

    /// Link-layer addresses.
    #[must_use]
    pub fn between(self, from: Mac, to: Mac) -> Self {
        Self { from, to, ..self }
    }

    /// The link-layer addresses and tags of a frame, for its answer.
    #[must_use]
    pub fn in_answer_to(self, frame: &Self) -> Self {
        Self { from: frame.to, to: frame.from, tags: frame.tags.clone(), ..self }
    }

    /// Other addresses and ports.
    #[must_use]
    pub fn addressed(self, source: SocketAddr, destination: SocketAddr) -> Self {
        Self { source, destination, ..self }
    }

    /// One more VLAN tag, inside those there are.
    #[must_use]
    pub fn tag(mut self, ethertype: u16, identifier: u16) -> Self {
        self.tags.push((ethertype, identifier));
        self
    }

    /// TTL or hop limit.
    #[must_use]
    pub fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }

    /// One hop less to go.
    #[must_use]
    pub fn hop(self) -> Self {
        Self { ttl: self.ttl - 1, ..self }
    }

    /// IPv4 options, whole words.
    #[must_use]
    pub fn options(self, options: &[u8]) -> Self {
        Self { options: options.to_vec(), ..self }
    }

    /// IPv4 identification.
    #[must_use]
    pub fn identification(self, identification: u16) -> Self {
        Self { identification, ..self }
    }

    /// Makes an IPv4 fragment; the offset is in units of eight bytes.
    #[must_use]
    pub fn fragment(self, fragment_offset: u16, more_fragments: bool) -> Self {
        Self { more_fragments, fragment_offset, ..self }
    }

    /// Lets whoever finds the IPv4 packet too long take it apart.
    #[must_use]
    pub fn divisible(self) -> Self {
        Self { divisible: true, ..self }
    }

    /// TCP's sequence and acknowledgement numbers.
    #[must_use]
    pub fn numbers(mut self, sequence: u32, acknowledgement: u32) -> Self {
        if let Transport::Tcp(header) = &mut self.transport {
            header.sequence_number = sequence;
            header.acknowledgment_number = acknowledgement;
        }
        self
    }

    /// TCP's window.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        if let Transport::Tcp(header) = &mut self.transport {
            header.window_size = window;
        }
        self
    }

    /// TCP's options, whole words.
    ///
    /// # Panics
    ///
    /// If they are longer than 40 bytes.
    #[must_use]
    pub fn tcp_options(mut self, options: &[u8]) -> Self {
        if let Transport::Tcp(header) = &mut self.transport {
            header.set_options_raw(options).expect("up to 40 bytes");
        }
        self
    }

    /// UDP without a checksum.
    #[must_use]
    pub fn without_checksum(self) -> Self {
        Self { transport: Transport::Udp { checksum: false }, ..self }
    }

    /// What it carries.
    #[must_use]
    pub fn payload(self, payload: &[u8]) -> Self {
        Self { payload: payload.to_vec(), ..self }
    }

    /// Bytes behind the IP packet, as short frames have them.
    #[must_use]
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// The offset of the IP header.
    pub fn network_offset(&self) -> usize {
        Ethernet2Header::LEN + 4 * self.tags.len()
    }

    /// The frame.
    pub fn bytes(&self) -> Vec<u8> {
        let network = if self.source.is_ipv4() { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 };
        let outermost = self.tags.first().map_or(network, |(ethertype, _)| *ethertype);
        let mut bytes =
            Ethernet2Header { source: self.from, destination: self.to, ether_type: EtherType(outermost) }
                .to_bytes()
                .to_vec();
        for (at, (_, identifier)) in self.tags.iter().enumerate() {
            let next = self.tags.get(at + 1).map_or(network, |(ethertype, _)| *ethertype);
            bytes.extend(identifier.to_be_bytes());
            bytes.extend(next.to_be_bytes());
        }
        bytes.extend(self.packet());
        bytes.resize(bytes.len() + self.padding, 0);
        bytes
    }

    fn packet(&self) -> Vec<u8> {
        let segment = self.segment();
        let mut packet = self.network_header(segment.len());
        packet.extend(segment);
        packet
    }

    fn network_header(&self, payload: usize) -> Vec<u8> {
        let protocol = IpNumber(self.protocol());
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = Ipv4Header {
                    total_len: (Ipv4Header::MIN_LEN + self.options.len() + payload) as u16,
                    identification: self.identification,
                    dont_fragment: !self.divisible && !self.more_fragments && self.fragment_offset == 0,
                    more_fragments: self.more_fragments,
                    fragment_offset: IpFragOffset::try_new(self.fragment_offset).expect("13 bits"),
                    time_to_live: self.ttl,
                    protocol,
                    source: source.octets(),
                    destination: destination.octets(),
                    options: Ipv4Options::try_from(&self.options[..]).expect("whole words"),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                header.to_bytes().to_vec()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => Ipv6Header {
                payload_length: payload as u16,
                next_header: protocol,
                hop_limit: self.ttl,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            }
            .to_bytes()
            .to_vec(),
            _ => panic!("addresses of two families: {} and {}", self.source, self.destination),
        }
    }

    fn protocol(&self) -> u8 {
        match self.transport {
            Transport::Tcp(_) => lb_common::net::PROTOCOL_TCP,
            Transport::Udp { .. } => lb_common::net::PROTOCOL_UDP,
            Transport::Other(protocol) => protocol,
        }
    }

    fn segment(&self) -> Vec<u8> {
        /// Where the checksum is.
        const TCP: usize = 16;
        const UDP: usize = 6;

        let (header, checksum_at) = match &self.transport {
            Transport::Tcp(header) => {
                let header = TcpHeader {
                    source_port: self.source.port(),
                    destination_port: self.destination.port(),
                    checksum: 0,
                    ..(**header).clone()
                };
                (header.to_bytes().to_vec(), Some(TCP))
            }
            Transport::Udp { checksum } => {
                let header = UdpHeader {
                    source_port: self.source.port(),
                    destination_port: self.destination.port(),
                    length: (UdpHeader::LEN + self.payload.len()) as u16,
                    checksum: 0,
                };
                (header.to_bytes().to_vec(), checksum.then_some(UDP))
            }
            Transport::Other(_) => (Vec::new(), None),
        };
        let mut segment = header;
        segment.extend(&self.payload);
        if let Some(at) = checksum_at {
            let sum =
                check::transport_sum(self.source.ip(), self.destination.ip(), self.protocol(), &segment);
            // For UDP a sum of zero is sent as all ones (RFC 768).
            let checksum = if at == UDP && sum == 0xffff { 0xffff } else { !sum };
            segment[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        }
        segment
    }
}
