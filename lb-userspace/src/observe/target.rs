// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which backend an operator means: `web/10.0.3.11`, `web/node-1`, `node-1` or `10.0.3.11`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{BackendId, Label};

/// A backend that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The backend.
    pub id: BackendId,
    /// The instance it belongs to; missing when the file no longer has it.
    pub instance: Option<Label>,
}

/// Why it is not clear which one is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// None.
    #[error("no backend is called `{argument}`")]
    Unknown {
        /// What was given.
        argument: String,
        /// All there are.
        candidates: Vec<String>,
    },
    /// Several.
    #[error("`{argument}` names backends of {} instances", candidates.len())]
    Ambiguous {
        /// What was given.
        argument: String,
        /// Those that it may mean.
        candidates: Vec<String>,
    },
}

/// How many candidates a message lists.
const LISTED: usize = 20;

impl TargetError {
    /// What to do about it: the names that would have been understood.
    pub fn fix(&self) -> String {
        let (lead, candidates) = match self {
            Self::Unknown { candidates, .. } if candidates.is_empty() => {
                return "there are no backends".to_owned();
            }
            Self::Unknown { candidates, .. } => ("use one of", candidates),
            Self::Ambiguous { candidates, .. } => ("say which one:", candidates),
        };
        let listed = candidates.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match candidates.len().checked_sub(LISTED) {
            None | Some(0) => format!("{lead} {listed}"),
            Some(more) => format!("{lead} {listed} and {more} more (`lbctl backends` lists them)"),
        }
    }
}

/// The backends that `argument` names: one, or the addresses of one instance.
pub fn resolve(argument: &str, candidates: &[Candidate]) -> Result<Vec<BackendId>, TargetError> {
    let found: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.answers_to(argument)).collect();
    let instances: BTreeSet<String> = found.iter().map(|candidate| candidate.name()).collect();
    match instances.len() {
        0 => {
            let candidates = candidates.iter().map(|candidate| candidate.id.to_string()).collect();
            Err(TargetError::Unknown { argument: argument.to_owned(), candidates })
        }
        1 => Ok(found.into_iter().map(|candidate| candidate.id.clone()).collect()),
        _ => Err(TargetError::Ambiguous {
            argument: argument.to_owned(),
            candidates: instances.into_iter().collect(),
        }),
    }
}

impl Candidate {
    fn answers_to(&self, argument: &str) -> bool {
        let (balancer, name) = match argument.split_once('/') {
            Some((balancer, name)) => (Some(balancer), name),
            None => (None, argument),
        };
        let same_balancer = balancer.is_none_or(|label| label == self.id.load_balancer.as_str());
        let same_address = name.parse().is_ok_and(|address: IpAddr| self.id.address == address);
        same_balancer && (same_address || self.instance.as_ref().is_some_and(|label| label.as_str() == name))
    }

    /// What tells it from those of other instances: `load_balancer/instance`.
    fn name(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{}/{instance}", self.id.load_balancer),
            None => self.id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        [("web", "node-1", "10.0.3.11"), ("web", "node-1", "fd00:3::11"), ("web", "node-2", "10.0.3.12")]
            .into_iter()
            .chain([("dns", "node-1", "10.0.3.11"), ("dns", "node-9", "10.0.3.19")])
            .map(|(balancer, instance, address)| Candidate {
                id: BackendId {
                    load_balancer: Label::new(balancer).unwrap(),
                    address: address.parse().unwrap(),
                },
                instance: Label::new(instance),
            })
            .collect()
    }

    fn check(argument: &str, expected: &[&str]) {
        let found: Vec<String> =
            resolve(argument, &candidates()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{argument}");
    }

    #[test]
    fn each_way_to_name_a_backend() {
        check("web/10.0.3.11", &["web/10.0.3.11"]);
        check("web/fd00:3:0::11", &["web/fd00:3::11"]);
        check("web/node-1", &["web/10.0.3.11", "web/fd00:3::11"]);
        check("node-2", &["web/10.0.3.12"]);
        check("10.0.3.19", &["dns/10.0.3.19"]);
        check("fd00:3::11", &["web/fd00:3::11"]);
    }

    #[test]
    fn what_is_shared_is_ambiguous() {
        for argument in ["node-1", "10.0.3.11"] {
            let refused = resolve(argument, &candidates()).unwrap_err();
            assert_eq!(refused.to_string(), format!("`{argument}` names backends of 2 instances"));
            assert_eq!(refused.fix(), "say which one: dns/node-1, web/node-1");
        }
    }

    #[test]
    fn what_is_unknown_lists_what_is_not() {
        for argument in ["node-7", "web/node-9", "mail/node-1", "10.0.3.99", "", "/"] {
            let refused = resolve(argument, &candidates()).unwrap_err();
            assert_eq!(refused.to_string(), format!("no backend is called `{argument}`"));
            assert!(
                refused.fix().starts_with("use one of web/10.0.3.11, web/fd00:3::11"),
                "{}",
                refused.fix()
            );
        }
        assert_eq!(resolve("x", &[]).unwrap_err().fix(), "there are no backends");
    }
}
