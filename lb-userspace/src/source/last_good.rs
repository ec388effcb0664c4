// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last good file, kept so that a start with a bad or unreachable one still balances.

use std::fs;
use std::io;
use std::path::Path;

use super::file::{self, FileError};
use crate::durable;
use crate::model::DesiredState;

/// The file's name in the state folder.
pub const NAME: &str = "last-good.yaml";

/// Keeps `text` in `folder`, which is made if there is none. After a crash either the old or the new text is there.
pub fn save(folder: &Path, text: &str) -> io::Result<()> {
    save_as(folder, NAME, text)
}

/// The same for a text of another source.
pub(super) fn save_as(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let target = folder.join(name);
    if fs::read(&target).is_ok_and(|kept| kept == text.as_bytes()) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    durable::write(&target, text.as_bytes())
}

/// What was kept in `folder`; none if nothing ever was.
pub fn load(folder: &Path) -> Result<Option<DesiredState>, FileError> {
    match file::load(&folder.join(NAME)) {
        Ok(state) => Ok(Some(state)),
        Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec;

    #[test]
    fn what_is_kept_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("lb/default");
        assert_eq!(load(&state).unwrap(), None);
        save(&state, "version: 1").unwrap();
        assert!(load(&state).is_err());
        save(&state, spec::example()).unwrap();
        save(&state, spec::example()).unwrap();
        assert_eq!(load(&state).unwrap(), file::parse(spec::example()).ok());
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }
}
