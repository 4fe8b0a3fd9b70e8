//! Finds a message type in a descriptor. Pure.

use std::sync::Arc;

use super::read;
use super::schema::{Schema, Type};
use crate::decode::wrong::Wrong;

/// The message type `name` in the bytes of a descriptor.
///
/// # Errors
/// A sentence, and perhaps another one that says what to try.
pub fn find(descriptor: &[u8], name: &str) -> Result<Type, (String, Option<String>)> {
    let broken = |wrong: Wrong| {
        let what = format!("it is not a descriptor set ({})", wrong.what);
        let how = "protoc --include_imports --descriptor_set_out=FILE makes one";
        (what, Some(how.to_owned()))
    };
    let schema = read::read(descriptor).map_err(broken)?;
    let name = name.trim_start_matches('.');
    match schema.message_named(name) {
        Some(index) => Ok(Type {
            schema: Arc::new(schema),
            index,
        }),
        None => Err((
            format!("it has no message type '{name}'"),
            similar(&schema, name),
        )),
    }
}

/// The names that may have been meant.
fn similar(schema: &Schema, name: &str) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let own = schema.messages.iter().filter(|it| !it.is_map_entry);
    let mut names: Vec<_> = own.map(|it| it.name.as_str()).collect();
    names.retain(|it| !it.starts_with("google.protobuf."));
    let near = |it: &&str| last(it) == last(name) || strsim::damerau_levenshtein(it, name) < 4;
    if let Some(near) = names.iter().find(|it| near(it)) {
        return Some(format!("did you mean '{near}'?"));
    }
    names.truncate(8);
    (!names.is_empty()).then(|| format!("it has {}", names.join(", ")))
}
