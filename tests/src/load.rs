// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the client does: curl with a new connection a request, datagrams from a new socket each, and wrk.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::command::{finish, run};
use crate::lab::Lab;
use crate::netns::unique;
use crate::process::Process;
use crate::wait::PATIENCE;

/// Who answered how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(pub BTreeMap<String, usize>);

impl Spread {
    /// How often this one answered.
    pub fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// How many answers there were.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Fails unless each of these answered at least `least` times.
    pub fn each_at_least(&self, names: &[&str], least: usize) -> Result<()> {
        let enough = names.iter().all(|name| self.of(name) >= least);
        ensure!(enough, "each of {names:?} should have answered at least {least} times: {self}");
        Ok(())
    }

    /// Adds one answer.
    pub fn count(&mut self, name: &str) {
        *self.0.entry(name.to_owned()).or_default() += 1;
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
        formatter.write_str(&parts.join(", "))
    }
}

/// Makes `count` requests with a new connection each, one after the other; every one must be answered.
pub fn curl(lab: &Lab, to: SocketAddr, count: usize) -> Result<Spread> {
    let url = format!("http://{}/?[1-{count}]", bracketed(to));
    let mut command = lab.client.command("curl");
    command.args(["-sS", "--fail-early", "--max-time", "10", "-H", "Connection: close"]).arg(url);
    let mut spread = Spread::default();
    run(&mut command)?.lines().for_each(|line| spread.count(line));
    ensure!(spread.total() == count, "{count} requests, but {} answers: {spread}", spread.total());
    Ok(spread)
}

/// Makes one request with a new connection and a short patience; says who answered, or curl's exit code.
pub fn curl_once(lab: &Lab, to: SocketAddr) -> Result<Result<String, i32>> {
    let url = format!("http://{to}/");
    let mut command = lab.client.command("curl");
    let output = finish(command.args(["-sS", "--max-time", "3"]).arg(url))?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(if output.status.success() { Ok(answer) } else { Err(output.status.code().unwrap_or(-1)) })
}

/// curl would take the brackets of an IPv6 address for a range once ranges are on.
fn bracketed(address: SocketAddr) -> String {
    address.to_string().replace('[', "\\[").replace(']', "\\]")
}

/// Sends `count` datagrams, each from a socket of its own, and counts who answers. A lost one is sent again: UDP may
/// lose, and the receive queue of a busy machine does.
pub fn datagrams(lab: &Lab, to: SocketAddr, count: usize) -> Result<Spread> {
    lab.client.enter(|| {
        let mut spread = Spread::default();
        for _ in 0..count {
            spread.count(ask(0, to)?.trim());
        }
        Ok(spread)
    })?
}

/// Sends one datagram from this port of the client; says who answered.
pub fn datagram_from(lab: &Lab, port: u16, to: SocketAddr) -> Result<String> {
    lab.client.enter(|| ask(port, to))?
}

fn ask(port: u16, server: SocketAddr) -> Result<String> {
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, port))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut buffer = [0; 256];
    let mut last = None;
    for _ in 0..5 {
        socket.send(b"who?")?;
        match socket.recv(&mut buffer) {
            Ok(length) => return Ok(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(String::new()), Err).with_context(|| format!("no answer from {server} to five datagrams"))
}

/// One request on an open connection, which stays open; says who answered.
pub fn ask_on(mut stream: &TcpStream) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(reader.read_line(&mut line)? > 0, "the connection was closed");
        if let Some(number) = line.trim().strip_prefix("Content-Length: ") {
            length = number.parse()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8_lossy(&body).trim().to_owned())
}

/// How long wrk runs if nobody stops it.
const LOAD_SECONDS: u32 = 600;

/// What wrk says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadResult {
    /// Requests that were answered.
    pub requests: u64,
    /// Connects, reads, writes and waits that failed, and answers other than 2xx and 3xx.
    pub failed: u64,
    /// Requests a second.
    pub rate: f64,
}

/// wrk at work.
#[derive(Debug)]
pub struct Wrk(Process);

impl Wrk {
    /// Starts asking over and over, `connections` at a time, each request over a connection of its own.
    pub fn new_connections(lab: &Lab, to: SocketAddr, connections: u32) -> Result<Self> {
        Self::start(lab, to, connections, &["--header", "Connection: close"])
    }

    /// Starts asking over and over on connections that stay open.
    pub fn kept_connections(lab: &Lab, to: SocketAddr, connections: u32) -> Result<Self> {
        Self::start(lab, to, connections, &[])
    }

    fn start(lab: &Lab, to: SocketAddr, connections: u32, more: &[&str]) -> Result<Self> {
        let mut command = lab.client.command("wrk");
        command.args(["--threads", "1", "--timeout", "15s", "--duration", &format!("{LOAD_SECONDS}s")]);
        command.args(["--connections", &connections.to_string()]).args(more).arg(format!("http://{to}/"));
        Ok(Self(Process::start(&unique(), &mut command, lab.folder())?))
    }

    /// Ends it, and says how it went.
    pub fn stop(mut self) -> Result<LoadResult> {
        self.0.alive()?;
        self.0.signal(Signal::SIGINT)?;
        let status = self.0.wait(PATIENCE)?;
        ensure!(status.success(), "wrk failed: {}", self.0.log());
        parse_wrk(&self.0.log()).with_context(|| format!("not understood of wrk: {}", self.0.log()))
    }
}

impl LoadResult {
    /// Fails unless there was load and none of it failed.
    pub fn flawless(&self) -> Result<()> {
        ensure!(self.requests > 0, "wrk made no request");
        ensure!(self.failed == 0, "{} of {} requests failed", self.failed, self.requests);
        Ok(())
    }
}

fn parse_wrk(text: &str) -> Option<LoadResult> {
    let field = |prefix: &str| text.lines().find_map(|line| line.trim().strip_prefix(prefix));
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0.parse().ok()?;
    let rate = field("Requests/sec:")?.trim().parse().ok()?;
    let errors = field("Socket errors: ").unwrap_or_default();
    let errors =
        errors.split(", ").filter_map(|part| part.split_once(' ')?.1.parse::<u64>().ok()).sum::<u64>();
    let refused = field("Non-2xx or 3xx responses: ").map_or(Some(0), |count| count.trim().parse().ok())?;
    Some(LoadResult { requests, failed: errors + refused, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wrk_says() {
        let text = "Running 1s test @ http://198.18.0.1/\n  1 threads and 8 connections\n  6309 requests in 1.10s, \
                    1.02MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: \
                    4\nRequests/sec:   5735.40\nTransfer/sec:      0.93MB\n";
        assert_eq!(parse_wrk(text), Some(LoadResult { requests: 6309, failed: 10, rate: 5735.4 }));
        assert_eq!(parse_wrk("unable to connect"), None);
    }
}
