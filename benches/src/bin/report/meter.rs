// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nanoseconds that a program takes for a packet, by test runs of the programs in `tests/ebpf`.

use anyhow::{Context, Result, ensure};
use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use lb_common::abi::{FlowEntry, FlowKey};
use lb_common::net::Addr4;

use crate::frames::FRAME;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab.o"));
/// Packets in one test run.
const RUNS: u32 = 100_000;
const XDP_PASS: u32 = 2;

/// What costs are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Floor {
    /// A program that does nothing, with what a test run itself costs.
    Empty,
    /// Net of that: writing the frame anew and calling another program.
    Replay,
    /// Net of both: swapping the hardware addresses.
    Tx,
    /// Net of both: one look-up of a key of 16 bytes with a value of 56 in a hash map.
    Hash,
}

impl Floor {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Empty, Self::Replay, Self::Tx, Self::Hash];

    /// As in the names of rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "floor/empty",
            Self::Replay => "floor/replay",
            Self::Tx => "floor/tx",
            Self::Hash => "floor/hash",
        }
    }
}

/// The measuring programs, loaded.
pub struct Meter {
    object: Ebpf,
    frame: Array<MapData, [u64; FRAME / 8]>,
    target: ProgramArray<MapData>,
}

impl Meter {
    /// Loads them.
    pub fn new() -> Result<Self> {
        ensure!(!OBJECT.is_empty(), "built without a BPF toolchain: run `cargo xtask setup` and build again");
        let mut object = Ebpf::load(OBJECT).context("reading the measuring programs")?;
        for (name, program) in object.programs_mut() {
            let program: &mut Xdp = program.try_into()?;
            program.load().with_context(|| format!("loading {name}"))?;
        }
        let mut floors: HashMap<_, FlowKey<Addr4>, FlowEntry<Addr4>> =
            HashMap::try_from(object.map_mut("FLOORS").context("no map FLOORS")?)?;
        let mut entry = FlowEntry::default();
        entry.meta.state = XDP_PASS;
        floors.insert(FlowKey::default(), entry, 0)?;
        let frame = Array::try_from(object.take_map("FRAME").context("no map FRAME")?)?;
        let target = ProgramArray::try_from(object.take_map("TARGET").context("no map TARGET")?)?;
        Ok(Self { object, frame, target })
    }

    /// What a floor costs.
    pub fn floor(&mut self, floor: Floor) -> Result<f64> {
        let program = match floor {
            Floor::Empty => return self.run("empty"),
            Floor::Replay => {
                let with = self.with("replay", &self.fd("empty")?)?;
                return Ok(with - self.run("empty")?);
            }
            Floor::Tx => "tx",
            Floor::Hash => "hash",
        };
        let program = self.fd(program)?;
        Ok(self.cost(&program, &[0; FRAME], false)?.0)
    }

    /// What a program costs for a frame, that of every packet another client's if it `varies`, and how many packets it
    /// got.
    pub fn cost(&mut self, program: &ProgramFd, frame: &[u8; FRAME], varies: bool) -> Result<(f64, u64)> {
        let mut words = [0; FRAME / 8];
        for (word, bytes) in words.iter_mut().zip(frame.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        self.frame.set(0, words, 0)?;
        let player = if varies { "vary" } else { "replay" };
        let without = self.with(player, &self.fd("empty")?)?;
        let with = self.with(player, program)?;
        Ok((with - without, u64::from(RUNS)))
    }

    fn with(&mut self, player: &str, program: &ProgramFd) -> Result<f64> {
        self.target.set(0, program, 0)?;
        self.run(player)
    }

    fn run(&self, program: &str) -> Result<f64> {
        let result = self.program(program)?.test_run(TestRunOptions {
            data_in: Some(&[0; FRAME + 32]),
            repeat: RUNS,
            ..TestRunOptions::default()
        })?;
        ensure!(result.return_value != 0, "{program}: a program was aborted");
        Ok(result.duration.as_nanos() as f64)
    }

    fn fd(&self, program: &str) -> Result<ProgramFd> {
        Ok(self.program(program)?.fd()?.try_clone()?)
    }

    fn program(&self, name: &str) -> Result<&Xdp> {
        Ok(self.object.program(name).with_context(|| format!("no program {name}"))?.try_into()?)
    }
}
