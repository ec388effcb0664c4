// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries the program's log lines into the daemon's log, in debug builds.

use aya_log::EbpfLogger;

/// The reader's thread; it ends with the daemon.
#[derive(Debug)]
pub struct LogReader {
    _thread: std::thread::JoinHandle<()>,
}

impl LogReader {
    /// Starts reading, if the program has a log.
    pub fn start(program: &mut aya::Ebpf) -> Option<Self> {
        program.map("AYA_LOGS")?;
        let mut logger = EbpfLogger::init_with_logger(program, Forward).ok()?;
        let thread = std::thread::Builder::new().name("ebpf-log".to_owned()).spawn(move || {
            loop {
                logger.flush();
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        });
        Some(Self { _thread: thread.ok()? })
    }
}

struct Forward;

impl log::Log for Forward {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        tracing::info!(target: "xdp", level = %record.level(), "{}", record.args());
    }

    fn flush(&self) {}
}
