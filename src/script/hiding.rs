//! Recorded connections without the secrets that they name: for what is made of a recording and is no script.
//! In a script, variables stand for them.

use std::borrow::Cow;

use super::secrets::{self, Secret, Within};
use super::subprotocol_token;
use crate::message::Message;
use crate::record::connection::{Connection, What};
use crate::secret::{REDACTED, Redactor, is_secret_header};
use crate::uri::Target;

/// A shorter value of a message may be a word that stands elsewhere, too, in bytes.
const SHORTEST: usize = 6;

/// The connections with [`REDACTED`] in place of each secret that a message or a subprotocol names. What
/// is found is added to `redactor`, for other places of the same value: it is known before anything of
/// the connections is written. As they are, if secrets are wanted.
pub fn without_secrets<'a>(
    connections: &'a [Connection],
    redactor: &Redactor,
) -> Cow<'a, [Connection]> {
    if redactor.includes_secrets() {
        return Cow::Borrowed(connections);
    }
    for connection in connections {
        add_of_handshake(connection, redactor);
        add_of_messages(connection, redactor);
    }
    let shown = connections.iter().map(|it| shown(it, redactor));
    Cow::Owned(shown.collect())
}

/// Adds the secrets of the handshake to `redactor`.
pub(super) fn add_of_handshake(connection: &Connection, redactor: &Redactor) {
    if let Ok(target) = Target::parse(&connection.url) {
        target.hide_secrets(redactor);
        if let Some(password) = target.user.and_then(|user| user.password) {
            add(password.expose(), redactor);
        }
    }
    let answer = &connection.answer;
    for (name, value) in connection.headers.iter().chain(&answer.headers) {
        if name.eq_ignore_ascii_case("sec-websocket-protocol") {
            let tokens = subprotocol_token::find(value.split(',').map(str::trim));
            tokens
                .into_iter()
                .flatten()
                .for_each(|it| add(it, redactor));
        } else if is_secret_header(name) {
            add(value, redactor);
            // `Bearer TOKEN`
            if let Some((_, credentials)) = value.split_once(' ') {
                add(credentials, redactor);
            }
        }
    }
    let tokens = subprotocol_token::find(answer.subprotocol.as_deref());
    tokens
        .into_iter()
        .flatten()
        .for_each(|it| add(it, redactor));
}

/// Adds what the messages name as a secret.
fn add_of_messages(connection: &Connection, redactor: &Redactor) {
    let messages = connection.moments.iter().filter_map(|it| it.what.message());
    for text in messages.filter_map(Message::as_text) {
        for secret in secrets::find(text) {
            let written = text.get(secret.range.clone()).unwrap_or_default();
            add(secret.value(text), redactor);
            // With its escapes decoded.
            if let Ok(decoded) = serde_json::from_str::<String>(written) {
                add(&decoded, redactor);
            }
        }
    }
}

fn add(secret: &str, redactor: &Redactor) {
    if secret.len() >= SHORTEST && secret != REDACTED {
        redactor.add_given(secret);
    }
}

fn shown(connection: &Connection, redactor: &Redactor) -> Connection {
    let mut shown = connection.clone();
    if let Some(subprotocol) = &mut shown.answer.subprotocol {
        *subprotocol = redactor.redact(subprotocol).into_owned();
    }
    for moment in &mut shown.moments {
        if let What::Sent { message, .. } | What::Received(message) = &mut moment.what
            && let Some(hidden) = hidden(message, redactor)
        {
            *message = hidden;
        }
    }
    shown
}

/// A message without its secrets; `None` if it has none.
fn hidden(message: &Message, redactor: &Redactor) -> Option<Message> {
    match message {
        Message::Text(text) => {
            let redacted = redacted(text);
            match (redactor.redact_data(&redacted), &redacted) {
                (Cow::Borrowed(_), Cow::Borrowed(_)) => None,
                (hidden, _) => Some(Message::text(hidden.into_owned())),
            }
        }
        Message::Binary(data) => match redactor.redact_bytes(data) {
            Cow::Borrowed(_) => None,
            Cow::Owned(hidden) => Some(Message::binary(hidden)),
        },
    }
}

/// A text without the secrets that it names.
fn redacted(text: &str) -> Cow<'_, str> {
    let found = secrets::find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for Secret { range, within, .. } in found {
        out.push_str(text.get(from..range.start).unwrap_or_default());
        match within {
            Within::Quotes | Within::Number => out.push_str(&format!("\"{REDACTED}\"")),
            Within::Text => out.push_str(REDACTED),
        }
        from = range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::connection::{Answer, Moment};

    fn connection(texts: &[&str]) -> Connection {
        let moment = |text: &&str| Moment {
            at: Duration::ZERO,
            what: What::Received(Message::text(*text)),
        };
        Connection {
            url: "ws://ann:of-the-user@host/?token=of-the-url".to_owned(),
            headers: [
                ("Authorization", "Bearer of-a-header"),
                ("Sec-WebSocket-Protocol", "bearer, HSUB1234567890"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            answer: Answer {
                subprotocol: Some("HSUB1234567890".to_owned()),
                ..Answer::default()
            },
            moments: texts.iter().map(moment).collect(),
            ..Connection::default()
        }
    }

    #[test]
    fn what_a_message_names_as_a_secret_is_hidden_there_and_elsewhere() {
        let texts = [
            "the text 'of-a-message-long' comes first",
            r#"{"password":"ab","auth":{"token":"of-a-message-long"},"n":1}"#,
            r#"{"password":"with\"quote"}"#,
        ];
        let connections = [connection(&texts)];
        let redactor = Redactor::default();
        let shown = without_secrets(&connections, &redactor);
        let texts = shown[0].moments.iter();
        let texts = texts.filter_map(|it| it.what.message()?.as_text());
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                "the text '[redacted]' comes first",
                r#"{"password":"[redacted]","auth":{"token":"[redacted]"},"n":1}"#,
                r#"{"password":"[redacted]"}"#,
            ]
        );
        assert_eq!(shown[0].answer.subprotocol.as_deref(), Some(REDACTED));
        for secret in [
            "of-the-url",
            "of-the-user",
            "of-a-header",
            "HSUB1234567890",
            "with\"quote",
        ] {
            assert_eq!(redactor.redact(secret), REDACTED, "{secret}");
        }
    }

    #[test]
    fn secrets_that_are_wanted_stay() {
        let connections = [connection(&[r#"{"token":"of-a-message-long"}"#])];
        let redactor = Redactor::new(true);
        assert_eq!(*without_secrets(&connections, &redactor), connections);
    }
}
