// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of all plays: read from the lines that tests and guest print, shown as one table.
//!
//! ```text
//! kernel 6.1.0            from here on
//! play native             from here on
//! tally: 7 of 8 rows, 41000 verified instructions
//! test result: FAILED. 2 passed; 1 failed; …
//! ended 101               with that exit code
//! ```

use super::{PLAYS, Play};

/// Instructions that the verifier may walk.
const BUDGET: u32 = 100_000;

/// All plays on all kernels.
#[derive(Debug, Default)]
pub struct Report {
    kernel: String,
    played: Vec<Played>,
}

/// One play on one kernel.
#[derive(Debug, Default, PartialEq, Eq)]
struct Played {
    kernel: String,
    mode: String,
    verified: u32,
    rows: Share,
    tests: Share,
    /// The exit code; `None` if it never came to its end.
    ended: Option<i32>,
}

/// How many held of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    passed: u32,
    total: u32,
}

impl Report {
    /// Reads a line; those that say nothing to us are passed over.
    pub fn read(&mut self, line: &str) {
        if let Some(kernel) = line.strip_prefix("kernel ") {
            kernel.clone_into(&mut self.kernel);
        } else if let Some(mode) = line.strip_prefix("play ") {
            let kernel = self.kernel.clone();
            self.played.push(Played { kernel, mode: mode.to_owned(), ..Played::default() });
        } else if let Some(played) = self.played.last_mut() {
            played.read(line);
        }
    }

    /// Whether nothing was played.
    pub fn is_empty(&self) -> bool {
        self.played.is_empty()
    }

    /// Prints the table.
    pub fn print(&self) {
        println!(
            "\n{:<24} {:<9} {:<8} {:>8} {:>9} {:>7}  what ran",
            "kernel", "mode", "program", "verified", "rows", "tests"
        );
        for played in &self.played {
            let Played { kernel, mode, verified, rows, tests, .. } = played;
            let what = played.play().map_or("?", |play| play.what);
            let (rows, tests) = (rows.text(), tests.text());
            println!("{kernel:<24} {mode:<9} {:<8} {verified:>8} {rows:>9} {tests:>7}  {what}", "lb");
        }
        println!("\nverified: instructions that the verifier walked, at most {BUDGET}");
    }

    /// What is not as it should be.
    pub fn wrong(&self) -> Vec<String> {
        self.played
            .iter()
            .flat_map(|played| {
                let place = format!("{}, {}", played.kernel, played.mode);
                played.wrong().into_iter().map(move |what| format!("{place}: {what}"))
            })
            .collect()
    }
}

impl Played {
    fn read(&mut self, line: &str) {
        // The name of the test may stand before it in the line.
        if let Some((_, tally)) = line.split_once("tally: ") {
            if let [passed, "of", total, "rows,", verified, ..] = words(tally)[..] {
                self.rows.add(number(passed), number(total));
                self.verified = self.verified.max(number(verified));
            }
        } else if let Some(result) = line.strip_prefix("test result: ") {
            if let [_, passed, "passed;", failed, "failed;", ..] = words(result)[..] {
                self.tests.add(number(passed), number(passed) + number(failed));
            }
        } else if let Some(code) = line.strip_prefix("ended ") {
            self.ended = code.parse().ok();
        }
    }

    fn play(&self) -> Option<&'static Play> {
        PLAYS.iter().find(|play| play.mode == self.mode)
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.ended {
            None => wrong.push("it did not come to its end".to_owned()),
            Some(0) => {}
            Some(code) => wrong.push(format!("the tests ended with {code}")),
        }
        if self.rows.total == 0 {
            wrong.push("no row was played".to_owned());
        }
        if self.rows.passed < self.rows.total || self.tests.passed < self.tests.total {
            wrong.push(format!("{} rows and {} tests passed", self.rows.text(), self.tests.text()));
        }
        if self.verified == 0 || self.verified > BUDGET {
            wrong.push(format!("{} verified instructions, of at most {BUDGET}", self.verified));
        }
        wrong
    }
}

impl Share {
    fn add(&mut self, passed: u32, total: u32) {
        self.passed += passed;
        self.total += total;
    }

    fn text(self) -> String {
        format!("{}/{}", self.passed, self.total)
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn number(word: &str) -> u32 {
    word.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> Report {
        let mut report = Report::default();
        ["kernel 6.1.0", "play native"].iter().chain(lines).for_each(|line| report.read(line));
        report
    }

    const TALLY: &str = "test a::b ... tally: 7 of 7 rows, 41000 verified instructions";
    const RESULT: &str = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out";

    #[test]
    fn adds_up_what_tests_say() {
        let report =
            report(&[TALLY, "ok", "tally: 1 of 1 rows, 40000 verified instructions", RESULT, "ended 0"]);
        let expected = Played {
            kernel: "6.1.0".to_owned(),
            mode: "native".to_owned(),
            verified: 41_000,
            rows: Share { passed: 8, total: 8 },
            tests: Share { passed: 2, total: 2 },
            ended: Some(0),
        };
        assert_eq!(report.played, [expected]);
        assert_eq!(report.wrong(), [""; 0]);
    }

    #[test]
    fn finds_what_is_wrong() {
        let one = |lines: &[&str]| report(lines).wrong().len();
        assert_eq!(one(&[TALLY, RESULT]), 1, "no end");
        assert_eq!(one(&[TALLY, RESULT, "ended 101"]), 1, "a bad end");
        assert_eq!(one(&["tally: 6 of 7 rows, 1 verified instructions", RESULT, "ended 0"]), 1, "a row");
        assert_eq!(one(&[TALLY, "test result: FAILED. 1 passed; 1 failed; 0", "ended 0"]), 1, "a test");
        assert_eq!(
            one(&["tally: 7 of 7 rows, 100001 verified instructions", RESULT, "ended 0"]),
            1,
            "the budget"
        );
        assert_eq!(one(&["ended 0"]), 2, "no rows of no program");
    }
}
