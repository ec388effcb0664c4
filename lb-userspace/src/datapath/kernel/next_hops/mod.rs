// SPDX-License-Identifier: MIT OR Apache-2.0
//! Next hops: every neighbour that the kernel knows gets an index, and every backend the index of the neighbour it is
//! reached by. The program only ever holds indexes, so one write repairs all flows of a neighbour.
//!
//! One task, [`run`], which the caller owns. It listens to the kernel's links, routes and neighbours; after each burst of
//! news it reads them whole and writes what differs.

mod netlink;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use lb_common::abi::{NeighbourKey, NextHop, UNKNOWN_NEXT_HOP, names};
use tokio_util::sync::CancellationToken;

use super::maps::{Maps, failed, failed_io, fd};
use super::{KernelDatapath, Targets, lock, xdp};
use crate::datapath::{DatapathError, backend_address};
use netlink::{Netlink, News};
use table::Indexes;

/// News that come within this time are looked at together.
const BURST: Duration = Duration::from_millis(20);
/// Everything is read again this often, in case news were lost.
const FULL_LOOK: Duration = Duration::from_secs(30);
/// After a failure, until the next try.
const RETRY: Duration = Duration::from_secs(1);

/// What is known of next hops.
#[derive(Debug)]
pub struct NextHops {
    indexes: Indexes,
    targets: Targets,
    /// Those without a route.
    unreachable: BTreeSet<IpAddr>,
}

impl NextHops {
    /// Takes over the indexes that the maps hold: flows refer to them.
    pub fn adopt(maps: &Maps) -> Result<Self, DatapathError> {
        let mut taken = BTreeMap::new();
        lb_sys::for_each::<NeighbourKey, u32>(fd(&maps.neighbours), |key, index| {
            taken.insert(*key, *index);
        })
        .map_err(failed_io("reading", names::NEIGHBOURS))?;
        let mut indexes = Indexes::new(maps.size(names::NEXT_HOPS), taken);
        for (key, index) in indexes.clone().iter() {
            let hop = maps.next_hops.get(&index, 0).map_err(failed("reading", names::NEXT_HOPS))?;
            indexes.adopt(*key, hop);
        }
        Ok(Self { indexes, targets: Targets::new(), unreachable: BTreeSet::new() })
    }

    /// Says once of each backend's address that there is no way to it.
    fn note_unreachable(&mut self, routes: &BTreeMap<IpAddr, Option<NeighbourKey>>) {
        let unreachable = routes.iter().filter(|(_, neighbour)| neighbour.is_none());
        let unreachable: BTreeSet<IpAddr> = unreachable.map(|(address, _)| *address).collect();
        for address in unreachable.difference(&self.unreachable) {
            tracing::warn!(%address, "no route leads to this backend; add one, see `ip route get {address}`");
        }
        self.unreachable = unreachable;
    }

    /// The next hop of a backend's address, and whether the address was known before; from now on it is kept right.
    pub fn target(&mut self, address: IpAddr) -> (u32, bool) {
        let known = self.targets.contains_key(&address);
        (*self.targets.entry(address).or_insert(UNKNOWN_NEXT_HOP), known)
    }
}

/// Keeps next hops right until told to stop.
pub async fn run(datapath: KernelDatapath, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = follow(&datapath, &shutdown).await {
            tracing::warn!(%error, "following links, routes and neighbours failed; it starts anew");
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }
}

async fn follow(datapath: &KernelDatapath, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut netlink = Netlink::open()?;
    let mut news = News { links: true, routes: true };
    loop {
        if news.links {
            renew(datapath);
        }
        look(datapath, &mut netlink, news).await?;
        news = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = datapath.0.targets_changed.notified() => News::default(),
            news = netlink.next() => news?,
            () = tokio::time::sleep(FULL_LOOK) => News::default(),
        };
        // More of a burst may follow.
        tokio::time::sleep(BURST).await;
        news = news.and(netlink.drain()?);
    }
}

/// Attaches again to interfaces that were made anew.
fn renew(datapath: &KernelDatapath) {
    let mut attachments = lock(&datapath.0.attachments);
    let mut program = datapath.0.program_mut();
    match xdp(&mut program).and_then(|program| attachments.renew(program)) {
        Ok(true) => datapath.note_interfaces(attachments.views()),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "attaching again failed"),
    }
}

/// Reads the kernel's view and writes what differs from ours.
async fn look(datapath: &KernelDatapath, netlink: &mut Netlink, news: News) -> anyhow::Result<()> {
    let neighbours = netlink.neighbours().await?;
    let wanted: Vec<IpAddr> = lock(&datapath.0.hops).targets.keys().copied().collect();
    let mut routes = BTreeMap::new();
    for address in wanted {
        routes.insert(address, netlink.route(address).await);
    }
    let handle = datapath.clone();
    tokio::task::spawn_blocking(move || write(&handle, &neighbours, &routes, news)).await??;
    Ok(())
}

fn write(
    datapath: &KernelDatapath,
    neighbours: &BTreeMap<NeighbourKey, NextHop>,
    routes: &BTreeMap<IpAddr, Option<NeighbourKey>>,
    news: News,
) -> Result<(), DatapathError> {
    let mut maps = lock(&datapath.0.maps);
    let mut hops = lock(&datapath.0.hops);
    let update = hops.indexes.update(neighbours, routes.values().flatten());
    for (index, hop) in &update.hops {
        maps.next_hops.set(*index, hop, 0).map_err(failed("writing", names::NEXT_HOPS))?;
    }
    for (key, index) in &update.neighbours {
        maps.neighbours.insert(key, index, 0).map_err(failed("writing", names::NEIGHBOURS))?;
    }
    for key in &update.forgotten {
        maps.neighbours.remove(key).map_err(failed("removing from", names::NEIGHBOURS))?;
    }
    let mut moved = Vec::new();
    for (address, neighbour) in routes {
        let index = neighbour.and_then(|key| hops.indexes.get(&key)).unwrap_or(UNKNOWN_NEXT_HOP);
        if hops.targets.insert(*address, index) != Some(index) {
            moved.push(*address);
        }
    }
    hops.note_unreachable(routes);
    drop(hops);
    point_backends(&mut maps, &datapath.0.hops, &moved)?;
    if news.links || news.routes || !update.forgotten.is_empty() {
        maps.change_control(|control| {
            control.route_epoch = control.route_epoch.wrapping_add(1);
            control.cache_epoch = control.cache_epoch.wrapping_add(1);
        })?;
    }
    Ok(())
}

/// Writes the next hop into the slots of backends whose next hop has changed.
fn point_backends(
    maps: &mut Maps,
    hops: &std::sync::Mutex<NextHops>,
    moved: &[IpAddr],
) -> Result<(), DatapathError> {
    if moved.is_empty() {
        return Ok(());
    }
    let observed = maps.observe(false)?;
    for (slot, entry) in observed.backends.iter().filter(|(_, entry)| !entry.is_free()) {
        let address = backend_address(entry);
        if moved.contains(&address) {
            let (next_hop, _) = lock(hops).target(address);
            maps.put_backend(*slot, lb_common::abi::BackendEntry { next_hop, ..*entry })?;
        }
    }
    Ok(())
}
