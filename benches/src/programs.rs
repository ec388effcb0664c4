// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of `tests/ebpf`, loaded.

use anyhow::{Context, Result, ensure};
use aya::Ebpf;
use aya::maps::{Array, Map, ProgramArray};
use aya::programs::{ProgramFd, Xdp};

use crate::frames::FRAME;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab.o"));

/// All of them.
#[derive(Debug)]
pub struct Programs(Ebpf);

impl Programs {
    /// Loads them.
    pub fn load() -> Result<Self> {
        ensure!(!OBJECT.is_empty(), "built without a BPF toolchain: run `cargo xtask setup` and build again");
        let mut object = Ebpf::load(OBJECT).context("reading the measuring programs")?;
        for (name, program) in object.programs_mut() {
            let program: &mut Xdp = program.try_into()?;
            program.load().with_context(|| format!("loading {name}"))?;
        }
        Ok(Self(object))
    }

    /// What `replay` writes from now on.
    pub fn set_frame(&mut self, frame: &[u8; FRAME]) -> Result<()> {
        let mut words = [0; FRAME / 8];
        for (word, bytes) in words.iter_mut().zip(frame.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let mut map: Array<_, [u64; FRAME / 8]> = Array::try_from(self.map_mut("FRAME")?)?;
        Ok(map.set(0, words, 0)?)
    }

    /// What `replay` calls from now on.
    pub fn set_target(&mut self, program: &ProgramFd) -> Result<()> {
        let mut map = ProgramArray::try_from(self.map_mut("TARGET")?)?;
        Ok(map.set(0, program, 0)?)
    }

    /// A program.
    pub fn program(&self, name: &str) -> Result<&Xdp> {
        Ok(self.0.program(name).with_context(|| format!("no program {name}"))?.try_into()?)
    }

    /// A program, to attach it.
    pub fn program_mut(&mut self, name: &str) -> Result<&mut Xdp> {
        Ok(self.0.program_mut(name).with_context(|| format!("no program {name}"))?.try_into()?)
    }

    /// A handle to a program, to call it.
    pub fn handle(&self, name: &str) -> Result<ProgramFd> {
        Ok(self.program(name)?.fd()?.try_clone()?)
    }

    /// A map of theirs.
    pub fn map_mut(&mut self, name: &str) -> Result<&mut Map> {
        self.0.map_mut(name).with_context(|| format!("no map {name}"))
    }
}
