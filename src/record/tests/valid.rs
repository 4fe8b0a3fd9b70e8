//! Whether a line is what the JSON Schema says: the part of draft 2020-12 that the schema uses. A
//! keyword that is not known here fails, so that none is written that nobody checks.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::record::json_schema::{document, text};

static SCHEMA: LazyLock<Value> = LazyLock::new(document);

/// The line must be valid, and every member of it must be in the schema.
#[track_caller]
pub(super) fn assert_valid(line: &Value) {
    let valid = types_of(line);
    assert_eq!(valid.len(), 1, "{line}");
    let known = valid[0]["properties"].as_object().unwrap();
    for name in line.as_object().unwrap().keys() {
        assert!(known.contains_key(name), "{name} is not in the schema");
    }
}

/// The types of events that the line may be.
fn types_of(line: &Value) -> Vec<&'static Value> {
    let schema: &'static Value = &SCHEMA;
    schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| resolve(schema, it))
        .filter(|it| is_valid(it, line))
        .collect()
}

fn resolve<'s>(schema: &'s Value, reference: &Value) -> &'s Value {
    let place = reference["$ref"].as_str().unwrap();
    schema.pointer(place.strip_prefix('#').unwrap()).unwrap()
}

/// Whether the value is what each keyword of the schema asks for.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().unwrap().iter();
    let mut fits = keywords.map(|(keyword, wanted)| match keyword.as_str() {
        "type" => match wanted.as_array() {
            Some(types) => types.iter().any(|it| is_type(it, value)),
            None => is_type(wanted, value),
        },
        "const" => wanted == value,
        "enum" => wanted.as_array().unwrap().contains(value),
        "minimum" => value.as_f64() >= wanted.as_f64(),
        "format" => {
            assert_eq!(wanted, "date-time");
            value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok()
        }
        "pattern" => {
            assert_eq!(wanted, "^[0-9a-f]{8}$");
            let text = value.as_str().unwrap();
            text.len() == 8
                && text
                    .bytes()
                    .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        }
        "anyOf" => {
            let mut any = wanted.as_array().unwrap().iter();
            any.any(|schema| is_valid(schema, value))
        }
        "required" => {
            let names = wanted.as_array().unwrap();
            names
                .iter()
                .all(|it| value.get(it.as_str().unwrap()).is_some())
        }
        "properties" => value.as_object().is_none_or(|members| {
            members
                .iter()
                .all(|(name, member)| wanted.get(name).is_none_or(|it| is_valid(it, member)))
        }),
        "additionalProperties" => value
            .as_object()
            .is_none_or(|members| members.values().all(|member| is_valid(wanted, member))),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| is_valid(wanted, item))),
        "prefixItems" => value.as_array().is_none_or(|items| {
            let schemas = wanted.as_array().unwrap();
            items
                .iter()
                .zip(schemas)
                .all(|(item, it)| is_valid(it, item))
        }),
        "minItems" => value
            .as_array()
            .is_none_or(|it| it.len() as u64 >= wanted.as_u64().unwrap()),
        "maxItems" => value
            .as_array()
            .is_none_or(|it| it.len() as u64 <= wanted.as_u64().unwrap()),
        "description" => true,
        other => panic!("the check does not know {other}"),
    });
    fits.all(|fits| fits)
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("{other}"),
    }
}

#[test]
fn the_schema_refuses_what_is_no_event() {
    for line in [
        json!({}),
        json!([]),
        json!({"type": "sned", "t": 0.1}),
        json!({"type": "send", "t": 0.1, "conn": 1, "opcode": 1}),
        json!({"type": "send", "t": 0.1, "conn": "1", "opcode": 1, "data": "x"}),
        json!({"type": "send", "t": 0.1, "conn": 1, "opcode": 1, "data": "x", "origin": "y"}),
        json!({"type": "uncertain", "t": 0.1, "conn": 1, "messages": [[1, 2, 3]]}),
        json!({"type": "header", "v": 1, "tool": "x", "url": "y"}),
    ] {
        assert!(types_of(&line).is_empty(), "{line}");
    }
    let known = json!({"type": "receive", "t": 0.1, "conn": 1, "opcode": 1, "data": "", "new": 1});
    assert_eq!(
        types_of(&known).len(),
        1,
        "members that are not known are ignored"
    );
}

#[test]
fn the_text_is_the_schema() {
    assert_eq!(serde_json::from_str::<Value>(&text()).unwrap(), *SCHEMA);
    assert!(text().ends_with("}\n"));
}
