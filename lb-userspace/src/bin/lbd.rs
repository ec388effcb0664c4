// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lbd`: settings → `App` → run → exit code.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use lb_userspace::app::error::StartError;
use lb_userspace::app::{App, Settings, kernel, service};
use lb_userspace::cli::check;
use lb_userspace::cli::exit::{self, Exit};
use lb_userspace::cli::lbd::{Command, Lbd, Place, Run};
use lb_userspace::datapath::kernel::{KernelDatapath, Options, requirements};
use lb_userspace::observe::log;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const NAME: &str = "lbd";

fn main() -> ExitCode {
    match Lbd::parse().command {
        Command::Run(run) => end(start(run)),
        Command::Detach(place) => end(KernelDatapath::detach(&options(&place)).map_err(StartError::from)),
        Command::Validate(validate) => {
            let (text, exit) = check::validate(&validate.file, validate.output);
            exit::print(NAME, &text, exit)
        }
        Command::Config(config) => exit::print(NAME, &check::page(config.what), Exit::Done),
    }
}

fn options(place: &Place) -> Options {
    Options { pin_root: place.pin_root.clone(), instance: place.instance.clone() }
}

fn end(result: Result<(), StartError>) -> ExitCode {
    match result {
        Ok(()) => Exit::Done.into(),
        Err(error) => exit::fail(NAME, &error, error.exit()),
    }
}

fn start(run: Run) -> Result<(), StartError> {
    let filter = std::env::var(log::VARIABLE).ok();
    let log = log::start(run.log_format, filter.as_deref())?;
    let options = options(&run.place);
    requirements(&options)?;
    let settings = Settings {
        instance: run.place.instance.clone(),
        state_dir: run.state_dir(),
        run_dir: run.run_dir(),
        detach: run.detach,
        config: run.config,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(StartError::Runtime)?;
    let ended = runtime.block_on(async {
        let (reload, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        follow_signals(Arc::clone(&reload), stop.clone())?;
        let app = App::build(settings, log, |balancer| kernel::open(balancer, &options)).await?;
        app.run(reload, stop).await
    });
    // What still blocks, as a read of a dead file system, must not keep the process.
    runtime.shutdown_background();
    ended
}

/// SIGHUP reads the file now; SIGTERM and SIGINT end the daemon in order.
fn follow_signals(reload: Arc<Notify>, stop: CancellationToken) -> Result<(), StartError> {
    let listen = |kind| signal(kind).map_err(StartError::Runtime);
    let mut hangup = listen(SignalKind::hangup())?;
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    service::reloading();
                    reload.notify_one();
                }
                _ = terminate.recv() => return stop.cancel(),
                _ = interrupt.recv() => return stop.cancel(),
            }
        }
    });
    Ok(())
}
