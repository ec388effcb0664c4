// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators see of a data path: counters, flows, and how it is attached. Reading only.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use lb_common::abi::{Tally, Traffic};
use lb_common::reason::Reason;
use serde::{Deserialize, Serialize};

use super::DatapathError;
use crate::model::Protocol;

/// All counters at one moment, summed over the CPUs.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// By reason; every reason is present.
    pub reasons: BTreeMap<Reason, Tally>,
    /// By service index, where not all zero.
    pub services: BTreeMap<u32, Traffic>,
    /// By backend slot, where not all zero.
    pub backends: BTreeMap<u32, Traffic>,
    /// Open flows by backend slot, where not zero; not a counter, but read with them.
    pub open_flows: BTreeMap<u32, u32>,
}

/// A flow, as an operator thinks of it: both directions as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowView {
    /// The protocol.
    pub protocol: Protocol,
    /// Who opened it.
    pub client: SocketAddr,
    /// What the client connected to.
    pub vip: SocketAddr,
    /// Our address and port towards the backend.
    pub snat: SocketAddr,
    /// Who answers.
    pub backend: SocketAddr,
    /// Where it is in its life.
    pub state: FlowState,
    /// Seconds since its last packet in either direction.
    pub idle_seconds: u32,
    /// Slot of the backend.
    #[serde(skip)]
    pub slot: u32,
}

/// Where a flow is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowState {
    /// Opened by the client, not answered.
    Unproven,
    /// Answered, not acknowledged.
    Answered,
    /// Proven and open.
    Established,
    /// One side has sent its FIN.
    HalfClosed,
    /// Both have.
    TimeWait,
    /// One side has sent a RST.
    Reset,
}

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFill {
    /// Entries in use, as of the last sweep.
    pub used: u32,
    /// Entries there is room for.
    pub capacity: u32,
}

/// An interface the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceView {
    /// Its name.
    pub name: String,
    /// Native or generic.
    pub mode: AttachMode,
    /// Why it is generic, if it is.
    pub detail: Option<String>,
}

/// Where in the kernel the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachMode {
    /// In the driver, before an skb exists.
    Native,
    /// In the stack, after one was made: works everywhere, several times slower.
    Generic,
}

/// What holds since the data path was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceView>,
    /// The version of the map layouts.
    pub abi_version: u32,
    /// Instructions that the verifier walked when it accepted the program.
    pub verified_instructions: u32,
    /// True when maps of an earlier daemon were found and taken over.
    pub adopted: bool,
    /// Table name, as in the settings (`flows4`, `flows6`, `unproven4`, …), to how full it is.
    pub tables: BTreeMap<String, TableFill>,
}

/// Reading access for operators.
pub trait Inspect: Send + Sync {
    /// All counters now.
    fn counters(&self) -> Result<Counters, DatapathError>;

    /// Up to `limit` flows for which `keep` holds, and how many there are in all for which it does.
    fn flows(
        &self,
        limit: usize,
        keep: &dyn Fn(&FlowView) -> bool,
    ) -> Result<(Vec<FlowView>, usize), DatapathError>;

    /// How it is attached and how full it is.
    fn facts(&self) -> Facts;

    /// Sets how much a debug build's program logs (0 to 5); release builds have no log, and say so by `false`.
    fn set_log_level(&self, level: u32) -> Result<bool, DatapathError>;
}
