// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether a new flow is admitted: by the firewall rules of its service, then by the rate limits of its source and of the
//! service. All of that is off where the service does not say so, and none of it is asked of a flow that exists.
//!
//! Who is not admitted is told nothing. The address may be somebody else's, and an answer to each packet of a flood would
//! be a flood too.

use lb_common::abi::{FlowKey, OPEN, ServiceEntry, SourceKey};
use lb_common::rate::{self, Take};
use lb_common::reason::Reason;

use crate::kernel;
use crate::maps::{self, Family, Tokens};

/// Why a flow must not be opened, if so.
#[inline(always)]
pub fn refusal<A: Family>(key: &FlowKey<A>, service: &ServiceEntry) -> Option<Reason> {
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
