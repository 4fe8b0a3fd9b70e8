//! Tokens among the subprotocols that a request offers. A web page cannot send a header, so some send a token
//! there: after a word that says so (`bearer, TOKEN`), or behind it (`openai-insecure-api-key.TOKEN`).
//!
//! It goes by looks. A name that is taken for a token makes a script that asks for it; a token that is
//! taken for a name would be shown.

use super::changing;
use crate::secret::is_secret_name;

/// The shortest token after a word for one, in bytes.
const SHORTEST: usize = 6;

/// The shortest token behind a word for one, if it has a digit, and if it has none.
const SHORTEST_BEHIND: (usize, usize) = (8, 20);

/// What Kubernetes has between the word and the token.
const KUBERNETES: &str = "k8s.io.";

/// The tokens of subprotocols as they were offered: of each the end of it that is one.
pub(crate) fn find<'a>(offered: impl IntoIterator<Item = &'a str>) -> Vec<Option<&'a str>> {
    let mut follows_word = false;
    let token = |subprotocol: &'a str| {
        let is_token = (follows_word && subprotocol.len() >= SHORTEST)
            || (behind_word(subprotocol).is_none() && is_random(subprotocol));
        let token = match is_token {
            true => Some(subprotocol),
            false => behind_word(subprotocol),
        };
        follows_word = token.is_none() && is_secret_name(subprotocol);
        token
    };
    offered.into_iter().map(token).collect()
}

/// The token at the end of a name that has a word for one before it.
fn behind_word(subprotocol: &str) -> Option<&str> {
    let mut divided = subprotocol.rmatch_indices(['.', '-', '_']);
    divided.find_map(|(at, divider)| {
        let (before, rest) = (subprotocol.get(..at)?, subprotocol.get(at + 1..)?);
        let word = before.rsplit(['.', '-', '_']).next()?;
        // `auth-protocol-2024` is a name.
        let is_one = divider == "." || !rest.contains(['.', '-', '_']);
        let is_token = is_secret_name(word) && is_one && is_long(rest);
        is_token.then(|| rest.strip_prefix(KUBERNETES).unwrap_or(rest))
    })
}

fn is_long(text: &str) -> bool {
    let (with_digit, without) = SHORTEST_BEHIND;
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    text.len() >= if has_digit { with_digit } else { without }
}

fn is_random(subprotocol: &str) -> bool {
    let (_, shortest) = SHORTEST_BEHIND;
    subprotocol.len() >= shortest && changing::is_changing(subprotocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_the_word_before_them_and_by_their_looks() {
        for (offered, tokens) in [
            ("bearer, HSUB1234567890", ", HSUB1234567890"),
            ("access_token, swordfish, chat", ", swordfish, "),
            ("Authorization, mytoken", ", mytoken"),
            (
                "realtime, openai-insecure-api-key.sk-abc12345, openai-beta.realtime-v1",
                ", sk-abc12345, ",
            ),
            (
                "base64url.bearer.authorization.k8s.io.aHVudGVyMg, base64.binary.k8s.io",
                "aHVudGVyMg, ",
            ),
            ("chat, token-HSUB1234567890", ", HSUB1234567890"),
            (
                "v1, eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc",
                ", eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc",
            ),
            (
                "123e4567-e89b-12d3-a456-426614174000",
                "123e4567-e89b-12d3-a456-426614174000",
            ),
            ("", ""),
        ] {
            let found = find(offered.split(", "));
            let found: Vec<_> = found.into_iter().map(Option::unwrap_or_default).collect();
            assert_eq!(found.join(", "), tokens, "{offered}");
        }
    }

    #[test]
    fn names_are_no_tokens() {
        for offered in [
            "graphql-transport-ws",
            "graphql-ws",
            "ocpp1.6",
            "ocpp2.0.1",
            "v12.stomp",
            "wamp.2.json",
            "actioncable-v1-json",
            "soap",
            "bearer",
            "token",
            "auth-protocol-2024",
            "com.example.auth.v1",
            "v5.channel.k8s.io",
        ] {
            assert_eq!(find([offered, "chat"]), [None, None], "{offered}");
        }
    }
}
