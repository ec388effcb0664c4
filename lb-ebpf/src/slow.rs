// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! All that is not the usual: flows that begin, prove themselves, end, or have lost their backend or next hop. One global
//! function a family, so that the verifier walks it once and by itself; it parses again, which costs a new flow little and
//! the usual packet nothing.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::net::{Addr4, Addr6};
use lb_common::reason::Reason;

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Network, Parsed};
use crate::{established, open, unproven};

/// What the fast path has found out.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Known {
    /// The packet's flow is proven.
    Proven = 0,
    /// It is not.
    NotProven = 1,
}

/// A family whose packets can take the slow path.
pub trait Slow: Family {
    fn slow(packet: &Packet, known: Known) -> Verdict;
}

impl Slow for Addr4 {
    #[inline(always)]
    fn slow(packet: &Packet, known: Known) -> Verdict {
        Verdict::from_word(slow4(packet.raw_context(), known as u32))
    }
}

impl Slow for Addr6 {
    #[inline(always)]
    fn slow(packet: &Packet, known: Known) -> Verdict {
        Verdict::from_word(slow6(packet.raw_context(), known as u32))
    }
}

#[expect(unsafe_code, reason = "a global function has its name in the object")]
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn slow4(context: *mut xdp_md, known: u32) -> u32 {
    let packet = Packet::new(XdpContext::new(context));
    let verdict = match parse::network(&packet) {
        Ok(Network::V4(offset)) => match parse::ipv4(&packet, offset) {
            Ok(parsed) => look_up(&packet, &parsed, known),
            Err(reason) => Verdict::pass(reason),
        },
        Ok(Network::V6(_)) => Verdict::drop(Reason::Inconsistent),
        Err(reason) => Verdict::pass(reason),
    };
    verdict.word()
}

#[expect(unsafe_code, reason = "a global function has its name in the object")]
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn slow6(context: *mut xdp_md, known: u32) -> u32 {
    let packet = Packet::new(XdpContext::new(context));
    let verdict = match parse::network(&packet) {
        Ok(Network::V6(offset)) => match parse::ipv6(&packet, offset) {
            Ok(parsed) => look_up(&packet, &parsed, known),
            Err(reason) => Verdict::pass(reason),
        },
        Ok(Network::V4(_)) => Verdict::drop(Reason::Inconsistent),
        Err(reason) => Verdict::pass(reason),
    };
    verdict.word()
}

#[inline(always)]
fn look_up<A: Family>(packet: &Packet, parsed: &Parsed<A>, known: u32) -> Verdict {
    if known == Known::Proven as u32
        && let Some(slot) = maps::proven(&parsed.key)
    {
        return established::forward(packet, parsed, slot);
    }
    match maps::unproven(&parsed.key) {
        Some(slot) => unproven::forward(packet, parsed, slot),
        None => open::open(packet, parsed),
    }
}
