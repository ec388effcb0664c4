// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3).
//!
//! All sums are of 16-bit words as they stand on the wire; one's complement addition does not mind the byte order, so
//! nothing is swapped. A *delta* is what a change adds to the sum of a header: it is computed once, when a flow is
//! created, and applied to every packet of it.

use crate::net::Be16;

/// Folds a sum of up to 65,536 words to 16 bits with end-around carry.
#[inline(always)]
pub const fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    let twice = (once & 0xffff) + (once >> 16);
    twice as u16
}

/// The delta of replacing words that sum to `old` by words that sum to `new`: `~m + m'` of RFC 1624.
#[inline(always)]
pub const fn delta(old: u32, new: u32) -> u16 {
    fold((!fold(old)) as u32 + fold(new) as u32)
}

/// The sum of two deltas.
#[inline(always)]
pub const fn combine(a: u16, b: u16) -> u16 {
    fold(a as u32 + b as u32)
}

/// A header's checksum after the change that `delta` stands for: `~(~HC + delta)`.
#[inline(always)]
pub const fn apply(checksum: Be16, delta: u16) -> Be16 {
    Be16::from_raw(!fold((!checksum.raw()) as u32 + delta as u32))
}

/// As [`apply`], for UDP: zero means "none" and stays, a result of zero is sent as all ones (RFC 768).
#[inline(always)]
pub const fn apply_udp(checksum: Be16, delta: u16) -> Be16 {
    if checksum.raw() == 0 {
        return checksum;
    }
    let updated = apply(checksum, delta);
    if updated.raw() == 0 { Be16::from_raw(0xffff) } else { updated }
}

/// The checksum of words that sum to `sum`.
#[inline(always)]
pub const fn finish(sum: u32) -> Be16 {
    Be16::from_raw(!fold(sum))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(bytes: &[u8]) -> u32 {
        bytes.chunks(2).map(|pair| u32::from(u16::from_ne_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))).sum()
    }

    #[test]
    fn the_example_of_rfc_1624_section_4() {
        let updated =
            apply(Be16::new(0xdd2f), delta(u32::from(0x5555_u16.to_be()), u32::from(0x3285_u16.to_be())));
        assert_eq!(updated.host(), 0x0000);
    }

    #[test]
    fn udp_keeps_zero_and_never_makes_it() {
        assert_eq!(apply_udp(Be16::new(0), 0x1234).host(), 0);
        let to_zero =
            apply_udp(Be16::new(0xdd2f), delta(u32::from(0x5555_u16.to_be()), u32::from(0x3285_u16.to_be())));
        assert_eq!(to_zero.host(), 0xffff);
    }

    proptest! {
        #[test]
        fn an_update_equals_recomputation(mut data in prop::collection::vec(any::<u8>(), 20..80), change: [u8; 4]) {
            // At least one word that is not zero, as in every real header; all-zero data has two checksums.
            data[0] = 0x45;
            let before = finish(sum(&data));
            let step = delta(sum(&data[4..8]), sum(&change));
            data[4..8].copy_from_slice(&change);
            prop_assert_eq!(apply(before, step), finish(sum(&data)));
        }

        #[test]
        fn deltas_add_up(a: u16, b: u16, c: u16, d: u16) {
            let one = delta(u32::from(a), u32::from(b));
            let two = delta(u32::from(c), u32::from(d));
            let both = delta(u32::from(a) + u32::from(c), u32::from(b) + u32::from(d));
            let checksum = Be16::from_raw(0x1234);
            prop_assert_eq!(apply(checksum, combine(one, two)), apply(checksum, both));
        }
    }
}
