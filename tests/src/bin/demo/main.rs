// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole at work, step by step, with real clients and servers in network namespaces. `cargo xtask demo` sets up,
//! builds and runs this. Exit code 0 only if every step held.
#![forbid(unsafe_code)]

mod narrator;
mod steps;

use std::process::{ExitCode, exit};
use std::thread;

use anyhow::{Context, Result};
use clap::Parser;
use lb_tests::config::Config;
use lb_tests::netns::PREFIX;
use lb_tests::scene::Scene;
use lb_tests::{leftovers, netns};
use tokio::signal::unix::{SignalKind, signal};

use crate::narrator::Narrator;

/// Shows the load balancer at work.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave the lab up at the end.
    #[arg(long)]
    keep: bool,
    /// Only remove what earlier runs left.
    #[arg(long)]
    clean: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    if arguments.clean {
        leftovers::remove()?;
        println!("removed everything that earlier runs left");
        return Ok(true);
    }
    clean_up_on_signals()?;
    let mut narrator = Narrator::new();
    narrator.title("Setting up: a client, the balancer and three backends in network namespaces");
    let mut scene = Scene::new(Config::all_algorithms)?;
    println!(
        "  nginx and a UDP echo run on b1, b2 and b3; lbd has attached its program and all backends are up",
    );
    steps::play(&mut scene, &mut narrator);
    narrator.title("The counters at the end, as lbctl status prints them");
    println!("{}", scene.lbd.lbctl(&["status"])?);
    let held = narrator.verdict();
    if arguments.keep {
        keep(scene, &narrator);
    }
    Ok(held)
}

/// Ctrl-C and a kill remove everything too, from a thread of their own: the main one may be waiting for a program.
fn clean_up_on_signals() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    drop(guard);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        eprintln!("\ninterrupted, cleaning up");
        if let Err(error) = leftovers::remove_named(&format!("{PREFIX}{}-", std::process::id())) {
            eprintln!("error: {error:#}");
        }
        exit(130);
    });
    Ok(())
}

/// Forgets the guards, and says how to look around.
fn keep(scene: Scene, narrator: &Narrator) {
    let socket = scene.lbd.socket();
    let Scene { lbd, servers, lab, .. } = scene;
    narrator.title("The lab stays up");
    let path = |netns: &netns::Netns| netns.path().display().to_string();
    println!("  as the client:   nsenter --net={} curl http://203.0.113.10/", path(&lab.client));
    println!("  on the balancer: nsenter --net={} ip address", path(&lab.balancer));
    for backend in &lab.backends {
        println!("  on {}:           nsenter --net={} ip address", backend.name, path(&backend.netns));
    }
    println!("  the daemon:      lbctl --socket {} status", socket.display());
    println!("  its file:        {}", lbd.file.display());
    println!("  to remove it:    cargo xtask demo --clean");
    std::mem::forget((lbd, servers, lab));
}
