// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference page of the format, made from the schema, so that it cannot say anything else than the program.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde_json::Value;

use super::{
    BalancerSpec, CloudSpec, FirewallRuleSpec, ForwardingRuleSpec, HealthCheckSpec, InstanceSpec,
    LoadBalancerSpec, Spec, TablesSpec, schema,
};

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `lbd config reference` from the types in lb-userspace/src/model/spec.rs; do not edit. -->

`lbd run --config FILE` reads one file. `lbd validate FILE` checks it and names every problem at once, with line, value
and fix. A running `lbd` takes a changed file by itself; one that does not validate changes nothing and is reported.
`lbd config example` prints a file to start from, `lbd config schema` the JSON Schema for editors
([lb.schema.json](lb.schema.json)).

Change a file by writing a new one and renaming it over the old, as editors and deployment tools do. One that is written
in place is read when its writer closes it, or when `lbd` gets SIGHUP or looks by itself, every 10 seconds.

Fields without a default are required unless marked optional. A field is written with a value or not at all: one without
a value is an error, and so are unknown and repeated ones. Aliases (`*name`) and tags (`!name`) are not accepted, nor
files of more than 16 MiB.
";

/// The reference page in Markdown.
pub fn reference() -> String {
    let schema = schema();
    let mut page = Page { text: INTRODUCTION.to_owned(), definitions: &schema["$defs"] };
    page.section("The file", &schema, fields::<Spec>());
    page.defined::<BalancerSpec>("`balancer`");
    page.defined::<TablesSpec>("`balancer.tables`");
    page.defined::<CloudSpec>("`cloud`");
    page.defined::<LoadBalancerSpec>("`load_balancers[]`");
    page.defined::<ForwardingRuleSpec>("`load_balancers[].forwarding_rules[]`");
    page.defined::<HealthCheckSpec>("`load_balancers[].health_check`");
    page.defined::<InstanceSpec>("`load_balancers[].instances[]`");
    page.defined::<FirewallRuleSpec>("`load_balancers[].firewall_rules[]`");
    page.text + "\n## Example\n\n```yaml\n" + super::example() + "```\n"
}

/// The page as far as it is written.
struct Page<'a> {
    text: String,
    definitions: &'a Value,
}

impl Page<'_> {
    /// Adds the section of a type that stands in the schema's `$defs`.
    fn defined<T: JsonSchema + Deserialize<'static>>(&mut self, title: &str) {
        self.section(title, &self.definitions[T::schema_name().as_ref()], fields::<T>());
    }

    /// Adds a heading, what the type is, and a row for each of its fields.
    fn section(&mut self, title: &str, definition: &Value, fields: &[&str]) {
        let heading = format!("\n## {title}\n\n{}\n\n", description(definition));
        self.text += &heading;
        self.text += "| field | type | range | default | meaning |\n| --- | --- | --- | --- | --- |\n";
        for field in fields {
            self.text += &row(field, &definition["properties"][field], is_required(definition, field));
        }
    }
}

/// The line of the table for one field.
fn row(field: &str, schema: &Value, required: bool) -> String {
    let default = match &schema["default"] {
        Value::Null if required => "required".to_owned(),
        Value::Null => "optional".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    format!("| `{field}` | {} | {} | {default} | {} |\n", kind(schema), range(schema), description(schema))
}

/// What kind of value a field has.
fn kind(schema: &Value) -> &'static str {
    if schema.get("$ref").is_some() {
        return "mapping";
    }
    match (schema["type"].as_str(), schema["items"]["type"].as_str()) {
        (Some("integer"), _) => "whole number",
        (Some("string"), _) => "text",
        (Some("boolean"), _) => "true or false",
        (Some("array"), Some("string")) => "list of text",
        (Some("array"), _) => "list of mappings",
        _ => "mapping",
    }
}

/// Which values a field may have.
fn range(schema: &Value) -> String {
    let pair = |low: &str, high: &str| (schema[low].as_i64(), schema[high].as_i64());
    if let Value::Array(words) = &schema["enum"] {
        let words: Vec<String> =
            words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    match (pair("minimum", "maximum"), pair("minItems", "maxItems")) {
        ((Some(low), Some(high)), _) => {
            super::bounds::Bounds { min: low, max: high, default: low }.to_string()
        }
        (_, (Some(low), Some(high))) => format!("{low} or {high} items"),
        (_, (Some(low), None)) => format!("at least {low} item"),
        _ => String::new(),
    }
}

/// A schema's description on one line.
fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// Whether `field` must be written.
fn is_required(definition: &Value, field: &str) -> bool {
    definition["required"].as_array().is_some_and(|names| names.iter().any(|name| name == field))
}

/// The fields of a type in the order of its declaration, which the schema does not keep: what `Deserialize` asks for.
fn fields<T: Deserialize<'static>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // Fails by design: the probe takes the names and delivers nothing.
    let _ = T::deserialize(FieldProbe(&mut names)).is_ok();
    names
}

/// Takes down the fields that a type asks for.
struct FieldProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the names of the fields are wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::golden;

    #[test]
    fn fields_come_in_the_order_of_the_declaration() {
        assert_eq!(fields::<InstanceSpec>(), ["label", "addresses", "weight"]);
    }

    #[test]
    fn every_field_is_described() {
        for line in reference().lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert!(cells[5].len() > 10, "{line}");
        }
    }

    #[test]
    fn the_page_in_docs_is_current() {
        golden("docs/configuration.md", &reference());
    }
}
