//! Which token belongs to which user. Pure. Only digests are kept, and comparing them takes the same
//! time whatever they are; no error repeats a token.

use super::envelope;
use super::store::Name;
use crate::secret::Fingerprint;

/// The tokens. Without any, every token is that of a user of this name.
#[derive(Clone, Default)]
pub struct Tokens {
    /// A user that is `None` is barred.
    known: Vec<(Fingerprint, Option<Name>)>,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Access {
    User(Name),
    /// The token is known, and its user is barred.
    Barred,
    Unknown,
}

impl Tokens {
    /// Adds `TOKEN=USER`. A token may have `=` in it, the name of a user may not. Without a name, the
    /// token is barred.
    ///
    /// # Errors
    /// The sentence that says what is wrong.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (token, user) = text
            .rsplit_once('=')
            .filter(|(token, _)| !token.is_empty())
            .ok_or("a token is given as TOKEN=USER, or as TOKEN= to bar it")?;
        let user = match user {
            "" => None,
            user => Some(envelope::name("the name of the user", user)?),
        };
        let token = Fingerprint::of(token.as_bytes());
        if self.known.iter().any(|(known, _)| *known == token) {
            return Err("the same token is given twice".to_owned());
        }
        self.known.push((token, user));
        Ok(())
    }

    /// Whether there are none, so that every token is good.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whose this token is.
    pub(in crate::serve) fn check(&self, token: &str) -> Access {
        if self.is_empty() {
            return envelope::name("the token", token).map_or(Access::Unknown, Access::User);
        }
        let token = Fingerprint::of(token.as_bytes());
        let mut found = Access::Unknown;
        for (known, user) in &self.known {
            if *known == token {
                found = user.clone().map_or(Access::Barred, Access::User);
            }
        }
        found
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_users_or_barred_or_unknown() {
        let mut tokens = Tokens::default();
        let user = |name| Access::User(Name::from(name));
        assert_eq!(tokens.check("xiao"), user("xiao"));
        assert_eq!(tokens.check(""), Access::Unknown);
        assert_eq!(tokens.check("a\tb"), Access::Unknown);
        for text in ["secret=xiao", "abc===ada", "other=xiao", "old="] {
            tokens.add(text).unwrap();
        }
        for (token, access) in [
            ("secret", user("xiao")),
            ("other", user("xiao")),
            ("abc==", user("ada")),
            ("old", Access::Barred),
            ("abc", Access::Unknown),
            ("xiao", Access::Unknown),
            ("", Access::Unknown),
        ] {
            assert_eq!(tokens.check(token), access, "{token}");
        }
    }

    #[test]
    fn a_bad_token_is_an_error_that_does_not_repeat_it() {
        let mut tokens = Tokens::default();
        tokens.add("hunter2=xiao").unwrap();
        for text in ["hunter2", "=xiao", "hunter2=ada", "hunter2=a\u{7}"] {
            let error = tokens.add(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(!format!("{tokens:?}").contains("hunter2"));
    }
}
