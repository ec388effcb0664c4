// SPDX-License-Identifier: MIT OR Apache-2.0
//! A serde deserializer that goes on after a mistake: it notes what is wrong, delivers a placeholder, and lets the rest
//! be read. Made for the kinds of field that a spec has: whole numbers, text, lists, structs, and options of these. A
//! field that is missing is asked for like any other: an option answers that it may be, everything else notes it.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::Findings;
use super::scalar::Kind;
use super::tree::{Node, Value};
use crate::model::path::Path;
use crate::model::problem::Problem;
use crate::model::suggest::{closest, sentence};

/// Reads a tree as a `T`; fails only if `T` has a kind of field that this reader does not know.
pub(super) fn value<'de, T: Deserialize<'de>>(root: &Node, findings: &mut Findings) -> Option<T> {
    let result = {
        let reader =
            Reader { given: Given::Value(&root.value), line: root.line, path: &Path::ROOT, findings };
        T::deserialize(reader)
    };
    let note =
        |error: Error| findings.note(root.line, Problem::at(&Path::ROOT, error.to_string(), "report this"));
    result.map_err(note).ok()
}

/// What stands at a place.
#[derive(Clone, Copy)]
enum Given<'t> {
    /// A value.
    Value(&'t Value),
    /// Nothing, which is a mistake unless the field is an option.
    Missing,
    /// Nothing usable, which is already noted.
    Placeholder,
}

/// Reads one place.
struct Reader<'t, 'p, 'f> {
    given: Given<'t>,
    line: usize,
    path: &'p Path<'p>,
    findings: &'f mut Findings,
}

impl<'t> Reader<'t, '_, '_> {
    /// The value that stands here. Notes that there is none, or none that was written.
    fn written(&mut self) -> Option<&'t Value> {
        let (message, fix) = match self.given {
            Given::Placeholder | Given::Value(Value::Refused) => return None,
            Given::Value(Value::Scalar { kind: Kind::Null, .. }) => {
                ("has no value", "write one, [] for an empty list, or remove the field if it is optional")
            }
            Given::Missing => ("is missing", "add it"),
            Given::Value(value) => return Some(value),
        };
        self.findings.replace(self.line, Problem::at(self.path, message, fix));
        None
    }

    /// Notes that another kind of value is wanted.
    fn wanted(&mut self, value: &Value, message: &str, fix: &str) {
        let found = match value {
            Value::Scalar { text, .. } => text,
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Refused => return,
        };
        self.findings.replace(self.line, Problem::at(self.path, message, fix).with(found));
    }

    fn integer(&mut self) -> i64 {
        match self.written() {
            Some(Value::Scalar { kind: Kind::Integer(number), .. }) => return *number,
            Some(value @ Value::Scalar { text, kind: Kind::Text })
                if matches!(Kind::of_plain(text), Kind::Integer(_)) =>
            {
                self.wanted(value, "must be a number, not text", "remove the quotes");
            }
            Some(value) => self.wanted(value, "must be a whole number", "write it in digits, without a unit"),
            None => {}
        }
        0
    }

    fn boolean(&mut self) -> bool {
        match self.written() {
            Some(Value::Scalar { kind: Kind::Bool(value), .. }) => return *value,
            Some(value) => self.wanted(value, "must be true or false", "write one of them, without quotes"),
            None => {}
        }
        false
    }

    fn text(&mut self) -> &'t str {
        match self.written() {
            Some(Value::Scalar { text, kind: Kind::Text }) => return text,
            Some(value @ Value::Scalar { text, .. }) => {
                let fix = format!("put it into quotes: \"{text}\"");
                self.wanted(value, "must be text", &fix);
            }
            Some(value) => self.wanted(value, "must be text", "write one value"),
            None => {}
        }
        ""
    }

    fn list(&mut self) -> &'t [Node] {
        match self.written() {
            Some(Value::List(items)) => return items,
            Some(value) => {
                let fix = "write [a, b], or one item on each line after \"- \"";
                self.wanted(value, "must be a list", fix);
            }
            None => {}
        }
        &[]
    }

    /// The entries, or nothing when fields have to be placeholders.
    fn mapping(&mut self) -> Option<&'t [(String, Node)]> {
        match self.written() {
            Some(Value::Mapping(entries)) => return Some(entries),
            Some(value) => self.wanted(value, "must be a mapping", "write its fields as \"name: value\""),
            None => {}
        }
        None
    }

    /// Each field with what stands there: those that are written in their order, then the others. Notes what is no field.
    fn fields(&mut self, names: &'static [&'static str]) -> Vec<Field<'t>> {
        let Some(entries) = self.mapping() else {
            let placeholder = |name| Field { name, line: self.line, given: Given::Placeholder };
            return names.iter().copied().map(placeholder).collect();
        };
        let mut fields = Vec::with_capacity(names.len());
        let mut meant = Vec::new();
        for (key, node) in entries {
            if let Some(name) = names.iter().copied().find(|name| name == key) {
                fields.push(Field { name, line: node.line, given: Given::Value(&node.value) });
            } else {
                meant.extend(self.unknown(key, node.line, names));
            }
        }
        for name in names.iter().copied() {
            if fields.iter().any(|field| field.name == name) {
                continue;
            }
            // The mistyped key is noted; that the right one is missing is the same mistake.
            let given = if meant.contains(&name) {
                self.findings.placeholders.insert(self.path.key(name).to_string());
                Given::Placeholder
            } else {
                Given::Missing
            };
            fields.push(Field { name, line: self.line, given });
        }
        fields
    }

    /// Notes a key that is no field; returns the one it was meant to be.
    fn unknown(&mut self, key: &str, line: usize, names: &[&'static str]) -> Option<&'static str> {
        let meant = closest(key, names);
        let fix = match meant {
            Some(name) => format!("did you mean {name}?"),
            None => format!("remove it; fields here are {}", sentence(names, "and")),
        };
        self.findings.note(line, Problem::at(&self.path.key(key), "is not a field", fix));
        meant
    }
}

impl<'de> Deserializer<'de> for Reader<'_, '_, '_> {
    type Error = Error;

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.boolean())
    }

    fn deserialize_i64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.integer())
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.given {
            Given::Value(_) => visitor.visit_some(self),
            Given::Missing | Given::Placeholder => visitor.visit_none(),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let rest = self.list().iter().enumerate();
        visitor.visit_seq(Items { rest, path: self.path, findings: self.findings })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let rest = self.fields(names).into_iter();
        visitor.visit_map(Fields { rest, current: None, path: self.path, findings: self.findings })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom(format!("{}: the file source cannot read this kind of field", self.path)))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The items of a list.
struct Items<'t, 'p, 'f> {
    rest: std::iter::Enumerate<std::slice::Iter<'t, Node>>,
    path: &'p Path<'p>,
    findings: &'f mut Findings,
}

impl<'de> SeqAccess<'de> for Items<'_, '_, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        let path = self.path.index(index);
        let given = Given::Value(&node.value);
        seed.deserialize(Reader { given, line: node.line, path: &path, findings: self.findings }).map(Some)
    }
}

/// A field and what stands there.
#[derive(Clone, Copy)]
struct Field<'t> {
    name: &'static str,
    line: usize,
    given: Given<'t>,
}

/// The fields of a struct.
struct Fields<'t, 'p, 'f> {
    rest: std::vec::IntoIter<Field<'t>>,
    current: Option<Field<'t>>,
    path: &'p Path<'p>,
    findings: &'f mut Findings,
}

impl<'de> MapAccess<'de> for Fields<'_, '_, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.current = self.rest.next();
        let Some(field) = self.current else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = field.name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let field = self.current.ok_or_else(|| Error::custom("a value was asked for before its key"))?;
        let path = self.path.key(field.name);
        seed.deserialize(Reader {
            given: field.given,
            line: field.line,
            path: &path,
            findings: self.findings,
        })
    }
}
