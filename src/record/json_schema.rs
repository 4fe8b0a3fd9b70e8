//! The JSON Schema (draft 2020-12) of the events, made from the table of [`super::schema`]. Pure.
//!
//! It says what wirecat writes. A reader ignores members that it does not know, so the schema allows
//! them, and what `--frame events` accepts from users beside it is not in it.

use serde_json::{Map, Value, json};

use super::schema::{Form, Member, Presence, Spec, T, TYPE, TYPES, Type, VERSION};

/// The schema as text.
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// The schema of a line.
pub(super) fn document() -> Value {
    let refs = TYPES.iter().map(|spec| {
        let place = format!("#/$defs/{}", spec.name);
        json!({ "$ref": place })
    });
    let events = TYPES.iter().map(|spec| (spec.name.to_owned(), event(spec)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("An event of wirecat, version {VERSION}"),
        "description": "One line of wirecat --json or --record. A reader ignores members and types that it does not know.",
        "oneOf": refs.collect::<Vec<_>>(),
        "$defs": Value::Object(events.collect()),
    })
}

/// The schema of one type.
fn event(spec: &Spec) -> Value {
    let written = |member: &&Member| member.presence != Presence::ReadOnly;
    // The header has the wall clock in place of a time.
    let time = Some(&T).filter(|_| spec.kind != Type::Header);
    let members = || time.into_iter().chain(spec.members.iter().filter(written));
    let mut properties = Map::new();
    properties.insert(TYPE.name.to_owned(), json!({ "const": spec.name }));
    for member in members() {
        let mut value = value(member.form);
        value["description"] = json!(member.about);
        properties.insert(member.name.to_owned(), value);
    }
    let always = members().filter(|member| member.presence == Presence::Always);
    let required = std::iter::once(TYPE.name).chain(always.map(|member| member.name));
    json!({
        "type": "object",
        "description": spec.about,
        "properties": properties,
        "required": required.collect::<Vec<_>>(),
    })
}

/// The schema of a value.
fn value(form: Form) -> Value {
    let array = |items: Value| json!({ "type": "array", "items": items });
    let pair = |item: Value| {
        json!({
            "type": "array",
            "prefixItems": [item, item],
            "minItems": 2,
            "maxItems": 2,
        })
    };
    let number = || json!({ "type": "integer", "minimum": 0 });
    let seconds = || json!({ "type": "number", "minimum": 0 });
    let text = || json!({ "type": "string" });
    match form {
        Form::Any => json!({}),
        Form::Number => number(),
        Form::Seconds => seconds(),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Text => text(),
        Form::TextOrNull => json!({ "type": ["string", "null"] }),
        Form::Word(words) => json!({ "enum": words }),
        Form::Time => json!({ "type": "string", "format": "date-time" }),
        Form::Mask => json!({
            "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": "^[0-9a-f]{8}$" }],
        }),
        Form::Texts => array(text()),
        Form::Headers => array(pair(text())),
        Form::Runs => array(pair(number())),
        Form::Steps => json!({ "type": "object", "additionalProperties": seconds() }),
    }
}
