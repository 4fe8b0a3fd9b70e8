//! Makes of a recording what can be sent: with variables filled in, and without what stands for a secret.
//! Pure.

use crate::error::Error;
use crate::message::Message;
use crate::record::connection::{Moment, What};
use crate::record::replay::Leg;
use crate::secret::REDACTED;

/// Prepares the legs. `fill` replaces the variables of a text, in what is expected too. With `sends_token`, a token is sent first
/// on every connection, in place of the first message whose secret was left out of the recording.
///
/// # Errors
/// Exit 2 for any other message of which a secret is missing.
pub fn prepare(
    mut legs: Vec<Leg>,
    sends_token: bool,
    fill: impl Fn(&Message) -> Message,
) -> Result<Vec<Leg>, Error> {
    for leg in &mut legs {
        if sends_token {
            let is_token = |moment: &Moment| sent(&moment.what).is_some_and(lacks_secret);
            let token = leg.moments.iter().position(|(moment, _)| is_token(moment));
            token.map(|index| leg.moments.remove(index));
        }
        let mut number = 0;
        for (moment, line) in &mut leg.moments {
            if let What::Received(message) = &mut moment.what {
                *message = fill(message);
            }
            let Some(message) = sent_mut(&mut moment.what) else {
                continue;
            };
            number += 1;
            if lacks_secret(message) {
                return Err(missing_secret(number, *line));
            }
            *message = fill(message);
        }
    }
    Ok(legs)
}

/// The message of the user that is sent.
fn sent(what: &What) -> Option<&Message> {
    match what {
        What::Sent {
            message,
            by_itself: false,
        } => Some(message),
        _ => None,
    }
}

fn sent_mut(what: &mut What) -> Option<&mut Message> {
    match what {
        What::Sent {
            message,
            by_itself: false,
        } => Some(message),
        _ => None,
    }
}

fn lacks_secret(message: &Message) -> bool {
    memchr::memmem::find(message.payload(), REDACTED.as_bytes()).is_some()
}

fn missing_secret(number: usize, line: Option<u64>) -> Error {
    let place = line.map_or_else(String::new, |line| format!(" (line {line})"));
    Error::usage(format!(
        "message {number} of the recording{place} has {REDACTED} in place of a secret"
    ))
    .advice("--record with --include-secrets records secrets too")
    .advice("--token SOURCE --token-via message sends a token in place of the first such message")
    .advice("edit the recording: {{NAME}} in place of the secret, and --var NAME=VALUE")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn leg(messages: &[&str]) -> Leg {
        let sent = |text: &&str| What::Sent {
            message: Message::text(*text),
            by_itself: false,
        };
        let moments = messages.iter().map(sent).map(|what| Moment {
            at: Duration::ZERO,
            what,
        });
        Leg {
            moments: moments.zip((4..).map(Some)).collect(),
            ..Leg::default()
        }
    }

    fn fill(message: &Message) -> Message {
        let text = message.as_text().unwrap_or_default();
        Message::text(text.replace("{{room}}", "news"))
    }

    #[track_caller]
    fn texts(legs: Vec<Leg>) -> Vec<String> {
        let moments = legs.iter().flat_map(|leg| &leg.moments);
        let texts = moments.filter_map(|(moment, _)| sent(&moment.what)?.as_text());
        texts.map(str::to_owned).collect()
    }

    #[test]
    fn variables_are_filled_in_where_the_recording_has_them() {
        let legs = prepare(vec![leg(&["join {{room}}", "{{x}}"])], false, fill).unwrap();
        assert_eq!(texts(legs), ["join news", "{{x}}"]);
    }

    #[test]
    fn a_message_without_its_secret_is_not_sent() {
        let legs = vec![leg(&["a", r#"{"token":"[redacted]"}"#, "b"])];
        let error = prepare(legs.clone(), false, fill).unwrap_err();
        let message = "message 2 of the recording (line 5) has [redacted] in place of a secret";
        assert_eq!(error.message, message);
        assert_eq!(texts(prepare(legs, true, fill).unwrap()), ["a", "b"]);
        let twice = vec![leg(&["[redacted]", "[redacted]"])];
        assert!(prepare(twice, true, fill).is_err());
    }
}
