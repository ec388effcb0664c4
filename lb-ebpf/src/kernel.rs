// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The kernel's helpers that the program calls, each behind a safe function.
#![expect(unsafe_code, reason = "helpers are foreign functions and intrinsics")]

use core::ffi::c_void;
use core::intrinsics::{AtomicOrdering, atomic_or, atomic_xadd};

use aya_ebpf::helpers::generated as helpers;
use lb_common::net::Mac;

/// Jiffies. The verifier inlines this one: it costs nothing.
#[inline(always)]
pub fn jiffies() -> u32 {
    // SAFETY: takes nothing and only reads.
    unsafe { helpers::bpf_jiffies64() as u32 }
}

/// The number of this CPU.
#[inline(always)]
pub fn cpu() -> u32 {
    // SAFETY: takes nothing and only reads.
    unsafe { helpers::bpf_get_smp_processor_id() }
}

/// Seconds on the boot clock, which goes on while the machine is suspended.
#[inline(always)]
pub fn boot_seconds() -> u32 {
    // SAFETY: takes nothing and only reads.
    let nanoseconds = unsafe { helpers::bpf_ktime_get_boot_ns() };
    (nanoseconds / 1_000_000_000) as u32
}

/// Nanoseconds on the monotonic clock.
#[inline(always)]
pub fn nanoseconds() -> u64 {
    // SAFETY: takes nothing and only reads.
    unsafe { helpers::bpf_ktime_get_ns() }
}

/// 32 random bits.
#[inline(always)]
pub fn random() -> u32 {
    // SAFETY: takes nothing.
    unsafe { helpers::bpf_get_prandom_u32() as u32 }
}

/// Sends the frame out by another interface when the program returns what this returns.
#[inline(always)]
pub fn redirect(interface: u32) -> u32 {
    // SAFETY: takes numbers; a bad interface is an error return.
    unsafe { helpers::bpf_redirect(interface, 0) as u32 }
}

/// Bytes of a frame in all its buffers.
pub(crate) fn frame_length(context: *mut c_void) -> u32 {
    // SAFETY: the context is the program's own.
    unsafe { helpers::bpf_xdp_get_buff_len(context.cast()) as u32 }
}

pub(crate) fn adjust_head(context: *mut c_void, delta: i32) -> bool {
    // SAFETY: the context is the program's own.
    unsafe { helpers::bpf_xdp_adjust_head(context.cast(), delta) == 0 }
}

pub(crate) fn adjust_tail(context: *mut c_void, delta: i32) -> bool {
    // SAFETY: the context is the program's own.
    unsafe { helpers::bpf_xdp_adjust_tail(context.cast(), delta) == 0 }
}

/// Question to and answer from the routing table: `struct bpf_fib_lookup` of the kernel's `bpf.h`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Route {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    pub protocol: u8,
    pub source_port: u16,
    pub destination_port: u16,
    /// Bytes of the packet; in the answer that it is too long, the MTU.
    pub total_length: u16,
    /// The interface the packet came in by; in the answer the one to leave by.
    pub interface: u32,
    pub flow_info: u32,
    pub source: [u32; 4],
    /// The destination; in the answer the neighbour to send to.
    pub destination: [u32; 4],
    pub vlan: [u16; 2],
    pub source_mac: Mac,
    pub destination_mac: Mac,
}

const _: () = assert!(size_of::<Route>() == 64);

/// The routing table's answer to a packet that came in: 0 or a `BPF_FIB_LKUP_RET_*`, negative for a bad question.
#[inline(always)]
pub(crate) fn fib_lookup(context: *mut c_void, query: &mut Route) -> i64 {
    // SAFETY: `Route` has the layout and size of the structure that the helper fills.
    unsafe {
        helpers::bpf_fib_lookup(context, core::ptr::from_mut(query).cast(), size_of::<Route>() as i32, 0)
    }
}

/// Sets bits and returns what was there. Not relaxed: LLVM 22 then drops the fetch and returns the operand.
#[inline(always)]
pub(crate) fn fetch_or(value: *mut u32, bits: u32) -> u32 {
    // SAFETY: callers pass a pointer into a map value, valid while the program runs.
    unsafe { atomic_or::<u32, u32, { AtomicOrdering::AcqRel }>(value, bits) }
}

/// Adds one and returns what was there.
#[inline(always)]
pub(crate) fn fetch_increment(value: *mut u64) -> u64 {
    fetch_add(value, 1)
}

/// Adds and returns what was there; see [`fetch_or`] for the ordering.
#[inline(always)]
pub(crate) fn fetch_add(value: *mut u64, addend: u64) -> u64 {
    // SAFETY: callers pass a pointer into a map value, valid while the program runs.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::AcqRel }>(value, addend) }
}

/// Calls `body` with 0, 1, 2 … until it says that it is done, `times` at the most. The verifier walks the body once, not
/// once for each turn (`bpf_loop`, Linux 5.17).
#[inline(always)]
pub fn repeat<F: FnMut(u32) -> Turn>(times: u32, mut body: F) {
    // SAFETY: the callback has the signature that the helper calls, and the closure it is given outlives the call.
    let _ = unsafe {
        helpers::bpf_loop(times, turn::<F> as *mut c_void, core::ptr::from_mut(&mut body).cast::<c_void>(), 0)
    };
}

/// Whether there is another turn; the helper's own numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Turn {
    Next = 0,
    Done = 1,
}

#[inline(never)]
unsafe extern "C" fn turn<F: FnMut(u32) -> Turn>(number: u64, body: *mut c_void) -> u64 {
    // SAFETY: `repeat` passes its closure, which nobody else uses meanwhile.
    let body = unsafe { &mut *body.cast::<F>() };
    body(number as u32) as u64
}
