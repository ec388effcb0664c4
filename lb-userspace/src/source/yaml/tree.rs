// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the parser's events to a tree with lines. Refuses what a configuration has no use for and what can hurt:
//! aliases (which can grow without bound), tags, keys that are not scalars, repeated keys, several documents.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::Findings;
use super::scalar::Kind;
use crate::model::path::Path;
use crate::model::problem::Problem;

/// The deepest nesting that is read; the format needs six.
const DEPTH: usize = 32;

/// A value and where it stands.
#[derive(Debug)]
pub(in crate::source) struct Node {
    /// The line, from 1: of the key for what has one.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value as it was written.
#[derive(Debug)]
pub(super) enum Value {
    Scalar {
        text: String,
        kind: Kind,
    },
    List(Vec<Node>),
    Mapping(Vec<(String, Node)>),
    /// It was refused, which is already noted.
    Refused,
}

/// The rest cannot be read.
struct Stop {
    line: usize,
    problem: Problem,
}

/// Reads one document.
pub(super) fn parse(text: &str, findings: &mut Findings) -> Option<Node> {
    let mut builder = Builder { parser: Parser::new_from_str(text), findings };
    match builder.document() {
        Ok(root) => Some(root),
        Err(stop) => {
            builder.findings.note(stop.line, stop.problem);
            None
        }
    }
}

impl Node {
    /// The line of every value by its path.
    pub(in crate::source) fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        self.collect_lines(&Path::ROOT, &mut lines);
        lines
    }

    fn collect_lines(&self, path: &Path<'_>, lines: &mut BTreeMap<String, usize>) {
        lines.insert(path.to_string(), self.line);
        match &self.value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.collect_lines(&path.index(index), lines);
                }
            }
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    value.collect_lines(&path.key(key), lines);
                }
            }
            Value::Scalar { .. } | Value::Refused => {}
        }
    }
}

struct Builder<'t, 'f> {
    parser: Parser<'t, StrInput<'t>>,
    findings: &'f mut Findings,
}

impl<'t> Builder<'t, '_> {
    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, line) => return Err(stop(line, &Path::ROOT, EMPTY)),
                (event, line) => {
                    let root = self.node(event, line, &Path::ROOT, 0)?;
                    self.end()?;
                    return Ok(root);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), line) => return Err(stop(line, &Path::ROOT, SECOND_DOCUMENT)),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, usize), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, 1)),
        }
    }

    fn node(&mut self, event: Event<'t>, line: usize, path: &Path<'_>, depth: usize) -> Result<Node, Stop> {
        if depth == DEPTH {
            return Err(stop(line, path, TOO_DEEP));
        }
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                let kind = if style == ScalarStyle::Plain { Kind::of_plain(&text) } else { Kind::Text };
                self.untagged(tag.as_deref(), line, path, Value::Scalar { text: text.into_owned(), kind })
            }
            Event::SequenceStart(_, tag) => {
                let list = self.list(path, depth)?;
                self.untagged(tag.as_deref(), line, path, list)
            }
            Event::MappingStart(_, tag) => {
                let mapping = self.mapping(path, depth)?;
                self.untagged(tag.as_deref(), line, path, mapping)
            }
            _ => {
                self.findings.replace(line, problem(path, ALIAS));
                Value::Refused
            }
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, path: &Path<'_>, depth: usize) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, line) => items.push(self.node(event, line, &path.index(items.len()), depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, path: &Path<'_>, depth: usize) -> Result<Value, Stop> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut keys = BTreeSet::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Mapping(entries)),
                (Event::Scalar(text, ..), line) => (text.into_owned(), line),
                (_, line) => return Err(stop(line, path, KEY)),
            };
            let (event, value_line) = self.next()?;
            let path = path.key(&key);
            let mut value = self.node(event, value_line, &path, depth + 1)?;
            value.line = line;
            if keys.insert(key.clone()) {
                entries.push((key, value));
            } else {
                self.findings.note(line, problem(&path, REPEATED));
            }
        }
    }

    /// The value, unless it has a tag, which would give it another meaning than it seems to have.
    fn untagged(&mut self, tag: Option<&Tag>, line: usize, path: &Path<'_>, value: Value) -> Value {
        if tag.is_none() {
            return value;
        }
        self.findings.replace(line, problem(path, TAG));
        Value::Refused
    }
}

/// What is wrong, and the fix.
type Words = (&'static str, &'static str);

const EMPTY: Words = ("the file is empty", "start from the output of `lbd config example`");
const SECOND_DOCUMENT: Words = ("a second document starts here", "keep one, and remove the line ---");
const TOO_DEEP: Words =
    ("is nested too deeply", "keep to the fields of the format; see `lbd config reference`");
const ALIAS: Words = ("is an alias (*), which is not accepted", "write the value itself");
const TAG: Words =
    ("has a tag, which is not accepted", "remove the tag; put text that looks like a number into quotes");
const KEY: Words = ("has a key that is not a word", "write the name of a field before the colon");
const REPEATED: Words = ("is written twice", "remove one of them");

fn problem(path: &Path<'_>, (message, fix): Words) -> Problem {
    Problem::at(path, message, fix)
}

fn stop(line: usize, path: &Path<'_>, words: Words) -> Stop {
    Stop { line, problem: problem(path, words) }
}

fn syntax(error: &ScanError) -> Stop {
    let marker = error.marker();
    let message = format!("column {}: this is not YAML: {}", marker.col() + 1, error.info());
    let fix = "check indentation, quotes and brackets here and on the lines before";
    Stop { line: marker.line(), problem: Problem::at(&Path::ROOT, message, fix) }
}
