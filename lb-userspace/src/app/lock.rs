// SPDX-License-Identifier: MIT OR Apache-2.0
//! One daemon an instance: a locked file in the run folder. The lock goes with the process, however it ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::error::StartError;

/// Held for as long as the daemon runs.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `folder`, or says who has it.
    pub fn take(folder: &Path, instance: &str) -> Result<Self, StartError> {
        let path = folder.join("lbd.lock");
        let failed = |source| StartError::Folder { path: folder.to_owned(), source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(StartError::Running { instance: instance.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Makes a folder that only its owner may enter, unless it is there.
pub fn folder(path: &Path) -> Result<(), StartError> {
    let made: io::Result<()> = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Folder { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn a_second_daemon_is_told_about_the_first() {
        let run = tempfile::tempdir().unwrap();
        let lock = Lock::take(run.path(), "blue").unwrap();
        let refused = Lock::take(run.path(), "blue").unwrap_err();
        let expected = format!(
            "another lbd runs as instance `blue` (pid {}); stop it, or choose another name by --instance",
            std::process::id()
        );
        assert_eq!((refused.to_string(), refused.exit()), (expected, Exit::Failed));
        drop(lock);
        Lock::take(run.path(), "blue").unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("file"), "").unwrap();
        let refused = folder(&run.path().join("file/below")).unwrap_err().to_string();
        assert!(refused.contains("file/below: ") && refused.contains("--run-dir"), "{refused}");
    }
}
