// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one look at the cloud gave. Pure. Objects of a list are read one by one, so that one which is not understood
//! does not take the others along.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::convert::{Converted, convert};
use super::directory::Directory;
use super::refusal::Subject;
use crate::model::cloud::Selection;
use crate::wire::{LoadBalancer, lenient};

/// The load balancers that are meant, and the machines behind them.
#[derive(Debug, Default)]
pub struct Answer {
    /// In the order of the cloud.
    pub load_balancers: Vec<Reading>,
    /// Whom they name.
    pub directory: Directory,
}

/// One load balancer as it was read.
#[derive(Debug)]
pub enum Reading {
    /// It was understood.
    Understood(Box<LoadBalancer>),
    /// It exists, or is said to, and nothing more is known.
    NotUnderstood {
        /// Who it is.
        subject: Subject,
        /// Why not.
        why: String,
    },
}

/// What even an object that is not understood must have, and what it may be chosen by.
#[derive(Deserialize)]
struct Stub {
    #[serde(deserialize_with = "lenient::text")]
    id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    label: String,
    #[serde(default, deserialize_with = "lenient::text")]
    region: String,
}

impl Answer {
    /// Ids of all machines that the load balancers name, each once.
    pub fn machines(load_balancers: &[Reading]) -> Vec<&str> {
        let understood = load_balancers.iter().filter_map(|reading| match reading {
            Reading::Understood(balancer) => Some(&balancer.instances),
            Reading::NotUnderstood { .. } => None,
        });
        let mut ids: Vec<&str> = understood.flatten().map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// As ours.
    pub fn convert(&self) -> Vec<Converted> {
        let one = |reading: &Reading| match reading {
            Reading::Understood(balancer) => convert(balancer, &self.directory),
            Reading::NotUnderstood { subject, why } => {
                let refusal = subject.refuse("", why, "it stays what it was; see what the cloud says of it");
                Converted { subject: subject.clone(), spec: None, refused: vec![refusal] }
            }
        };
        self.load_balancers.iter().map(one).collect()
    }
}

impl Reading {
    /// Reads an object of a list and keeps it if it is meant. Fails if it has no id: nothing can be said of the list then.
    pub(super) fn of(
        raw: &RawValue,
        selection: &Selection,
    ) -> Result<(String, Option<Self>), serde_json::Error> {
        let stub: Stub = serde_json::from_str(raw.get())?;
        let is_meant = match selection {
            Selection::Ids(ids) => ids.contains(&stub.id),
            Selection::Label(label) => stub.label == *label,
            Selection::Region(region) => stub.region.eq_ignore_ascii_case(region),
        };
        let reading = is_meant.then(|| match serde_json::from_str(raw.get()) {
            Ok(balancer) => Self::Understood(Box::new(balancer)),
            Err(error) => Self::NotUnderstood {
                subject: Subject { id: stub.id.clone(), name: stub.label.clone() },
                why: format!("is not understood: {error}"),
            },
        });
        Ok((stub.id, reading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, selection: &Selection) -> Result<(String, Option<Reading>), String> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        Reading::of(&raw, selection).map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_costs_itself_only() {
        let ewr = Selection::Region("ewr".to_owned());
        let good = r#"{"id":"a","region":"EWR","forwarding_rules":[],"instances":[]}"#;
        assert!(matches!(read(good, &ewr), Ok((_, Some(Reading::Understood(_))))));
        let elsewhere = good.replace("EWR", "ams");
        assert!(matches!(read(&elsewhere, &ewr), Ok((_, None))));
        let bad = good.replace("[]", "7");
        let Ok((id, Some(Reading::NotUnderstood { subject, why }))) = read(&bad, &ewr) else {
            panic!("{bad}")
        };
        assert_eq!((id.as_str(), subject.id.as_str()), ("a", "a"));
        assert!(why.contains("invalid type: integer `7`"), "{why}");
        assert!(read(r#"{"region":"ewr"}"#, &ewr).unwrap_err().contains("missing field `id`"));
    }
}
