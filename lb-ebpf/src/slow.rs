// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! All that is not the usual, in up to three steps: a packet of a flow that the cache does not have, or for which
//! something is out of the ordinary; a packet that opens a flow; a packet whose sender is refused. Each step is a global function for each
//! family, so that the verifier walks it once and by itself. A step parses again, which costs a new flow little and the
//! usual packet nothing; where the IP header starts it is told, since that makes it one unknown number to the verifier,
//! where three known ones would be three walks.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::net::{Addr4, Addr6};
use lb_common::reason::Reason;
use lb_common::tcp::{FIN, RST, SYN};

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Parsed};
use crate::{cache, egress, established, mss, open, reply, unproven};

/// A family whose packets can take the slow path.
pub trait Steps: Family {
    /// A packet of a flow, for which something is out of the ordinary.
    fn flow(packet: &Packet, l3: u32) -> Verdict;
    /// A packet of no flow.
    fn open(packet: &Packet, l3: u32) -> Verdict;
    /// A packet that goes nowhere.
    fn refuse(packet: &Packet, l3: u32, verdict: Verdict) -> Verdict;
}

/// Goes through the steps.
#[inline(always)]
pub fn steer<A: Steps>(packet: &Packet, l3: u32) -> Verdict {
    let mut verdict = A::flow(packet, l3);
    if verdict.opens() {
        verdict = A::open(packet, l3);
    }
    if verdict.refuses() {
        verdict = A::refuse(packet, l3, verdict);
    }
    verdict
}

/// Makes the three global functions of a family.
macro_rules! steps {
    ($family:ty, $parse:path, $flow:ident, $open:ident, $refuse:ident) => {
        #[expect(unsafe_code, reason = "a global function has its name in the object")]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $flow(context: *mut xdp_md, l3: u32) -> u32 {
            let packet = Packet::new(XdpContext::new(context));
            match $parse(&packet, l3 as usize) {
                Ok(parsed) => flow(&packet, &parsed).word(),
                Err(reason) => Verdict::pass(reason).word(),
            }
        }

        #[expect(unsafe_code, reason = "a global function has its name in the object")]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $open(context: *mut xdp_md, l3: u32) -> u32 {
            let packet = Packet::new(XdpContext::new(context));
            match $parse(&packet, l3 as usize) {
                Ok(parsed) => open(&packet, &parsed).word(),
                Err(reason) => Verdict::pass(reason).word(),
            }
        }

        #[expect(unsafe_code, reason = "a global function has its name in the object")]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $refuse(context: *mut xdp_md, l3: u32, verdict: u32) -> u32 {
            let packet = Packet::new(XdpContext::new(context));
            match $parse(&packet, l3 as usize) {
                Ok(parsed) => reply::refuse(&packet, &parsed, Verdict::from_word(verdict)).word(),
                Err(reason) => Verdict::pass(reason).word(),
            }
        }

        impl Steps for $family {
            #[inline(always)]
            fn flow(packet: &Packet, l3: u32) -> Verdict {
                Verdict::from_word($flow(packet.raw_context(), l3))
            }

            #[inline(always)]
            fn open(packet: &Packet, l3: u32) -> Verdict {
                Verdict::from_word($open(packet.raw_context(), l3))
            }

            #[inline(always)]
            fn refuse(packet: &Packet, l3: u32, verdict: Verdict) -> Verdict {
                Verdict::from_word($refuse(packet.raw_context(), l3, verdict.word()))
            }
        }
    };
}

steps!(Addr4, parse::ipv4, flow4, open4, refuse4);
steps!(Addr6, parse::ipv6, flow6, open6, refuse6);

#[inline(always)]
fn flow<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let epoch = cache::epoch();
    let (slot, verdict) = if let Some(slot) = maps::proven(&parsed.key) {
        (slot, established::decide(parsed, slot))
    } else if let Some(slot) = maps::unproven(&parsed.key) {
        (slot, unproven::decide(packet, parsed, slot))
    } else {
        return Verdict::open();
    };
    if !verdict.sends() {
        return verdict;
    }
    // One that has just proved itself is in the other table now, and its old place may be another's.
    let moved = if verdict.is(Reason::Proved) { maps::proven(&parsed.key) } else { None };
    let slot = moved.unwrap_or(slot);
    if verdict.is(Reason::Established) && parsed.flags & (SYN | FIN | RST) == 0 {
        cache::fill(&parsed.key, slot, egress::next_hop(slot), epoch);
    }
    mss::clamp(packet, parsed, slot);
    egress::send(packet, parsed, slot, verdict)
}

#[inline(always)]
fn open<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let verdict = open::decide(packet, parsed);
    if !verdict.sends() {
        return verdict;
    }
    match maps::unproven(&parsed.key) {
        Some(slot) => {
            mss::clamp(packet, parsed, slot);
            egress::send(packet, parsed, slot, verdict)
        }
        None => Verdict::drop(Reason::Inconsistent),
    }
}
