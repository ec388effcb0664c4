// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loaded program with its maps, in a network namespace in which routes and neighbours are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aya::maps::{Array, Map, MapData};
use lb_common::abi::{ABI_VERSION, BackendEntry, UNKNOWN_NEXT_HOP, names};
use lb_common::net::Mac;
use lb_common::reason::Reason;
use lb_tests::leftovers::BPF_FOLDER;
use lb_tests::needs;
use lb_tests::netns::{Netns, unique};
use lb_tests::tally::Tally;
use lb_tests::wait::{PATIENCE, until_true};
use lb_userspace::datapath::Datapath as _;
use lb_userspace::datapath::kernel::{KernelDatapath, Options, boot_seconds};
use lb_userspace::datapath::view::Inspect as _;
use lb_userspace::model::DesiredState;
use lb_userspace::reconcile::apply::apply;
use lb_userspace::reconcile::conditions::Conditions;
use lb_userspace::reconcile::diff::diff;
use lb_userspace::reconcile::index::Assignments;
use tokio_util::sync::CancellationToken;

use super::setting::{self, BACK, BACKENDS, FAMILIES, FRONT, Family, GATEWAY, MTU, backend_mac};

/// The program, and what it is to do.
pub struct Fixture {
    /// The program and its maps.
    pub datapath: KernelDatapath,
    /// What it is to do; changes count from [`Fixture::reconcile`] on.
    pub desired: DesiredState,
    /// Health and drains; changes count from [`Fixture::reconcile`] on.
    pub conditions: Conditions,
    /// The rows that were played.
    pub tally: Tally,
    options: Options,
    front: u32,
    back: u32,
}

/// The interface that a frame comes in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Front,
    Back,
}

/// What became of a frame.
#[derive(Debug)]
pub struct Outcome {
    /// An XDP action.
    pub action: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// The reasons that were counted, with how many packets.
    pub reasons: BTreeMap<Reason, u64>,
}

impl Fixture {
    /// Sets the table up, with changes to the setting, and plays.
    pub fn play(
        change: impl FnOnce(&mut DesiredState) + Send,
        work: impl FnOnce(&mut Self) -> Result<()> + Send,
    ) -> Result<()> {
        needs::privileges()?;
        let name = unique();
        let netns = Netns::new(name.clone())?;
        wire(&netns)?;
        let indexes = (netns.interface_index("front")?, netns.interface_index("back")?);
        let options = Options { pin_root: Path::new(BPF_FOLDER).join(&name), instance: "table".to_owned() };
        let mut desired = setting::desired();
        change(&mut desired);
        netns.enter(|| work(&mut Self::open(desired, options, indexes)?))?
    }

    fn open(desired: DesiredState, options: Options, (front, back): (u32, u32)) -> Result<Self> {
        let datapath = KernelDatapath::open(&desired.balancer, &options).context("opening the data path")?;
        let tally = Tally::new(datapath.facts().verified_instructions);
        let conditions = Conditions::default();
        let mut fixture = Self { datapath, desired, conditions, tally, options, front, back };
        fixture.reconcile()?;
        fixture.find_next_hops()?;
        Ok(fixture)
    }

    /// Makes the maps what is desired, in as many rounds as it takes.
    pub fn reconcile(&mut self) -> Result<()> {
        for _ in 0..3 {
            let observed = self.datapath.observe(true)?;
            let plan = diff(&self.desired, &self.conditions, &observed, boot_seconds());
            apply(&mut self.datapath, &plan)?;
        }
        Ok(())
    }

    /// Who has which index now.
    pub fn assignments(&mut self) -> Result<Assignments> {
        Ok(Assignments::of(&self.desired, &self.datapath.observe(true)?))
    }

    /// Lets the next-hop task work until backends have theirs.
    fn find_next_hops(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shutdown = CancellationToken::new();
        let task = runtime.spawn(self.datapath.clone().run_next_hops(shutdown.clone()));
        let known = until_true("backends to have next hops", PATIENCE, || {
            Ok(self.backends()?.iter().all(|backend| backend.next_hop != UNKNOWN_NEXT_HOP))
        });
        shutdown.cancel();
        runtime.block_on(task)?;
        known
    }

    fn backends(&self) -> Result<Vec<BackendEntry>> {
        let map: Array<MapData, BackendEntry> = Map::Array(self.map(names::BACKENDS)?).try_into()?;
        let entries = map.iter().collect::<Result<Vec<_>, _>>()?;
        Ok(entries.into_iter().filter(|entry| !entry.is_free()).collect())
    }

    /// A map of the program.
    pub fn map(&self, name: &str) -> Result<MapData> {
        let Options { pin_root, instance } = &self.options;
        let pin: PathBuf = pin_root.join(instance).join(format!("v{ABI_VERSION}/maps/{name}"));
        MapData::from_pin(&pin).with_context(|| format!("opening {}", pin.display()))
    }

    /// Gives the program a frame.
    pub fn run(&self, side: Side, frame: &[u8]) -> Result<Outcome> {
        let before = self.tallies()?;
        let (action, output) = self.give(side, frame)?;
        let mut reasons = self.tallies()?;
        for (reason, packets) in &mut reasons {
            *packets -= before[reason];
        }
        reasons.retain(|_, packets| *packets > 0);
        Ok(Outcome { action, frame: output, reasons })
    }

    /// The same without a look at the counters: action, and the frame afterwards.
    pub fn give(&self, side: Side, frame: &[u8]) -> Result<(u32, Vec<u8>)> {
        let interface = match side {
            Side::Front => self.front,
            Side::Back => self.back,
        };
        let (result, output) = self.datapath.test_run(frame, interface, 1).context("running the program")?;
        Ok((result.return_value, output))
    }

    fn tallies(&self) -> Result<BTreeMap<Reason, u64>> {
        let counters = self.datapath.counters()?;
        Ok(counters.reasons.into_iter().map(|(reason, tally)| (reason, tally.packets)).collect())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let detached = KernelDatapath::detach(&self.options).map_err(anyhow::Error::from);
        let removed = detached.and_then(|()| Ok(fs::remove_dir(&self.options.pin_root)?));
        if let Err(error) = removed {
            eprintln!("{} stays: {error:#}", self.options.pin_root.display());
        }
    }
}

/// Links, addresses, routes and neighbours of the setting. The peers of both interfaces are in the namespace too: nothing
/// ever reaches them.
fn wire(netns: &Netns) -> Result<()> {
    netns.set("net/ipv4/conf/all/forwarding", "1")?;
    netns.set("net/ipv6/conf/all/forwarding", "1")?;
    for (name, address) in [("front", FRONT), ("back", BACK)] {
        netns.ip(&format!("link add {name} address {} type veth peer name {name}-peer", text(address)))?;
        netns.ip(&format!("link set {name}-peer mtu {MTU} up"))?;
        netns.ip(&format!("link set {name} mtu {MTU}"))?;
        netns.ip(&format!("link set {name} up"))?;
    }
    netns.ip("addr add 10.0.1.1/24 dev front")?;
    netns.ip("addr add fd01::1/64 dev front")?;
    netns.ip("addr add 10.0.3.1/24 dev back")?;
    netns.ip("addr add fd03::1/64 dev back")?;
    for gateway in ["10.0.1.254", "fd01::fe"] {
        netns.ip(&format!("neigh add {gateway} lladdr {} dev front nud permanent", text(GATEWAY)))?;
        netns.ip(&format!("route add default via {gateway}"))?;
    }
    for (number, family) in BACKENDS.iter().flat_map(|number| FAMILIES.map(|family| (*number, family))) {
        let (address, mac) = (Family::backend(family, number), text(backend_mac(number)));
        netns.ip(&format!("neigh add {address} lladdr {mac} dev back nud permanent"))?;
    }
    Ok(())
}

fn text(address: Mac) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
