// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Programs that measure another one. A test run leaves the frame as the program left it, so a program that translates
//! would see its own output from the second turn on. [`replay`] writes the frame anew and calls the program under test
//! at its end; what `replay` costs itself is what it costs with [`empty`] at its end.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "the BPF target has atomics on map values as intrinsics only")]
#![expect(
    missing_docs,
    reason = "nothing is public in a program; the attribute macro makes functions that seem to be"
)]

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::btf_maps::{Array, HashMap};
use aya_ebpf::helpers::bpf_tail_call;
use aya_ebpf::macros::{btf_map, map, xdp};
use aya_ebpf::maps::ProgramArray;
use aya_ebpf::programs::XdpContext;
use lb_common::abi::{FlowEntry, FlowKey};
use lb_common::net::Addr4;

/// Words of a frame that are written anew: Ethernet's, IPv6's and TCP's headers, and some more.
const FRAME_WORDS: usize = 12;

/// The program under test.
#[map]
static TARGET: ProgramArray = ProgramArray::with_max_entries(1, 0);
/// How the frame starts.
#[btf_map]
static FRAME: Array<[u64; FRAME_WORDS], 1> = Array::new();
/// How often that was written.
#[btf_map]
static TURN: Array<u32, 1> = Array::new();
/// As large as a table of flows, for [`hash`].
#[btf_map]
static FLOORS: HashMap<FlowKey<Addr4>, FlowEntry<Addr4>, 262_144> = HashMap::new();
/// The IPv4 address and the UDP port, in wire order, of frames that end in [`sink`].
#[btf_map]
static SINK: Array<[u32; 2], 1> = Array::new();
/// How many ended there.
#[btf_map]
static SUNK: Array<u64, 1> = Array::new();

/// Writes the frame anew and calls the program under test.
#[xdp(frags)]
pub fn replay(context: XdpContext) -> u32 {
    play(&context, |_, _| {})
}

/// As [`replay`], with another client for each turn.
#[xdp(frags)]
pub fn vary(context: XdpContext) -> u32 {
    play(&context, set_client)
}

#[inline(always)]
fn play(context: &XdpContext, change: impl FnOnce(*mut u8, u32)) -> u32 {
    let (Some(script), Some(frame)) = (FRAME.get(0), frame(context)) else { return XDP_ABORTED };
    let Some(turn) = TURN.get_ptr_mut(0) else { return XDP_ABORTED };
    // SAFETY: the pointers are checked; there is one run at a time.
    unsafe {
        for (to, from) in (*frame).iter_mut().zip(script) {
            *to = *from;
        }
        change(frame.cast(), *turn);
        // The lock prefix is a barrier: what was written is in the cache before the program under test reads it, which
        // else would wait for each store of another width. A frame that came in by a wire has no such stores.
        let _ = atomic_xadd::<u32, u32, { AtomicOrdering::AcqRel }>(turn, 1);
        let _ = bpf_tail_call(context.as_ptr(), (&raw const TARGET).cast_mut().cast(), 0);
    }
    XDP_ABORTED
}

/// In a frame that carries IPv4 without options: one of 32,768 ports, then the next address.
#[inline(always)]
fn set_client(frame: *mut u8, turn: u32) {
    const SOURCE: usize = 26;
    const SOURCE_PORT: usize = 34;
    // SAFETY: the caller's frame is longer than that.
    unsafe {
        *frame.add(SOURCE + 2).cast::<u16>() = ((turn >> 15) as u16).to_be();
        *frame.add(SOURCE_PORT).cast::<u16>() = (1024 + (turn & 0x7fff) as u16).to_be();
    }
}

/// Does nothing.
#[xdp(frags)]
pub fn empty(_context: XdpContext) -> u32 {
    XDP_PASS
}

/// Sends a frame back, hardware addresses swapped.
#[xdp(frags)]
pub fn tx(context: XdpContext) -> u32 {
    let Some(frame) = frame(&context) else { return XDP_ABORTED };
    // SAFETY: the pointer is checked.
    unsafe {
        let addresses = frame.cast::<[u16; 6]>();
        let [a, b, c, d, e, f] = *addresses;
        *addresses = [d, e, f, a, b, c];
    }
    XDP_TX
}

/// Looks up one key of 16 bytes that is there, with a value of 56 bytes: the least that a flow table costs.
#[xdp(frags)]
pub fn hash(_context: XdpContext) -> u32 {
    let key = FlowKey::default();
    // SAFETY: only one word is read, and nobody writes.
    match unsafe { FLOORS.get(&key) } {
        Some(entry) => entry.meta.state,
        None => XDP_ABORTED,
    }
}

/// Counts and drops the datagrams to one address and port, passes the rest.
#[xdp(frags)]
pub fn sink(context: XdpContext) -> u32 {
    const PROTOCOL: usize = 23;
    const DESTINATION: usize = 30;
    const DESTINATION_PORT: usize = 36;
    const UDP: u8 = 17;
    let (Some(wanted), Some(sunk)) = (SINK.get(0), SUNK.get_ptr_mut(0)) else { return XDP_PASS };
    let Some(frame) = frame(&context) else { return XDP_PASS };
    let frame = frame.cast::<u8>();
    // SAFETY: the pointers are checked; the interface has one queue.
    unsafe {
        let address = *frame.add(DESTINATION).cast::<u32>();
        let port = *frame.add(DESTINATION_PORT).cast::<u16>();
        if *frame.add(PROTOCOL) != UDP || [address, u32::from(port)] != *wanted {
            return XDP_PASS;
        }
        *sunk += 1;
    }
    XDP_DROP
}

/// The frame's first words, if it has them.
#[inline(always)]
fn frame(context: &XdpContext) -> Option<*mut [u64; FRAME_WORDS]> {
    let start = context.data();
    (start + size_of::<[u64; FRAME_WORDS]>() <= context.data_end()).then_some(start as *mut _)
}

/// See the same function of `lb`.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
