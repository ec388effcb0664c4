// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The end of every packet's way: one reason, counted once, and one XDP action.

use aya_ebpf::bindings::xdp_action;
use lb_common::reason::Reason;

use crate::maps;
use crate::packet::Packet;

/// What happens to the packet and why. One word, since a BPF function returns one register.
#[derive(Clone, Copy)]
pub struct Verdict(u32);

const ACTION_SHIFT: u32 = 8;

impl Verdict {
    /// Leave it to the kernel as it is.
    pub const fn pass(reason: Reason) -> Self {
        Self::with(reason, xdp_action::XDP_PASS)
    }

    /// Drop it.
    pub const fn drop(reason: Reason) -> Self {
        Self::with(reason, xdp_action::XDP_DROP)
    }

    /// Send it back by the interface it came from.
    pub const fn transmit(reason: Reason) -> Self {
        Self::with(reason, xdp_action::XDP_TX)
    }

    /// An action that a helper decided on.
    pub const fn with(reason: Reason, action: u32) -> Self {
        Self((action << ACTION_SHIFT) | reason as u32)
    }

    /// The verdict as a global function returns it.
    pub const fn word(self) -> u32 {
        self.0
    }

    /// The inverse of [`Verdict::word`].
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    const fn reason(self) -> u32 {
        self.0 & 0xff
    }

    const fn action(self) -> u32 {
        self.0 >> ACTION_SHIFT
    }
}

/// Counts the verdict and turns it into the program's return value.
#[inline(always)]
pub fn finish(packet: &Packet, verdict: Verdict) -> u32 {
    maps::count_reason(verdict.reason(), packet.length_at_entry());
    verdict.action()
}
