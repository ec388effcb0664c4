// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A packet that opens a flow: it gets a backend, a source port, and two entries.

use lb_common::abi::{FlowMeta, ServiceEntry};
use lb_common::reason::Reason;

use crate::log::log;
use crate::maps::{self, Entered, Family};
use crate::outcome::Verdict;
use crate::packet::Packet;
use crate::parse::Parsed;
use crate::snat::{self, Ticket};
use crate::{admit, kernel, mss, select};

/// Gives a packet that is admitted a flow to be sent on by, or refuses it.
#[inline(always)]
pub fn decide<A: Family>(packet: &Packet, parsed: &Parsed<A>) -> Verdict {
    let key = &parsed.key;
    // It was there a moment ago.
    let Some(service) = maps::service(&admit::frontend(key)) else { return Verdict::pass(Reason::NotOurs) };
    let slot = select::backend(key, &service);
    if slot == select::NONE {
        log!(packet, aya_log_ebpf::macro_support::Level::Warn, "no backend for service {}", service.index);
        return Verdict::refuse(Reason::NoBackend);
    }
    create(packet, parsed, &service, slot)
}

#[inline(always)]
fn create<A: Family>(packet: &Packet, parsed: &Parsed<A>, service: &ServiceEntry, slot: u32) -> Verdict {
    let key = &parsed.key;
    let Some(backend) = maps::backend(slot) else { return Verdict::drop(Reason::Inconsistent) };
    let Some(draft) = A::draft() else { return Verdict::drop(Reason::Inconsistent) };
    draft.near_key = *key;
    draft.near.destination = A::narrow(backend.address);
    draft.near.destination_port = service.backend_port;
    draft.near.meta = FlowMeta {
        service: service.index,
        backend: slot,
        generation: backend.generation,
        idle_timeout: service.idle_timeout,
        last_seen: kernel::boot_seconds(),
        touched: kernel::jiffies(),
        ..FlowMeta::default()
    };
    match snat::reserve(draft) {
        Ticket::Reserved => {}
        Ticket::NoAddress => return Verdict::refuse(Reason::NoSnatAddress),
        Ticket::Exhausted => return Verdict::refuse(Reason::SnatExhausted),
        Ticket::Full => return Verdict::refuse(Reason::TableFull),
    }
    match maps::enter_unproven(&draft.near_key, &draft.near) {
        Entered::Yes => {
            maps::count_opened(slot);
            maps::count_flow(service.index, slot);
        }
        // The same packet on another CPU was faster: its flow is the one that counts.
        Entered::Taken => maps::remove_unproven(&draft.far_key),
        Entered::Full => {
            maps::remove_unproven(&draft.far_key);
            return Verdict::refuse(Reason::TableFull);
        }
    }
    log!(packet, aya_log_ebpf::macro_support::Level::Debug, "new flow to backend {}", slot);
    mss::clamp_to(packet, parsed, service.mss);
    Verdict::send(Reason::NewFlow)
}
