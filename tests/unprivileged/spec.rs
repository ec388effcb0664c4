// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files as operators write them: valid ones validate, and each invalid one gives exactly the messages in the `.txt`
//! beside it. After a message was changed on purpose:
//!
//! ```text
//! LB_RENEW=1 cargo test -p lb-tests --test unprivileged spec
//! ```

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use lb_userspace::source::file::load;

/// The `.yaml` files in a folder of fixtures, by name.
fn fixtures(folder: &str) -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/spec").join(folder);
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut files: Vec<_> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    ensure!(!files.is_empty(), "{} has no fixtures", folder.display());
    Ok(files)
}

/// What `lbd` says about a file, with its name in the place of the whole path.
fn messages(file: &Path) -> Result<String> {
    let folder = file.parent().context("a fixture has a folder")?;
    let error = load(file).err().with_context(|| format!("{} validates", file.display()))?;
    Ok(format!("{error}\n").replace(&format!("{}/", folder.display()), ""))
}

#[test]
fn valid_files_validate() -> Result<()> {
    for file in fixtures("valid")? {
        load(&file)?;
    }
    Ok(())
}

#[test]
fn invalid_files_get_exactly_their_messages() -> Result<()> {
    let mut stale = Vec::new();
    for file in fixtures("invalid")? {
        let found = messages(&file)?;
        let golden = file.with_extension("txt");
        if env::var_os("LB_RENEW").is_some() {
            fs::write(&golden, &found)?;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            stale.push(format!("{}\nexpected:\n{expected}found:\n{found}", file.display()));
        }
    }
    ensure!(stale.is_empty(), "{}", stale.join("\n"));
    Ok(())
}
