// SPDX-License-Identifier: MIT OR Apache-2.0
//! System calls that no library offers: batch operations on BPF maps, and waiting for the packet path.
//!
//! A batch call moves thousands of entries where aya's iterators make two system calls for each, and it walks a hash map
//! by buckets, so that entries that come and go meanwhile can neither stop the walk nor make it start again.
#![expect(unsafe_code, reason = "this crate is the place for it")]

mod batch;

pub use batch::{delete, for_each, for_each_per_cpu, update};

use std::io;

/// Waits until every BPF program that was running when it was called has ended (`membarrier(2)`, which for this command
/// is the kernel's `synchronize_rcu`).
pub fn settle() -> io::Result<()> {
    const GLOBAL: libc::c_int = 1;
    // SAFETY: takes two numbers.
    if unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
