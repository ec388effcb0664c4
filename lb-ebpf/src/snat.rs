// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The source address and port towards a backend. A port is reserved by the flow's reverse entry and by nothing else, so
//! there is no second book to keep.

use lb_common::abi::{FlowEntry, FlowKey};
use lb_common::limits::{SNAT_ADDRESSES, SNAT_PROBES};
use lb_common::nat::{self, Target};
use lb_common::net::Be16;

use crate::kernel;
use crate::maps::{self, Entered, Family};

/// What came of looking for a source port.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Ticket {
    /// The reverse entry is in, and the flow says with which address and port.
    Reserved,
    /// There is no address of that family.
    NoAddress,
    /// Every port that was tried is in use.
    Exhausted,
    /// The table has no room.
    Full,
}

/// Finds a free source for `flow`, whose destination is set, and enters its reverse direction. The client's own port
/// comes first, on each address; then others, up to [`SNAT_PROBES`] in all.
#[inline(never)]
pub fn reserve<A: Family>(key: &FlowKey<A>, flow: &mut FlowEntry<A>) -> Ticket {
    let count = A::snat_count(&maps::control());
    if count == 0 || count > SNAT_ADDRESSES {
        return Ticket::NoAddress;
    }
    // One client stays with one address as long as ports last.
    let first = lb_common::hash::reduce(lb_common::hash::source(key.source), count);
    let seed = kernel::random();
    let mut number = first;
    let mut attempt = 0;
    for _ in 0..SNAT_PROBES {
        let Some(address) = A::snat_address(number) else { return Ticket::NoAddress };
        let target = Target {
            source: address,
            source_port: Be16::new(nat::source_port(key.source_port.host(), seed, attempt)),
            destination: flow.destination,
            destination_port: flow.destination_port,
        };
        let reverse_key = target.reverse_key(key.protocol);
        if maps::proven(&reverse_key).is_none() {
            let candidate = nat::forward(key, &target, flow.meta);
            match maps::enter_unproven(&reverse_key, &nat::inverse(key, &candidate)) {
                Entered::Yes => {
                    *flow = candidate;
                    return Ticket::Reserved;
                }
                Entered::Taken => {}
                Entered::Full => return Ticket::Full,
            }
        }
        number += 1;
        if number == count {
            number = 0;
        }
        if number == first {
            attempt += 1;
        }
    }
    Ticket::Exhausted
}
