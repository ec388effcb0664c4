// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! All that is not the usual, in a few steps: a packet whose headers are to be found first; one of a flow that the cache
//! does not have, or for which something is out of the ordinary; one of no flow; one that opens a flow; one that its flow sends on; one
//! whose sender is refused; a later fragment; ICMP. Each step is a global function for each family, so that the verifier walks it once and by
//! itself. A step reads the packet again, which costs a new flow little and the usual packet nothing.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::net::{Addr4, Addr6};
use lb_common::reason::Reason;
use lb_common::tcp::{FIN, RST, SYN};

use crate::maps::{self, Found};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::{Parsed, Place, Readable};
use crate::{admit, cache, egress, established, fragment, icmp, mss, open, reply, survey, unproven};

/// A family whose packets can take the slow path.
pub trait Steps: Readable {
    /// A packet that is not as almost all are.
    fn survey(packet: &Packet, l3: u32) -> Verdict;
    /// A packet of a flow, for which something is out of the ordinary.
    fn flow(packet: &Packet, place: Place) -> Verdict;
    /// A packet of no flow.
    fn admit(packet: &Packet, place: Place) -> Verdict;
    /// A packet that opens a flow.
    fn open(packet: &Packet, place: Place) -> Verdict;
    /// A packet that is sent on by its flow.
    fn send(packet: &Packet, place: Place, verdict: Verdict) -> Verdict;
    /// A packet that goes nowhere.
    fn refuse(packet: &Packet, place: Place, verdict: Verdict) -> Verdict;
    /// A fragment that is not the first.
    fn fragment(packet: &Packet, place: Place) -> Verdict;
    /// An ICMP message.
    fn icmp(packet: &Packet, place: Place) -> Verdict;
}

/// Goes through the steps with a packet whose headers are to be found.
#[inline(always)]
pub fn explore<A: Steps>(packet: &Packet, l3: u32) -> Verdict {
    let verdict = A::survey(packet, l3);
    let place = Place::from_detail(l3, verdict.detail());
    if verdict.may_be_of_a_flow() {
        steer::<A>(packet, place)
    } else if verdict.is_icmp() {
        A::icmp(packet, place)
    } else if verdict.is_fragment() {
        A::fragment(packet, place)
    } else {
        verdict
    }
}

/// Goes through the steps with a packet whose headers are known.
#[inline(always)]
pub fn steer<A: Steps>(packet: &Packet, place: Place) -> Verdict {
    let mut verdict = A::flow(packet, place);
    if verdict.opens() {
        verdict = A::admit(packet, place);
    }
    if verdict.opens() {
        verdict = A::open(packet, place);
    }
    if verdict.sends() {
        verdict = A::send(packet, place, verdict);
    }
    if verdict.refuses() {
        verdict = A::refuse(packet, place, verdict);
    }
    verdict
}

/// Makes a global function of a closure over the packet and numbers.
macro_rules! step {
    ($name:ident, |$packet:ident $(, $number:ident)+| $work:expr) => {
        #[expect(unsafe_code, reason = "a global function has its name in the object")]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $name(context: *mut xdp_md $(, $number: u32)+) -> u32 {
            let $packet = Packet::new(XdpContext::new(context));
            let verdict: Verdict = $work;
            verdict.word()
        }
    };
}

/// Makes the global functions of a family.
macro_rules! steps {
    ($family:ty, $read:path, $survey:ident, $flow:ident, $admit:ident, $open:ident, $send:ident, $refuse:ident, $fragment:ident, $icmp:ident) => {
        step!($survey, |packet, l3| $read(&packet, l3));
        step!($flow, |packet, place| with::<$family>(&packet, place, |parsed| flow(&packet, parsed)));
        step!($admit, |packet, place| with::<$family>(&packet, place, |parsed| admit::decide(parsed)));
        step!($open, |packet, place| with::<$family>(&packet, place, |parsed| open::decide(&packet, parsed)));
        step!($send, |packet, place, word| with::<$family>(&packet, place, |parsed| {
            send(&packet, parsed, Verdict::from_word(word))
        }));
        step!($refuse, |packet, place, word| with::<$family>(&packet, place, |parsed| {
            reply::refuse(&packet, parsed, Verdict::from_word(word))
        }));
        step!($fragment, |packet, place| { fragment::later::<$family>(&packet, Place::from_word(place)) });
        step!($icmp, |packet, place| icmp::decide::<$family>(&packet, Place::from_word(place)));

        impl Steps for $family {
            #[inline(always)]
            fn survey(packet: &Packet, l3: u32) -> Verdict {
                Verdict::from_word($survey(packet.raw_context(), l3))
            }

            #[inline(always)]
            fn flow(packet: &Packet, place: Place) -> Verdict {
                Verdict::from_word($flow(packet.raw_context(), place.word()))
            }

            #[inline(always)]
            fn admit(packet: &Packet, place: Place) -> Verdict {
                Verdict::from_word($admit(packet.raw_context(), place.word()))
            }

            #[inline(always)]
            fn open(packet: &Packet, place: Place) -> Verdict {
                Verdict::from_word($open(packet.raw_context(), place.word()))
            }

            #[inline(always)]
            fn send(packet: &Packet, place: Place, verdict: Verdict) -> Verdict {
                Verdict::from_word($send(packet.raw_context(), place.word(), verdict.word()))
            }

            #[inline(always)]
            fn refuse(packet: &Packet, place: Place, verdict: Verdict) -> Verdict {
                Verdict::from_word($refuse(packet.raw_context(), place.word(), verdict.word()))
            }

            #[inline(always)]
            fn fragment(packet: &Packet, place: Place) -> Verdict {
                Verdict::from_word($fragment(packet.raw_context(), place.word()))
            }

            #[inline(always)]
            fn icmp(packet: &Packet, place: Place) -> Verdict {
                Verdict::from_word($icmp(packet.raw_context(), place.word()))
            }
        }
    };
}

steps!(Addr4, survey::ipv4, survey4, flow4, admit4, open4, send4, refuse4, fragment4, icmp4);
steps!(Addr6, survey::ipv6, survey6, flow6, admit6, open6, send6, refuse6, fragment6, icmp6);

#[inline(always)]
fn with<A: Readable>(packet: &Packet, place: u32, work: impl FnOnce(&Parsed<A>) -> Verdict) -> Verdict {
    match A::at(packet, Place::from_word(place)) {
        Some(parsed) => work(&parsed),
        None => Verdict::drop(Reason::Inconsistent),
    }
}

#[inline(always)]
fn flow<A: Readable>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let (slot, verdict) = match maps::find(&parsed.key) {
        Found::Proven(slot) => (slot, established::decide(parsed, slot)),
        Found::Unproven(slot) => (slot, unproven::decide(packet, parsed, slot)),
        Found::Nowhere => return Verdict::open(),
    };
    if verdict.sends() {
        mss::clamp(packet, parsed, slot);
    }
    verdict
}

#[inline(always)]
fn send<A: Readable>(packet: &Packet, parsed: &Parsed<A>, verdict: Verdict) -> Verdict {
    let epoch = cache::epoch();
    let Some(slot) = maps::flow(&parsed.key) else { return Verdict::drop(Reason::Inconsistent) };
    if verdict.is(Reason::Established) && parsed.flags & (SYN | FIN | RST) == 0 {
        cache::fill(&parsed.key, slot, epoch);
    }
    fragment::remember(packet, parsed);
    egress::send(packet, parsed, slot, verdict)
}
