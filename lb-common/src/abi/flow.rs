// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flow table. A flow is two entries, one a direction, each keyed by the tuple on the wire; either one's recipe,
//! reversed, is the other's key.

use core::mem::{offset_of, size_of};

use crate::net::{Addr4, Addr6, Address, Be16};

/// Bit of [`FlowMeta::state`]: this entry is the direction from the backend. The other bits are in [`crate::tcp`].
pub const REVERSE: u32 = 1;

/// One direction of a flow as it stands on the wire: 16 bytes for IPv4, 40 for IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey<A> {
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// Source port.
    pub source_port: Be16,
    /// Destination port.
    pub destination_port: Be16,
    /// Protocol number, TCP or UDP.
    pub protocol: u8,
    /// Zero. Two integers rather than an array, which the compiler would fill by a call in the packet path.
    pub pad: u8,
    /// Zero.
    pub pad_half: u16,
}

/// What one direction of a flow becomes on the wire, and what the packet path needs to know for that: 56 bytes for
/// IPv4, 80 for IPv6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowEntry<A> {
    /// The source address to write.
    pub source: A,
    /// The destination address to write.
    pub destination: A,
    /// The source port to write.
    pub source_port: Be16,
    /// The destination port to write.
    pub destination_port: Be16,
    /// What both families share.
    pub meta: FlowMeta,
}

/// The part of a flow's entry that does not depend on the family.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowMeta {
    /// What the rewrite adds to the IPv4 header's checksum; see [`crate::checksum`].
    pub ip_delta: u16,
    /// What the rewrite adds to the TCP or UDP checksum.
    pub l4_delta: u16,
    /// Index of the service, for counters.
    pub service: u32,
    /// Slot of the backend.
    pub backend: u32,
    /// The slot's generation when the flow was created; another one means another owner.
    pub generation: u32,
    /// Index of the next hop; used in the direction from the backend only, the other one takes the backend's.
    pub next_hop: u32,
    /// [`super::Control::route_epoch`] when `next_hop` was found.
    pub route_epoch: u32,
    /// Seconds of silence until the flow is forgotten, while it is open.
    pub idle_timeout: u32,
    /// [`REVERSE`] and the bits of [`crate::tcp`]; only ever added to.
    pub state: u32,
    /// Seconds on the boot clock of the last packet, renewed about once a second.
    pub last_seen: u32,
    /// Jiffies when that was renewed; see [`crate::limits::TOUCH_JIFFIES`].
    pub touched: u32,
    /// Unproven TCP flows: the acknowledgement number that proves the client, once [`crate::tcp::ANSWERED`] is set.
    pub proof: u32,
}

impl<A: Address> FlowKey<A> {
    /// The key of the other direction as it would be without translation.
    #[inline(always)]
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self::new(self.protocol, (self.destination, self.destination_port), (self.source, self.source_port))
    }

    /// A key from the protocol number and both ends.
    #[inline(always)]
    pub const fn new(protocol: u8, source: (A, Be16), destination: (A, Be16)) -> Self {
        Self {
            source: source.0,
            destination: destination.0,
            source_port: source.1,
            destination_port: destination.1,
            protocol,
            pad: 0,
            pad_half: 0,
        }
    }

    /// Copies the key to `place` word by word; see [`Address::put`].
    #[inline(always)]
    pub fn put(&self, place: &mut Self) {
        self.source.put(&mut place.source);
        self.destination.put(&mut place.destination);
        place.source_port = self.source_port;
        place.destination_port = self.destination_port;
        place.protocol = self.protocol;
    }

    /// Equality word by word: comparing whole arrays is a call on the BPF target.
    #[inline(always)]
    pub fn same(&self, other: &Self) -> bool {
        let ports = (self.source_port.raw() ^ other.source_port.raw())
            | (self.destination_port.raw() ^ other.destination_port.raw())
            | u16::from(self.protocol ^ other.protocol);
        let addresses = self.source.differs(other.source) | self.destination.differs(other.destination);
        (addresses | u32::from(ports)) == 0
    }
}

impl<A: Address> FlowEntry<A> {
    /// The key under which the other direction of this flow is found.
    #[inline(always)]
    pub fn peer(&self, protocol: u8) -> FlowKey<A> {
        FlowKey::new(protocol, (self.destination, self.destination_port), (self.source, self.source_port))
    }

    /// As [`FlowEntry::peer`], written to `place` word by word.
    #[inline(always)]
    pub fn put_peer(&self, protocol: u8, place: &mut FlowKey<A>) {
        self.destination.put(&mut place.source);
        self.source.put(&mut place.destination);
        place.source_port = self.destination_port;
        place.destination_port = self.source_port;
        place.protocol = protocol;
        place.pad = 0;
        place.pad_half = 0;
    }
}

impl FlowMeta {
    /// True for the direction from the client to the backend.
    #[inline(always)]
    pub const fn from_client(&self) -> bool {
        self.state & REVERSE == 0
    }
}

const _: () = {
    assert!(size_of::<FlowKey<Addr4>>() == 16 && size_of::<FlowKey<Addr6>>() == 40);
    assert!(size_of::<FlowMeta>() == 44);
    assert!(size_of::<FlowEntry<Addr4>>() == 56 && size_of::<FlowEntry<Addr6>>() == 80);
    assert!(offset_of!(FlowEntry<Addr4>, meta) == 12 && offset_of!(FlowEntry<Addr6>, meta) == 36);
};
