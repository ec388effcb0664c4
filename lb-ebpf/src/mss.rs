// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The MSS clamp: where the path is narrower than the ends know, as behind a tunnel, the segment size that SYN and SYN-ACK
//! announce is lowered to what the service says. It is only ever lowered, and one that is not announced is not added.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::abi::ServiceKey;
use lb_common::checksum;
use lb_common::mss::{self, OPTIONS, OPTIONS_MAX, Step};
use lb_common::net::{Be16, PROTOCOL_TCP};
use lb_common::tcp::SYN;

use crate::egress::Recipe as _;
use crate::kernel::{self, Turn};
use crate::maps::{self, Family, Slot};
use crate::packet::{Packet, Tcp};
use crate::parse::Parsed;

/// No TCP header is longer.
const HEADER_MASK: u32 = 0x3f;

/// Lowers the MSS of a SYN or SYN-ACK of the flow in `slot`, if its service wants that.
#[inline(always)]
pub fn clamp<A: Family>(packet: &Packet, parsed: &Parsed<A>, slot: Slot<A>) {
    if parsed.flags & SYN == 0 {
        return;
    }
    if let Some(service) = maps::service(&frontend(parsed, slot)) {
        clamp_to(packet, parsed, service.mss);
    }
}

/// Lowers the MSS of a SYN or SYN-ACK to `limit`; zero is none.
#[inline(always)]
pub fn clamp_to<A: Family>(packet: &Packet, parsed: &Parsed<A>, limit: u16) {
    // A packet that is at its end is not sent on, but quoted as it came.
    if limit != 0 && parsed.flags & SYN != 0 && parsed.ttl > 1 {
        let _ = lower_mss(packet.raw_context(), parsed.l4, u32::from(limit));
    }
}

/// What the client connects to, as the packet says it or as it will.
#[inline(always)]
fn frontend<A: Family>(parsed: &Parsed<A>, slot: Slot<A>) -> ServiceKey<A> {
    let mut key = ServiceKey { address: A::default(), port: Be16::new(0), protocol: PROTOCOL_TCP, pad: 0 };
    if slot.meta().from_client() {
        parsed.key.destination.put(&mut key.address);
        key.port = parsed.key.destination_port;
    } else {
        let mut ignored = A::default();
        slot.put_addresses(&mut key.address, &mut ignored);
        [key.port, _] = slot.ports();
    }
    key
}

/// [`lower`] as a global function, which the verifier walks once for all who call it.
#[expect(unsafe_code, reason = "a global function has its name in the object")]
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn lower_mss(context: *mut xdp_md, l4: u32, limit: u32) -> u32 {
    lower(&Packet::new(XdpContext::new(context)), l4, limit as u16);
    0
}

/// Lowers the option in the TCP header at `l4` to `limit`.
#[inline(always)]
fn lower(packet: &Packet, l4: u32, limit: u16) {
    let Some(header) = packet.read::<Tcp>(l4 as usize) else { return };
    let end = u32::from(header.length >> 4) * 4;
    let mut at = OPTIONS;
    let mut value = 0;
    // By value what is not changed: references to all of it take more stack.
    let (next, found) = (&mut at, &mut value);
    kernel::repeat(OPTIONS_MAX, move |_| {
        let at = *next;
        if at >= end {
            return Turn::Done;
        }
        let Some([kind, length]) = packet.read::<[u8; 2]>((l4 + at) as usize) else { return Turn::Done };
        match mss::step(kind, length, end - at) {
            Step::Found => *found = at + 2,
            Step::Skip(bytes) => {
                // Not beyond `end`, as `step` has seen; the mask says so to the verifier, which asks for the same bounds
                // after each turn.
                *next = (at + bytes) & HEADER_MASK;
                return Turn::Next;
            }
            Step::End => {}
        }
        Turn::Done
    });
    if value != 0 {
        let _ = write(packet, l4, value, limit, header.checksum);
    }
}

/// Writes the limit at `value` of the header at `l4`, unless less stands there.
#[inline(always)]
fn write(packet: &Packet, l4: u32, value: u32, limit: u16, checksum: Be16) -> bool {
    let at = (l4 + value) as usize;
    let Some(old) = packet.read::<Be16>(at) else { return false };
    if old.host() <= limit {
        return true;
    }
    let new = Be16::new(limit);
    let updated = checksum::apply(checksum, mss::delta(old, new, value & 1 == 1));
    packet.write(at, new) && packet.write(l4 as usize + core::mem::offset_of!(Tcp, checksum), updated)
}
