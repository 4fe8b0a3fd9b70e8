//! Puts credentials into a header, the query, the first message or a subprotocol. Every form of a
//! secret that this makes is added to the [`Redactor`]. Pure.

use super::sources::{AUTHORIZATION, Token, Via};
use crate::codec;
use crate::error::Error;
use crate::http_token::is_http_token;
use crate::secret::{REDACTED, Redactor, Secret};
use crate::template::{self, Place, Value};

/// The placeholder for the token in `--token-message`.
const PLACEHOLDER: &str = "token";

/// Default of `--token-message`.
pub const DEFAULT_MESSAGE: &str = r#"{"event":"token","data":"{{token}}"}"#;

/// The credentials of one connection attempt, once every secret has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedCredentials {
    pub headers: Vec<(String, Secret)>,
    pub parameter: Option<(String, Secret)>,
    pub subprotocol: Option<Secret>,
    /// The first message, and the same message with the token redacted.
    pub message: Option<(Secret, String)>,
}

impl ResolvedCredentials {
    /// Basic auth.
    pub fn basic(user: &str, password: &Secret, redactor: &Redactor) -> ResolvedCredentials {
        let value = codec::base64(format!("{user}:{}", password.expose()).as_bytes());
        redactor.add_given(password.expose());
        redactor.add_given(&value);
        ResolvedCredentials::authorization(format!("Basic {value}"))
    }

    /// A bearer token (RFC 6750 §2.1).
    pub fn bearer(token: &Secret, redactor: &Redactor) -> ResolvedCredentials {
        redactor.add_given(token.expose());
        ResolvedCredentials::authorization(format!("Bearer {}", token.expose()))
    }

    fn authorization(value: String) -> ResolvedCredentials {
        ResolvedCredentials {
            headers: vec![(AUTHORIZATION.to_owned(), Secret::new(value))],
            ..ResolvedCredentials::default()
        }
    }
}

/// Puts a token that has been read into its place.
///
/// # Errors
/// Exit 2 if the token is not allowed there: a control character in a header, or a character that
/// is not allowed in a subprotocol (RFC 6455 §4.1: an HTTP token).
pub fn place(
    options: &Token,
    token: &Secret,
    redactor: &Redactor,
) -> Result<ResolvedCredentials, Error> {
    let text = token.expose();
    redactor.add_given(text);
    match options.via {
        Via::Header => place_header(options, text, redactor),
        Via::Query => {
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let name = options.name.clone().unwrap_or_else(|| "token".to_owned());
            redactor.add_after(&format!("{name}="), &encoded);
            // The form in which a server may repeat it, in a Location for instance.
            redactor.add_given(&encoded.replace('+', "%20"));
            Ok(ResolvedCredentials {
                parameter: Some((name, token.clone())),
                ..ResolvedCredentials::default()
            })
        }
        Via::Subprotocol => place_subprotocol(options, text),
        Via::Message => Ok(place_message(options, text, redactor)),
    }
}

fn place_header(
    options: &Token,
    text: &str,
    redactor: &Redactor,
) -> Result<ResolvedCredentials, Error> {
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(Error::usage(format!(
            "the token contains the control character {} and cannot go into a header",
            bad.escape_default()
        )));
    }
    let name = options.name.as_deref().unwrap_or(AUTHORIZATION);
    redactor.add_after(&format!("{name}: "), text);
    if name.eq_ignore_ascii_case(AUTHORIZATION) {
        // A token with a scheme (`Basic …`) is the whole value.
        match text.split_once(' ') {
            Some((_, credentials)) => redactor.add_given(credentials),
            None => return Ok(ResolvedCredentials::bearer(&Secret::new(text), redactor)),
        }
    }
    Ok(ResolvedCredentials {
        headers: vec![(name.to_owned(), Secret::new(text))],
        ..ResolvedCredentials::default()
    })
}

fn place_subprotocol(options: &Token, text: &str) -> Result<ResolvedCredentials, Error> {
    let value = match &options.name {
        Some(prefix) => format!("{prefix}{text}"),
        None => text.to_owned(),
    };
    if !is_http_token(&value) {
        return Err(Error::usage(
            "the token contains a character not allowed in subprotocols (RFC 6455 section 4.1)",
        )
        .advice("encode it, for instance as base64url without padding"));
    }
    Ok(ResolvedCredentials {
        subprotocol: Some(Secret::new(value)),
        ..ResolvedCredentials::default()
    })
}

fn place_message(options: &Token, text: &str, redactor: &Redactor) -> ResolvedCredentials {
    let template = &options.message;
    let filled = |text| {
        template::fill(template, Place::Message, |name| {
            (name == PLACEHOLDER).then_some(Value::Text(text))
        })
    };
    // The form inside a JSON string.
    redactor.add_given(&template::json_text(text));
    let shown = match redactor.includes_secrets() {
        true => text,
        false => REDACTED,
    };
    ResolvedCredentials {
        message: Some((Secret::new(filled(text)), filled(shown))),
        ..ResolvedCredentials::default()
    }
}

/// Checks `--token-message` before anything is sent.
pub fn check_template(template: &str) -> Result<(), Error> {
    if template::mentions(template.as_bytes(), PLACEHOLDER) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "--token-message '{template}' has no {{{{{PLACEHOLDER}}}}}"
    ))
    .advice(format!("--token-message '{DEFAULT_MESSAGE}'")))
}

#[cfg(test)]
mod tests {
    use super::super::sources::Source;
    use super::*;

    fn token(via: Via, name: Option<&str>) -> Token {
        Token {
            source: Source::Prompt,
            via,
            name: name.map(str::to_owned),
            message: DEFAULT_MESSAGE.to_owned(),
        }
    }

    #[track_caller]
    fn placed(via: Via, name: Option<&str>, text: &str) -> ResolvedCredentials {
        place(&token(via, name), &Secret::new(text), &Redactor::default()).unwrap()
    }

    #[test]
    fn a_header_is_bearer_unless_named_or_complete() {
        let header = |name, text| {
            let (name, value) = placed(Via::Header, name, text).headers.remove(0);
            format!("{name}: {}", value.expose())
        };
        assert_eq!(header(None, "abc"), "Authorization: Bearer abc");
        assert_eq!(header(None, "Basic abc"), "Authorization: Basic abc");
        assert_eq!(header(Some("X-Api-Key"), "abc"), "X-Api-Key: abc");
    }

    #[test]
    fn basic_is_base64_of_user_and_password() {
        let placed = ResolvedCredentials::basic(
            "Aladdin",
            &Secret::new("open sesame"),
            &Redactor::default(),
        );
        // The example of RFC 7617 section 2.
        assert_eq!(
            placed.headers[0].1.expose(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn the_first_message_is_escaped_as_json_and_shown_redacted() {
        let (sent, shown) = placed(Via::Message, None, "a\"b").message.unwrap();
        assert_eq!(sent.expose(), r#"{"event":"token","data":"a\"b"}"#);
        assert_eq!(shown, r#"{"event":"token","data":"[redacted]"}"#);
        let mut plain = token(Via::Message, None);
        plain.message = "AUTH {{token}}".to_owned();
        let (sent, _) = place(&plain, &Secret::new("a\"b"), &Redactor::default())
            .unwrap()
            .message
            .unwrap();
        assert_eq!(sent.expose(), "AUTH a\"b");
    }

    #[test]
    fn every_form_of_a_token_is_redacted() {
        let redactor = Redactor::default();
        place(&token(Via::Query, None), &Secret::new("a b/c"), &redactor).unwrap();
        assert_eq!(
            redactor.redact("a b/c a+b%2Fc a%20b%2Fc"),
            "[redacted] [redacted] [redacted]"
        );
        ResolvedCredentials::basic("u", &Secret::new("pass"), &redactor);
        assert_eq!(redactor.redact("Basic dTpwYXNz"), "Basic [redacted]");
    }

    #[test]
    fn a_token_with_characters_not_allowed_in_its_place_is_refused() {
        let redactor = Redactor::default();
        assert!(
            place(
                &token(Via::Header, None),
                &Secret::new("a\r\nX: y"),
                &redactor
            )
            .is_err()
        );
        let error = place(
            &token(Via::Subprotocol, None),
            &Secret::new("a/b="),
            &redactor,
        )
        .unwrap_err();
        assert!(error.to_string().contains("base64url"), "{error}");
        assert!(check_template("no place").is_err());
    }

    #[test]
    fn a_subprotocol_takes_a_prefix() {
        assert_eq!(
            placed(Via::Subprotocol, None, "abc")
                .subprotocol
                .unwrap()
                .expose(),
            "abc"
        );
        let prefixed = placed(Via::Subprotocol, Some("base64url.bearer."), "abc");
        assert_eq!(
            prefixed.subprotocol.unwrap().expose(),
            "base64url.bearer.abc"
        );
    }
}
