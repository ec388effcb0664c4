// SPDX-License-Identifier: MIT OR Apache-2.0
//! What unit tests share: files in the repository that a program makes.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A path below the repository's root.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Holds the file at `path` to `expected`; with `LB_RENEW=1` in the environment it is written instead.
pub(crate) fn golden(path: &str, expected: &str) {
    let file = repository(path);
    if env::var_os("LB_RENEW").is_some() {
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(&file, expected).expect("the file can be written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == expected, "{path} is not current; run: LB_RENEW=1 cargo test -p lb-userspace --lib");
}
