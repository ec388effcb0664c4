// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What new flows are asked: firewall lists, and the token buckets of rate limits.
#![expect(unsafe_code, reason = "map values are shared memory; accessors copy, or write what is idempotent")]

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::btf_maps::lpm_trie::Key;
use lb_common::abi::{Bucket, FirewallKey, SourceKey, whole};
use lb_common::net::Be32;

use super::{Family, SERVICE_RATES};
use crate::kernel;

/// True if a firewall list has a network that the address is in.
#[inline(always)]
pub fn admits<A: Family>(list: u32, address: A) -> bool {
    A::firewall().get(&Key::new(whole::<A>(), FirewallKey { list: Be32::new(list), address })).is_some()
}

/// A token bucket in place.
#[derive(Clone, Copy)]
pub struct Tokens(*mut Bucket);

impl Tokens {
    /// When the bucket is full.
    #[inline(always)]
    pub fn full_at(self) -> u64 {
        // SAFETY: a pointer that a look-up gave is valid while the program runs.
        unsafe { (*self.0).full_at }
    }

    /// Lets it be full at that moment.
    #[inline(always)]
    pub fn set(self, moment: u64) {
        // SAFETY: as in `full_at`; of writes at the same time one counts, a token or two are lost.
        unsafe { (*self.0).full_at = moment };
    }

    /// Puts the moment off.
    #[inline(always)]
    pub fn add(self, nanoseconds: u64) {
        // SAFETY: as in `full_at`; only the field's address is taken.
        let _ = kernel::fetch_add(unsafe { &raw mut (*self.0).full_at }, nanoseconds);
    }
}

/// The bucket of a service.
#[inline(always)]
pub fn service_tokens(service: u32) -> Option<Tokens> {
    SERVICE_RATES.get_ptr_mut(service).map(Tokens)
}

/// The bucket of a source, a full one if it is new.
#[inline(always)]
pub fn source_tokens<A: Family>(key: &SourceKey<A>) -> Option<Tokens> {
    let known = A::source_rates().get_ptr_mut(key);
    if known.is_none() {
        // Another CPU may be faster: then there is one.
        let _ = A::source_rates().insert(key, &Bucket { full_at: 0 }, u64::from(BPF_NOEXIST));
        return A::source_rates().get_ptr_mut(key).map(Tokens);
    }
    known.map(Tokens)
}
