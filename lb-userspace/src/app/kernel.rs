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
    let (hops, sweep, log) = (datapath.clone(), datapath.clone(), datapath.clone());
    let serving = datapath.clone();
    let options = options.clone();
    Ok(Opened {
        inspect: Arc::new(datapath.clone()),
        datapath: Box::new(datapath),
        tasks: vec![
            Box::new(|shutdown| Box::pin(hops.run_next_hops(shutdown))),
            Box::new(|shutdown| Box::pin(sweep.run_sweep(shutdown))),
            Box::new(|shutdown| Box::pin(log.run_log(shutdown))),
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
        Self::Datapath { message: shortened(&chain(&error)), exit }
    }
}

/// Lines of a message that are shown at the start and at the end: the verifier explains itself in a million, and what
/// it objects to comes last.
const SHOWN: usize = 8;

fn shortened(message: &str) -> String {
    let lines: Vec<&str> = message.lines().collect();
    let Some(hidden) = lines.len().checked_sub(2 * SHOWN).filter(|hidden| *hidden > 0) else {
        return message.to_owned();
    };
    let (first, last) = (lines[..SHOWN].join("\n"), lines[SHOWN + hidden..].join("\n"));
    format!("{first}\n… {hidden} lines …\n{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_message_is_left_out() {
        assert_eq!(shortened("a\nb"), "a\nb");
        let long: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let short = shortened(&long.join("\n"));
        assert!(short.starts_with("0\n1\n") && short.ends_with("\n98\n99"), "{short}");
        assert!(short.contains("\n7\n… 84 lines …\n92\n"), "{short}");
    }
}
