// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;
use crate::model::spec;

#[test]
fn the_example_validates() {
    let state = parse(spec::example()).map_err(|problems| format!("{problems:#?}")).unwrap();
    assert_eq!(state.load_balancers.len(), 2);
}

#[test]
fn json_is_yaml() {
    let spec: Spec = yaml::read(spec::example()).value.unwrap();
    let mut json = serde_json::to_value(&spec).unwrap();
    json["load_balancers"].as_array_mut().unwrap().truncate(1);
    let text = format!("{json:#}");
    assert_eq!(parse(&text).unwrap().load_balancers[0], parse(spec::example()).unwrap().load_balancers[0]);
}

#[test]
fn an_error_is_never_an_empty_list() {
    for text in ["", "version: 1", "load_balancers:", "[]", "null", "# only a comment"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_file_that_was_cut_short_is_refused_or_whole_parts_long() {
    let whole = parse(spec::example()).unwrap();
    for (end, _) in spec::example().char_indices() {
        if let Ok(state) = parse(&spec::example()[..end]) {
            assert_eq!(state.balancer, whole.balancer, "cut at {end}");
        }
    }
}

#[test]
fn a_text_that_is_not_utf8_is_refused_with_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"version: 1\nbalancer: \xff").unwrap();
    let message = load(file.path()).unwrap_err().to_string();
    assert!(message.ends_with(":2: this is not UTF-8; save the file as UTF-8"), "{message}");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let problems = parse(&" ".repeat(FILE_SIZE + 1)).unwrap_err();
    assert_eq!(problems, [too_large()]);
}

#[test]
fn a_missing_file_is_named() {
    let message = load(Path::new("/nowhere/lb.yaml")).unwrap_err().to_string();
    assert!(message.starts_with("/nowhere/lb.yaml: cannot be read: No such file"), "{message}");
}

/// Pieces that YAML gives a meaning to, and some of ours.
const PIECES: [&str; 20] = [
    "\n",
    "  ",
    "- ",
    ": ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "*a",
    "&a ",
    "!t ",
    "---\n",
    "\t",
    "\"",
    "'",
    "|\n",
    "version",
    "load_balancers",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_mixture_of_yaml_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        let _ = parse(&pieces.concat());
    }

    #[test]
    fn a_changed_file_is_taken_or_has_problems_on_its_lines(
        at in 0..spec::example().len(),
        length in 0_usize..40,
        piece in prop::sample::select(&PIECES[..]),
    ) {
        let example = spec::example();
        let end = (at + length).min(example.len());
        prop_assume!(example.is_char_boundary(at) && example.is_char_boundary(end));
        let text = format!("{}{piece}{}", &example[..at], &example[end..]);
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            prop_assert!(problems.iter().all(|problem| problem.line.is_some_and(|line| (1..=lines).contains(&line))));
        }
    }
}
