// SPDX-License-Identifier: MIT OR Apache-2.0
//! IP addresses of both families behind one trait, so that the flow path is written once and compiled twice.

use core::fmt::Debug;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An Ethernet address, bytes in wire order.
pub type Mac = [u8; 6];

/// An IPv4 address, bytes in wire order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addr4(pub [u32; 1]);

/// An IPv6 address, bytes in wire order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addr6(pub [u32; 4]);

/// What the flow path asks of an address of either family.
pub trait Address: Copy + Debug + Default + Eq + 'static {
    /// True for IPv6.
    const V6: bool;

    /// Folds the address to 64 bits for hashing; for IPv4 that is the address itself.
    fn fold(self) -> u64;

    /// The one's complement sum of the address' 16-bit words, in wire order, not folded.
    fn sum(self) -> u32;

    /// The address in the 16 bytes that both families share in maps: IPv4 in the first word, the rest zero.
    fn wide(self) -> [u32; 4];

    /// The inverse of [`Address::wide`].
    fn narrow(wide: [u32; 4]) -> Self;

    /// Writes the address to `place` word by word: a copy of the whole is a call on the BPF target, byte by byte.
    fn put(self, place: &mut Self);

    /// Zero if the other is the same.
    fn differs(self, other: Self) -> u32;

    /// True for an address that no packet on a network can come from (RFC 6890): for IPv4 `0/8`, `127/8`, `224/4` and
    /// `240/4`; for IPv6 `::`, `::1`, `::ffff:0:0/96` and `ff00::/8`.
    fn martian(self) -> bool;
}

const fn word_sum(word: u32) -> u32 {
    (word & 0xffff) + (word >> 16)
}

impl Address for Addr4 {
    const V6: bool = false;

    #[inline(always)]
    fn fold(self) -> u64 {
        self.0[0] as u64
    }

    #[inline(always)]
    fn sum(self) -> u32 {
        word_sum(self.0[0])
    }

    #[inline(always)]
    fn wide(self) -> [u32; 4] {
        [self.0[0], 0, 0, 0]
    }

    #[inline(always)]
    fn narrow(wide: [u32; 4]) -> Self {
        Self([wide[0]])
    }

    #[inline(always)]
    fn put(self, place: &mut Self) {
        *place = self;
    }

    #[inline(always)]
    fn differs(self, other: Self) -> u32 {
        self.0[0] ^ other.0[0]
    }

    #[inline(always)]
    fn martian(self) -> bool {
        let first = u32::from_be(self.0[0]) >> 24;
        first == 0 || first == 127 || first >= 224
    }
}

impl Address for Addr6 {
    const V6: bool = true;

    #[inline(always)]
    fn fold(self) -> u64 {
        let [a, b, c, d] = self.0;
        let high = ((a as u64) << 32) | b as u64;
        let low = ((c as u64) << 32) | d as u64;
        high.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ low
    }

    #[inline(always)]
    fn sum(self) -> u32 {
        let [a, b, c, d] = self.0;
        word_sum(a) + word_sum(b) + word_sum(c) + word_sum(d)
    }

    #[inline(always)]
    fn wide(self) -> [u32; 4] {
        self.0
    }

    #[inline(always)]
    fn narrow(wide: [u32; 4]) -> Self {
        let [a, b, c, d] = wide;
        Self([a, b, c, d])
    }

    #[inline(always)]
    fn put(self, place: &mut Self) {
        let [a, b, c, d] = self.0;
        place.0[0] = a;
        place.0[1] = b;
        place.0[2] = c;
        place.0[3] = d;
    }

    #[inline(always)]
    fn differs(self, other: Self) -> u32 {
        let (ours, theirs) = (self.0, other.0);
        (ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1]) | (ours[2] ^ theirs[2]) | (ours[3] ^ theirs[3])
    }

    #[inline(always)]
    fn martian(self) -> bool {
        let [a, b, c, d] = self.0;
        let mapped = c == 0xffff_u32.to_be();
        let unspecified_or_loopback = c == 0 && u32::from_be(d) <= 1;
        u32::from_be(a) >> 24 == 0xff || (a | b) == 0 && (mapped || unspecified_or_loopback)
    }
}

impl From<Ipv4Addr> for Addr4 {
    fn from(address: Ipv4Addr) -> Self {
        Self([u32::from_ne_bytes(address.octets())])
    }
}

impl From<Addr4> for Ipv4Addr {
    fn from(address: Addr4) -> Self {
        Self::from(address.0[0].to_ne_bytes())
    }
}

impl From<Addr4> for IpAddr {
    fn from(address: Addr4) -> Self {
        Self::V4(address.into())
    }
}

impl From<Ipv6Addr> for Addr6 {
    fn from(address: Ipv6Addr) -> Self {
        let bytes = address.octets();
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self([word(0), word(4), word(8), word(12)])
    }
}

impl From<Addr6> for Ipv6Addr {
    fn from(address: Addr6) -> Self {
        let mut bytes = [0; 16];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(address.0) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        Self::from(bytes)
    }
}

impl From<Addr6> for IpAddr {
    fn from(address: Addr6) -> Self {
        Self::V6(address.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_map_form() {
        let v4: Ipv4Addr = "192.0.2.1".parse().expect("literal");
        let v6: Ipv6Addr = "2001:db8::1:2".parse().expect("literal");
        assert_eq!(Ipv4Addr::from(Addr4::narrow(Addr4::from(v4).wide())), v4);
        assert_eq!(Ipv6Addr::from(Addr6::narrow(Addr6::from(v6).wide())), v6);
    }

    #[test]
    fn martians_are_told_from_others() {
        let v4 = |text: &str| Addr4::from(text.parse::<Ipv4Addr>().expect(text)).martian();
        let v6 = |text: &str| Addr6::from(text.parse::<Ipv6Addr>().expect(text)).martian();
        for text in
            ["0.0.0.0", "0.255.0.1", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]
        {
            assert!(v4(text), "{text}");
        }
        for text in ["1.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.255"] {
            assert!(!v4(text), "{text}");
        }
        for text in ["::", "::1", "::ffff:10.0.0.1", "ff02::1"] {
            assert!(v6(text), "{text}");
        }
        for text in ["::2", "2001:db8::1", "fe80::1", "64:ff9b::1", "0:0:0:1::1"] {
            assert!(!v6(text), "{text}");
        }
    }

    #[test]
    fn the_sum_is_of_words_in_wire_order() {
        let v4 = Addr4::from(Ipv4Addr::new(1, 2, 3, 4));
        let expected = u32::from(u16::from_ne_bytes([1, 2])) + u32::from(u16::from_ne_bytes([3, 4]));
        assert_eq!(v4.sum(), expected);
    }
}
