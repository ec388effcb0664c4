// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attaches the program to interfaces: natively where the driver can, else in the generic way. Links are pinned, so that
//! they outlive the daemon, and a new program takes the place of the old in one step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramError, Xdp, XdpMode};

use super::error::OpenError;
use super::pins::{self, Pins};
use crate::datapath::view::{AttachMode, InterfaceView};

/// The interfaces that are served.
#[derive(Debug)]
pub struct Attachments {
    pins: Pins,
    served: BTreeMap<String, Served>,
}

#[derive(Debug)]
struct Served {
    index: u32,
    view: InterfaceView,
}

impl Attachments {
    /// None served yet.
    pub fn new(pins: Pins) -> Self {
        Self { pins, served: BTreeMap::new() }
    }

    /// Serves exactly these interfaces. One that is attached already, by this daemon or by one before it, gets the
    /// program without a gap.
    pub fn serve(&mut self, names: &[String], program: &mut Xdp) -> Result<Vec<InterfaceView>, OpenError> {
        super::check::interfaces(names)?;
        for name in names {
            self.ensure(name, program)?;
        }
        for pin in pins::names(&self.pins.links())? {
            let (name, _) = pin.rsplit_once('@').unwrap_or((&pin, ""));
            if !names.iter().any(|wanted| wanted == name) {
                remove(&self.pins.links().join(&pin))?;
            }
        }
        self.served.retain(|name, _| names.contains(name));
        Ok(self.views())
    }

    /// Attaches again to interfaces that were made anew; true if there was one.
    pub fn renew(&mut self, program: &mut Xdp) -> Result<bool, OpenError> {
        let anew: Vec<String> = self
            .served
            .iter()
            .filter(|(name, served)| index(name).is_some_and(|index| index != served.index))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &anew {
            super::sysctl::prepare(name);
            self.ensure(name, program)?;
        }
        Ok(!anew.is_empty())
    }

    /// What is served and how.
    pub fn views(&self) -> Vec<InterfaceView> {
        self.served.values().map(|served| served.view.clone()).collect()
    }

    fn ensure(&mut self, name: &str, program: &mut Xdp) -> Result<(), OpenError> {
        let Some(index) = index(name) else {
            return Err(OpenError::MissingInterface { name: name.to_owned() });
        };
        if self.served.get(name).is_some_and(|served| served.index == index) {
            return Ok(());
        }
        for mode in [AttachMode::Native, AttachMode::Generic] {
            let pin = self.pin(name, mode);
            if pin.exists() {
                if replace(&pin, program).is_ok() {
                    self.note(name, index, mode, None);
                    return Ok(());
                }
                // The interface that the link was for is gone.
                remove(&pin)?;
            }
        }
        self.attach(name, index, program)
    }

    fn attach(&mut self, name: &str, index: u32, program: &mut Xdp) -> Result<(), OpenError> {
        match program.attach_to_if_index(index, XdpMode::Driver) {
            Ok(link) => {
                self.keep(name, AttachMode::Native, link, program)?;
                self.note(name, index, AttachMode::Native, None);
                Ok(())
            }
            Err(error) if is_busy(&error) => Err(OpenError::ForeignProgram { name: name.to_owned() }),
            Err(error) => {
                let why = format!("the driver takes no XDP program: {}", chain(&error));
                let link = program.attach_to_if_index(index, XdpMode::Skb).map_err(|source| {
                    if is_busy(&source) {
                        OpenError::ForeignProgram { name: name.to_owned() }
                    } else {
                        OpenError::Attach { name: name.to_owned(), source }
                    }
                })?;
                self.keep(name, AttachMode::Generic, link, program)?;
                tracing::warn!(
                    interface = name,
                    reason = why,
                    "attached in generic mode, which is several times slower"
                );
                self.note(name, index, AttachMode::Generic, Some(why));
                Ok(())
            }
        }
    }

    fn keep(
        &self,
        name: &str,
        mode: AttachMode,
        link: aya::programs::xdp::XdpLinkId,
        program: &mut Xdp,
    ) -> Result<(), OpenError> {
        let attach = |source| OpenError::Attach { name: name.to_owned(), source };
        let link = program.take_link(link).map_err(attach)?;
        let link = FdLink::try_from(link).map_err(|error| attach(as_program_error(error)))?;
        let path = self.pin(name, mode);
        link.pin(&path).map_err(|error| OpenError::Pin { path, source: std::io::Error::other(error) })?;
        Ok(())
    }

    fn note(&mut self, name: &str, index: u32, mode: AttachMode, detail: Option<String>) {
        let view = InterfaceView { name: name.to_owned(), mode, detail };
        self.served.insert(name.to_owned(), Served { index, view });
    }

    fn pin(&self, name: &str, mode: AttachMode) -> PathBuf {
        let mode = match mode {
            AttachMode::Native => "native",
            AttachMode::Generic => "generic",
        };
        self.pins.links().join(format!("{name}@{mode}"))
    }
}

/// Puts the program in the place of the one that a pinned link holds.
fn replace(pin: &Path, program: &mut Xdp) -> Result<(), ProgramError> {
    let link = PinnedLink::from_pin(pin).map_err(as_program_error)?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(as_program_error)?;
    let id = program.attach_to_link(link)?;
    // The pin holds the link; this descriptor is closed.
    drop(program.take_link(id)?);
    Ok(())
}

fn as_program_error(error: impl std::error::Error + Send + Sync + 'static) -> ProgramError {
    ProgramError::IOError(std::io::Error::other(error))
}

fn index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

fn is_busy(error: &ProgramError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(io.raw_os_error(), Some(code) if code == nix::libc::EBUSY || code == nix::libc::EEXIST);
        }
        cause = error.source();
    }
    false
}

fn chain(error: &ProgramError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn remove(pin: &Path) -> Result<(), OpenError> {
    fs::remove_file(pin).map_err(|source| OpenError::Pin { path: pin.to_path_buf(), source })
}
