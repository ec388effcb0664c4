// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nanoseconds that a program takes for a packet, by test runs of the programs in `tests/ebpf`.

use anyhow::{Result, ensure};
use aya::maps::HashMap;
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions};
use lb_benches::frames::FRAME;
use lb_benches::programs::Programs;
use lb_common::abi::{FlowEntry, FlowKey};
use lb_common::net::Addr4;

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

/// The measuring programs.
pub struct Meter(Programs);

impl Meter {
    /// Loads them.
    pub fn new() -> Result<Self> {
        let mut programs = Programs::load()?;
        let mut floors: HashMap<_, FlowKey<Addr4>, FlowEntry<Addr4>> =
            HashMap::try_from(programs.map_mut("FLOORS")?)?;
        let mut entry = FlowEntry::default();
        entry.meta.state = XDP_PASS;
        floors.insert(FlowKey::default(), entry, 0)?;
        Ok(Self(programs))
    }

    /// What a floor costs.
    pub fn floor(&mut self, floor: Floor) -> Result<f64> {
        let program = match floor {
            Floor::Empty => return self.run("empty"),
            Floor::Replay => {
                let with = self.with("replay", &self.0.handle("empty")?)?;
                return Ok(with - self.run("empty")?);
            }
            Floor::Tx => "tx",
            Floor::Hash => "hash",
        };
        let program = self.0.handle(program)?;
        Ok(self.cost(&program, &[0; FRAME], false)?.0)
    }

    /// What a program costs for a frame, that of every packet another client's if it `varies`, and how many packets it
    /// got.
    pub fn cost(&mut self, program: &ProgramFd, frame: &[u8; FRAME], varies: bool) -> Result<(f64, u64)> {
        self.0.set_frame(frame)?;
        let player = if varies { "vary" } else { "replay" };
        let without = self.with(player, &self.0.handle("empty")?)?;
        let with = self.with(player, program)?;
        Ok((with - without, u64::from(RUNS)))
    }

    fn with(&mut self, player: &str, program: &ProgramFd) -> Result<f64> {
        self.0.set_target(program)?;
        self.run(player)
    }

    fn run(&self, program: &str) -> Result<f64> {
        let result = self.0.program(program)?.test_run(TestRunOptions {
            data_in: Some(&[0; FRAME + 32]),
            repeat: RUNS,
            ..TestRunOptions::default()
        })?;
        ensure!(result.return_value != 0, "{program}: a program was aborted");
        Ok(result.duration.as_nanos() as f64)
    }
}
