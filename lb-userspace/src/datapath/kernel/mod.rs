// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data path in the kernel: the XDP program, its maps, and what user space keeps right in them.
//!
//! [`KernelDatapath`] is a handle that can be cloned; its parts are behind locks that are held for one map operation or
//! one sweep, never across an await. Three tasks belong to it, owned by the caller: [`KernelDatapath::run_next_hops`],
//! [`KernelDatapath::run_sweep`] and [`KernelDatapath::run_log`].

mod attach;
mod bpffs;
mod check;
mod error;
mod firewall;
mod flows;
mod load;
mod log;
mod maps;
mod next_hops;
mod observe;
mod pins;
mod sweep;
mod sysctl;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use aya::programs::{ProgramError, TestRun as _, TestRunOptions, TestRunResult, Xdp};
use lb_common::reason::Reason;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use check::requirements;
pub use error::{ErrorClass, OpenError};

use super::view::{Counters, Facts, FlowView, Inspect, InterfaceView, TableFill};
use super::{Change, Datapath, DatapathError, Observed};
use crate::model::Balancer;
use attach::Attachments;
use maps::Maps;
use next_hops::NextHops;

/// The compiled program; empty where no BPF toolchain was there at build time.
pub const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lb.o"));

/// The program's name in the object.
pub const PROGRAM: &str = "lb";

/// Where a data path is pinned.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder on a bpffs; it is made if missing.
    pub pin_root: PathBuf,
    /// Tells several balancers on one machine apart.
    pub instance: String,
}

/// A handle to the data path in the kernel.
#[derive(Clone, Debug)]
pub struct KernelDatapath(Arc<Inner>);

struct Inner {
    /// Test runs share it, so that several CPUs can be played.
    program: RwLock<aya::Ebpf>,
    maps: Mutex<Maps>,
    hops: Mutex<NextHops>,
    attachments: Mutex<Attachments>,
    facts: Mutex<Facts>,
    /// Told when backends come that need a next hop.
    targets_changed: Notify,
    /// The program's log until the task that carries it over takes it.
    log: Mutex<Option<log::Logger>>,
    has_log: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Inner").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Inner {
    fn program_mut(&self) -> RwLockWriteGuard<'_, aya::Ebpf> {
        // As in `lock`.
        self.program.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds on the boot clock, which the program uses too.
pub fn boot_seconds() -> u32 {
    use nix::time::{ClockId, clock_gettime};

    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| u32::try_from(time.tv_sec()).unwrap_or(u32::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the locks guard stays whole between any two statements, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KernelDatapath {
    /// Loads the program over the maps that are pinned, or over new ones, and attaches it.
    ///
    /// If it fails nothing is left behind that was not there before.
    pub fn open(balancer: &Balancer, options: &Options) -> Result<Self, OpenError> {
        requirements(options)?;
        check::interfaces(&balancer.interfaces)?;
        bpffs::provide(&options.pin_root)?;
        let found = pins::exist(options);
        Self::open_pinned(balancer, options).inspect_err(|_| {
            if !found && let Err(error) = pins::remove(options) {
                tracing::warn!(%error, "pins are left behind");
            }
        })
    }

    fn open_pinned(balancer: &Balancer, options: &Options) -> Result<Self, OpenError> {
        let pins = pins::Pins::prepare(options)?;
        let loaded = load::load(&balancer.tables, &pins)?;
        let mut program = loaded.program;
        let maps = Maps::take(&mut program, loaded.sizes)?;
        let hops = NextHops::adopt(&maps)?;
        let log = log::take(&mut program);
        let mut attachments = Attachments::new(pins);
        for name in &balancer.interfaces {
            sysctl::prepare(name);
        }
        let interfaces = attachments.serve(&balancer.interfaces, xdp(&mut program)?)?;
        let facts = Facts {
            interfaces,
            abi_version: lb_common::abi::ABI_VERSION,
            verified_instructions: loaded.verified_instructions,
            adopted: loaded.adopted,
            tables: maps.capacities(),
        };
        Ok(Self(Arc::new(Inner {
            program: RwLock::new(program),
            maps: Mutex::new(maps),
            hops: Mutex::new(hops),
            attachments: Mutex::new(attachments),
            facts: Mutex::new(facts),
            targets_changed: Notify::new(),
            has_log: log.is_some(),
            log: Mutex::new(log),
        })))
    }

    /// Attaches to exactly these interfaces; those that are attached stay as they are, without a gap.
    pub fn serve(&self, interfaces: &[String]) -> Result<(), OpenError> {
        for name in interfaces {
            sysctl::prepare(name);
        }
        let served = lock(&self.0.attachments).serve(interfaces, xdp(&mut self.0.program_mut())?)?;
        lock(&self.0.facts).interfaces = served;
        Ok(())
    }

    /// Takes an instance off its interfaces and forgets its maps, flows included.
    pub fn detach(options: &Options) -> Result<(), OpenError> {
        pins::remove(options)
    }

    /// Runs the program on a frame, for the packet table and the benches. `repeat` over 1 gives the mean duration; the
    /// frame is not restored in between.
    pub fn test_run(
        &self,
        frame: &[u8],
        interface: u32,
        repeat: u32,
    ) -> Result<(TestRunResult, Vec<u8>), ProgramError> {
        let mut output = vec![0; frame.len() + 256];
        let context = test_context(frame.len(), interface);
        let program = self.0.program.read().unwrap_or_else(PoisonError::into_inner);
        let program = program.program(PROGRAM).ok_or(ProgramError::NotLoaded)?;
        let result = <&Xdp>::try_from(program)?.test_run(TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut output),
            ctx_in: (interface != 0).then_some(&context[..]),
            repeat,
            ..TestRunOptions::default()
        })?;
        output.truncate(result.data_size_out as usize);
        Ok((result, output))
    }

    /// A handle to the loaded program, to run it in other ways.
    pub fn program_fd(&self) -> Result<aya::programs::ProgramFd, ProgramError> {
        xdp(&mut self.0.program_mut())
            .map_err(|_| ProgramError::NotLoaded)?
            .fd()?
            .try_clone()
            .map_err(ProgramError::IOError)
    }

    /// Keeps next hops equal to the kernel's links, routes and neighbours, and the program attached to interfaces that
    /// are made anew, until told to stop.
    pub async fn run_next_hops(self, shutdown: CancellationToken) {
        next_hops::run(self, shutdown).await;
    }

    /// Removes flows whose time is over, every few seconds, until told to stop.
    pub async fn run_sweep(self, shutdown: CancellationToken) {
        sweep::run(self, shutdown).await;
    }

    /// Carries what the program logs into the daemon's log, until told to stop.
    pub async fn run_log(self, shutdown: CancellationToken) {
        let taken = lock(&self.0.log).take();
        match taken {
            Some(logger) => log::run(logger, shutdown).await,
            None => shutdown.cancelled().await,
        }
    }
}

/// `struct xdp_md` for a test run: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
fn test_context(length: usize, interface: u32) -> [u8; 24] {
    let mut context = [0; 24];
    context[4..8].copy_from_slice(&(length as u32).to_ne_bytes());
    context[12..16].copy_from_slice(&interface.to_ne_bytes());
    context
}

fn xdp(program: &mut aya::Ebpf) -> Result<&mut Xdp, OpenError> {
    let program = program.program_mut(PROGRAM).ok_or(OpenError::NotBuilt)?;
    program.try_into().map_err(|source| OpenError::Program { action: "finding", source })
}

impl Datapath for KernelDatapath {
    fn observe(&mut self, thorough: bool) -> Result<Observed, DatapathError> {
        lock(&self.0.maps).observe(thorough)
    }

    fn apply(&mut self, change: &Change) -> Result<(), DatapathError> {
        if let Change::PutBackend { entry, .. } = change {
            let address = super::backend_address(entry);
            let (next_hop, known) = lock(&self.0.hops).target(address);
            lock(&self.0.maps).apply(change, next_hop)?;
            if !known {
                self.0.targets_changed.notify_one();
            }
            return Ok(());
        }
        lock(&self.0.maps).apply(change, lb_common::abi::UNKNOWN_NEXT_HOP)
    }
}

impl Inspect for KernelDatapath {
    fn counters(&self) -> Result<Counters, DatapathError> {
        let maps = lock(&self.0.maps);
        let reasons = maps.reasons()?;
        Ok(Counters {
            reasons: Reason::ALL.iter().map(|reason| (*reason, reasons[*reason as usize])).collect(),
            services: maps.service_traffic()?,
            backends: maps.backend_traffic()?,
            open_flows: maps.open_flows()?,
        })
    }

    fn flows(
        &self,
        limit: usize,
        keep: &dyn Fn(&FlowView) -> bool,
    ) -> Result<(Vec<FlowView>, usize), DatapathError> {
        flows::list(&lock(&self.0.maps), limit, keep, boot_seconds())
    }

    fn facts(&self) -> Facts {
        lock(&self.0.facts).clone()
    }

    fn set_log_level(&self, level: u32) -> Result<bool, DatapathError> {
        lock(&self.0.maps).set_log_level(level)?;
        Ok(self.0.has_log)
    }
}

impl KernelDatapath {
    fn note_fill(&self, fill: BTreeMap<String, u32>) {
        let tables = &mut lock(&self.0.facts).tables;
        for (name, used) in fill {
            if let Some(TableFill { used: entry, .. }) = tables.get_mut(&name) {
                *entry = used;
            }
        }
    }

    fn note_interfaces(&self, interfaces: Vec<InterfaceView>) {
        lock(&self.0.facts).interfaces = interfaces;
    }
}

/// The addresses that next hops are wanted for, and what they have become.
type Targets = BTreeMap<IpAddr, u32>;
