// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a plain scalar is, by the core schema of YAML 1.2 (section 10.3.2). Quoted ones are always text.

/// The kinds of scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was written, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, also a whole one that does not fit.
    Number,
    /// Everything else.
    Text,
}

impl Kind {
    /// The kind of a plain scalar.
    pub(super) fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ => integer(text).or_else(|| is_float(text).then_some(Self::Number)).unwrap_or(Self::Text),
        }
    }
}

fn integer(text: &str) -> Option<Kind> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(octal), _) => (octal, 8),
        (_, Some(hexadecimal)) => (hexadecimal, 16),
        _ => (text.strip_prefix(['-', '+']).unwrap_or(text), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let signed = if radix == 10 { text } else { digits };
    Some(i64::from_str_radix(signed, radix).map_or(Kind::Number, Kind::Integer))
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // What Rust reads as a number beyond this, as `inf`, has letters other than the exponent's.
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && unsigned.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        let table = [
            ("", Kind::Null),
            ("~", Kind::Null),
            ("null", Kind::Null),
            ("True", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
            ("yes", Kind::Text),
            ("0", Kind::Integer(0)),
            ("-5", Kind::Integer(-5)),
            ("+5", Kind::Integer(5)),
            ("0080", Kind::Integer(80)),
            ("0o17", Kind::Integer(15)),
            ("0x1F", Kind::Integer(31)),
            ("0x-1", Kind::Text),
            ("+-5", Kind::Text),
            ("9223372036854775807", Kind::Integer(i64::MAX)),
            ("9223372036854775808", Kind::Number),
            ("1.5", Kind::Number),
            (".5", Kind::Number),
            ("1e3", Kind::Number),
            ("-.inf", Kind::Number),
            ("inf", Kind::Text),
            ("1.2.3", Kind::Text),
            ("10.0.0.1", Kind::Text),
            ("2001:db8::1", Kind::Text),
            ("1_000", Kind::Text),
            ("5s", Kind::Text),
        ];
        for (text, kind) in table {
            assert_eq!(Kind::of_plain(text), kind, "{text:?}");
        }
    }
}
