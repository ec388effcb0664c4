// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plans: what is to be done, in which order, and what cannot be.

use std::fmt;

use lb_common::abi::BACKEND_DRAINING;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::datapath::{Change, ServiceId};
use crate::model::{BackendId, Label};

/// An ordered list of changes. Displayed as one numbered line a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they are to be made; the data path is whole after each.
    pub changes: Vec<Change>,
    /// What the data path has no room for, and what the plan therefore leaves out.
    pub unplaced: Vec<Unplaced>,
}

/// Something desired that found no free index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// All backend slots are taken.
    #[error(
        "backend {0}: all backend slots are taken; raise balancer.tables.backends and restart with --detach first"
    )]
    Backend(BackendId),
    /// All service indexes are taken.
    #[error(
        "service {0}: all service indexes are taken; raise balancer.tables.services and restart with --detach first"
    )]
    Service(ServiceId),
    /// All pools are taken; none of the load balancer's services of that family is forwarded.
    #[error(
        "load balancer {load_balancer}, IPv{family}: all pools are taken; forward with fewer load balancers"
    )]
    Pool {
        /// The load balancer.
        load_balancer: Label,
        /// 4 or 6.
        family: u8,
    },
}

/// One change, for readers outside the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What kind of change it is, in words joined by hyphens.
    pub action: String,
    /// The change in full.
    pub text: String,
}

impl Plan {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes for readers.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        self.changes.iter().map(|change| Step { action: action(change).to_owned(), text: change.to_string() })
    }

    /// How many changes set right what somebody else did to the data path, given that neither desire nor conditions
    /// changed: all but those that time brings, which are the ends of drains.
    pub fn repairs(&self) -> usize {
        self.changes.iter().filter(|change| !ends_a_drain(change)).count()
    }
}

/// The kind of a change, in words joined by hyphens.
pub fn action(change: &Change) -> &'static str {
    match change {
        Change::SetSnatAddresses(_) => "set-snat-addresses",
        Change::PutBackend { .. } => "put-backend",
        Change::SwapTable { .. } => "swap-table",
        Change::PutService { .. } => "put-service",
        Change::RemoveService { .. } => "remove-service",
        Change::PutFirewall { .. } => "put-firewall",
        Change::RemoveFirewall { .. } => "remove-firewall",
        Change::RemoveTable { .. } => "remove-table",
        Change::Settle => "settle",
        Change::ReleaseBackend { .. } => "release-backend",
    }
}

fn ends_a_drain(change: &Change) -> bool {
    match change {
        Change::Settle | Change::ReleaseBackend { .. } => true,
        Change::PutBackend { entry, .. } => entry.flags & BACKEND_DRAINING != 0 && entry.drain_until == 0,
        _ => false,
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, change) in (1..).zip(&self.changes) {
            writeln!(formatter, "{number:>4}. {change}")?;
        }
        self.unplaced.iter().try_for_each(|unplaced| writeln!(formatter, "   !  {unplaced}"))
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let steps: Vec<Step> = self.steps().collect();
        let unplaced: Vec<String> = self.unplaced.iter().map(ToString::to_string).collect();
        let mut plan = serializer.serialize_struct("Plan", 2)?;
        plan.serialize_field("changes", &steps)?;
        plan.serialize_field("unplaced", &unplaced)?;
        plan.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_numbered_lines_and_as_json() {
        let label = Label::new("web").expect("literal");
        let plan = Plan {
            changes: vec![Change::RemoveTable { pool: 3 }, Change::Settle],
            unplaced: vec![Unplaced::Pool { load_balancer: label, family: 6 }],
        };
        let text = "   1. remove table of pool 3\n   2. settle\n   !  load balancer web, IPv6: all pools are taken; \
                    forward with fewer load balancers\n";
        assert_eq!(plan.to_string(), text);
        let json = serde_json::to_value(&plan).expect("made of strings");
        assert_eq!(json["changes"][0]["action"], "remove-table");
        assert_eq!(json["changes"][0]["text"], "remove table of pool 3");
        assert_eq!(json["unplaced"].as_array().map(Vec::len), Some(1));
    }
}
