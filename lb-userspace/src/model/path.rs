// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where in a source a value stands, as `load_balancers[0].vips[1]`.

use std::fmt;

/// A place, made on the stack while walking down; it costs nothing until it is printed.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The whole source; prints as nothing.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };
    /// The balancer itself.
    pub const BALANCER: Path<'static> = Path::ROOT.key("balancer");
    /// The balancer's addresses towards instances.
    pub const SNAT_ADDRESSES: Path<'static> = Path::BALANCER.key("snat_addresses");
    /// What is balanced.
    pub const LOAD_BALANCERS: Path<'static> = Path::ROOT.key("load_balancers");

    /// The field `key` of the mapping at this place.
    pub const fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    /// The item `index` of the list at this place, from zero.
    pub const fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(formatter)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(formatter, "[{index}]"),
            Step::Key(key) if !is_plain(key) => write!(formatter, "[{key:?}]"),
            Step::Key(key) if parent.parent.is_none() => formatter.write_str(key),
            Step::Key(key) => write!(formatter, ".{key}"),
        }
    }
}

/// Whether a key can stand in a path without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_one_would_write_it() {
        let item = Path::LOAD_BALANCERS.index(0);
        assert_eq!(Path::ROOT.to_string(), "");
        assert_eq!(Path::LOAD_BALANCERS.to_string(), "load_balancers");
        assert_eq!(Path::SNAT_ADDRESSES.to_string(), "balancer.snat_addresses");
        assert_eq!(item.key("vips").index(1).to_string(), "load_balancers[0].vips[1]");
        assert_eq!(item.key("a.b\n").to_string(), "load_balancers[0][\"a.b\\n\"]");
    }
}
