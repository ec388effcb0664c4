// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's data path, as the application takes it.

use std::sync::Arc;

use super::Opened;
use super::error::StartError;
use crate::cli::exit::Exit;
use crate::datapath::kernel::{ErrorClass, KernelDatapath, OpenError, Options, boot_seconds};
use crate::model::Balancer;
use crate::observe::observer::chain;

/// Loads and attaches the program.
pub fn open(balancer: &Balancer, options: &Options) -> Result<Opened, StartError> {
    let datapath = KernelDatapath::open(balancer, options)?;
    let (hops, sweep, serving) = (datapath.clone(), datapath.clone(), datapath.clone());
    let options = options.clone();
    Ok(Opened {
        inspect: Arc::new(datapath.clone()),
        datapath: Box::new(datapath),
        tasks: vec![
            Box::new(|shutdown| Box::pin(hops.run_next_hops(shutdown))),
            Box::new(|shutdown| Box::pin(sweep.run_sweep(shutdown))),
        ],
        serve: Box::new(move |interfaces| serving.serve(interfaces).map_err(|error| chain(&error))),
        detach: Box::new(move || KernelDatapath::detach(&options).map_err(StartError::from)),
        boot_seconds,
    })
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        let exit = match error.class() {
            ErrorClass::Input => Exit::BadInput,
            ErrorClass::Privilege => Exit::Requirement,
            ErrorClass::System => Exit::Failed,
        };
        Self::Datapath { message: chain(&error), exit }
    }
}
