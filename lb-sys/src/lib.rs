// SPDX-License-Identifier: MIT OR Apache-2.0
//! System calls that no library offers: batch operations on BPF maps, deleting from maps of maps, and waiting for the
//! packet path.
//!
//! A batch call moves thousands of entries where aya's iterators make two system calls for each, and it walks a hash map
//! by buckets, so that entries that come and go meanwhile can neither stop the walk nor make it start again.
#![expect(unsafe_code, reason = "this crate is the place for it")]

mod batch;
mod element;

pub use batch::{delete, for_each, for_each_per_cpu, update};
pub use element::delete_one;

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

/// Commands of `bpf(2)`, as the kernel numbers them.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Command {
    DeleteElement = 3,
    LookupBatch = 24,
    UpdateBatch = 26,
    DeleteBatch = 27,
}

/// Calls `bpf(2)` with the part of `union bpf_attr` that the command reads.
fn call<T>(command: Command, attributes: &mut T) -> io::Result<()> {
    // SAFETY: the attributes are those of the command, and what they point to is as large as they say and outlives the
    // call.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as i32, std::ptr::from_mut(attributes), size_of::<T>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
