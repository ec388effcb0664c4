// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that one core forwards, ours beside nftables. The kernel makes the frames as if they came in by the front
//! interface (live frames of `BPF_PROG_TEST_RUN`), and a program beyond the back interface counts them.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aya::maps::Array;
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramFd, TestRun as _, TestRunAttrs, TestRunOptions, loaded_programs};
use lb_benches::cpu::stay_here;
use lb_benches::frames::{self, FRAME};
use lb_benches::programs::Programs;
use lb_benches::row::{Row, median};
use lb_tests::config::UDP_PORT;
use lb_tests::lab::{CLIENT4, FRONT, Lab, UPLINK, VIP4};
use lb_tests::load::datagram_from;
use lb_tests::raw_xdp;
use lb_tests::servers::PORT;
use lb_tests::wait::{PATIENCE, until};

use crate::contender::{Contender, Running};

/// How often each is measured; the median counts.
const ROUNDS: usize = 5;
/// Packets in one measurement: so many that making the first and freeing the last does not count.
const PACKETS: u32 = 2_000_000;
/// Packets before it, so that caches are warm.
const WARM_UP: u32 = 20_000;
/// Packets that the kernel makes at a time, as many as a driver handles in one poll.
const BATCH: u32 = 64;
/// The port of the client.
const CLIENT_PORT: u16 = 40_000;

/// Measures both in turn.
pub fn row(lab: &Lab) -> Result<Row> {
    let mut course = Course::new(lab)?;
    let (mut ours, mut nftables) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        for (contender, rates) in [(Contender::Ours, &mut ours), (Contender::Nftables, &mut nftables)] {
            eprintln!("packets, round {round} of {ROUNDS}: {}", contender.name());
            let rate = course.rate(contender);
            rates.push(rate.with_context(|| format!("measuring packets of {}", contender.name()))?);
        }
    }
    Ok(Row::beside("packets/nftables".to_owned(), median(&mut ours), "packets/s", median(&mut nftables)))
}

/// The way of a datagram from the front interface to beyond the back interface.
struct Course<'lab> {
    lab: &'lab Lab,
    programs: Programs,
    front: u32,
}

impl<'lab> Course<'lab> {
    /// Puts the sink in the place of the program that is beyond the back interface.
    fn new(lab: &'lab Lab) -> Result<Self> {
        let mut programs = Programs::load()?;
        let front = lab.balancer.interface_index(FRONT)?;
        programs.set_frame(&datagram(lab)?)?;
        let link = FdLink::from(PinnedLink::from_pin(lab.switch_link())?);
        let sink = programs.program_mut("sink")?;
        let _ = sink.attach_to_link(XdpLink::try_from(link)?).context("attaching the sink")?;
        Ok(Self { lab, programs, front })
    }

    /// Packets a second.
    fn rate(&mut self, contender: Contender) -> Result<f64> {
        let running = contender.start(self.lab)?;
        let (target, _front) = match &running {
            Running::Lbd(lbd) => (program_of(&lbd.link(FRONT))?, None),
            // The frames go up the stack.
            _ => (self.programs.handle("empty")?, Some(self.open_front()?)),
        };
        self.programs.set_target(&target)?;
        let _ = datagram_from(self.lab, CLIENT_PORT, SocketAddr::new(VIP4, UDP_PORT))?;
        self.sink(true)?;
        let rate = self.forward(WARM_UP).and_then(|_| self.forward(PACKETS));
        self.sink(false)?;
        rate
    }

    /// An interface without a program has no queue that frames could come from.
    fn open_front(&self) -> Result<OwnedPin> {
        let pin = OwnedPin(self.lab.pins().join("front"));
        // The kernel takes its time to take off a program whose pin has gone.
        until("the front interface to be free", PATIENCE, || {
            raw_xdp::attach(&self.lab.balancer, FRONT, &raw_xdp::pass(), &pin.0)
        })?;
        Ok(pin)
    }

    /// Lets the datagrams end beyond the back interface, or go on to the backend.
    fn sink(&mut self, on: bool) -> Result<()> {
        let backend = self.lab.backends.first().context("a lab without backends")?;
        let IpAddr::V4(address) = backend.address4 else { bail!("{} is not IPv4", backend.address4) };
        let port = u16::from_ne_bytes(PORT.to_be_bytes());
        let wanted = [u32::from_ne_bytes(address.octets()), port.into()];
        let mut sink: Array<_, [u32; 2]> = Array::try_from(self.programs.map_mut("SINK")?)?;
        Ok(sink.set(0, if on { wanted } else { [0; 2] }, 0)?)
    }

    fn sunk(&mut self) -> Result<u64> {
        let sunk: Array<_, u64> = Array::try_from(self.programs.map_mut("SUNK")?)?;
        Ok(sunk.get(&0, 0)?)
    }

    /// Forwards so many packets, makes sure that they arrived, and says how many did a second.
    fn forward(&mut self, packets: u32) -> Result<f64> {
        let before = self.sunk()?;
        let took = self.lab.balancer.enter(|| self.send(packets))??;
        let arrived = self.sunk()? - before;
        ensure!(arrived >= u64::from(packets) * 9 / 10, "only {arrived} of {packets} packets arrived");
        Ok(arrived as f64 / took.as_secs_f64())
    }

    /// All on one CPU: what the stack does with a batch, it does in softirqs at the batch's end.
    fn send(&self, packets: u32) -> Result<Duration> {
        stay_here()?;
        let started = Instant::now();
        let _ = self.programs.program("replay")?.test_run(TestRunOptions {
            data_in: Some(&[0; FRAME]),
            ctx_in: Some(&context(self.front)),
            repeat: packets,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::default()
        })?;
        Ok(started.elapsed())
    }
}

/// A pin that goes with the value.
struct OwnedPin(PathBuf);

impl Drop for OwnedPin {
    fn drop(&mut self) {
        // What cannot be taken away goes with the lab.
        let _ = fs::remove_file(&self.0);
    }
}

/// The program that a pinned link holds on its interface.
fn program_of(pin: &Path) -> Result<ProgramFd> {
    let link = PinnedLink::from_pin(pin).with_context(|| format!("opening {}", pin.display()))?;
    let id = FdLink::from(link).info()?.program_id();
    for program in loaded_programs() {
        let program = program?;
        if program.id() == id {
            return Ok(program.fd()?);
        }
    }
    bail!("{} holds program {id}, which is not loaded", pin.display())
}

/// A datagram of the client as it comes in by the front interface.
fn datagram(lab: &Lab) -> Result<[u8; FRAME]> {
    let from = SocketAddr::new(CLIENT4, CLIENT_PORT);
    let mut frame = frames::udp(from, SocketAddr::new(VIP4, UDP_PORT))?;
    frame[..6].copy_from_slice(&lab.balancer.hardware_address(FRONT)?);
    frame[6..12].copy_from_slice(&lab.client.hardware_address(UPLINK)?);
    Ok(frame)
}

/// The kernel's `xdp_md` of a frame that came in by the first queue of this interface.
fn context(interface: u32) -> [u8; 24] {
    let mut context = [0; 24];
    context[4..8].copy_from_slice(&(FRAME as u32).to_ne_bytes());
    context[12..16].copy_from_slice(&interface.to_ne_bytes());
    context
}
