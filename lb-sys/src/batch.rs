// SPDX-License-Identifier: MIT OR Apache-2.0
//! `BPF_MAP_*_BATCH` of `bpf(2)`.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use aya::Pod;

use super::{Command, call};

/// Entries a call moves: large enough that the call itself does not count, small enough to stay in the cache.
const BATCH: usize = 4096;
/// The largest batch tried when a single bucket of a hash map holds more than fits.
const LARGEST_BATCH: usize = 1 << 20;

/// `struct { … } batch` of `union bpf_attr`.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// Calls `each` with every entry of a hash map or an array.
pub fn for_each<K: Pod, V: Pod>(map: BorrowedFd<'_>, mut each: impl FnMut(&K, &V)) -> io::Result<()> {
    walk::<K, V>(map, 1, |key, values| each(key, &values[0]))
}

/// Calls `each` with every index of a per-CPU array and the values of all CPUs, of which there are `cpus`. The size of
/// `V` is a multiple of 8.
pub fn for_each_per_cpu<V: Pod>(
    map: BorrowedFd<'_>,
    cpus: usize,
    each: impl FnMut(&u32, &[V]),
) -> io::Result<()> {
    const { assert!(size_of::<V>().is_multiple_of(8), "the kernel rounds per-CPU values up to 8 bytes") };
    walk::<u32, V>(map, cpus, each)
}

fn walk<K: Pod, V: Pod>(map: BorrowedFd<'_>, cpus: usize, mut each: impl FnMut(&K, &[V])) -> io::Result<()> {
    let mut batch = BATCH;
    let mut keys: Vec<K> = zeroed(batch);
    let mut values: Vec<V> = zeroed(batch * cpus);
    // Where the walk is: a bucket's number for hash maps, an index for arrays; four bytes for both.
    let mut position: Option<u32> = None;
    loop {
        let mut next = 0_u32;
        let mut attributes = Attributes {
            in_batch: position.as_ref().map_or(0, |position| std::ptr::from_ref(position) as u64),
            out_batch: &raw mut next as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: batch as u32,
            map: map.as_raw_fd() as u32,
            ..Attributes::default()
        };
        let ended = match call(Command::LookupBatch, &mut attributes) {
            Ok(()) => false,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && batch < LARGEST_BATCH => {
                batch *= 4;
                keys = zeroed(batch);
                values = zeroed(batch * cpus);
                continue;
            }
            Err(error) => return Err(error),
        };
        for (key, value) in keys.iter().zip(values.chunks_exact(cpus)).take(attributes.count as usize) {
            each(key, value);
        }
        if ended {
            return Ok(());
        }
        position = Some(next);
    }
}

/// Writes entries; the first that fails ends the call.
///
/// # Panics
///
/// If there is not one value for each key.
pub fn update<K: Pod, V: Pod>(map: BorrowedFd<'_>, keys: &[K], values: &[V]) -> io::Result<()> {
    assert_eq!(keys.len(), values.len(), "a value for each key");
    for (keys, values) in keys.chunks(BATCH).zip(values.chunks(BATCH)) {
        let mut attributes = Attributes {
            keys: keys.as_ptr() as u64,
            values: values.as_ptr() as u64,
            count: keys.len() as u32,
            map: map.as_raw_fd() as u32,
            ..Attributes::default()
        };
        call(Command::UpdateBatch, &mut attributes)?;
    }
    Ok(())
}

/// Deletes the entries with those keys; one that is not there is passed over. Returns how many were there.
pub fn delete<K: Pod>(map: BorrowedFd<'_>, keys: &[K]) -> io::Result<usize> {
    let mut deleted = 0;
    let mut rest = keys;
    while !rest.is_empty() {
        let part = &rest[..rest.len().min(BATCH)];
        let mut attributes = Attributes {
            keys: part.as_ptr() as u64,
            count: part.len() as u32,
            map: map.as_raw_fd() as u32,
            ..Attributes::default()
        };
        let result = call(Command::DeleteBatch, &mut attributes);
        let done = attributes.count as usize;
        deleted += done;
        match result {
            Ok(()) => rest = &rest[part.len()..],
            // The kernel stops at the first key that is not there.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                rest = &rest[(done + 1).min(rest.len())..];
            }
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}

fn zeroed<T: Pod>(count: usize) -> Vec<T> {
    // SAFETY: `Pod` types are valid for every bit pattern, all zeroes too.
    vec![unsafe { std::mem::zeroed::<T>() }; count]
}
