// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The source address and port towards a backend. A port is reserved by the flow's reverse entry and by nothing else, so
//! there is no second book to keep.

use core::num::NonZeroU32;

use lb_common::hash;
use lb_common::limits::{SNAT_ADDRESSES, SNAT_PROBES};
use lb_common::nat;
use lb_common::net::Be16;

use crate::kernel::{self, Turn};
use crate::maps::{self, Draft, Entered, Family};

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

/// Finds a free source for the flow in `draft`, whose tuple and destination are set, and enters its reverse direction.
/// The client's own port comes first, on each address; then others, up to [`SNAT_PROBES`] in all.
#[inline(always)]
pub fn reserve<A: Family>(draft: &mut Draft<A>) -> Ticket {
    let count = A::snat_count(&maps::control());
    let Some(count) = NonZeroU32::new(count.min(SNAT_ADDRESSES)) else { return Ticket::NoAddress };
    // One client stays with one address as long as ports last.
    let first = hash::reduce(hash::source(draft.near_key.source), count.get());
    let seed = kernel::random();
    let mut ticket = Ticket::Exhausted;
    kernel::repeat(SNAT_PROBES, |probe| {
        let Some(address) = A::snat_address((first + probe) % count) else { return Turn::Next };
        let port = nat::source_port(draft.near_key.source_port.host(), seed, probe / count);
        match attempt(draft, address, Be16::new(port)) {
            Entered::Taken => return Turn::Next,
            Entered::Yes => ticket = Ticket::Reserved,
            Entered::Full => ticket = Ticket::Full,
        }
        Turn::Done
    });
    ticket
}

/// Tries one address and port; what is in `draft` afterwards was entered if it was free.
#[inline(always)]
fn attempt<A: Family>(draft: &mut Draft<A>, address: &[u32; 4], port: Be16) -> Entered {
    A::narrow(*address).put(&mut draft.near.source);
    draft.near.source_port = port;
    draft.near.put_peer(draft.near_key.protocol, &mut draft.far_key);
    if maps::proven(&draft.far_key).is_some() {
        return Entered::Taken;
    }
    nat::complete(&draft.near_key, &mut draft.near);
    nat::invert(&draft.near_key, &draft.near, &mut draft.far);
    maps::enter_unproven(&draft.far_key, &draft.far)
}
