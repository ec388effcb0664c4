// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON Schema of the format, for editors and for tools that write files.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::Spec;

/// The JSON Schema (draft 2020-12) of [`Spec`].
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let mut schema = settings
        .with_transform(RecursiveTransform(refuse_null))
        .into_generator()
        .into_root_schema_for::<Spec>();
    schema.insert("title".to_owned(), json!("Configuration of lb, version 1"));
    schema.to_value()
}

/// A field that may be left out may still not be written without a value, which is how a file that was cut short looks.
fn refuse_null(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            schema.ensure_object().extend(only);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{golden, repository};

    #[test]
    fn nothing_may_be_null() {
        assert!(!schema().to_string().contains("\"null\""));
    }

    #[test]
    fn what_may_be_left_out_is_not_required() {
        let schema = schema();
        let balancer = &schema["$defs"]["Balancer"];
        assert_eq!(balancer["required"], json!(["interfaces", "snat_addresses"]));
        let weight = &schema["$defs"]["Instance"]["properties"]["weight"];
        assert_eq!((&weight["type"], &weight["default"]), (&json!("integer"), &json!(1)));
        assert_eq!((&weight["minimum"], &weight["maximum"]), (&json!(0), &json!(256)));
    }

    /// Compares values, since the order of keys hangs on how `serde_json` was built.
    #[test]
    fn the_schema_in_docs_is_current() {
        let written = std::fs::read_to_string(repository("docs/lb.schema.json")).unwrap_or_default();
        if serde_json::from_str::<Value>(&written).ok() != Some(schema()) {
            golden("docs/lb.schema.json", &format!("{:#}\n", schema()));
        }
    }
}
