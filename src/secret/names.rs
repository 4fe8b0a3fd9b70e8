//! Which names are those of a secret. A name is taken for one by its words; those that merely contain
//! such letters (`author`, `keyboard`) must not be. Pure.

/// What a name contains, in lower case and with `-` between its words.
const PARTS: &[&str] = &[
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "session",
    "api-key",
    "apikey",
];

/// What a name ends with, without anything between its words.
const ENDS: &[&str] = &["accesskey", "privatekey", "signingkey"];

/// A word of a name.
const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "pw",
    "otp",
    "jwt",
    "bearer",
    "auth",
    "sig",
    "signature",
    "ticket",
];

/// Whether the value of a header of this name is a credential, in a request or a response.
pub fn is_secret_header(name: &str) -> bool {
    name.eq_ignore_ascii_case("authentication") || has_part(&name.to_ascii_lowercase())
}

/// Whether a variable, a message or a JSON member of this name holds a credential.
pub fn is_secret_name(name: &str) -> bool {
    let lowercase = name.to_ascii_lowercase().replace(['_', '.'], "-");
    let is_secret = |word: &str| WORDS.iter().any(|it| word.eq_ignore_ascii_case(it));
    lowercase == "key" || has_part(&lowercase) || words(name).any(is_secret)
}

/// `lowercase` has `-` between its words.
fn has_part(lowercase: &str) -> bool {
    let joined = lowercase.replace('-', "");
    let is_x_auth = lowercase.contains("x-auth") && !lowercase.contains("x-author");
    is_x_auth
        || PARTS.iter().any(|part| lowercase.contains(part))
        || ENDS.iter().any(|end| joined.ends_with(end))
}

/// The words of a name: `user_pw`, `user-pw`, `userPw` and `userPW` have the same ones.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split(['-', '_', '.']);
    parts.flat_map(|part| {
        let bytes = part.as_bytes();
        let begins = move |at: &usize| {
            let is_upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
            let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
            // In `APIKey`, the last capital begins a word.
            is_upper(*at) && (!is_upper(at - 1) || is_lower(at + 1))
        };
        let mut start = 0;
        let ends = (1..part.len()).filter(begins).chain([part.len()]);
        ends.map(move |end| {
            part.get(std::mem::replace(&mut start, end)..end)
                .unwrap_or_default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_hold_credentials() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "PRIVATE-TOKEN",
            "X-Api-Key",
            "Authentication",
            "AccessKey",
            "X-Access-Key",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in [
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Accept",
            "Host",
            "Origin",
            "WWW-Authenticate",
            "Authentication-Info",
            "X-Author",
        ] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn names_of_secrets() {
        for name in [
            "key",
            "API_KEY",
            "aws.access_key",
            "db_pass",
            "jwt",
            "x-auth",
            "sessionId",
            "accessKey",
            "accesskey",
            "AWS_SECRET_ACCESS_KEY",
            "otp",
            "userOtp",
            "pw",
            "dbPw",
            "dbPW",
            "PWHash",
            "authUser",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "room",
            "keyword",
            "primary_key",
            "passenger",
            "author",
            "design",
            "accessKeyId",
            "primaryKey",
            "authors",
            "authentication",
            "coAuthor",
            "keyboard",
            "pinned",
            "option",
            "adopted",
            "hotpot",
            "upward",
            "compassPoint",
            "Signal",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
