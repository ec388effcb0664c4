// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hashes that several balancers and both sides must agree on: they choose the backend of a flow. Changing one moves
//! flows between balancers of different versions, so the constants are part of the interface.

use crate::net::{Address, Be16};

/// The finalizer of MurmurHash3: every input bit reaches every output bit, with two multiplications and no call.
#[inline(always)]
pub const fn mix(value: u64) -> u64 {
    let mut hash = value;
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The hash of a client's flow to a service, for `maglev`.
#[inline(always)]
pub fn flow<A: Address>(
    source: A,
    destination: A,
    source_port: Be16,
    destination_port: Be16,
    protocol: u8,
) -> u64 {
    let ports =
        ((source_port.raw() as u64) << 32) | ((destination_port.raw() as u64) << 16) | protocol as u64;
    mix(source.fold().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ destination.fold().rotate_left(32) ^ mix(ports))
}

/// The hash of a client's address alone, for `source` affinity.
#[inline(always)]
pub fn source<A: Address>(source: A) -> u64 {
    mix(source.fold() ^ 0x5bd1_e995_9e37_79b9)
}

/// A place in the flow cache. Nothing but speed depends on it, so it is as cheap as can be.
#[inline(always)]
pub fn cache<A: Address>(source: A, destination: A, source_port: Be16, destination_port: Be16) -> u32 {
    let ports = ((source_port.raw() as u64) << 16) | destination_port.raw() as u64;
    let addresses = source.fold() ^ destination.fold().rotate_left(32);
    let hash = (addresses ^ (ports << 13)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash ^ ports.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)) >> 32) as u32
}

/// Maps a hash onto `0..length` by multiplication; `length` is at most 2^32.
#[inline(always)]
pub const fn reduce(hash: u64, length: u32) -> u32 {
    (((hash >> 32) * length as u64) >> 32) as u32
}

/// Hashes bytes, for names and addresses that user space turns into numbers (FNV-1a, then [`mix`]).
pub const fn bytes(data: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < data.len() {
        hash = (hash ^ data[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Addr4, Addr6};

    #[test]
    fn flows_spread_evenly_over_small_tables() {
        let mut buckets = [0_u32; 8];
        for port in 0..8_000_u16 {
            let hash = flow(Addr4([7]), Addr4([9]), Be16::new(1024 + port), Be16::new(80), 6);
            buckets[reduce(hash, 8) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (800..1200).contains(count)), "{buckets:?}");
    }

    #[test]
    fn the_values_are_part_of_the_interface() {
        // Two versions that disagree here send the flows of one client to different backends.
        assert_eq!(
            flow(Addr4([1]), Addr4([2]), Be16::from_raw(3), Be16::from_raw(4), 6),
            0x7ba4_9a33_2e09_7398
        );
        assert_eq!(source(Addr6([1, 2, 3, 4])), 0xd504_0f02_73e1_133e);
        assert_eq!(bytes(b"node-1"), 0x91dd_3f4c_04e1_eb05);
    }

    #[test]
    fn reduce_stays_inside() {
        assert_eq!(reduce(u64::MAX, 65_537), 65_536);
        assert_eq!(reduce(0, 65_537), 0);
    }
}
