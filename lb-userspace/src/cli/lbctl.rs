// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `lbctl`, and what each command asks `lbd`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::client::{Client, ClientError};
use super::lbd::{instance, run_dir};
use super::render::{self, Output};
use crate::observe::api::{DrainRequest, LogLevel, LogLevelRequest, LogTarget};

const EXAMPLES: &str = "\
Examples:
  lbctl status                                  everything at a glance
  lbctl backends -o json                        for programs
  lbctl flows --backend 10.0.3.11 --limit 20    who is connected to a node
  lbctl plan                                    what lbd would change in the kernel now
  lbctl plan /etc/lb/new.yaml                   what it would change for another file
  lbctl drain web/node-1                        no new flows; open ones may finish until the drain timeout
  lbctl undrain web/node-1
  lbctl reasons                                 why packets were forwarded, answered or dropped
  lbctl log-level debug

Exit codes: 0 done, 1 failed, 2 bad arguments or name, 3 lbd is not reachable";

/// The operator's hand on a running `lbd`.
#[derive(Debug, Parser)]
#[command(name = "lbctl", version, after_help = EXAMPLES)]
pub struct Lbctl {
    /// Which daemon on this host to ask
    #[arg(long, global = true, value_name = "NAME", default_value = "default", value_parser = instance)]
    pub instance: String,
    /// Its admin socket [default: /run/lb/INSTANCE/admin.sock]
    #[arg(long, global = true, value_name = "PATH", env = "LB_SOCKET")]
    pub socket: Option<PathBuf>,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: OutputFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How `lbctl` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// What the daemon answered, for programs
    Json,
}

/// What `lbctl` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the daemon, interfaces, tables, load balancers, backends and reasons
    Status,
    /// List backends, removed ones too for as long as they drain
    Backends,
    /// List flows
    Flows(Flows),
    /// Show what would be changed in the kernel, now or for another file
    Plan {
        /// The other file; nothing is changed
        file: Option<PathBuf>,
    },
    /// Give a backend no new flows; open ones end at the drain timeout
    Drain(Backend),
    /// Give a drained backend new flows again
    Undrain(Backend),
    /// List every reason for a verdict, with its count
    Reasons,
    /// Change how much is logged, until the daemon restarts
    LogLevel {
        /// How much
        #[arg(value_enum)]
        level: LogLevel,
        /// By whom
        #[arg(long, value_enum, default_value = "daemon")]
        target: LogTarget,
    },
}

/// A backend.
#[derive(Args, Debug)]
pub struct Backend {
    /// Such as web/10.0.3.11 or web/node-1, or either without `web/` if only one load balancer has it
    pub backend: String,
}

/// Arguments of `lbctl flows`.
#[derive(Args, Debug)]
pub struct Flows {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Only of this client: ADDRESS or ADDRESS:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<String>,
    /// Only to this VIP
    #[arg(long, value_name = "ADDRESS")]
    pub vip: Option<String>,
    /// Only to this backend
    #[arg(long, value_name = "ADDRESS")]
    pub backend: Option<String>,
    /// Only in this state
    #[arg(long, value_enum)]
    pub state: Option<State>,
}

/// Where a flow is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Opened by the client, not answered
    Unproven,
    /// Answered, not acknowledged
    Answered,
    /// Proven and open
    Established,
    /// One side has sent its FIN
    HalfClosed,
    /// Both have
    TimeWait,
    /// One side has sent a RST
    Reset,
}

impl Lbctl {
    /// The socket to ask.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| run_dir(&self.instance).join("admin.sock"))
    }

    /// Asks, and returns what to print.
    pub async fn run(&self, client: &Client, colour: bool) -> Result<String, ClientError> {
        let output = Output { json: self.output == OutputFormat::Json, colour };
        let drain = |backend: &Backend| DrainRequest { backend: backend.backend.clone() };
        match &self.command {
            Command::Status => Ok(output.of(&client.get("/v1/status").await?, render::status::status)),
            Command::Backends => Ok(output.of(&client.get("/v1/backends").await?, render::backends::list)),
            Command::Flows(flows) => Ok(output.of(&client.get(&flows.path()).await?, render::flows::list)),
            Command::Plan { file: None } => Ok(output.of(&client.get("/v1/plan").await?, render::plan::plan)),
            Command::Plan { file: Some(file) } => {
                let text = std::fs::read_to_string(file)
                    .map_err(|source| ClientError::Read { path: file.clone(), source })?;
                Ok(output.of(&client.post_text("/v1/plan", text).await?, render::plan::plan))
            }
            Command::Drain(backend) => Ok(output
                .of(&client.send("POST", "/v1/drain", &drain(backend)).await?, render::backends::drained)),
            Command::Undrain(backend) => Ok(output.of(
                &client.send("POST", "/v1/undrain", &drain(backend)).await?,
                render::backends::undrained,
            )),
            Command::Reasons => {
                Ok(output.of(client.get::<Vec<_>>("/v1/reasons").await?.as_slice(), render::reasons::list))
            }
            Command::LogLevel { level, target } => {
                let request = LogLevelRequest { level: *level, target: *target };
                Ok(output.of(&client.send("PUT", "/v1/log-level", &request).await?, render::log_level))
            }
        }
    }
}

impl Flows {
    /// The request: addresses hold nothing that a query must escape but what [`escape`] does.
    fn path(&self) -> String {
        let state =
            self.state.and_then(|state| state.to_possible_value()).map(|value| value.get_name().to_owned());
        let filters =
            [("client", &self.client), ("vip", &self.vip), ("backend", &self.backend), ("state", &state)];
        let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        filters.fold(format!("/v1/flows?limit={}", self.limit), |path, (name, value)| {
            format!("{path}&{name}={}", escape(value))
        })
    }
}

/// Escapes what may not stand in a query.
fn escape(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &str) -> Result<Lbctl, clap::Error> {
        Lbctl::try_parse_from(arguments.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Lbctl::command().debug_assert();
    }

    #[test]
    fn the_socket_follows_the_instance() {
        assert_eq!(parse("lbctl --socket a.sock status").unwrap().socket(), PathBuf::from("a.sock"));
        let blue = parse("lbctl status --instance blue").unwrap();
        assert!(blue.socket.is_some() || blue.socket().ends_with("blue/admin.sock"));
    }

    #[test]
    fn filters_become_a_query() {
        let asked = parse("lbctl flows --vip [2001:db8::10]:80 --state half-closed --limit 5").unwrap();
        let Command::Flows(flows) = asked.command else { panic!("not flows") };
        assert_eq!(flows.path(), "/v1/flows?limit=5&vip=%5B2001%3Adb8%3A%3A10%5D%3A80&state=half-closed");
    }

    #[test]
    fn bad_arguments_say_what_is_wrong() {
        let refused = |arguments: &str, expected: &str| {
            let error = parse(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments}");
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused("lbctl drain", "<BACKEND>");
        refused("lbctl flows --state open", "[possible values: unproven, answered, established,");
        refused("lbctl flows --limit many", "invalid value 'many'");
        refused("lbctl log-level loud", "[possible values: off, error, warn, info, debug, trace]");
        refused("lbctl -o yaml status", "[possible values: table, json]");
    }
}
