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
/// Not an XDP action: the packet may be of a flow, and has its ports where the detail says.
const FLOW: u32 = 19;
/// Not an XDP action: the packet is ICMP, which starts where the detail says.
const ICMP: u32 = 20;
/// Not an XDP action: the packet is a later fragment.
const FRAGMENT: u32 = 21;
/// What is still to be done may need another number, of 16 bits.
const DETAIL_SHIFT: u32 = 16;

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

    /// To be done: tell the sender that its packet goes nowhere because it is longer than `mtu` bytes.
    pub const fn refuse_too_big(mtu: u32) -> Self {
        Self::with(Reason::TooBig, REFUSE).and_detail(mtu)
    }

    /// To be done: look for the packet's flow; the detail is [`crate::parse::Place::detail`].
    pub const fn flow(detail: u32) -> Self {
        Self::with(Reason::Inconsistent, FLOW).and_detail(detail)
    }

    /// To be done: look at the ICMP message; the detail is as in [`Verdict::flow`].
    pub const fn icmp(detail: u32) -> Self {
        Self::with(Reason::Inconsistent, ICMP).and_detail(detail)
    }

    /// To be done: look for the first fragment; the detail is as in [`Verdict::flow`].
    pub const fn fragment(detail: u32) -> Self {
        Self::with(Reason::Inconsistent, FRAGMENT).and_detail(detail)
    }

    const fn and_detail(self, detail: u32) -> Self {
        Self(self.0 | (detail & 0xffff) << DETAIL_SHIFT)
    }

    /// The number that goes with what is to be done.
    pub const fn detail(self) -> u32 {
        self.0 >> DETAIL_SHIFT
    }

    /// True after [`Verdict::flow`].
    pub const fn may_be_of_a_flow(self) -> bool {
        self.action() == FLOW
    }

    /// True after [`Verdict::icmp`].
    pub const fn is_icmp(self) -> bool {
        self.action() == ICMP
    }

    /// True after [`Verdict::fragment`].
    pub const fn is_fragment(self) -> bool {
        self.action() == FRAGMENT
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

    /// The same for a packet that must not be answered.
    pub const fn unanswered(self) -> Self {
        if !self.refuses() {
            self
        } else if self.is(Reason::TtlExceeded) {
            Self::drop(Reason::TtlExpired)
        } else {
            Self::drop(Reason::ReplyFailed)
        }
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
        self.0 >> ACTION_SHIFT & 0xff
    }
}

/// Counts the verdict and turns it into the program's return value.
#[inline(always)]
pub fn finish(packet: &Packet, verdict: Verdict) -> u32 {
    maps::count_reason(verdict.reason(), packet.length_at_entry());
    verdict.action()
}
