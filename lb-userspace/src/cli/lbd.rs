// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `lbd`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::observe::log::LogFormat;

const EXAMPLES: &str = "\
Examples:
  lbd config example > /etc/lb/lb.yaml         a file to start from
  lbd validate /etc/lb/lb.yaml                 every problem, with its line and the fix
  lbd run --config /etc/lb/lb.yaml             until SIGTERM; forwarding goes on after that
  kill -HUP $(pidof lbd)                       read the file now (changes are noticed anyway)
  lbd detach                                   stop forwarding and forget all flows

Environment:
  LB_LOG   what is logged: error, warn, info (default), debug, trace, or target=level,...

Exit codes: 0 done, 1 failed, 2 bad arguments or file, 4 missing privilege or system requirement";

/// The load balancer's daemon: makes the kernel forward as a file says, and keeps it so.
#[derive(Debug, Parser)]
#[command(name = "lbd", version, after_help = EXAMPLES)]
pub struct Lbd {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `lbd` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Balance as the file says, until SIGTERM or SIGINT
    Run(Run),
    /// Check a file: prints every problem and exits with 2, or a summary
    Validate(Validate),
    /// Take the program off all interfaces and forget its maps, flows included
    Detach(Place),
    /// Print what describes the file and the metrics
    Config(Config),
}

/// Where a daemon keeps what outlives it.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Tells several daemons on one host apart
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = instance)]
    pub instance: String,
    /// Folder under a bpffs where maps and links are pinned
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf/lb")]
    pub pin_root: PathBuf,
}

/// Arguments of `lbd run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The file that says what is desired (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Where the daemon keeps what outlives it.
    #[command(flatten)]
    pub place: Place,
    /// Folder for what outlives a boot [default: /var/lib/lb/INSTANCE]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Folder for the admin socket and the lock [default: /run/lb/INSTANCE]
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,
    /// What a log line looks like
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Stop forwarding at shutdown, too; without it the kernel goes on
    #[arg(long)]
    pub detach: bool,
}

/// Arguments of `lbd validate`.
#[derive(Args, Clone, Debug)]
pub struct Validate {
    /// The file
    pub file: PathBuf,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ValidateOutput,
}

/// How `lbd validate` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ValidateOutput {
    /// A line a problem
    #[default]
    Text,
    /// An object for programs
    Json,
}

/// Arguments of `lbd config`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Config {
    /// What to print
    #[arg(value_enum)]
    pub what: ConfigPage,
}

/// What `lbd config` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfigPage {
    /// The JSON Schema of the file
    Schema,
    /// Every field of the file, as Markdown
    Reference,
    /// A file to start from
    Example,
    /// Every metric, as Markdown
    Metrics,
}

impl Run {
    /// Folder for what outlives a boot.
    pub fn state_dir(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| PathBuf::from("/var/lib/lb").join(&self.place.instance))
    }

    /// Folder for the admin socket and the lock.
    pub fn run_dir(&self) -> PathBuf {
        self.run_dir.clone().unwrap_or_else(|| run_dir(&self.place.instance))
    }
}

/// The run folder of an instance unless told otherwise.
pub fn run_dir(instance: &str) -> PathBuf {
    PathBuf::from("/run/lb").join(instance)
}

/// An instance's name is part of paths: a short word.
pub fn instance(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 64 letters, digits, `-` or `_`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &str) -> Result<Lbd, clap::Error> {
        Lbd::try_parse_from(arguments.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Lbd::command().debug_assert();
    }

    #[test]
    fn folders_follow_the_instance() {
        let Command::Run(run) = parse("lbd run --config a.yaml --instance blue").unwrap().command else {
            panic!("not run");
        };
        assert_eq!(run.state_dir(), PathBuf::from("/var/lib/lb/blue"));
        assert_eq!(run.run_dir(), PathBuf::from("/run/lb/blue"));
        assert!(!run.detach);
    }

    #[test]
    fn bad_arguments_say_what_is_wrong() {
        let refused = |arguments: &str, expected: &str| {
            let error = parse(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused("lbd run", "--config <FILE>");
        refused("lbd run --config a --instance ../x", "use 1 to 64 letters, digits, `-` or `_`");
        refused("lbd run --config a --log-format xml", "[possible values: text, json]");
        refused("lbd validate", "<FILE>");
        refused("lbd config all", "[possible values: schema, reference, example, metrics]");
        refused("lbd start", "unrecognized subcommand 'start'");
    }
}
