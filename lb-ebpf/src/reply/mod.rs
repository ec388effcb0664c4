// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Answers that the balancer gives itself, made out of the packet they answer: a RST for TCP, an ICMP error for UDP.

mod icmp;
mod reset;

use aya_ebpf::bindings::xdp_action;
use icmp::Error;
use lb_common::net::PROTOCOL_TCP;
use lb_common::reason::Reason;
use lb_common::tcp::RST;

use crate::maps::Family;
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::Parsed;

/// Hops that an answer may take: what hosts use.
pub(crate) const TTL: u8 = 64;

/// Refuses a packet, and says so to its sender.
#[inline(always)]
pub fn refuse<A: Family>(packet: &Packet, parsed: &Parsed<A>, verdict: Verdict) -> Verdict {
    let error = if verdict.is(Reason::TtlExceeded) {
        Error::TimeExceeded
    } else if verdict.is(Reason::TooBig) {
        Error::TooBig(verdict.detail() as u16)
    } else {
        Error::PortUnreachable
    };
    let for_tcp = parsed.key.protocol == PROTOCOL_TCP && error == Error::PortUnreachable;
    // A RST is never answered by another; UDP has no flags.
    if parsed.flags & RST != 0 && for_tcp {
        return Verdict::drop(Reason::StrayReset);
    }
    let answered = if for_tcp { reset::answer(packet, parsed) } else { icmp::answer(packet, parsed, error) };
    if answered { verdict.and(xdp_action::XDP_TX) } else { Verdict::drop(Reason::ReplyFailed) }
}

/// Turns the frame's direction round.
#[inline(always)]
pub(crate) fn turn_round(packet: &Packet) -> bool {
    // Destination and source are six bytes each.
    let Some([a, b, c]) = packet.read::<[u32; 3]>(0) else { return false };
    packet.write(0, [(b >> 16) | (c << 16), (c >> 16) | (a << 16), (a >> 16) | (b << 16)])
}
