//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), whatever the extensions are.

use crate::http_token::is_http_token;

/// An element of the header (RFC 6455 §9.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<String>,
}

impl Extension<'_> {
    pub(super) fn is_named(&self, name: &str) -> bool {
        // Extension names are registered in lower case, but other implementations ignore the case.
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Parses a header's value by the grammar of RFC 6455 §9.1. As everywhere in HTTP, elements of the
/// list may be empty (RFC 9110 §5.6.1), and so may the list: then it names no extension.
pub(super) fn parse(text: &str) -> Result<Vec<Extension<'_>>, String> {
    let mut rest = Rest(text);
    let mut extensions = Vec::new();
    loop {
        while rest.eat(',') {}
        if rest.0.is_empty() {
            return Ok(extensions);
        }
        extensions.push(rest.extension()?);
        if !rest.0.is_empty() && !rest.eat(',') {
            return Err(rest.malformed());
        }
    }
}

/// The rest of a header's value.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn extension(&mut self) -> Result<Extension<'a>, String> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.eat(';') {
            parameters.push(self.parameter()?);
        }
        Ok(Extension { name, parameters })
    }

    fn parameter(&mut self) -> Result<Parameter<'a>, String> {
        let name = self.token()?;
        // White space after the equals sign has been skipped.
        let value = match self.eat('=') {
            false => None,
            true if self.0.starts_with('"') => Some(self.quoted()?),
            true => Some(self.token()?.to_owned()),
        };
        Ok(Parameter { name, value })
    }

    fn token(&mut self) -> Result<&'a str, String> {
        self.skip_space();
        let is_part = |c: char| is_http_token(c.encode_utf8(&mut [0; 4]));
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        if end == 0 {
            return Err(self.malformed());
        }
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        self.skip_space();
        Ok(token)
    }

    /// A quoted-string; without its quotes and backslashes it must be a token too (RFC 6455 §9.1).
    fn quoted(&mut self) -> Result<String, String> {
        let start = Rest(self.0);
        let mut rest = self.0.chars();
        let mut value = String::new();
        rest.next();
        loop {
            match rest.next() {
                Some('"') => break,
                Some('\\') => value.extend(rest.next()),
                Some(other) => value.push(other),
                None => return Err(start.malformed()),
            }
        }
        self.0 = rest.as_str();
        self.skip_space();
        match is_http_token(&value) {
            true => Ok(value),
            false => Err(start.malformed()),
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        self.skip_space();
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches(SPACE);
    }

    fn malformed(&self) -> String {
        match self.0 {
            "" => "it ends too early (RFC 6455 section 9.1)".to_owned(),
            rest => format!("it is malformed at '{rest}' (RFC 6455 section 9.1)"),
        }
    }
}

/// Linear white space in a header's value.
const SPACE: [char; 2] = [' ', '\t'];
