// SPDX-License-Identifier: MIT OR Apache-2.0
//! Removes flows whose time is over, and sets right how many each backend has.
//!
//! A flow is over when both its directions have been silent for as long as its state allows, when its backend's slot
//! has another owner, or when its service's firewall rules no longer admit its client. The walk only collects; each pair is looked at once more before it goes, so that a packet that
//! came meanwhile saves its flow. One direction without the other is an orphan: it goes too, and is counted.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use aya::Pod;
use lb_common::abi::{BackendEntry, FlowEntry, FlowKey, LoadEntry, names};
use lb_common::limits::UNPROVEN_SECONDS;
use lb_common::net::{Address, PROTOCOL_TCP};
use lb_common::tcp;
use tokio_util::sync::CancellationToken;

use super::flows::{FlowMap, idle};
use super::maps::{Maps, array_fd, failed, failed_io, fd};
use super::observe::Census;
use super::{KernelDatapath, boot_seconds, lock};
use crate::datapath::{DatapathError, ServiceId};
use crate::model::{Admission, Protocol};

/// Between two sweeps: half the shortest timeout.
const INTERVAL: Duration = Duration::from_secs(5);

/// What a sweep found.
#[derive(Debug, Default)]
struct Swept {
    /// Entries that are left, by table.
    fill: BTreeMap<String, u32>,
    /// Open flows by backend slot.
    open: BTreeMap<u32, i64>,
    removed: usize,
    orphans: usize,
    /// Flows whose client is no longer admitted.
    expelled: usize,
}

/// Services that are not open to all, with whom they admit.
type Guarded<'a> = HashMap<ServiceId, Admission<'a>>;

/// Sweeps until told to stop.
pub async fn run(datapath: KernelDatapath, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let handle = datapath.clone();
        match tokio::task::spawn_blocking(move || sweep(&mut lock(&handle.0.maps), boot_seconds())).await {
            Ok(Ok(swept)) => {
                if swept.expelled > 0 {
                    tracing::info!(
                        flows = swept.expelled,
                        "ended flows of sources that are no longer admitted"
                    );
                }
                if swept.removed + swept.orphans > 0 {
                    tracing::debug!(removed = swept.removed, orphans = swept.orphans, "swept flows");
                }
                datapath.note_fill(swept.fill);
            }
            Ok(Err(error)) => tracing::warn!(%error, "sweeping flows failed; it is tried again"),
            Err(error) => tracing::error!(%error, "the sweep panicked"),
        }
    }
}

fn sweep(maps: &mut Maps, now: u32) -> Result<Swept, DatapathError> {
    let started = Instant::now();
    let backends = generations(maps)?;
    let guarded = maps.mirror.guarded();
    let mut swept = Swept::default();
    // First, so that one that proves itself meanwhile is met in the other table.
    swept.unproven(&maps.unproven4, names::UNPROVEN4, &guarded, now)?;
    swept.unproven(&maps.unproven6, names::UNPROVEN6, &guarded, now)?;
    swept.proven(&maps.flows4, names::FLOWS4, &backends, &guarded, now)?;
    swept.proven(&maps.flows6, names::FLOWS6, &backends, &guarded, now)?;
    if swept.expelled > 0 {
        maps.change_control(|control| control.cache_epoch = control.cache_epoch.wrapping_add(1))?;
    }
    set_loads_right(maps, &swept.open)?;
    maps.census = Some(Census { started, open: std::mem::take(&mut swept.open) });
    Ok(swept)
}

fn generations(maps: &Maps) -> Result<Vec<u32>, DatapathError> {
    let mut generations = vec![0; maps.size(names::BACKENDS) as usize];
    lb_sys::for_each::<u32, BackendEntry>(array_fd(&maps.backends), |slot, entry| {
        if let Some(generation) = generations.get_mut(*slot as usize) {
            *generation = entry.generation;
        }
    })
    .map_err(failed_io("reading", names::BACKENDS))?;
    Ok(generations)
}

/// Whether a flow is its client's no longer; `key` is that of the client's direction.
fn expels<A: Address + Into<IpAddr>>(guarded: &Guarded<'_>, key: &FlowKey<A>) -> bool {
    let service = || {
        Some(ServiceId {
            vip: key.destination.into(),
            protocol: Protocol::from_number(key.protocol)?,
            port: NonZeroU16::new(key.destination_port.host())?,
        })
    };
    let admission = if guarded.is_empty() { None } else { service().and_then(|id| guarded.get(&id)) };
    admission.is_some_and(|admission| !admission.admits(key.source.into()))
}

impl Swept {
    fn proven<A: Address + Into<IpAddr> + std::hash::Hash>(
        &mut self,
        map: &FlowMap<A>,
        name: &'static str,
        generations: &[u32],
        guarded: &Guarded<'_>,
        now: u32,
    ) -> Result<(), DatapathError>
    where
        FlowKey<A>: Pod,
        FlowEntry<A>: Pod,
    {
        let over = |entry: &FlowEntry<A>| {
            let meta = &entry.meta;
            let lost = generations.get(meta.backend as usize) != Some(&meta.generation);
            lost || idle(meta.last_seen, now) > tcp::timeout(meta.state, meta.idle_timeout)
        };
        let mut count = 0_u32;
        // Silent pairs: the client's key to the backend's.
        let mut silent: HashMap<FlowKey<A>, FlowKey<A>> = HashMap::new();
        let mut expelled = Vec::new();
        lb_sys::for_each::<FlowKey<A>, FlowEntry<A>>(fd(map), |key, entry| {
            count += 1;
            if entry.meta.from_client() && expels(guarded, key) {
                expelled.extend([*key, entry.peer(key.protocol)]);
                return;
            }
            if entry.meta.from_client() && !tcp::closed(entry.meta.state) {
                *self.open.entry(entry.meta.backend).or_default() += 1;
            }
            if over(entry) {
                let peer = entry.peer(key.protocol);
                let (client, backend) = if entry.meta.from_client() { (*key, peer) } else { (peer, *key) };
                silent.insert(client, backend);
            }
        })
        .map_err(failed_io("reading", name))?;

        let gone = lb_sys::delete(fd(map), &expelled).map_err(failed_io("removing from", name))?;
        count = count.saturating_sub(gone as u32);
        self.expelled += expelled.len() / 2;
        for (client_key, backend_key) in silent {
            let client = map.get(&client_key, 0).ok();
            let backend = map.get(&backend_key, 0).ok();
            if [&client, &backend].into_iter().flatten().any(|entry| !over(entry)) {
                continue;
            }
            let keys = [client_key, backend_key];
            let gone = lb_sys::delete(fd(map), &keys).map_err(failed_io("removing from", name))?;
            count = count.saturating_sub(gone as u32);
            self.removed += 1;
            self.orphans += usize::from(gone == 1);
            if let Some(client) = client.filter(|client| !tcp::closed(client.meta.state)) {
                *self.open.entry(client.meta.backend).or_default() -= 1;
            }
        }
        self.fill.insert(name.to_lowercase(), count);
        Ok(())
    }

    fn unproven<A: Address + Into<IpAddr>>(
        &mut self,
        map: &FlowMap<A>,
        name: &'static str,
        guarded: &Guarded<'_>,
        now: u32,
    ) -> Result<(), DatapathError>
    where
        FlowKey<A>: Pod,
        FlowEntry<A>: Pod,
    {
        let mut count = 0_u32;
        let mut over = Vec::new();
        lb_sys::for_each::<FlowKey<A>, FlowEntry<A>>(fd(map), |key, entry| {
            let limit = if key.protocol == PROTOCOL_TCP { UNPROVEN_SECONDS } else { entry.meta.idle_timeout };
            if idle(entry.meta.last_seen, now) > limit {
                over.push(*key);
                return;
            }
            if entry.meta.from_client() && expels(guarded, key) {
                over.extend([*key, entry.peer(key.protocol)]);
                self.expelled += 1;
                return;
            }
            count += 1;
            if entry.meta.from_client() && !tcp::closed(entry.meta.state) {
                *self.open.entry(entry.meta.backend).or_default() += 1;
            }
        })
        .map_err(failed_io("reading", name))?;
        self.removed += lb_sys::delete(fd(map), &over).map_err(failed_io("removing from", name))? / 2;
        self.fill.insert(name.to_lowercase(), count);
        Ok(())
    }
}

/// Corrects what the program counts by what the tables hold.
fn set_loads_right(maps: &mut Maps, open: &BTreeMap<u32, i64>) -> Result<(), DatapathError> {
    let mut wrong = Vec::new();
    lb_sys::for_each::<u32, LoadEntry>(array_fd(&maps.loads), |slot, load| {
        let actual = open.get(slot).copied().unwrap_or_default();
        if i64::from(load.open()) != actual {
            wrong.push((*slot, LoadEntry { base: actual - load.opened + load.closed, ..*load }));
        }
    })
    .map_err(failed_io("reading", names::LOADS))?;
    for (slot, load) in wrong {
        maps.loads.set(slot, load, 0).map_err(failed("writing", names::LOADS))?;
    }
    Ok(())
}
