// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which part of which load balancer a problem is about, and the load balancer without it.

use super::refusal::{Refusal, Subject};
use crate::model::problem::Problem;
use crate::model::spec::LoadBalancerSpec;

/// A part that can go alone, with its place in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// An address.
    Vip(usize),
    /// A forwarding rule.
    Rule(usize),
    /// An instance.
    Instance(usize),
    /// The health check.
    Check,
    /// The algorithm.
    Algorithm,
    /// The timeout.
    Timeout,
    /// Everything. Firewall rules as well: without one of them, others could connect than are meant to.
    Whole,
}

/// The load balancer's place and the part that a path is about: `load_balancers[3].vips[1]`.
pub(super) fn place(path: &str) -> Option<(usize, Part)> {
    let (index, rest) = index(path.strip_prefix("load_balancers")?)?;
    let part = match rest.strip_prefix('.') {
        None => Part::Whole,
        Some(field) => part(field),
    };
    Some((index, part))
}

fn part(field: &str) -> Part {
    let item = |list: &str| field.strip_prefix(list).and_then(index).map(|(index, _)| index);
    if let Some(index) = item("vips") {
        Part::Vip(index)
    } else if let Some(index) = item("forwarding_rules") {
        Part::Rule(index)
    } else if let Some(index) = item("instances") {
        Part::Instance(index)
    } else {
        match field.split('.').next() {
            Some("health_check") => Part::Check,
            Some("balancing_algorithm") => Part::Algorithm,
            Some("timeout") => Part::Timeout,
            _ => Part::Whole,
        }
    }
}

/// A message that names load balancers by their id instead of their place, which nobody knows.
pub(super) fn with_names(message: &str, name: impl Fn(usize) -> Option<String>) -> String {
    let mut parts = message.split("load_balancers");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match index(part).and_then(|(index, rest)| Some((name(index)?, rest))) {
            Some((name, rest)) => named.extend([name.as_str(), rest]),
            None => named.extend(["load_balancers", part]),
        }
    }
    named
}

/// The number in brackets at the start, and what follows.
fn index(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, rest))
}

impl Part {
    /// Takes the part out of `spec` and says so. A setting goes back to its default.
    pub(super) fn remove(self, subject: &Subject, spec: &mut LoadBalancerSpec, problem: &Problem) -> Refusal {
        let (name, effect) = match self {
            Self::Vip(index) => (format!("address {}", spec.vips.remove(index)), ""),
            Self::Rule(index) => {
                let rule = spec.forwarding_rules.remove(index);
                (format!("forwarding rule {} {}", rule.frontend_protocol, rule.frontend_port), "")
            }
            Self::Instance(index) => (format!("instance {}", spec.instances.remove(index).label), ""),
            Self::Check => {
                spec.health_check = None;
                ("health check".to_owned(), ", so that every instance counts as healthy")
            }
            Self::Algorithm => {
                spec.balancing_algorithm = None;
                ("algorithm".to_owned(), ", so that it is roundrobin")
            }
            Self::Timeout => {
                spec.timeout = None;
                ("timeout".to_owned(), ", so that it is the default")
            }
            Self::Whole => (String::new(), ""),
        };
        subject.refuse_for(name, problem, effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_parts() {
        for (path, expected) in [
            ("load_balancers[3].vips[1]", Some((3, Part::Vip(1)))),
            ("load_balancers[0].vips", Some((0, Part::Whole))),
            ("load_balancers[12].forwarding_rules[2].frontend_protocol", Some((12, Part::Rule(2)))),
            ("load_balancers[0].instances[10].addresses[0]", Some((0, Part::Instance(10)))),
            ("load_balancers[0].health_check.port", Some((0, Part::Check))),
            ("load_balancers[0].balancing_algorithm", Some((0, Part::Algorithm))),
            ("load_balancers[0].timeout", Some((0, Part::Timeout))),
            ("load_balancers[0].firewall_rules[1].source", Some((0, Part::Whole))),
            ("load_balancers[0].label", Some((0, Part::Whole))),
            ("load_balancers", None),
            ("balancer.tables.services", None),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn messages_name_load_balancers() {
        let name = |index| (index < 2).then(|| format!("id-{index}"));
        let message = "is taken by load_balancers[1].forwarding_rules[0] and load_balancers[7]";
        let expected = "is taken by id-1.forwarding_rules[0] and load_balancers[7]";
        assert_eq!(with_names(message, name), expected);
        assert_eq!(with_names("load_balancers", name), "load_balancers");
    }
}
