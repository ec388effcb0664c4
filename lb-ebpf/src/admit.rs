// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether a packet of no flow may open one: if it is for a service, makes sense, and is admitted by the firewall rules of
//! the service, then by the rate limits of its source and of the service. All of that is off where the service does not say so, and none of it is asked of a flow that exists.
//!
//! Who is not admitted is told nothing. The address may be somebody else's, and an answer to each packet of a flood would
//! be a flood too.

use lb_common::abi::{FlowKey, OPEN, ServiceEntry, ServiceKey, SourceKey};
use lb_common::net::PROTOCOL_TCP;
use lb_common::rate::{self, Take};
use lb_common::reason::Reason;
use lb_common::tcp::{self, RST};

use crate::kernel;
use crate::maps::{self, Family, Tokens};
use crate::outcome::Verdict;
use crate::parse::Parsed;

/// Decides whether a packet of no flow opens one; leaves alone what is for none of our services.
#[inline(always)]
pub fn decide<A: Family>(parsed: &Parsed<A>) -> Verdict {
    let key = &parsed.key;
    let Some(service) = maps::service(&frontend(key)) else { return Verdict::pass(Reason::NotOurs) };
    if key.protocol == PROTOCOL_TCP && !tcp::opens(parsed.flags) {
        if parsed.flags & RST != 0 {
            return Verdict::drop(Reason::StrayReset);
        }
        return Verdict::refuse(Reason::NoFlow);
    }
    if key.source.martian() || maps::is_vip(&key.source) {
        return Verdict::drop(Reason::Martian);
    }
    if let Some(reason) = refusal(key, &service) {
        return Verdict::drop(reason);
    }
    if parsed.ttl <= 1 {
        return Verdict::refuse(Reason::TtlExceeded);
    }
    Verdict::open()
}

/// The service that a tuple is for.
#[inline(always)]
pub fn frontend<A: Family>(key: &FlowKey<A>) -> ServiceKey<A> {
    ServiceKey { address: key.destination, port: key.destination_port, protocol: key.protocol, pad: 0 }
}

/// Why a flow must not be opened, if so.
#[inline(always)]
fn refusal<A: Family>(key: &FlowKey<A>, service: &ServiceEntry) -> Option<Reason> {
    if service.firewall != OPEN && !maps::admits(service.firewall, key.source) {
        return Some(Reason::Firewalled);
    }
    if service.new_flows_per_source != 0 {
        let source = SourceKey { service: service.index, address: key.source };
        if !may(maps::source_tokens(&source), service.new_flows_per_source) {
            return Some(Reason::RateLimitedSource);
        }
    }
    if service.new_flows != 0 && !may(maps::service_tokens(service.index), service.new_flows) {
        return Some(Reason::RateLimitedService);
    }
    None
}

/// Takes a token; true without a bucket, which there is no room for then.
#[inline(always)]
fn may(tokens: Option<Tokens>, limit: u32) -> bool {
    let Some(tokens) = tokens else { return true };
    match rate::take(tokens.full_at(), kernel::nanoseconds(), limit) {
        Take::Refuse => return false,
        Take::Set(moment) => tokens.set(moment),
        Take::Add(token) => tokens.add(token),
    }
    true
}
