// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The way that almost every packet takes: of a proven flow that this CPU has seen a moment ago. One line of the cache,
//! the recipe in it, the counters. Everything else is `slow`'s.

use lb_common::reason::Reason;
use lb_common::tcp::{FIN, RST, SYN};

use crate::maps;
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Network, Parsed};
use crate::slow::{self, Steps};
use crate::{cache, egress};

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
    let Some(cached) = cache::find(&parsed.key) else { return slow::steer::<A>(packet, parsed.l3) };
    let usual = parsed.flags & (SYN | FIN | RST) == 0 && parsed.ttl > 1;
    let hop = match maps::next_hop(cached.next_hop()) {
        Some(hop) if usual && egress::fits(parsed, hop) => hop,
        _ => return slow::steer::<A>(packet, parsed.l3),
    };
    cached.count(parsed.length);
    egress::leave(packet, parsed, &cached, hop, Verdict::send(Reason::Established))
}
