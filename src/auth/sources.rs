//! Which credentials a run has, as the command line names them. Pure: nothing is read here.

use crate::secret::Secret;

/// The header that says who the user is (RFC 9110 §11.6.2).
pub(super) const AUTHORIZATION: &str = "Authorization";

/// Who the user is to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    pub authorization: Option<Authorization>,
    /// In another place, where there is an `authorization` too.
    pub token: Option<Token>,
}

impl Credentials {
    /// Whether reading them again may give others after they have been refused.
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

/// What the `Authorization` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    Basic(Basic),
    Bearer(Secret),
}

/// Where a token is read from, again for every connection attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Literal(Secret),
    /// `@FILE`; one trailing newline is not part of the token.
    File(String),
    /// `env:VAR`
    Variable(String),
    /// `cmd:COMMAND`, run by `sh -c`; its standard output is the token.
    Command(String),
    /// Asked for at the terminal, without echo.
    Prompt,
}

impl Source {
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

/// Where a token is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    #[default]
    Header,
    Query,
    Message,
    Subprotocol,
}

/// `--token` and its companions.
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
    /// `None` asks at the terminal.
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
    fn a_source_is_known_by_its_beginning() {
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
