// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Answers that the balancer gives itself, made out of the packet they answer: a RST for TCP, an ICMP error for UDP.

mod icmp;
mod reset;

use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;

use crate::maps::Family;
use crate::outcome::Verdict;
use crate::packet::{Ethernet, Packet};
use crate::parse::Parsed;

/// Hops that an answer may take: what hosts use.
const TTL: u8 = 64;

/// Refuses a packet, and says so to its sender.
#[inline(never)]
pub fn refuse<A: Family>(packet: &Packet, parsed: &Parsed<A>, reason: Reason) -> Verdict {
    let answered = if parsed.key.protocol == PROTOCOL_TCP {
        reset::answer(packet, parsed)
    } else {
        icmp::answer(packet, parsed, icmp::Error::PortUnreachable)
    };
    finish(answered, reason)
}

/// Tells the sender that its packet's TTL or hop limit was used up.
#[inline(always)]
pub fn time_exceeded<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    finish(icmp::answer(packet, parsed, icmp::Error::TimeExceeded), Reason::TtlExceeded)
}

#[inline(always)]
fn finish(answered: bool, reason: Reason) -> Verdict {
    if answered { Verdict::transmit(reason) } else { Verdict::drop(Reason::ReplyFailed) }
}

/// Turns the frame's direction round.
#[inline(always)]
fn turn_round(packet: &Packet) -> bool {
    let Some(ethernet) = packet.read::<Ethernet>(0) else { return false };
    packet.write(0, Ethernet { destination: ethernet.source, source: ethernet.destination, ..ethernet })
}
