// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses that packets can come from and go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::path::Path;
use crate::model::problem::Problems;

/// Reads a list of addresses; gaps stand where one is wrong.
pub(super) fn read_all(list: &Path<'_>, texts: &[String], problems: &mut Problems) -> Vec<Option<IpAddr>> {
    let read = |(index, text): (usize, &String)| read(&list.index(index), text, problems);
    texts.iter().enumerate().map(read).collect()
}

/// Reads an address of one machine.
fn read(path: &Path<'_>, text: &str, problems: &mut Problems) -> Option<IpAddr> {
    let Ok(address) = text.parse::<IpAddr>() else {
        problems.value(path, text, "is not an IP address", fix_for(text));
        return None;
    };
    let unusable = match address {
        IpAddr::V4(address) => unusable4(address),
        IpAddr::V6(address) => unusable6(address),
    };
    match unusable {
        None => Some(address),
        Some((what, fix)) => {
            problems.value(path, text, format!("is {what}"), fix);
            None
        }
    }
}

/// How to put right what does not parse, for the mistakes that have a shape.
fn fix_for(text: &str) -> String {
    if let Some((address, _)) = text.split_once(['/', '%'])
        && address.parse::<IpAddr>().is_ok()
    {
        return format!("write the address alone: {address}");
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return format!("write the address without a port: {}", address.ip());
    }
    "write it as 192.0.2.10 or 2001:db8::10; names are not looked up".to_owned()
}

const ONE_MACHINE: &str = "write an address of one machine";

/// Why an IPv4 address is not one of a machine, with the fix.
fn unusable4(address: Ipv4Addr) -> Option<(&'static str, String)> {
    let what = if address.is_unspecified() {
        "the unspecified address"
    } else if address.octets()[0] == 0 {
        "an address of \"this network\" (0.0.0.0/8)"
    } else if address.is_loopback() {
        "a loopback address, which never leaves its machine"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.is_broadcast() {
        "the broadcast address"
    } else {
        return None;
    };
    Some((what, ONE_MACHINE.to_owned()))
}

/// Why an IPv6 address is not one of a machine, with the fix.
fn unusable6(address: Ipv6Addr) -> Option<(&'static str, String)> {
    if let Some(inner) = address.to_ipv4_mapped() {
        return Some((
            "an IPv4 address written as IPv6, which is never on the wire",
            format!("write {inner}"),
        ));
    }
    let what = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_loopback() {
        "a loopback address, which never leaves its machine"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.is_unicast_link_local() {
        "a link-local address, which means another machine on each interface"
    } else {
        return None;
    };
    Some((what, ONE_MACHINE.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message for an address, or nothing if it is fine.
    fn check(text: &str, expected: Option<&str>) {
        let mut problems = Problems::default();
        let address = read(&Path::ROOT.key("vip"), text, &mut problems);
        let found = problems.0.first().map(ToString::to_string);
        assert_eq!(found.as_deref(), expected);
        assert_eq!(address.is_none(), expected.is_some());
    }

    #[test]
    fn addresses_of_machines() {
        for text in ["192.0.2.10", "10.0.0.1", "169.254.1.1", "240.0.0.1", "2001:db8::10", "fd00::1", "::2"] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_not_an_address() {
        check(
            "192.0.2.0/24",
            Some("vip: is not an IP address (192.0.2.0/24); write the address alone: 192.0.2.0"),
        );
        check(
            "fe80::1%eth0",
            Some("vip: is not an IP address (fe80::1%eth0); write the address alone: fe80::1"),
        );
        check(
            "[::2]:80",
            Some("vip: is not an IP address ([::2]:80); write the address without a port: ::2"),
        );
        let names = "write it as 192.0.2.10 or 2001:db8::10; names are not looked up";
        check("example.com", Some(&format!("vip: is not an IP address (example.com); {names}")));
        check("010.0.0.1", Some(&format!("vip: is not an IP address (010.0.0.1); {names}")));
    }

    #[test]
    fn what_is_not_a_machine() {
        let fix = "write an address of one machine";
        check("0.0.0.0", Some(&format!("vip: is the unspecified address (0.0.0.0); {fix}")));
        check(
            "0.1.2.3",
            Some(&format!("vip: is an address of \"this network\" (0.0.0.0/8) (0.1.2.3); {fix}")),
        );
        check("255.255.255.255", Some(&format!("vip: is the broadcast address (255.255.255.255); {fix}")));
        check("ff02::1", Some(&format!("vip: is a multicast address (ff02::1); {fix}")));
        check(
            "::1",
            Some(&format!("vip: is a loopback address, which never leaves its machine (::1); {fix}")),
        );
        let mapped = "is an IPv4 address written as IPv6, which is never on the wire";
        check("::ffff:192.0.2.1", Some(&format!("vip: {mapped} (::ffff:192.0.2.1); write 192.0.2.1")));
    }
}
