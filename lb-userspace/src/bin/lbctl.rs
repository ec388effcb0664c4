// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lbctl`: asks `lbd` and prints what it says.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use lb_userspace::cli::client::Client;
use lb_userspace::cli::exit::{self, Exit};
use lb_userspace::cli::lbctl::Lbctl;

const NAME: &str = "lbctl";

fn main() -> ExitCode {
    let asked = Lbctl::parse();
    let colour =
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(NAME, &error, Exit::Failed),
    };
    match runtime.block_on(asked.run(&Client::new(&asked.socket()), colour)) {
        Ok(text) => exit::print(NAME, &text, Exit::Done),
        Err(error) => exit::fail(NAME, &error, error.exit()),
    }
}
