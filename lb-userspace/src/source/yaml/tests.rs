// SPDX-License-Identifier: MIT OR Apache-2.0
use serde::Deserialize;

use super::*;

/// Every kind of field that a spec has.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Sample {
    name: String,
    port: i64,
    weight: Option<i64>,
    flag: Option<bool>,
    inner: Vec<Inner>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
struct Inner {
    words: Vec<String>,
}

/// The problems of a text, one a line.
fn problems(text: &str) -> Vec<String> {
    read::<Sample>(text).findings.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_right_is_read() {
    let reading = read::<Sample>("name: a\nport: 0x50\nflag: true\ninner: [{words: [b, '1']}]\n");
    assert!(reading.findings.problems.is_empty());
    let words = vec!["b".to_owned(), "1".to_owned()];
    let expected = Sample {
        name: "a".to_owned(),
        port: 80,
        weight: None,
        flag: Some(true),
        inner: vec![Inner { words }],
    };
    assert_eq!(reading.value, Some(expected));
}

#[test]
fn true_and_false_are_not_text() {
    let problems = problems("name: a\nport: 1\nflag: 'true'\ninner: []\n");
    assert_eq!(problems, ["3: flag: must be true or false (true); write one of them, without quotes"]);
}

#[test]
fn every_mistake_is_found_at_once() {
    let text = "name: 5\nprot: 80\nweight: heavy\ninner:\n  - words: b\n  - {}\n  - c\nextra: 1\n";
    let expected = [
        "1: name: must be text (5); put it into quotes: \"5\"",
        "2: prot: is not a field; did you mean port?",
        "3: weight: must be a whole number (heavy); write it in digits, without a unit",
        "5: inner[0].words: must be a list (b); write [a, b], or one item on each line after \"- \"",
        "6: inner[1].words: is missing; add it",
        "7: inner[2]: must be a mapping (c); write its fields as \"name: value\"",
        "8: extra: is not a field; remove it; fields here are name, port, weight, flag and inner",
    ];
    let mut found = problems(text);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_yaml_can_do_beyond_data_is_refused() {
    let rest = "name: a\nport: 1\ninner: []\n";
    let check = |line: &str, expected: &str| assert_eq!(problems(&format!("{rest}{line}")), [expected]);
    check(
        "weight: !w 1",
        "4: weight: has a tag, which is not accepted; remove the tag; put text that looks like a number into quotes",
    );
    check("port: 2", "4: port: is written twice; remove one of them");
    check("? [a]\n: 1", "4: has a key that is not a word; write the name of a field before the colon");
    check("---\n", "4: a second document starts here; keep one, and remove the line ---");
    assert_eq!(
        problems("name: &n a\nport: 1\ninner: *n\n"),
        ["3: inner: is an alias (*), which is not accepted; write the value itself"]
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert!(problems(&deep)[0].contains("is nested too deeply"));
    let deep = (0..200).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    assert!(problems(&deep)[0].contains("is nested too deeply"));
}

#[test]
fn what_is_below_a_placeholder_is_known() {
    let findings = read::<Sample>("name: a\nport: x\ninner: 5\n").findings;
    assert!(findings.stands_in("port") && findings.stands_in("inner[3].words[0]"));
    assert!(!findings.stands_in("name") && !findings.stands_in("por"));
}
