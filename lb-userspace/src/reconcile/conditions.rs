// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bears on backends besides the desired state: whether they answer, and which of them an operator drains.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::BackendId;

/// Health and drains at one moment. Both only take from what the desired state gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The verdict on each backend that has one. Without one a backend counts as what its slot says, or as up when it
    /// has no slot yet.
    pub health: BTreeMap<BackendId, Verdict>,
    /// Backends that an operator drains.
    pub drains: BTreeMap<BackendId, Drain>,
}

/// What health checks say of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// An operator's wish that a backend takes no new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Seconds on the boot clock at which the flows that remain are ended.
    pub until: u32,
}
