//! The credentials of a request that is only shown: no file is read, no command run, and nobody is
//! asked. Pure.

use super::placement::{ResolvedCredentials, place};
use super::sources::{AUTHORIZATION, Authorization, Credentials, Source, Token, Via};
use crate::error::Error;
use crate::secret::{Redactor, Secret};

/// Credentials as far as they are known without reading them.
#[derive(Debug, Default)]
pub struct Preview {
    pub placed: ResolvedCredentials,
    /// The texts that stand for what is not known: `[token from cmd:…]`. They are no secrets.
    pub placeholders: Vec<String>,
}

/// Puts `credentials` into place. `environment` looks up a variable.
///
/// # Errors
/// Exit 2 if a variable is missing, or a token is not allowed in its place.
pub fn preview(
    credentials: &Credentials,
    environment: &dyn Fn(&str) -> Option<String>,
    redactor: &Redactor,
) -> Result<Preview, Error> {
    let mut preview = Preview::default();
    match &credentials.authorization {
        None => {}
        Some(Authorization::Bearer(token)) => {
            preview.placed = ResolvedCredentials::bearer(token, redactor);
        }
        Some(Authorization::Basic(basic)) => match &basic.password {
            Some(password) => {
                preview.placed = ResolvedCredentials::basic(&basic.user, password, redactor);
            }
            None => {
                let placeholder = format!("[{} with a password from the prompt]", basic.user);
                let value = Secret::new(format!("Basic {placeholder}"));
                preview.placed.headers = vec![(AUTHORIZATION.to_owned(), value)];
                preview.placeholders.push(placeholder);
            }
        },
    }
    if let Some(token) = &credentials.token {
        let headers = std::mem::take(&mut preview.placed.headers);
        preview.placed = match known(&token.source, environment)? {
            Ok(text) => place(token, &text, redactor)?,
            Err(placeholder) => {
                let placed = stand_in(token, &placeholder)?;
                preview.placeholders.push(placeholder);
                placed
            }
        };
        preview.placed.headers.splice(0..0, headers);
    }
    Ok(preview)
}

/// The token, or what stands for it.
fn known(
    source: &Source,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Result<Secret, String>, Error> {
    let from = |what: &str| Ok(Err(format!("[token from {what}]")));
    match source {
        Source::Literal(text) => Ok(Ok(text.clone())),
        Source::Variable(name) => match environment(name) {
            Some(text) => Ok(Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))),
            None => Err(Error::usage(format!(
                "--token env:{name}: there is no such variable in the environment"
            ))),
        },
        Source::File(path) => from(&format!("@{path}")),
        Source::Command(command) => from(&format!("cmd:{command}")),
        Source::Prompt => from("the prompt"),
    }
}

/// Puts a placeholder where the token would be.
fn stand_in(token: &Token, placeholder: &str) -> Result<ResolvedCredentials, Error> {
    // It is no secret, so another redactor learns of it.
    let redactor = Redactor::new(true);
    match token.via {
        Via::Subprotocol => Ok(ResolvedCredentials {
            subprotocol: Some(Secret::new(format!(
                "{}{placeholder}",
                token.name.as_deref().unwrap_or_default()
            ))),
            ..ResolvedCredentials::default()
        }),
        Via::Header if token.is_authorization() => Ok(ResolvedCredentials::bearer(
            &Secret::new(placeholder),
            &redactor,
        )),
        _ => place(token, &Secret::new(placeholder), &redactor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(source: &str, via: Via) -> Credentials {
        Credentials {
            token: Some(Token {
                source: Source::parse(source),
                via,
                name: None,
                message: r#"{"t":"{{token}}"}"#.to_owned(),
            }),
            ..Credentials::default()
        }
    }

    #[test]
    fn what_would_have_to_be_read_is_named() {
        let redactor = Redactor::default();
        let environment = |name: &str| (name == "T").then(|| "abc\n".to_owned());
        let placed =
            |source: &str, via| preview(&token(source, via), &environment, &redactor).unwrap();
        let header = |source: &str| {
            placed(source, Via::Header).placed.headers[0]
                .1
                .expose()
                .to_owned()
        };
        assert_eq!(header("cmd:id -u"), "Bearer [token from cmd:id -u]");
        assert_eq!(header("@f"), "Bearer [token from @f]");
        assert_eq!(header("prompt"), "Bearer [token from the prompt]");
        assert_eq!(header("env:T"), "Bearer abc");
        assert_eq!(
            placed("env:T", Via::Header).placeholders,
            Vec::<String>::new()
        );
        let message = placed("cmd:\"", Via::Message).placed.message.unwrap();
        assert_eq!(message.1, r#"{"t":"[token from cmd:\"]"}"#);
        let subprotocol = placed("@f", Via::Subprotocol).placed.subprotocol.unwrap();
        assert_eq!(subprotocol.expose(), "[token from @f]");
        assert!(preview(&token("env:X", Via::Header), &environment, &redactor).is_err());
        assert_eq!(
            redactor.redact("[token from @f] abcd"),
            "[token from @f] abcd"
        );
    }
}
