// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page `docs/metrics.md`, made from the table of metrics.

use std::fmt::Write;

use super::families::{ALL, Family};

const HEAD: &str = "\
# Metrics

Served by `lbd` at `/metrics`, on the admin socket and at `balancer.admin_address`, in Prometheus' text format. Counters
of packets, bytes and flows are kept by the program in the kernel: they go on while `lbd` restarts.

This page is made from `lb-userspace/src/observe/metrics/families.rs`: after a change there, run
`lbd config metrics > docs/metrics.md`.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
";

/// The page as Markdown.
pub fn page() -> String {
    ALL.iter().fold(HEAD.to_owned(), |mut page, family| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{}", row(family));
        page
    })
}

fn row(family: &Family) -> String {
    let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {} | {} | {} |", family.name, family.kind.name(), labels.join(", "), family.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let current = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            current == page(),
            "docs/metrics.md is out of date: run `lbd config metrics > docs/metrics.md`"
        );
    }
}
