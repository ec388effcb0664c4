// SPDX-License-Identifier: MIT OR Apache-2.0
//! `lbd validate` and `lbd config`: what they print, and how they end. Pure but for reading the file.

use std::path::Path;

use serde_json::json;

use super::exit::Exit;
use super::lbd::{ConfigPage, ValidateOutput};
use crate::model::{DesiredState, spec};
use crate::observe::metrics::reference;
use crate::source::file::{self, FileError};

/// Checks a file; what to print, and the exit code.
pub fn validate(path: &Path, output: ValidateOutput) -> (String, Exit) {
    let checked = file::load(path);
    let exit = if checked.is_ok() { Exit::Done } else { Exit::BadInput };
    let text = match (&checked, output) {
        (Ok(desired), ValidateOutput::Text) => format!("{} is good: {}\n", path.display(), summary(desired)),
        (Err(error), ValidateOutput::Text) => format!("{error}\n"),
        (_, ValidateOutput::Json) => format!("{:#}\n", report(&checked)),
    };
    (text, exit)
}

fn report(checked: &Result<DesiredState, FileError>) -> serde_json::Value {
    match checked {
        Ok(_) => json!({"valid": true, "problems": []}),
        Err(FileError::Invalid { problems, .. }) => json!({"valid": false, "problems": problems}),
        Err(error) => json!({"valid": false, "problems": [], "error": error.to_string()}),
    }
}

fn summary(desired: &DesiredState) -> String {
    let balancers = &desired.load_balancers;
    let rules: usize = balancers.iter().map(|balancer| balancer.forwarding_rules.len()).sum();
    let instances: usize = balancers.iter().map(|balancer| balancer.instances.len()).sum();
    let interfaces = desired.balancer.interfaces.join(", ");
    format!(
        "{} on {interfaces}, {}, {}",
        count(balancers.len(), "load balancer"),
        count(rules, "forwarding rule"),
        count(instances, "instance")
    )
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A page of `lbd config`.
pub fn page(page: ConfigPage) -> String {
    match page {
        ConfigPage::Schema => format!("{:#}\n", spec::schema()),
        ConfigPage::Reference => spec::reference(),
        ConfigPage::Example => spec::example().to_owned(),
        ConfigPage::Metrics => reference::page(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, output: ValidateOutput) -> (String, Exit) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lb.yaml");
        std::fs::write(&path, content).unwrap();
        let (text, exit) = validate(&path, output);
        (text.replace(&folder.path().display().to_string(), ""), exit)
    }

    #[test]
    fn the_example_is_good() {
        let (text, exit) = check(spec::example(), ValidateOutput::Text);
        assert!(exit == Exit::Done && text.starts_with("/lb.yaml is good: "), "{text}");
        let (text, _) = check(spec::example(), ValidateOutput::Json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["valid"], true);
    }

    #[test]
    fn every_problem_is_printed() {
        let bad = "version: 2\nbalancer: {interfaces: [], snat_addresses: [x]}\nload_balancers: []\n";
        let (text, exit) = check(bad, ValidateOutput::Text);
        assert!(exit == Exit::BadInput && text.lines().count() >= 3, "{text}");
        assert!(text.lines().all(|line| line.starts_with("/lb.yaml:")), "{text}");
        let (json, _) = check(bad, ValidateOutput::Json);
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(report["problems"].as_array().map(Vec::len), Some(text.lines().count()), "{json}");
    }

    #[test]
    fn a_missing_file_is_bad_input() {
        let (text, exit) = validate(Path::new("/nonexistent/lb.yaml"), ValidateOutput::Text);
        assert!(exit == Exit::BadInput && text.contains("/nonexistent/lb.yaml"), "{text}");
    }
}
