// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the XDP program that the daemon embeds; a debug build's can log.

fn main() -> anyhow::Result<()> {
    let debug = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    lb_build::object("lb-ebpf", "lb", if debug { &["log"] } else { &[] })
}
