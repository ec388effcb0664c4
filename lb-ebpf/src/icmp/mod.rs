// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! ICMP: errors about packets of our flows go where those packets came from, echo requests to VIPs are answered, and all
//! else is the kernel's.

mod echo;
mod error;

use lb_common::reason::Reason;

use crate::maps::Family;
use crate::outcome::Verdict;
use crate::packet::{Icmp, Packet};
use crate::parse::Place;

/// Decides about a message that starts at `place.l4`.
#[inline(always)]
pub fn decide<A: Family>(packet: &Packet, place: Place) -> Verdict {
    let Some(header) = packet.read::<Icmp>(place.l4 as usize) else {
        return Verdict::pass(Reason::Malformed);
    };
    if error::is_error::<A>(header.kind) {
        return error::decide::<A>(packet, place, &header);
    }
    if echo::is_request::<A>(&header) {
        return echo::decide::<A>(packet, place, &header);
    }
    Verdict::pass(Reason::OtherProtocol)
}
