// SPDX-License-Identifier: MIT OR Apache-2.0
//! `BPF_MAP_DELETE_ELEM` of `bpf(2)`.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use aya::Pod;

use super::{Command, call};

/// The part of `union bpf_attr` for one element.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    map: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Deletes the entry with that key; false if there is none. An array of maps knows no other way: the kernel has no batch
/// for it.
pub fn delete_one<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<bool> {
    let key = std::ptr::from_ref(key) as u64;
    let mut attributes = Attributes { map: map.as_raw_fd() as u32, key, ..Attributes::default() };
    match call(Command::DeleteElement, &mut attributes) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}
