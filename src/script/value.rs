//! The values that asserts compare: facts about a step that are not in its message.

use std::cmp::Ordering;
use std::time::Duration;

use super::ast::Predicate;
use super::matching;
use crate::units;

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// There is no such header, no subprotocol, no body. It is equal to nothing and contains nothing.
    Missing,
    Number(u64),
    Duration(Duration),
    Text(String),
}

impl Value {
    /// Whether `predicate` is true of the value and of what is `written` in the script.
    ///
    /// # Errors
    /// What to write instead, if the two cannot be compared.
    pub(super) fn satisfies(
        &self,
        predicate: Predicate,
        written: Option<&str>,
    ) -> Result<bool, String> {
        match predicate {
            Predicate::Exists => return Ok(*self != Value::Missing),
            Predicate::IsEmpty => {
                return Ok(*self == Value::Missing || *self == Value::Text(String::new()));
            }
            _ => {}
        }
        let written = written.ok_or("a value to compare with is missing")?;
        match (self, predicate) {
            (Value::Missing, predicate) => Ok(predicate == Predicate::NotEqual),
            (Value::Duration(duration), _) => {
                let other = units::duration(written)?;
                by_order(Some(duration.cmp(&other)), predicate)
                    .ok_or_else(|| "a duration is compared with <, <=, >, >= or ==".to_owned())
            }
            (Value::Number(number), _) => {
                let ordering = || order_of(&number.to_string(), written);
                match predicate {
                    Predicate::Contains
                    | Predicate::StartsWith
                    | Predicate::EndsWith
                    | Predicate::Matches => in_text(&number.to_string(), predicate, written),
                    _ => Ok(by_order(Some(ordering()?), predicate).unwrap_or_default()),
                }
            }
            (Value::Text(text), _) => in_text(text, predicate, written),
        }
    }

    /// How a sentence says what the value is.
    pub(super) fn describe(&self) -> String {
        match self {
            Value::Missing => "there is none".to_owned(),
            Value::Number(number) => format!("it is {number}"),
            Value::Duration(duration) => format!("it took {}", took(*duration)),
            Value::Text(text) => format!("it is {}", serde_json::Value::from(text.as_str())),
        }
    }
}

/// `312 ms`, `0.4 ms`, `1.2 s`
pub(super) fn took(duration: Duration) -> String {
    match duration.as_millis() {
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// `None` if the predicate has nothing to do with order.
fn by_order(ordering: Option<Ordering>, predicate: Predicate) -> Option<bool> {
    let ordering = ordering?;
    Some(match predicate {
        Predicate::Equal => ordering.is_eq(),
        Predicate::NotEqual => ordering.is_ne(),
        Predicate::Less => ordering.is_lt(),
        Predicate::AtMost => ordering.is_le(),
        Predicate::Greater => ordering.is_gt(),
        Predicate::AtLeast => ordering.is_ge(),
        _ => return None,
    })
}

fn in_text(text: &str, predicate: Predicate, written: &str) -> Result<bool, String> {
    let part = unquoted(written);
    Ok(match predicate {
        Predicate::Equal => text == part,
        Predicate::NotEqual => text != part,
        Predicate::Contains => text.contains(&part),
        Predicate::StartsWith => text.starts_with(&part),
        Predicate::EndsWith => text.ends_with(&part),
        Predicate::Matches => {
            let (source, ignores_case) = regex_of(written, &part);
            matching::compile(source, ignores_case)?.is_match(text)
        }
        _ => by_order(Some(order_of(text, &part)?), predicate).unwrap_or_default(),
    })
}

/// The order of two numbers.
fn order_of(one: &str, other: &str) -> Result<Ordering, String> {
    if let (Ok(one), Ok(other)) = (one.parse::<u64>(), other.parse::<u64>()) {
        return Ok(one.cmp(&other));
    }
    let number = |text: &str| {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| {
            let text = serde_json::Value::from(text);
            format!("{text} is not a number")
        })
    };
    let (one, other) = (number(one)?, number(other)?);
    Ok(one.total_cmp(&other))
}

/// The text of a value that may be written as a JSON string.
fn unquoted(written: &str) -> String {
    let quoted = Some(written).filter(|written| written.starts_with('"'));
    let text = quoted.and_then(|quoted| serde_json::from_str(quoted).ok());
    text.unwrap_or_else(|| written.to_owned())
}

/// The source of `/…/` or `/…/i`, or of a text, and whether it ignores case.
fn regex_of<'a>(written: &'a str, text: &'a str) -> (&'a str, bool) {
    let inner = written.strip_prefix('/').and_then(|rest| {
        let case = rest.strip_suffix('/').map(|source| (source, false));
        case.or_else(|| rest.strip_suffix("/i").map(|source| (source, true)))
    });
    inner.unwrap_or((text, false))
}

#[cfg(test)]
mod tests {
    use super::Predicate::*;
    use super::*;

    #[test]
    fn values_are_compared_by_their_type() {
        let text = |text: &str| Value::Text(text.to_owned());
        let millis = |millis| Value::Duration(Duration::from_millis(millis));
        for (value, predicate, written, result) in [
            (Value::Number(1000), Equal, "1000", true),
            (Value::Number(1000), NotEqual, "1000", false),
            (Value::Number(2), Less, "2.5", true),
            (Value::Number(3), AtMost, "3", true),
            (Value::Number(4401), StartsWith, "44", true),
            (Value::Number(4401), Matches, "/^44../", true),
            (millis(312), Less, "200ms", false),
            (millis(312), AtLeast, "0.3s", true),
            (text("chat.v1"), Equal, "chat.v1", true),
            (text("chat.v1"), Equal, r#""chat.v1""#, true),
            (text("a\nb"), Equal, r#""a\nb""#, true),
            (text("Bearer x"), StartsWith, "Bearer", true),
            (text("Bearer x"), EndsWith, " x", true),
            (text("Bearer x"), Contains, r#""er ""#, true),
            (text("Bearer x"), Matches, "/^bearer/", false),
            (text("Bearer x"), Matches, "/^bearer/i", true),
            (text("12"), Greater, "9", true),
            (text(""), IsEmpty, "", true),
            (text(""), Exists, "", true),
            (Value::Missing, Exists, "", false),
            (Value::Missing, Equal, "", false),
            (Value::Missing, NotEqual, "x", true),
            (Value::Missing, Contains, "", false),
        ] {
            let found = value.satisfies(predicate, Some(written));
            assert_eq!(found, Ok(result), "{value:?} {predicate:?} {written}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        for (value, predicate, written) in [
            (Value::Number(1), Less, "many"),
            (Value::Text("x".to_owned()), Less, "1"),
            (Value::Text("x".to_owned()), Matches, "/(/"),
            (Value::Duration(Duration::ZERO), Less, "soon"),
            (Value::Duration(Duration::ZERO), Contains, "1s"),
        ] {
            let found = value.satisfies(predicate, Some(written));
            assert!(found.is_err(), "{value:?} {predicate:?} {written}");
        }
        assert!(Value::Number(1).satisfies(Equal, None).is_err());
    }
}
