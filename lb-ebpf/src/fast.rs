// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The way that almost every packet takes: of a proven flow whose backend and next hop are as they were. One look-up, one
//! compare of generations, the recipe, the counters. Everything else is `slow`'s.

use lb_common::abi::NEXT_HOP_RESOLVED;
use lb_common::reason::Reason;
use lb_common::tcp::{FIN, RST, SYN};

use crate::maps;
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Network, Parsed};
use crate::slow::{self, Known, Steps};
use crate::{egress, kernel};

/// Decides about a frame and carries the decision out.
#[inline(always)]
pub fn steer(packet: &Packet) -> Verdict {
    match parse::network(packet) {
        Ok(Network::V4(offset)) => match parse::ipv4(packet, offset) {
            Ok(parsed) => forward(packet, &parsed),
            Err(reason) => Verdict::pass(reason),
        },
        Ok(Network::V6(offset)) => match parse::ipv6(packet, offset) {
            Ok(parsed) => forward(packet, &parsed),
            Err(reason) => Verdict::pass(reason),
        },
        Err(reason) => Verdict::pass(reason),
    }
}

#[inline(always)]
fn forward<A: Steps>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let Some(slot) = maps::proven(&parsed.key) else { return slow::steer::<A>(packet, Known::NotProven) };
    let meta = slot.meta();
    let Some(backend) = maps::backend(meta.backend) else { return Verdict::drop(Reason::Inconsistent) };
    let usual =
        backend.generation == meta.generation && parsed.flags & (SYN | FIN | RST) == 0 && parsed.ttl > 1;
    let index = if meta.from_client() {
        backend.next_hop
    } else if meta.route_epoch == maps::control().route_epoch {
        meta.next_hop
    } else {
        return slow::steer::<A>(packet, Known::Proven);
    };
    let hop = match maps::next_hop(index) {
        Some(hop) if usual && hop.flags & NEXT_HOP_RESOLVED != 0 => hop,
        _ => return slow::steer::<A>(packet, Known::Proven),
    };
    let clock = kernel::touch_clock();
    if meta.touched != clock {
        slot.touch(clock);
    }
    maps::count_traffic(meta.service, meta.backend, meta.from_client(), parsed.length);
    if !egress::rewrite(packet, parsed, slot) {
        return Verdict::drop(Reason::Inconsistent);
    }
    egress::leave(packet, parsed, hop, Verdict::send(Reason::Established))
}
