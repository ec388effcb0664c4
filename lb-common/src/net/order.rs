// SPDX-License-Identifier: MIT OR Apache-2.0
//! Integers in network byte order.
//!
//! Everything that touches a packet or a map key holds these, everything else is in host order; crossing over is an
//! explicit call. The representation is the bytes on the wire, so comparing and hashing need no swap.

/// A 16-bit integer as it stands on the wire.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Be16(u16);

impl Be16 {
    /// Puts a host-order value on the wire.
    #[inline(always)]
    pub const fn new(host: u16) -> Self {
        Self(host.to_be())
    }

    /// Takes the value off the wire.
    #[inline(always)]
    pub const fn host(self) -> u16 {
        u16::from_be(self.0)
    }

    /// The wire bytes read as a native integer: for checksums and hashes, which do not mind the order.
    #[inline(always)]
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The inverse of [`Be16::raw`].
    #[inline(always)]
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }
}

/// A 32-bit integer as it stands on the wire.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Be32(u32);

impl Be32 {
    /// Puts a host-order value on the wire.
    #[inline(always)]
    pub const fn new(host: u32) -> Self {
        Self(host.to_be())
    }

    /// Takes the value off the wire.
    #[inline(always)]
    pub const fn host(self) -> u32 {
        u32::from_be(self.0)
    }

    /// The wire bytes read as a native integer.
    #[inline(always)]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The inverse of [`Be32::raw`].
    #[inline(always)]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_big_endian() {
        assert_eq!(Be16::new(0x1234).raw().to_ne_bytes(), [0x12, 0x34]);
        assert_eq!(Be32::new(0x1234_5678).raw().to_ne_bytes(), [0x12, 0x34, 0x56, 0x78]);
        assert_eq!(Be16::new(80).host(), 80);
        assert_eq!(Be32::from_raw(Be32::new(7).raw()).host(), 7);
    }
}
