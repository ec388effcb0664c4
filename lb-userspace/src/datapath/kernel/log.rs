// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries the program's log lines into the daemon's log, in debug builds.

use std::io;

use aya_log::EbpfLogger;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

/// The reading end of the program's log.
pub type Logger = EbpfLogger<Forward>;

/// Takes the reading end, if the program has a log.
pub fn take(program: &mut aya::Ebpf) -> Option<Logger> {
    program.map("AYA_LOGS")?;
    EbpfLogger::init_with_logger(program, Forward)
        .inspect_err(|error| tracing::warn!(%error, "the log of the program in the kernel cannot be read"))
        .ok()
}

/// Carries lines over as they come, until told to stop.
pub async fn run(logger: Logger, shutdown: CancellationToken) {
    if let Err(error) = carry(logger, &shutdown).await {
        tracing::warn!(%error, "the log of the program in the kernel is not read any more");
        shutdown.cancelled().await;
    }
}

async fn carry(logger: Logger, shutdown: &CancellationToken) -> io::Result<()> {
    let mut lines = registered(logger)?;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            ready = lines.readable_mut() => {
                let mut ready = ready?;
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; a logger owns one descriptor that it never changes or closes"
)]
fn registered(logger: Logger) -> io::Result<AsyncFd<Logger>> {
    AsyncFd::with_interest(logger, tokio::io::Interest::READABLE)
}

/// Hands lines over to `tracing`.
#[derive(Debug)]
pub struct Forward;

impl log::Log for Forward {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        tracing::info!(target: "xdp", level = %record.level(), "{}", record.args());
    }

    fn flush(&self) {}
}
