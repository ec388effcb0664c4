// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The frame: the only pointer arithmetic of the program. Reads and writes are by whole headers at an offset, checked
//! against the end of the frame, as the verifier wants each of them to be.
#![expect(unsafe_code, reason = "the frame is raw memory; every access is checked here")]

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::net::{Be16, Mac};

use crate::kernel;

/// Every header starts and ends below: two VLAN tags, the longest IPv4 header, what an ICMP error quotes. The verifier
/// learns from the mask that an offset is bounded.
const OFFSET_MASK: usize = 0xff;

/// A received frame.
pub struct Packet {
    context: XdpContext,
    length: u32,
}

/// Ethernet's header, followed by up to two [`Vlan`] tags.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ethernet {
    pub destination: Mac,
    pub source: Mac,
    pub ethertype: Be16,
}

/// What follows the EtherType of a tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vlan {
    pub control: Be16,
    pub ethertype: Be16,
}

/// IPv4's header without options (RFC 791).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ipv4 {
    pub version_and_length: u8,
    pub service: u8,
    pub total_length: Be16,
    pub identification: Be16,
    pub fragment: Be16,
    pub ttl: u8,
    pub protocol: u8,
    pub checksum: Be16,
    pub source: [u32; 1],
    pub destination: [u32; 1],
}

/// IPv6's header (RFC 8200).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ipv6 {
    pub version_and_class: [u8; 4],
    pub payload_length: Be16,
    pub next_header: u8,
    pub hop_limit: u8,
    pub source: [u32; 4],
    pub destination: [u32; 4],
}

/// IPv6's fragment header; the others start alike, with what comes next and their length (RFC 8200 section 4.5).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Fragment6 {
    pub next: u8,
    /// Of other headers; in units that depend on them.
    pub length: u8,
    pub offset_and_more: Be16,
    pub identification: u32,
}

/// TCP's header without options (RFC 9293).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tcp {
    pub source: Be16,
    pub destination: Be16,
    pub sequence: [u8; 4],
    pub acknowledgement: [u8; 4],
    /// In the upper four bits, in words.
    pub length: u8,
    pub flags: u8,
    pub window: Be16,
    pub checksum: Be16,
    pub urgent: Be16,
}

/// UDP's header (RFC 768).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Udp {
    pub source: Be16,
    pub destination: Be16,
    pub length: Be16,
    pub checksum: Be16,
}

/// The first eight bytes of an ICMP error (RFC 792, RFC 4443).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Icmp {
    pub kind: u8,
    pub code: u8,
    pub checksum: Be16,
    pub rest: [u16; 2],
}

impl Packet {
    /// Takes the frame that the program was called for.
    #[inline(always)]
    pub fn new(context: XdpContext) -> Self {
        let length = (context.data_end() - context.data()) as u32;
        Self { context, length }
    }

    /// Bytes of the frame's linear part, before anything was changed.
    #[inline(always)]
    pub fn length_at_entry(&self) -> u32 {
        self.length
    }

    /// Bytes of the frame, with what is not in its linear part.
    #[inline(always)]
    pub fn whole_length(&self) -> u32 {
        kernel::frame_length(self.context.as_ptr())
    }

    /// The interface that the frame came in by.
    #[inline(always)]
    pub fn interface(&self) -> u32 {
        self.context.ingress_ifindex() as u32
    }

    /// A copy of the `T` at `offset`, if the frame goes that far.
    #[inline(always)]
    pub fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        // SAFETY: `pointer` has checked that the whole `T` is in the frame. The address may not be aligned for `T`;
        // BPF has no alignment traps on the architectures it is JITed for, and a checked `read_unaligned` compiles to
        // single bytes.
        self.pointer::<T>(offset).map(|pointer| unsafe { *pointer })
    }

    /// Writes a `T` at `offset`; false if the frame does not go that far.
    #[inline(always)]
    #[must_use]
    pub fn write<T: Copy>(&self, offset: usize, value: T) -> bool {
        let Some(pointer) = self.pointer::<T>(offset) else { return false };
        // SAFETY: as in `read`; nobody else holds the frame while the program runs.
        unsafe { *pointer = value };
        true
    }

    /// Moves the start of the frame by `delta` bytes; negative makes room. Offsets change by as much.
    #[inline(always)]
    #[must_use]
    pub fn move_head(&self, delta: i32) -> bool {
        kernel::adjust_head(self.context.as_ptr(), delta)
    }

    /// Makes the frame `length` bytes long; only once, and before [`Packet::move_head`].
    #[inline(always)]
    #[must_use]
    pub fn resize(&self, length: u32) -> bool {
        kernel::adjust_tail(self.context.as_ptr(), length as i32 - self.length as i32)
    }

    /// Asks the routing table; see [`kernel::fib_lookup`].
    #[inline(always)]
    pub fn route(&self, query: &mut kernel::Route) -> i64 {
        query.interface = self.interface();
        kernel::fib_lookup(self.context.as_ptr(), query)
    }

    /// The context, for a global function.
    #[inline(always)]
    pub fn raw_context(&self) -> *mut xdp_md {
        self.context.ctx
    }

    /// The context, for the logger.
    #[cfg(feature = "log")]
    pub fn context(&self) -> &XdpContext {
        &self.context
    }

    /// The bounds are read anew each time. The compiler would else think a place checked because one behind it has been,
    /// which the verifier does not; or carry a bound along in 32 bits, as it is in the context, where the verifier no
    /// longer knows it for a pointer.
    #[inline(always)]
    fn pointer<T>(&self, offset: usize) -> Option<*mut T> {
        // SAFETY: the context is the program's own.
        let (start, end) = unsafe {
            let context = self.context.ctx;
            (
                core::ptr::read_volatile(&raw const (*context).data) as usize,
                core::ptr::read_volatile(&raw const (*context).data_end) as usize,
            )
        };
        let start = start + (offset & OFFSET_MASK);
        if start + size_of::<T>() > end {
            return None;
        }
        Some(start as *mut T)
    }
}
