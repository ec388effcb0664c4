// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's switches that an interface needs: forwarding, for the routing table to answer, and leave to send packets
//! whose source is our own, for those that are handed to the kernel while their neighbour is being resolved.

use std::fs;
use std::path::PathBuf;

/// Sets an interface's switches; what cannot be set is said, since packets may be lost for it.
pub fn prepare(interface: &str) {
    for (family, name, value) in [
        ("ipv4", "forwarding", "1"),
        ("ipv4", "accept_local", "1"),
        ("ipv4", "rp_filter", "0"),
        ("ipv6", "forwarding", "1"),
    ] {
        set(family, interface, name, value);
    }
    // For all interfaces at once: not ours to set, as it turns the host into a router for the others too.
    for (family, name, wanted) in [("ipv4", "rp_filter", "0"), ("ipv6", "forwarding", "1")] {
        let path = path(family, "all", name);
        if fs::read_to_string(&path).is_ok_and(|value| value.trim() != wanted) {
            tracing::warn!(
                switch = format!("net.{family}.conf.all.{name}"),
                wanted,
                "packets handed to the kernel may be dropped; set it by sysctl"
            );
        }
    }
}

fn set(family: &str, interface: &str, name: &str, value: &str) {
    let path = path(family, interface, name);
    if fs::read_to_string(&path).is_ok_and(|current| current.trim() == value) {
        return;
    }
    match fs::write(&path, value) {
        Ok(()) => tracing::info!(switch = format!("net.{family}.conf.{interface}.{name}"), value, "set"),
        // A kernel without that family has nothing to set.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(switch = format!("net.{family}.conf.{interface}.{name}"), value, %error, "cannot be set");
        }
    }
}

fn path(family: &str, interface: &str, name: &str) -> PathBuf {
    ["/proc/sys/net", family, "conf", interface, name].iter().collect()
}
