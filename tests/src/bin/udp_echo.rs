// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers every datagram with its name: `udp_echo NAME PORT`. What the lab's backends run for UDP.
#![forbid(unsafe_code)]

use std::env;
use std::net::{Ipv6Addr, UdpSocket};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (name, port) = arguments.next().zip(arguments.next()).context("usage: udp_echo NAME PORT")?;
    // One socket serves both families.
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port.parse().context("the port is not a number")?))?;
    println!("{name} listening");
    let mut buffer = [0; 2048];
    loop {
        // An error here is an ICMP message about an earlier answer: that client is gone, others are not.
        if let Ok((_, client)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(format!("{name}\n").as_bytes(), client);
        }
    }
}
