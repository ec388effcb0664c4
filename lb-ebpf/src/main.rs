// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The XDP program. A packet is parsed to its ports and looked up in the flow [`cache`], and that is all for most:
//! [`fast`]. The others take the [`slow`] path through the proven flows, the unproven ones and the services; on a miss
//! everywhere the packet is none of ours and passes untouched. All leave through [`outcome::finish`].
//!
//! IPv4 and IPv6 are the same source compiled twice, over [`maps::Family`]. `unsafe` lives in `cache`, `maps`, `packet`
//! and `kernel` only.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "the BPF target has atomics on map values as intrinsics only")]
#![expect(
    missing_docs,
    reason = "nothing is public in a program; the attribute macro makes a function that seems to be"
)]
#![deny(unsafe_code, unused_results)]

mod kernel;
mod log;
mod maps;
mod packet;

mod cache;
mod fast;
mod parse;
mod survey;

mod admit;
mod established;
mod mss;
mod open;
mod select;
mod slow;
mod snat;
mod unproven;

mod fragment;
mod icmp;

mod egress;
mod reply;

mod outcome;

use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

/// Every frame of every interface that the balancer serves.
#[xdp(frags)]
pub fn lb(context: XdpContext) -> u32 {
    let packet = packet::Packet::new(context);
    let verdict = fast::steer(&packet);
    outcome::finish(&packet, verdict)
}

/// The verifier refuses a program that could get here: "the sequence of 8193 jumps is too complex" or "infinite loop
/// detected" points to an arithmetic or index check that the compiler could not prove away.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[expect(unsafe_code, reason = "a linker section is named by an unsafe attribute")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
