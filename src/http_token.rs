//! The grammar of names in HTTP: header names, subprotocols, extensions and their parameters.

/// RFC 9110 §5.6.2.
pub fn is_http_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
