// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may connect: networks, and sets of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

/// The ports of a load balancer that are not open to all, each with the sources that it admits.
pub type Firewall = BTreeMap<NonZeroU16, Sources>;

/// The networks whose addresses are admitted, of both families; at least one.
pub type Sources = Arc<BTreeSet<Network>>;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    /// The first of them.
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The network of an address of which `bits` count; none if it has fewer.
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(address) => {
                let rest = 32_u32.checked_sub(u32::from(bits))?;
                Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0)).into()
            }
            IpAddr::V6(address) => {
                let rest = 128_u32.checked_sub(u32::from(bits))?;
                Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0)).into()
            }
        };
        Some(Self { address, bits })
    }

    /// Reads CIDR notation; bits of the host may be set, as in `192.168.1.1/16`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let decimal = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        Self::new(address.parse().ok()?, bits.parse().ok().filter(|_| decimal)?)
    }

    /// Its first address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share.
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether its addresses are IPv6.
    pub const fn is_ipv6(&self) -> bool {
        self.address.is_ipv6()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

/// Looks addresses up in a set of networks, as the prefix tries of the kernel do.
#[derive(Debug)]
pub struct Admission<'a> {
    sources: &'a BTreeSet<Network>,
    /// The prefix lengths that occur.
    bits: BTreeSet<(bool, u8)>,
}

impl<'a> Admission<'a> {
    /// Prepares a set.
    pub fn of(sources: &'a BTreeSet<Network>) -> Self {
        let bits = sources.iter().map(|network| (network.is_ipv6(), network.bits)).collect();
        Self { sources, bits }
    }

    /// Whether one of the networks has the address.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.bits.iter().filter(|(v6, _)| *v6 == address.is_ipv6()).any(|(_, bits)| {
            Network::new(address, *bits).is_some_and(|network| self.sources.contains(&network))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect("a network")
    }

    #[test]
    fn bits_of_the_host_do_not_count() {
        for (written, meant) in [
            ("192.168.1.1/16", "192.168.0.0/16"),
            ("192.0.2.1/32", "192.0.2.1/32"),
            ("1.2.3.4/0", "0.0.0.0/0"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1/128"),
            ("::1/0", "::/0"),
        ] {
            assert_eq!(network(written).to_string(), meant);
            assert_eq!(network(written), network(meant));
        }
    }

    #[test]
    fn what_is_no_network() {
        for text in
            ["192.0.2.1", "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/+8", "192.0.2.0/ 8", "a/8", "/8"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_admitted_by_any_prefix_of_their_family() {
        let sources = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"].map(network).into();
        let admission = Admission::of(&sources);
        let admits = |text: &str| admission.admits(text.parse().expect("an address"));
        assert!(admits("10.255.0.1") && admits("192.0.2.1") && admits("2001:db8:ffff::1"));
        assert!(!admits("11.0.0.1") && !admits("192.0.2.2") && !admits("2001:db9::"));
        assert!(!Admission::of(&BTreeSet::new()).admits(IpAddr::from([10, 0, 0, 1])));
    }
}
