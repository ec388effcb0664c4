// SPDX-License-Identifier: MIT OR Apache-2.0
//! XDP programs of a few instructions, written by hand: they need no compiler, and one can see what they do.
//!
//! The far end of a veth pair gets the frames that our program sends only if it carries an XDP program too; without one
//! they vanish. So the lab puts [`pass`] there. [`redirect`] is what a balancer that does nothing would cost.

use std::path::Path;

use anyhow::{Context, Result};
use aya::programs::links::FdLink;
use aya::programs::{Xdp, XdpMode};

use crate::netns::Netns;

/// One instruction, as the kernel reads it.
type Instruction = [u8; 8];

/// Puts a program on an interface of a namespace. It stays until the interface goes, or `pin` does.
pub fn attach(netns: &Netns, interface: &str, program: &[Instruction], pin: &Path) -> Result<()> {
    let object = object(program.as_flattened());
    netns.enter(|| {
        let mut loaded = aya::Ebpf::load(&object).context("reading a program")?;
        let program: &mut Xdp = loaded.program_mut("main").context("no program in the object")?.try_into()?;
        program.load().context("loading a program")?;
        let link = program.attach(interface, XdpMode::default());
        let link = program.take_link(link.with_context(|| format!("attaching to {interface}"))?)?;
        FdLink::try_from(link)?.pin(pin).with_context(|| format!("pinning to {}", pin.display()))?;
        Ok(())
    })?
}

/// Passes everything.
pub fn pass() -> Vec<Instruction> {
    vec![instruction(0xb7, 0, 0, 2), EXIT]
}

/// Sends every IPv4 frame out by another interface, between these hardware addresses; passes the rest.
pub fn redirect(interface: u32, to: [u8; 6], from: [u8; 6]) -> Vec<Instruction> {
    let word = |address: [u8; 6]| i32::from_le_bytes([address[0], address[1], address[2], address[3]]);
    let half = |address: [u8; 6]| i32::from(u16::from_le_bytes([address[4], address[5]]));
    vec![
        instruction(0x61, 0x12, 0, 0),                       // r2 = data
        instruction(0x61, 0x13, 4, 0),                       // r3 = data_end
        instruction(0xbf, 0x24, 0, 0),                       // r4 = r2
        instruction(0x07, 0x04, 0, 14),                      // r4 += length of an Ethernet header
        instruction(0x2d, 0x34, 10, 0),                      // if r4 > r3 pass
        instruction(0x69, 0x25, 12, 0),                      // r5 = EtherType
        instruction(0x55, 0x05, 8, 0x0008),                  // if r5 != IPv4 pass
        instruction(0x62, 0x02, 0, word(to)),                // destination
        instruction(0x6a, 0x02, 4, half(to)),                //
        instruction(0x62, 0x02, 6, word(from)),              // source
        instruction(0x6a, 0x02, 10, half(from)),             //
        instruction(0xb7, 0x01, 0, interface.cast_signed()), // r1 = interface
        instruction(0xb7, 0x02, 0, 0),                       // r2 = no flags
        instruction(0x85, 0, 0, 23),                         // r0 = bpf_redirect(r1, r2)
        EXIT,
        instruction(0xb7, 0, 0, 2), // r0 = XDP_PASS
        EXIT,
    ]
}

const EXIT: Instruction = instruction(0x95, 0, 0, 0);

const fn instruction(code: u8, registers: u8, offset: i16, value: i32) -> Instruction {
    let (offset, value) = (offset.to_le_bytes(), value.to_le_bytes());
    [code, registers, offset[0], offset[1], value[0], value[1], value[2], value[3]]
}

const LICENCE: &[u8] = b"GPL\0";
const NAMES: &[u8] = b"\0xdp\0license\0.symtab\0.strtab\0main\0";

/// A section of the file: where its name is in [`NAMES`], its type, flags, content and entry size.
struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    content: Vec<u8>,
    entry: u64,
}

/// A relocatable ELF file for the BPF machine with one function, `main`, in the section `xdp`.
fn object(program: &[u8]) -> Vec<u8> {
    const HEADER: u64 = 64;
    let sections = [
        Section { name: 0, kind: 0, flags: 0, content: Vec::new(), entry: 0 },
        Section { name: 1, kind: 1, flags: 6, content: program.to_vec(), entry: 0 },
        Section { name: 5, kind: 1, flags: 3, content: LICENCE.to_vec(), entry: 0 },
        Section { name: 13, kind: 2, flags: 0, content: symbols(program.len() as u64), entry: 24 },
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

/// The empty symbol that every table starts with, and `main`: a global function in section 1.
fn symbols(length: u64) -> Vec<u8> {
    let mut table = vec![0; 24];
    table.extend(29_u32.to_le_bytes());
    table.extend([0x12, 0, 1, 0]);
    table.extend(0_u64.to_le_bytes());
    table.extend(length.to_le_bytes());
    table
}
