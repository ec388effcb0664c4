// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The way that almost every packet takes: of a proven flow that this CPU has seen a moment ago. One line of the cache,
//! the recipe in it, the counters. Everything else is `slow`'s.

use lb_common::net::{Addr4, Addr6};
use lb_common::reason::Reason;
use lb_common::tcp::{FIN, RST, SYN};

use crate::maps;
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Network};
use crate::slow::{self, Steps};
use crate::{cache, egress};

/// Decides about a frame and carries the decision out.
#[inline(always)]
pub fn steer(packet: &Packet) -> Verdict {
    match parse::network(packet) {
        Ok(Network::V4(l3)) => forward::<Addr4>(packet, l3),
        Ok(Network::V6(l3)) => forward::<Addr6>(packet, l3),
        Err(reason) => Verdict::pass(reason),
    }
}

#[inline(always)]
fn forward<A: Steps>(packet: &Packet, l3: usize) -> Verdict {
    let Some(parsed) = A::usual(packet, l3) else { return slow::explore::<A>(packet, l3 as u32) };
    let place = parsed.place();
    let Some(cached) = cache::find(&parsed.key) else { return slow::steer::<A>(packet, place) };
    let usual = parsed.flags & (SYN | FIN | RST) == 0 && parsed.ttl > 1;
    let hop = match maps::next_hop(cached.next_hop()) {
        Some(hop) if usual && egress::fits(&parsed, hop) => hop,
        _ => return slow::steer::<A>(packet, place),
    };
    cached.count(parsed.length);
    egress::leave(packet, &parsed, &cached, hop, Verdict::send(Reason::Established))
}
