// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firewall rules, and the file that says what `cloudflare` is.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::Arc;

use super::{rule, word};
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{BalancerSpec, FirewallRuleSpec, bounds};
use crate::model::{Firewall, Network};

/// The source that stands for the ranges of the file.
const CLOUDFLARE: &str = "cloudflare";

/// What `cloudflare` stands for.
pub(super) enum Ranges {
    /// No file is named.
    Unset,
    /// One is, and has problems.
    Unreadable,
    /// These.
    Known(Vec<Network>),
}

impl Ranges {
    /// Reads what the source found in the file that the settings name.
    pub(super) fn read(path: &Path<'_>, spec: &BalancerSpec, problems: &mut Problems) -> Self {
        let Some(name) = &spec.cloudflare_ranges else { return Self::Unset };
        if !name.starts_with('/') {
            problems.value(path, name, "must be an absolute path", "write it from the root, starting with /");
            return Self::Unreadable;
        }
        match &spec.cloudflare_file {
            Some(Ok(text)) => match networks(text) {
                Ok(networks) => return Self::Known(networks),
                Err(line) => {
                    let message = format!("line {line} of it is not a network in CIDR notation");
                    problems.value(path, name, message, "write one network a line, as 192.0.2.0/24");
                }
            },
            Some(Err(why)) => {
                let fix = "check the path and its permissions";
                problems.value(path, name, format!("cannot be read: {why}"), fix);
            }
            None => {
                problems.value(path, name, "is not read by this source", "write the networks themselves");
            }
        }
        Self::Unreadable
    }
}

/// One network a line; empty lines and those that start with `#` do not count. Fails with the line that is none.
fn networks(text: &str) -> Result<Vec<Network>, usize> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| Network::parse(line).ok_or(number))
        .collect()
}

/// Reads the rules of a load balancer; none if one of them has problems.
pub(super) fn read(
    list: &Path<'_>,
    specs: &[FirewallRuleSpec],
    ranges: &Ranges,
    problems: &mut Problems,
) -> Option<Firewall> {
    let mut ports: BTreeMap<NonZeroU16, BTreeSet<Network>> = BTreeMap::new();
    let mut whole = true;
    for (index, spec) in specs.iter().enumerate() {
        match read_one(&list.index(index), spec, ranges, problems) {
            Some((port, networks)) => ports.entry(port).or_default().extend(networks),
            None => whole = false,
        }
    }
    whole.then(|| ports.into_iter().map(|(port, networks)| (port, Arc::new(networks))).collect())
}

fn read_one(
    path: &Path<'_>,
    spec: &FirewallRuleSpec,
    ranges: &Ranges,
    problems: &mut Problems,
) -> Option<(NonZeroU16, Vec<Network>)> {
    let port = rule::port(&path.key("port"), spec.port, problems);
    let family = word(&path.key("ip_type"), Some(&spec.ip_type), &bounds::IP_TYPES, problems);
    let source = path.key("source");
    let networks = if spec.source == CLOUDFLARE {
        cloudflare(&source, family?, ranges, problems)
    } else {
        network(&source, &spec.source, family, problems).map(|network| vec![network])
    };
    Some((port?, networks?))
}

/// The file's ranges of one family: 0 for IPv4, 1 for IPv6.
fn cloudflare(
    path: &Path<'_>,
    family: usize,
    ranges: &Ranges,
    problems: &mut Problems,
) -> Option<Vec<Network>> {
    let known = match ranges {
        Ranges::Known(known) => known,
        Ranges::Unreadable => return None,
        Ranges::Unset => {
            let fix = "name a file with Cloudflare's ranges there, or write the networks themselves";
            problems.value(path, CLOUDFLARE, "needs balancer.cloudflare_ranges", fix);
            return None;
        }
    };
    let networks: Vec<Network> =
        known.iter().filter(|network| network.is_ipv6() == (family == 1)).copied().collect();
    if networks.is_empty() {
        let message =
            format!("has no {} range in the file that balancer.cloudflare_ranges names", family_name(family));
        problems.value(path, CLOUDFLARE, message, "add them to the file, or remove the rule");
        return None;
    }
    Some(networks)
}

fn network(path: &Path<'_>, text: &str, family: Option<usize>, problems: &mut Problems) -> Option<Network> {
    let Some(network) = Network::parse(text) else {
        let fix = match text.parse::<std::net::IpAddr>() {
            Ok(address) => {
                format!("for this address alone write {address}/{}", if address.is_ipv4() { 32 } else { 128 })
            }
            Err(_) => "write it as 192.0.2.0/24 or 2001:db8::/32, or cloudflare".to_owned(),
        };
        problems.value(path, text, "is not a network in CIDR notation", fix);
        return None;
    };
    let own = usize::from(network.is_ipv6());
    if family.is_some_and(|family| family != own) {
        let message = format!("is {}, and the ip_type is not", family_name(own));
        problems.value(path, text, message, format!("write ip_type: {}", bounds::IP_TYPES[own]));
        return None;
    }
    Some(network)
}

const fn family_name(family: usize) -> &'static str {
    if family == 0 { "IPv4" } else { "IPv6" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: i64, source: &str, ip_type: &str) -> FirewallRuleSpec {
        FirewallRuleSpec { port, source: source.to_owned(), ip_type: ip_type.to_owned() }
    }

    /// What the rules come to, or the problems.
    fn check(rules: &[FirewallRuleSpec], ranges: &Ranges) -> Result<Vec<String>, Vec<String>> {
        let mut problems = Problems::default();
        let firewall = read(&Path::ROOT.key("rules"), rules, ranges, &mut problems);
        if let Some(firewall) = firewall.filter(|_| problems.0.is_empty()) {
            let line = |(port, sources): (&NonZeroU16, &crate::model::Sources)| {
                sources.iter().fold(port.to_string(), |line, network| format!("{line} {network}"))
            };
            return Ok(firewall.iter().map(line).collect());
        }
        Err(problems.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rules_of_a_port_add_up() {
        let ranges =
            Ranges::Known(networks("# ours\n\n203.0.113.0/24\n2001:db8:cf::/48\n").expect("networks"));
        let rules = [
            rule(80, "192.168.1.1/16", "v4"),
            rule(443, "cloudflare", "v4"),
            rule(80, "2001:db8::/32", "v6"),
            rule(443, "cloudflare", "v6"),
            rule(80, "192.168.2.2/16", "v4"),
        ];
        let expected = ["80 192.168.0.0/16 2001:db8::/32", "443 203.0.113.0/24 2001:db8:cf::/48"];
        assert_eq!(check(&rules, &ranges), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn everything_wrong_is_said() {
        let rules = [
            rule(0, "192.0.2.1", "v4"),
            rule(80, "192.0.2.0/24", "v6"),
            rule(80, "cloudflare", "v4"),
            rule(80, "::/0", "v5"),
        ];
        let problems = check(&rules, &Ranges::Unset).expect_err("four rules, each wrong");
        let places: Vec<&str> =
            problems.iter().map(|text| text.split(": ").next().expect("a path")).collect();
        let expected =
            ["rules[0].port", "rules[0].source", "rules[1].source", "rules[2].source", "rules[3].ip_type"];
        assert_eq!(places, expected);
        assert!(problems[1].ends_with("for this address alone write 192.0.2.1/32"), "{}", problems[1]);
    }

    #[test]
    fn a_family_without_ranges_would_close_the_port() {
        let ranges = Ranges::Known(networks("203.0.113.0/24").expect("a network"));
        assert!(check(&[rule(80, "cloudflare", "v6")], &ranges).is_err());
    }

    #[test]
    fn the_first_line_that_is_no_network_is_named() {
        assert_eq!(networks("203.0.113.0/24\n\nnonsense\n"), Err(3));
    }
}
