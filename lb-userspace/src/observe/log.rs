// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logs of the process: to stderr, as text or JSON, at a level that can change while it runs.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::api::LogLevel;

/// The variable whose filter, as in `debug` or `lb_userspace::health=trace,info`, holds at start.
pub const VARIABLE: &str = "LB_LOG";

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Changes the level of a running log.
#[derive(Clone, Debug)]
pub struct LogHandle {
    filter: Handle<EnvFilter, Registry>,
}

/// Why logging is not as asked for.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "{VARIABLE}: `{text}` is not a log filter; use a level (error, warn, info, debug, trace) or target=level"
    )]
    Filter {
        /// What was given.
        text: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else logs already, or no longer.
    #[error("the log cannot be changed: {0}")]
    Gone(String),
}

/// Starts logging to stderr for the whole process. `filter` is the value of [`VARIABLE`]; without one, `info`.
pub fn start(format: LogFormat, filter: Option<&str>) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(parse(filter.unwrap_or("info"))?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    registry.try_init().map_err(|error| LogError::Gone(error.to_string()))?;
    Ok(LogHandle { filter: handle })
}

impl LogHandle {
    /// Logs at `level` from now on.
    pub fn set(&self, level: LogLevel) -> Result<(), LogError> {
        let filter = parse(level.name())?;
        self.filter.reload(filter).map_err(|error| LogError::Gone(error.to_string()))
    }
}

fn parse(text: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(text).map_err(|source| LogError::Filter { text: text.to_owned(), source })
}

/// A handle of no log, for tests of what holds one.
#[cfg(test)]
pub(crate) fn detached() -> LogHandle {
    LogHandle { filter: reload::Layer::<EnvFilter, Registry>::new(EnvFilter::default()).1 }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::*;

    #[test]
    fn the_level_changes_while_running() {
        let (filter, handle) = reload::Layer::new(parse("info").unwrap());
        let _scope = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
        let handle = LogHandle { filter: handle };
        let level = || handle.filter.with_current(EnvFilter::max_level_hint).unwrap();
        assert_eq!(level(), Some(LevelFilter::INFO));
        handle.set(LogLevel::Trace).unwrap();
        assert_eq!(level(), Some(LevelFilter::TRACE));
        handle.set(LogLevel::Off).unwrap();
        assert_eq!(level(), Some(LevelFilter::OFF));
    }

    #[test]
    fn a_handle_without_a_log_says_so() {
        let (filter, handle) = reload::Layer::<EnvFilter, Registry>::new(parse("info").unwrap());
        drop(filter);
        let refused = LogHandle { filter: handle }.set(LogLevel::Debug).unwrap_err();
        assert!(refused.to_string().starts_with("the log cannot be changed"), "{refused}");
    }

    #[test]
    fn a_bad_filter_is_named() {
        let refused = parse("lb=loud").unwrap_err().to_string();
        assert!(refused.contains("LB_LOG: `lb=loud` is not a log filter"), "{refused}");
    }
}
