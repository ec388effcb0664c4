// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the programs that measure.

fn main() -> anyhow::Result<()> {
    lb_build::object("lb-lab-ebpf", "lab", &[])
}
