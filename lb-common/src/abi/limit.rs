// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limits for new flows: a token bucket for each service, and one for each source that opens flows to it.

use core::mem::size_of;

use crate::net::{Addr4, Addr6};

/// Whose bucket it is in `SOURCE_RATES4` and `SOURCE_RATES6`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey<A> {
    /// The service's index.
    pub service: u32,
    /// The client.
    pub address: A,
}

/// A token bucket, as one word, so that two CPUs cannot tear it; see [`crate::rate`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again, in nanoseconds on the monotonic clock; what is past is full.
    pub full_at: u64,
}

const _: () = {
    assert!(size_of::<SourceKey<Addr4>>() == 8 && size_of::<SourceKey<Addr6>>() == 20);
    assert!(size_of::<Bucket>() == 8);
};
