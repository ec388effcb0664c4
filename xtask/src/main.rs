// SPDX-License-Identifier: MIT OR Apache-2.0
//! The project's commands, one module each. `cargo xtask` lists them.
//!
//! Exit codes: 0 all held, 1 something failed, 2 wrong use, 4 the system lacks something (said with what to run).
#![forbid(unsafe_code)]

mod bench;
mod build;
mod demo;
mod kernels;
mod setup;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The system lacks something, and this program may not or cannot install it.
const EXIT_SYSTEM: u8 = 4;

/// Commands for working on the load balancer.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Installs what building, testing and the demo need and is not there yet.
    Setup,
    /// Builds lbd and lbctl, optimised, with the XDP program inside.
    Build,
    /// Shows the whole at work in network namespaces (needs root).
    Demo(demo::Options),
    /// Runs every check and test there is (needs root).
    Test(test::Options),
    /// Tries the program on Linux 6.1, emulated, and on the kernel that runs (needs root).
    Kernels(kernels::Options),
    /// Measures.
    Bench(bench::Options),
    /// Checks what compilers do not: layers, file sizes, licence lines, map layouts.
    Tidy(tidy::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Setup => setup::run(),
        Verb::Build => build::run_verb(),
        Verb::Demo(options) => demo::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Kernels(options) => kernels::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Tidy(options) => tidy::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<setup::Missing>() => {
            eprintln!("{error}");
            ExitCode::from(EXIT_SYSTEM)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
