// SPDX-License-Identifier: MIT OR Apache-2.0
//! A change of the map layouts must raise `ABI_VERSION`: maps are pinned under it, and a daemon that found another
//! layout under its own version would read nonsense. `lb-common/abi.hash` remembers which layouts a version has.

use std::fs;

use anyhow::{Context, Result, bail};

use super::{Finding, Source};
use crate::shell::root;

const FOLDER: &str = "lb-common/src/abi/";
const RECORD: &str = "lb-common/abi.hash";
const VERSION: &str = "pub const ABI_VERSION: u32 = ";

/// A version and the fingerprint of its layouts.
#[derive(Debug, PartialEq, Eq)]
struct Abi {
    version: u32,
    hash: u64,
}

/// Compares what is with what is recorded.
pub fn check(sources: &[Source]) -> Option<Finding> {
    let bless = "run `cargo xtask tidy --bless`";
    match (Abi::of(sources), Abi::recorded(sources)) {
        (None, _) => Some(Finding::error(FOLDER, format!("no line starts with `{VERSION}`"))),
        (Some(_), None) => Some(Finding::error(RECORD, format!("missing; {bless}"))),
        (Some(now), Some(recorded)) if now == recorded => None,
        (Some(now), Some(recorded)) if now.version > recorded.version => {
            Some(Finding::error(RECORD, format!("is of version {}; {bless}", recorded.version)))
        }
        (Some(_), Some(_)) => {
            Some(Finding::error(FOLDER, format!("layouts changed; raise ABI_VERSION, then {bless}")))
        }
    }
}

/// Records what is, if the version allows it.
pub fn bless(sources: &[Source]) -> Result<()> {
    let now = Abi::of(sources).with_context(|| format!("no line in {FOLDER} starts with `{VERSION}`"))?;
    if let Some(recorded) = Abi::recorded(sources)
        && recorded.hash != now.hash
        && recorded.version >= now.version
    {
        bail!("layouts changed since version {}; raise ABI_VERSION first", recorded.version);
    }
    fs::write(root().join(RECORD), format!("{} {:016x}\n", now.version, now.hash)).context(RECORD)
}

impl Abi {
    fn of(sources: &[Source]) -> Option<Self> {
        let mut files: Vec<&Source> =
            sources.iter().filter(|source| source.path.starts_with(FOLDER)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let code = || files.iter().flat_map(|source| source.text.lines()).map(str::trim);
        let version =
            code().find_map(|line| line.strip_prefix(VERSION))?.trim_end_matches(';').parse().ok()?;
        // Comments and blank lines change no layout, nor does the version itself.
        let layout =
            code().filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with(VERSION));
        Some(Self { version, hash: fnv1a(layout.flat_map(|line| line.bytes().chain([b'\n']))) })
    }

    fn recorded(sources: &[Source]) -> Option<Self> {
        let text = &sources.iter().find(|source| source.path == RECORD)?.text;
        let (version, hash) = text.trim().split_once(' ')?;
        Some(Self { version: version.parse().ok()?, hash: u64::from_str_radix(hash, 16).ok()? })
    }
}

/// FNV-1a: the standard library's hashes may differ between its versions.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(layout: &str, record: Option<&str>) -> Vec<Source> {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let mut all = vec![source("lb-common/src/abi/mod.rs", layout)];
        all.extend(record.map(|text| source(RECORD, text)));
        all
    }

    fn record(layout: &str) -> String {
        let abi = Abi::of(&sources(layout, None)).expect("it has a version");
        format!("{} {:016x}\n", abi.version, abi.hash)
    }

    #[test]
    fn comments_may_change() {
        let recorded = record("pub const ABI_VERSION: u32 = 1;\nstruct A { b: u8 }\n");
        let commented = "/// Now.\npub const ABI_VERSION: u32 = 1;\n\n// B.\nstruct A { b: u8 }\n";
        assert_eq!(check(&sources(commented, Some(&recorded))), None);
    }

    #[test]
    fn a_layout_may_change_with_its_version_only() {
        let recorded = record("pub const ABI_VERSION: u32 = 1;\nstruct A { b: u8 }\n");
        let same = check(&sources("pub const ABI_VERSION: u32 = 1;\nstruct A { b: u16 }\n", Some(&recorded)));
        assert!(same.is_some_and(|finding| finding.message.contains("raise ABI_VERSION")));
        let raised =
            check(&sources("pub const ABI_VERSION: u32 = 2;\nstruct A { b: u16 }\n", Some(&recorded)));
        assert!(raised.is_some_and(|finding| finding.message.contains("--bless")));
    }
}
