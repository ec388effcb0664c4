// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data path as reconciliation sees it: what it holds, and one change at a time. Three implementations: the
//! kernel's maps, a double in memory, and chaos, which fails at random in front of another.

pub mod chaos;
pub mod kernel;
pub mod memory;
pub mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use lb_common::abi::{BackendEntry, ServiceEntry};
use serde::Serialize;

use crate::balance::table::TableInputs;
use crate::model::{Protocol, Sources};

/// The frontend of a forwarding rule on one VIP, of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ServiceId {
    /// The VIP.
    pub vip: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The frontend port.
    pub port: NonZeroU16,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.protocol, std::net::SocketAddr::new(self.vip, self.port.get()))
    }
}

/// What the data path holds now, as far as reconciliation writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Services by frontend.
    pub services: BTreeMap<ServiceId, ServiceEntry>,
    /// Backend slots that were ever used: occupied ones, and free ones for their generation. `next_hop` is not
    /// reconciliation's and is zero here.
    pub backends: BTreeMap<u32, BackendEntry>,
    /// Pools that have a table, with what identifies it.
    pub pools: BTreeMap<u32, ObservedTable>,
    /// Firewall lists by number.
    pub firewalls: BTreeMap<u32, Sources>,
    /// Source addresses towards backends.
    pub snat_addresses: Vec<IpAddr>,
    /// Open flows by backend slot, as far as known; missing means none.
    pub open_flows: BTreeMap<u32, u32>,
    /// How many slots there are.
    pub capacity: Capacity,
}

/// How many indexes each array has; valid ones are below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Service indexes.
    pub services: u32,
    /// Backend slots.
    pub backends: u32,
    /// Pools.
    pub pools: u32,
}

/// What identifies a table that is in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedTable {
    /// [`TableInputs::fingerprint`] of what it was built from.
    pub inputs: u64,
    /// Whether its content is what was written; a full look finds out, a quick one believes it.
    pub intact: bool,
}

/// One step of a plan. Each is idempotent, and leaves the data path whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replaces the source addresses towards backends.
    SetSnatAddresses(Vec<IpAddr>),
    /// Fills a slot, or changes what it says; the next hop is kept.
    PutBackend {
        /// The slot.
        slot: u32,
        /// What it is to say.
        entry: BackendEntry,
    },
    /// Builds a pool's table and puts it in the place of the one before.
    SwapTable {
        /// The pool.
        pool: u32,
        /// What to build it from.
        inputs: TableInputs,
    },
    /// Makes a firewall list under a number that is free.
    PutFirewall {
        /// The number.
        list: u32,
        /// Whom it admits.
        sources: Sources,
    },
    /// Takes a firewall list away.
    RemoveFirewall {
        /// The number.
        list: u32,
    },
    /// Adds a service, or changes where it leads.
    PutService {
        /// The frontend.
        id: ServiceId,
        /// Where it leads.
        entry: ServiceEntry,
    },
    /// Takes a service away; its flows go on.
    RemoveService {
        /// The frontend.
        id: ServiceId,
    },
    /// Takes a pool's table away.
    RemoveTable {
        /// The pool.
        pool: u32,
    },
    /// Waits until no packet that saw the state before is on its way any more.
    Settle,
    /// Gives a slot up: it is free from now on, under `generation`, and flows that still name it end.
    ReleaseBackend {
        /// The slot.
        slot: u32,
        /// The generation that its next owner gets.
        generation: u32,
    },
}

/// Why the data path could not do something.
#[derive(Debug, thiserror::Error)]
pub enum DatapathError {
    /// A map has no room.
    #[error(
        "the {map} table is full ({capacity} entries); raise balancer.tables.{setting} and restart with --detach first"
    )]
    Full {
        /// The map.
        map: &'static str,
        /// How many entries it has.
        capacity: u32,
        /// The setting that sizes it.
        setting: &'static str,
    },
    /// A system call on a map failed.
    #[error("{action} {map} failed")]
    Map {
        /// What was tried, as "writing".
        action: &'static str,
        /// The map.
        map: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A failure made on purpose, by [`chaos`].
    #[error("chaos struck at {0}")]
    Chaos(&'static str),
}

/// What reconciliation needs of a data path.
pub trait Datapath {
    /// What it holds. A `thorough` look reads every table's content and every map; the other may rely on what was
    /// written through this handle.
    fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError>;

    /// Makes one change.
    fn apply(&mut self, change: &Change) -> Result<(), DatapathError>;
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetSnatAddresses(addresses) => {
                write!(formatter, "set snat addresses")?;
                addresses.iter().try_for_each(|address| write!(formatter, " {address}"))
            }
            Self::PutBackend { slot, entry } => {
                let address = backend_address(entry);
                write!(formatter, "put backend slot {slot} generation {} {address}", entry.generation)?;
                write!(formatter, " weight {} flags {:#x}", entry.weight, entry.flags)
            }
            Self::SwapTable { pool, inputs } => write!(
                formatter,
                "swap table of pool {pool}: {:?} over {} backends",
                inputs.algorithm,
                inputs.members.len()
            ),
            Self::PutFirewall { list, sources } => {
                write!(formatter, "put firewall list {list}: {} networks", sources.len())
            }
            Self::RemoveFirewall { list } => write!(formatter, "remove firewall list {list}"),
            Self::PutService { id, entry } => put_service(formatter, id, entry),
            Self::RemoveService { id } => write!(formatter, "remove service {id}"),
            Self::RemoveTable { pool } => write!(formatter, "remove table of pool {pool}"),
            Self::Settle => formatter.write_str("settle"),
            Self::ReleaseBackend { slot, generation } => {
                write!(formatter, "release backend slot {slot}, next generation {generation}")
            }
        }
    }
}

/// The settings that are off are left out.
fn put_service(formatter: &mut fmt::Formatter<'_>, id: &ServiceId, entry: &ServiceEntry) -> fmt::Result {
    let (pool, port) = (entry.pool, entry.backend_port.host());
    write!(formatter, "put service {id} -> pool {pool} port {port} index {}", entry.index)?;
    for (name, number) in [
        ("firewall", entry.firewall),
        ("new flows/s", entry.new_flows),
        ("per source", entry.new_flows_per_source),
        ("mss", entry.mss.into()),
    ] {
        if number != 0 {
            write!(formatter, " {name} {number}")?;
        }
    }
    Ok(())
}

/// The address that a backend's slot says.
pub fn backend_address(entry: &BackendEntry) -> IpAddr {
    use lb_common::abi::BACKEND_V6;
    use lb_common::net::{Addr4, Addr6, Address};

    if entry.flags & BACKEND_V6 == 0 {
        Addr4::narrow(entry.address).into()
    } else {
        Addr6::narrow(entry.address).into()
    }
}
