// SPDX-License-Identifier: MIT OR Apache-2.0
//! An XDP program that passes everything. The far end of a veth pair gets the frames that our program sends only if it
//! carries an XDP program too; without one they vanish.
//!
//! Two instructions need no compiler: the object file is written here.

use std::path::Path;

use anyhow::{Context, Result};
use aya::programs::links::FdLink;
use aya::programs::{Xdp, XdpMode};

use crate::netns::Netns;

/// Puts it on an interface of a namespace. It stays until the interface goes, or `pin` does.
pub fn attach(netns: &Netns, interface: &str, pin: &Path) -> Result<()> {
    netns.enter(|| {
        let mut loaded = aya::Ebpf::load(&object()).context("loading the stub")?;
        let program: &mut Xdp = loaded.program_mut("pass").context("no program in the stub")?.try_into()?;
        program.load().context("loading the stub")?;
        let link = program.attach(interface, XdpMode::default());
        let link = program.take_link(link.with_context(|| format!("attaching to {interface}"))?)?;
        FdLink::try_from(link)?.pin(pin).with_context(|| format!("pinning to {}", pin.display()))?;
        Ok(())
    })?
}

/// `r0 = XDP_PASS; exit`.
const PASS: [u8; 16] = [0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

const LICENCE: &[u8] = b"GPL\0";
const NAMES: &[u8] = b"\0xdp\0license\0.symtab\0.strtab\0pass\0";

/// A section of the file: where its name is in [`NAMES`], its type, flags, content and entry size.
struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    content: Vec<u8>,
    entry: u64,
}

/// A relocatable ELF file for the BPF machine with one function, `pass`, in the section `xdp`.
fn object() -> Vec<u8> {
    const HEADER: u64 = 64;
    let sections = [
        Section { name: 0, kind: 0, flags: 0, content: Vec::new(), entry: 0 },
        Section { name: 1, kind: 1, flags: 6, content: PASS.to_vec(), entry: 0 },
        Section { name: 5, kind: 1, flags: 3, content: LICENCE.to_vec(), entry: 0 },
        Section { name: 13, kind: 2, flags: 0, content: symbols(), entry: 24 },
        Section { name: 21, kind: 3, flags: 0, content: NAMES.to_vec(), entry: 0 },
    ];
    let (mut body, mut table) = (Vec::new(), Vec::new());
    for section in &sections {
        let (link, info): (u32, u32) = if section.kind == 2 { (4, 1) } else { (0, 0) };
        table.extend(section.name.to_le_bytes());
        table.extend(section.kind.to_le_bytes());
        for number in [section.flags, 0, HEADER + body.len() as u64, section.content.len() as u64] {
            table.extend(number.to_le_bytes());
        }
        table.extend(link.to_le_bytes());
        table.extend(info.to_le_bytes());
        table.extend(8_u64.to_le_bytes());
        table.extend(section.entry.to_le_bytes());
        body.extend(&section.content);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([1, 0, 247, 0, 1, 0, 0, 0]); // relocatable, for BPF, version 1
    for number in [0, 0, HEADER + body.len() as u64] {
        file.extend(number.to_le_bytes()); // no entry point, no program headers, section headers behind the body
    }
    file.extend(0_u32.to_le_bytes());
    for number in [HEADER as u16, 0, 0, 64, sections.len() as u16, 4] {
        file.extend(number.to_le_bytes());
    }
    file.extend(body);
    file.extend(table);
    file
}

/// The empty symbol that every table starts with, and `pass`: a global function in section 1.
fn symbols() -> Vec<u8> {
    let mut table = vec![0; 24];
    table.extend(29_u32.to_le_bytes());
    table.extend([0x12, 0, 1, 0]);
    table.extend(0_u64.to_le_bytes());
    table.extend((PASS.len() as u64).to_le_bytes());
    table
}
