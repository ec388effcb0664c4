// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things are pinned: `<root>/<instance>/v<ABI>/{maps,links}`. The version is part of the path, so that one
//! version never opens the maps of another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lb_common::abi::ABI_VERSION;

use super::{OpenError, Options};

/// The folders of one instance, which exist.
#[derive(Clone, Debug)]
pub struct Pins {
    version: PathBuf,
}

impl Pins {
    /// Makes the folders, unless another version's are there.
    pub fn prepare(options: &Options) -> Result<Self, OpenError> {
        let instance = options.pin_root.join(&options.instance);
        let ours = format!("v{ABI_VERSION}");
        for found in names(&instance)? {
            if found != ours {
                return Err(OpenError::OtherVersion {
                    path: instance.join(&found),
                    found: found.trim_start_matches('v').to_owned(),
                    ours: ABI_VERSION,
                    instance: options.instance.clone(),
                });
            }
        }
        let pins = Self { version: instance.join(ours) };
        for folder in [pins.maps(), pins.links()] {
            fs::create_dir_all(&folder).map_err(|source| OpenError::Pin { path: folder, source })?;
        }
        Ok(pins)
    }

    /// The folder of maps.
    pub fn maps(&self) -> PathBuf {
        self.version.join("maps")
    }

    /// The folder of links.
    pub fn links(&self) -> PathBuf {
        self.version.join("links")
    }
}

/// True if an instance has something pinned.
pub fn exist(options: &Options) -> bool {
    options.pin_root.join(&options.instance).exists()
}

/// Removes all that an instance has pinned, of whichever version; links go first, so that no packet meets a program
/// without its maps' contents.
pub fn remove(options: &Options) -> Result<(), OpenError> {
    let instance = options.pin_root.join(&options.instance);
    for version in names(&instance)? {
        for folder in ["links", "maps"] {
            let folder = instance.join(&version).join(folder);
            for name in names(&folder)? {
                let pin = folder.join(name);
                fs::remove_file(&pin).map_err(|source| OpenError::Pin { path: pin, source })?;
            }
            remove_folder(&folder)?;
        }
        remove_folder(&instance.join(version))?;
    }
    remove_folder(&instance)
}

fn remove_folder(path: &Path) -> Result<(), OpenError> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OpenError::Pin { path: path.to_path_buf(), source: error })
        }
        _ => Ok(()),
    }
}

/// The names in a folder; none if it does not exist.
pub fn names(folder: &Path) -> Result<Vec<String>, OpenError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|source| OpenError::Pin { path: folder.to_path_buf(), source }),
    }
}
