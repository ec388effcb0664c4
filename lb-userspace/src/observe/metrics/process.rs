// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `process_*` metrics of this process, from `/proc/self`. What cannot be read is left out.

use std::fs;

use super::families as family;
use super::samples::Samples;

/// Clock ticks a second in `/proc/self/stat`: the kernel's `USER_HZ`, 100 on every architecture that Rust's Linux
/// targets with BPF know.
const TICKS: f64 = 100.0;

/// Adds what the kernel says of this process.
pub fn put(samples: &mut Samples) {
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
        samples.put(&family::PROCESS_CPU, &[], seconds);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let mut put = |family, name, unit| {
            if let Some(value) = field(&status, name) {
                samples.put(family, &[], value * unit);
            }
        };
        put(&family::PROCESS_RESIDENT, "VmRSS:", 1024.0);
        put(&family::PROCESS_VIRTUAL, "VmSize:", 1024.0);
        put(&family::PROCESS_THREADS, "Threads:", 1.0);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        samples.put(&family::PROCESS_OPEN_FDS, &[], open.count() as f64);
    }
    if let Some(most) =
        fs::read_to_string("/proc/self/limits").ok().and_then(|text| field(&text, "Max open files"))
    {
        samples.put(&family::PROCESS_MAX_FDS, &[], most);
    }
}

/// User and system time: fields 14 and 15, counted behind the name, which may hold spaces and parentheses.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// The first number behind a name at the start of a line.
fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_stat_may_be_anything() {
        let stat = "12 (lb) d (x) S 1 12 12 0 -1 4194560 5 0 0 0 150 50 0 0 20 0 4 0 99 1 2";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("garbage"), None);
    }

    #[test]
    fn fields_are_found_by_name() {
        let status = "Name:\tlbd\nVmSize:\t  2048 kB\nThreads:\t3\n";
        assert_eq!(field(status, "VmSize:"), Some(2048.0));
        assert_eq!(field(status, "VmRSS:"), None);
        assert_eq!(
            field("Max open files            1024                 4096   files\n", "Max open files"),
            Some(1024.0)
        );
    }

    #[test]
    fn this_process_has_them_all() {
        let mut samples = Samples::default();
        put(&mut samples);
        assert_eq!(samples.into_families().len(), 6);
    }
}
