//! The number that a message carries, for the acknowledgement. Pure. Nothing of the message is
//! copied, however large it is.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// The members that may hold the number; the first that does counts.
const NAMES: [&str; 3] = ["n", "seq", "id"];

/// A bare JSON integer, or an integer member of a JSON object.
pub(crate) fn number(message: &[u8]) -> Option<i128> {
    match message.trim_ascii_start().first()? {
        b'{' => NAMES.into_iter().find_map(|name| member(message, name)),
        _ => serde_json::from_slice(message).ok(),
    }
}

/// The integer that the object has under this name. What is there twice is what comes last, as
/// everywhere with serde_json.
fn member(message: &[u8], name: &str) -> Option<i128> {
    let mut json = serde_json::Deserializer::from_slice(message);
    let number = json.deserialize_map(Member(name)).ok()?;
    json.end().ok()?;
    number
}

struct Member<'a>(&'a str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<i128>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object whose {} is an integer", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut number = None;
        while let Some(is_it) = map.next_key_seed(Is(self.0))? {
            if is_it {
                number = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(number)
    }
}

/// Whether a key is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_bare_or_a_member() {
        for (message, expected) in [
            ("7", Some(7)),
            (" -7\n", Some(-7)),
            ("18446744073709551615", Some(18_446_744_073_709_551_615)),
            (r#"{"n":1,"seq":2,"id":3}"#, Some(1)),
            (r#"{"id":3,"seq":2}"#, Some(2)),
            (r#"{"id":3,"x":{"n":1}}"#, Some(3)),
            (r#"{"n":"1","id":3}"#, Some(3)),
            (r#"{"n":{"n":9},"seq":[1],"id":3}"#, Some(3)),
            (r#"{"\u006e":5}"#, Some(5)),
            (r#"{"n":1.5}"#, None),
            (r#"{"n":null}"#, None),
            (r#"{"n":1"#, None),
            (r#"{"n":1} x"#, None),
            ("[1]", None),
            ("\"1\"", None),
            ("1 2", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(number(message.as_bytes()), expected, "{message}");
        }
        assert_eq!(number(b"{\"\xff\":1}"), None);
        let deep = format!("{{\"x\":{}1", "[".repeat(1_000_000));
        assert_eq!(number(deep.as_bytes()), None);
    }
}
