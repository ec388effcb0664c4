// SPDX-License-Identifier: MIT OR Apache-2.0
//! Says what happens, in colours where a person looks at a terminal.

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::Result;

/// Tells the story, and remembers whether every step held.
#[derive(Debug)]
pub struct Narrator {
    colours: bool,
    started: Instant,
    held: u32,
    failed: Vec<String>,
}

impl Narrator {
    /// Starts the story.
    pub fn new() -> Self {
        let colours = std::io::stdout().is_terminal();
        Self { colours, started: Instant::now(), held: 0, failed: Vec::new() }
    }

    /// A new chapter.
    pub fn title(&self, text: &str) {
        println!("\n{}", self.paint("1", text));
    }

    /// Something that must hold: what it is, and what was seen.
    pub fn step(&mut self, what: &str, work: impl FnOnce() -> Result<String>) {
        match work() {
            Ok(seen) => {
                self.held += 1;
                println!("  {} {what}: {seen}", self.paint("32", "✓"));
            }
            Err(error) => {
                println!("  {} {what}: {error:#}", self.paint("31", "✗"));
                self.failed.push(what.to_owned());
            }
        }
    }

    /// Ends the story; true if every step held.
    pub fn verdict(&self) -> bool {
        let seconds = self.started.elapsed().as_secs();
        let count = self.held as usize + self.failed.len();
        if self.failed.is_empty() {
            println!("{}", self.paint("32", &format!("all {count} steps held, in {seconds} s")));
        } else {
            let text = format!("{} of {count} steps failed: {}", self.failed.len(), self.failed.join("; "));
            println!("{}", self.paint("31", &text));
        }
        self.failed.is_empty()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
