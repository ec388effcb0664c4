// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The order of work for a packet: proven flows, unproven flows, services. A packet is not ours until a table says so.

use crate::maps::{self, Family};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{self, Network, Parsed};
use crate::{established, open, unproven};

/// Decides about a frame and carries the decision out.
#[inline(always)]
pub fn steer(packet: &Packet) -> Verdict {
    match parse::network(packet) {
        Ok(Network::V4(offset)) => match parse::ipv4(packet, offset) {
            Ok(parsed) => look_up(packet, &parsed),
            Err(reason) => Verdict::pass(reason),
        },
        Ok(Network::V6(offset)) => match parse::ipv6(packet, offset) {
            Ok(parsed) => look_up(packet, &parsed),
            Err(reason) => Verdict::pass(reason),
        },
        Err(reason) => Verdict::pass(reason),
    }
}

#[inline(always)]
fn look_up<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    match maps::proven(&parsed.key) {
        Some(slot) => established::forward(packet, parsed, slot),
        None => beginning(packet, parsed),
    }
}

/// A packet of no proven flow: kept out of the way of those that are.
#[inline(never)]
fn beginning<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    match maps::unproven(&parsed.key) {
        Some(slot) => unproven::forward(packet, parsed, slot),
        None => open::open(packet, parsed),
    }
}
