// SPDX-License-Identifier: MIT OR Apache-2.0
//! The maximum segment size option of TCP (RFC 9293 section 3.7.1): finding it among the options, and what lowering it
//! does to the checksum.

use crate::checksum;
use crate::net::Be16;

/// Bytes of TCP's header without options; they start there.
pub const OPTIONS: u32 = 20;
/// The most options that one header can have, all of one byte.
pub const OPTIONS_MAX: u32 = 40;

/// What stands at a place among the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The option: its value is two bytes further on.
    Found,
    /// Another one; the next is so many bytes further on.
    Skip(u32),
    /// No more options, or none that make sense.
    End,
}

/// Looks at the option of `kind` whose second byte is `length`, with `room` bytes left of the header.
#[inline(always)]
pub const fn step(kind: u8, length: u8, room: u32) -> Step {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const MSS: u8 = 2;

    match kind {
        END => Step::End,
        NOTHING => Step::Skip(1),
        _ if length < 2 || length as u32 > room => Step::End,
        MSS if length == 4 => Step::Found,
        _ => Step::Skip(length as u32),
    }
}

/// What writing `new` for `old` adds to the checksum; `odd` when it stands at an odd distance from the header's start,
/// where its two bytes are halves of two words.
#[inline(always)]
pub const fn delta(old: Be16, new: Be16, odd: bool) -> u16 {
    if odd {
        checksum::delta(old.raw().swap_bytes() as u32, new.raw().swap_bytes() as u32)
    } else {
        checksum::delta(old.raw() as u32, new.raw() as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the option's value is among these options.
    fn find(options: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < options.len() {
            let length = options.get(at + 1).copied().unwrap_or(0);
            match step(options[at], length, (options.len() - at) as u32) {
                Step::Found => return Some(at + 2),
                Step::Skip(bytes) => at += bytes as usize,
                Step::End => return None,
            }
        }
        None
    }

    #[test]
    fn the_option_is_found_wherever_it_stands() {
        assert_eq!(find(&[2, 4, 5, 180]), Some(2));
        assert_eq!(find(&[1, 2, 4, 5, 180, 0, 0, 0]), Some(3));
        assert_eq!(find(&[4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 5, 180]), Some(14));
        for none in [&[][..], &[1, 1, 1, 1], &[0, 2, 4, 5, 180], &[3, 3, 7, 0], &[8, 10, 0, 0]] {
            assert_eq!(find(none), None, "{none:?}");
        }
        for broken in [&[2, 4, 5][..], &[2, 3, 5, 180], &[8, 0, 2, 4], &[8, 1, 2, 4], &[1, 1, 1, 2]] {
            assert_eq!(find(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn the_checksum_is_what_it_would_be_anew(
            mut header in prop::collection::vec(any::<u8>(), 40..=40), at in 20_usize..38, new: u16
        ) {
            let sum = |bytes: &[u8]| {
                bytes.chunks(2).map(|pair| u32::from(u16::from_ne_bytes([pair[0], pair[1]]))).sum::<u32>()
            };
            header[0] = 1;
            let before = checksum::finish(sum(&header));
            let old = Be16::from_raw(u16::from_ne_bytes([header[at], header[at + 1]]));
            let new = Be16::new(new);
            header[at..at + 2].copy_from_slice(&new.raw().to_ne_bytes());
            let updated = checksum::apply(before, delta(old, new, at % 2 == 1));
            prop_assert_eq!(updated, checksum::finish(sum(&header)));
        }
    }
}
