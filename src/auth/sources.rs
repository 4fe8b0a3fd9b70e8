//! The sources of a run's credentials, as named on the command line. Pure: nothing is read here.

use std::sync::Arc;

use crate::secret::Secret;
use crate::uri::UserInfo;

/// The header with the user's credentials (RFC 9110 §11.6.2).
pub(super) const AUTHORIZATION: &str = "Authorization";

/// The credentials of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    pub authorization: Option<Authorization>,
    /// A token outside the `Authorization` header, in addition to `authorization`.
    pub token: Option<Token>,
    /// The names and values of the user's variables, for the environment of commands.
    pub variables: Arc<[(String, String)]>,
}

impl Credentials {
    /// The same with the user and password of a URL, unless the header has other credentials.
    pub fn or_user(mut self, user: Option<&UserInfo>) -> Credentials {
        let is_taken = self.token.as_ref().is_some_and(Token::is_authorization);
        if self.authorization.is_none() && !is_taken {
            self.authorization = user.map(|user| {
                let password = user.password.clone();
                Authorization::Basic(Basic {
                    user: user.name.clone(),
                    password: Some(password.unwrap_or_else(|| Secret::new(""))),
                })
            });
        }
        self
    }

    /// Whether reading them again can give different ones after a refusal.
    pub fn is_renewable(&self) -> bool {
        let asked = matches!(&self.authorization, Some(Authorization::Basic(basic)) if basic.password.is_none());
        let token = self.token.as_ref().map(|token| &token.source);
        asked
            || matches!(
                token,
                Some(Source::File(_) | Source::Command(_) | Source::Prompt)
            )
    }
}

/// The content of the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    Basic(Basic),
    Bearer(Secret),
}

/// The source of a token, read again for every connection attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Literal(Secret),
    /// `@FILE`; one trailing newline is not part of the token.
    File(String),
    /// `env:VAR`.
    Variable(String),
    /// `cmd:COMMAND`, run by `sh -c`; its standard output is the token.
    Command(String),
    /// Typed at the terminal, without echo.
    Prompt,
}

impl Source {
    /// Whether a text names where a secret is kept, and is none itself.
    pub fn is_reference(text: &str) -> bool {
        !matches!(Source::parse(text), Source::Literal(_))
    }

    pub fn parse(text: &str) -> Source {
        if text.starts_with("@@") {
            Source::Literal(Secret::new(&text[1..]))
        } else if let Some(path) = text.strip_prefix('@') {
            Source::File(path.to_owned())
        } else if let Some(name) = text.strip_prefix("env:") {
            Source::Variable(name.to_owned())
        } else if let Some(command) = text.strip_prefix("cmd:") {
            Source::Command(command.to_owned())
        } else if text == "prompt" {
            Source::Prompt
        } else {
            Source::Literal(Secret::new(text))
        }
    }
}

/// Where a token goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    #[default]
    Header,
    Query,
    Message,
    Subprotocol,
}

/// `--token` and the options that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub source: Source,
    pub via: Via,
    /// `--token-name`: the header (default `Authorization`) or query parameter (default `token`).
    pub name: Option<String>,
    /// `--token-message`.
    pub message: String,
}

impl Token {
    /// Whether it goes into the `Authorization` header.
    pub fn is_authorization(&self) -> bool {
        let named = self.name.as_deref().unwrap_or(AUTHORIZATION);
        self.via == Via::Header && named.eq_ignore_ascii_case(AUTHORIZATION)
    }
}

/// `-u` or the userinfo of the URL: HTTP Basic (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basic {
    pub user: String,
    /// `None`: ask at the terminal.
    pub password: Option<Secret>,
}

impl Basic {
    /// `user:password`, or `user` alone.
    pub fn parse(text: &str) -> Basic {
        match text.split_once(':') {
            Some((user, password)) => Basic {
                user: user.to_owned(),
                password: Some(Secret::new(password)),
            },
            None => Basic {
                user: text.to_owned(),
                password: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_recognised_by_its_prefix() {
        assert_eq!(Source::parse("abc"), Source::Literal(Secret::new("abc")));
        assert_eq!(Source::parse("@@abc"), Source::Literal(Secret::new("@abc")));
        assert_eq!(Source::parse("@f.txt"), Source::File("f.txt".into()));
        assert_eq!(Source::parse("env:T"), Source::Variable("T".into()));
        assert_eq!(
            Source::parse("cmd:echo x"),
            Source::Command("echo x".into())
        );
        assert_eq!(Source::parse("prompt"), Source::Prompt);
    }
}
