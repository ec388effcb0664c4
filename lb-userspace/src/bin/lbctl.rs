// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lbctl`: asks `lbd` and prints what it says.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use lb_userspace::cli::client::Client;
use lb_userspace::cli::exit::Exit;
use lb_userspace::cli::lbctl::Lbctl;

fn main() -> ExitCode {
    let asked = Lbctl::parse();
    let colour =
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, Exit::Failed),
    };
    match runtime.block_on(asked.run(&Client::new(&asked.socket()), colour)) {
        // A reader that has seen enough, as `head` does, is no failure.
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(&error, Exit::Failed),
            _ => Exit::Done.into(),
        },
        Err(error) => fail(&error, error.exit()),
    }
}

fn fail(error: &dyn std::error::Error, exit: Exit) -> ExitCode {
    eprintln!("lbctl: {error}");
    exit.into()
}
