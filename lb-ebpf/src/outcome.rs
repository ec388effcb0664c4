// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The end of every packet's way: one reason, counted once, and one XDP action.
//!
//! On the way there a verdict may say what is still to be done. Steps hand over to each other like that, rather than by
//! calling: each has the stack to itself, and the verifier walks it once.

use aya_ebpf::bindings::xdp_action;
use lb_common::reason::Reason;

use crate::maps;
use crate::packet::Packet;

/// What happens to the packet and why, or what is to be done next. One word, since a BPF function returns one register.
#[derive(Clone, Copy)]
pub struct Verdict(u32);

const ACTION_SHIFT: u32 = 8;
/// Not an XDP action: the packet is to be sent on by its flow.
const SEND: u32 = 16;
/// Not an XDP action: the packet may open a flow.
const OPEN: u32 = 17;
/// Not an XDP action: the sender is to be told.
const REFUSE: u32 = 18;

impl Verdict {
    /// Leave it to the kernel as it is.
    pub const fn pass(reason: Reason) -> Self {
        Self::with(reason, xdp_action::XDP_PASS)
    }

    /// Drop it.
    pub const fn drop(reason: Reason) -> Self {
        Self::with(reason, xdp_action::XDP_DROP)
    }

    const fn with(reason: Reason, action: u32) -> Self {
        Self((action << ACTION_SHIFT) | reason as u32)
    }

    /// To be done: send the packet on by its flow.
    pub const fn send(reason: Reason) -> Self {
        Self::with(reason, SEND)
    }

    /// To be done: see whether the packet opens a flow.
    pub const fn open() -> Self {
        Self::with(Reason::Inconsistent, OPEN)
    }

    /// To be done: tell the sender that its packet goes nowhere.
    pub const fn refuse(reason: Reason) -> Self {
        Self::with(reason, REFUSE)
    }

    /// True after [`Verdict::send`].
    pub const fn sends(self) -> bool {
        self.action() == SEND
    }

    /// True after [`Verdict::open`].
    pub const fn opens(self) -> bool {
        self.action() == OPEN
    }

    /// True after [`Verdict::refuse`].
    pub const fn refuses(self) -> bool {
        self.action() == REFUSE
    }

    /// The verdict as a global function takes and returns it.
    pub const fn word(self) -> u32 {
        self.0
    }

    /// The inverse of [`Verdict::word`].
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The same reason with another action.
    pub const fn and(self, action: u32) -> Self {
        Self((action << ACTION_SHIFT) | self.reason())
    }

    /// True if that is the reason.
    pub const fn is(self, reason: Reason) -> bool {
        self.reason() == reason as u32
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
