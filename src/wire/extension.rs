//! Negotiation of permessage-deflate (RFC 7692 §5 and §7.1). Pure.
//!
//! A client makes an [`offer`], a server gives its [`answer`], the client must [`accept`] it: both
//! then hold the same [`Agreed`].

use std::fmt;

use crate::http_token::is_http_token;

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    /// 8 to 15.
    pub server_max_window_bits: u8,
    /// 8 to 15.
    pub client_max_window_bits: u8,
}

/// What one side wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Without it there is neither an offer nor an answer.
    pub compress: bool,
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    /// 8 to 15.
    pub server_max_window_bits: Option<u8>,
    /// 8 to 15.
    pub client_max_window_bits: Option<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            compress: true,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: None,
        }
    }
}

/// The client's `Sec-WebSocket-Extensions`.
///
/// It always says that the client takes a limit to its window (RFC 7692 §7.1.2.2): a server short
/// of memory may otherwise not compress at all.
pub fn offer(options: &Options) -> Option<String> {
    let parameters = Parameters {
        server_no_context_takeover: options.server_no_context_takeover,
        client_no_context_takeover: options.client_no_context_takeover,
        server_max_window_bits: options.server_max_window_bits,
        client_max_window_bits: Some(options.client_max_window_bits),
    };
    options.compress.then(|| parameters.to_string())
}

/// Judges the server's `answer` to what the request header `offered` held, both as their lines
/// joined by commas. `None` where the server chose no extension.
///
/// # Errors
/// What the server said, and what is wrong with it: the client must fail the connection
/// (RFC 7692 §7.1).
pub fn accept(offered: &str, options: &Options, answer: &str) -> Result<Option<Agreed>, String> {
    let but = |why: String| format!("{}, but {why}", chose(answer));
    let chosen = parse(answer).map_err(but)?;
    if chosen.is_empty() {
        return Ok(None);
    }
    let offers =
        parse(offered).map_err(|why| but(format!("what your -H offered cannot be told: {why}")))?;
    for extension in &chosen {
        known(extension, &offers)?;
    }
    match chosen.as_slice() {
        [deflate] => accept_deflate(&offers, options, deflate)
            .map(Some)
            .map_err(but),
        _ => Err(but(format!(
            "{NAME} may stand there only once (RFC 7692 section 5)"
        ))),
    }
}

fn chose(answer: &str) -> String {
    format!("the server chose the extension '{}'", answer.trim())
}

/// RFC 6455 §9.1: only what was offered may be chosen.
fn known(chosen: &Extension<'_>, offers: &[Extension<'_>]) -> Result<(), String> {
    let same = |offer: &Extension<'_>| offer.name.eq_ignore_ascii_case(chosen.name);
    let chose = chose(chosen.name);
    match offers.iter().any(same) {
        true if chosen.is_deflate() => Ok(()),
        true => Err(format!(
            "{chose}, offered by your -H, which wirecat does not speak"
        )),
        false => Err(format!("{chose}, which was never offered")),
    }
}

fn accept_deflate(
    offers: &[Extension<'_>],
    options: &Options,
    answer: &Extension<'_>,
) -> Result<Agreed, String> {
    let answer = Parameters::read(answer, Side::Server)?;
    let offers: Vec<_> = deflate_offers(offers).collect();
    let fits = |offer: &Result<Parameters, String>| match offer {
        Ok(offer) => offer.allows(&answer),
        Err(why) => Err(format!("in your offer {why}")),
    };
    // Any of several may have been chosen; the complaint is about the preferred one.
    if !offers.iter().any(|offer| fits(offer).is_ok())
        && let Some(preferred) = offers.first()
    {
        fits(preferred)?;
    }
    // What an offer says of the client itself holds even where the answer is silent about it
    // (RFC 7692 §7.1.1.2 and §7.1.2.2). Which offer was chosen may not show: all of them bind.
    let offers = || offers.iter().flatten();
    let bits = |parameters: &Parameters| parameters.client_max_window_bits.flatten();
    let limits = offers().chain([&answer]).filter_map(bits);
    Ok(Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: options.client_no_context_takeover
            || offers()
                .chain([&answer])
                .any(|said| said.client_no_context_takeover),
        server_max_window_bits: answer.server_max_window_bits.unwrap_or(MAX_BITS),
        client_max_window_bits: limits
            .chain(options.client_max_window_bits)
            .min()
            .unwrap_or(MAX_BITS),
    })
}

/// The server's side: takes the first acceptable of the `offers`, the lines of the request's
/// `Sec-WebSocket-Extensions` joined by commas, and gives the value of that header to answer with.
///
/// An offer with a parameter that is unknown, repeated or invalid is declined, as it must be
/// (RFC 7692 §7.1). So is everything in a header that is malformed.
pub fn answer(offers: &str, options: &Options) -> Option<(Agreed, String)> {
    let offers = parse(offers).ok().filter(|_| options.compress)?;
    let offer = deflate_offers(&offers).find_map(Result::ok)?;
    let client_max_window_bits = offer
        .client_max_window_bits
        .and_then(|hint| smaller(hint, options.client_max_window_bits));
    let answer = Parameters {
        server_no_context_takeover: offer.server_no_context_takeover
            || options.server_no_context_takeover,
        client_no_context_takeover: offer.client_no_context_takeover
            || options.client_no_context_takeover,
        server_max_window_bits: smaller(
            offer.server_max_window_bits,
            options.server_max_window_bits,
        ),
        // A client that does not offer to take a limit must not be given one (§7.1.2.2).
        client_max_window_bits: client_max_window_bits.map(Some),
    };
    let agreed = Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover,
        server_max_window_bits: answer.server_max_window_bits.unwrap_or(MAX_BITS),
        client_max_window_bits: client_max_window_bits.unwrap_or(MAX_BITS),
    };
    Some((agreed, answer.to_string()))
}

fn smaller(one: Option<u8>, other: Option<u8>) -> Option<u8> {
    one.into_iter().chain(other).min()
}

fn deflate_offers<'a>(
    offers: &'a [Extension<'a>],
) -> impl Iterator<Item = Result<Parameters, String>> + 'a {
    let offers = offers.iter().filter(|offer| offer.is_deflate());
    offers.map(|offer| Parameters::read(offer, Side::Client))
}

/// In plain words, for people.
impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let takeover = match (
            self.server_no_context_takeover,
            self.client_no_context_takeover,
        ) {
            (false, false) => "context takeover both ways",
            (false, true) => "context takeover by the server only",
            (true, false) => "context takeover by the client only",
            (true, true) => "no context takeover",
        };
        write!(
            f,
            "server window {} bits, client window {} bits; {takeover}",
            self.server_max_window_bits, self.client_max_window_bits
        )
    }
}

const NAME: &str = "permessage-deflate";
const SERVER_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// The window of DEFLATE itself (RFC 1951 §2), where nobody wants a smaller one.
const MAX_BITS: u8 = 15;

/// Whose word it is: an offer or an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// The parameters of an offer or an answer (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// In an offer it may stand without a value: the client takes a limit, but suggests none.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    fn read(extension: &Extension<'_>, by: Side) -> Result<Parameters, String> {
        let mut read = Parameters::default();
        for Parameter { name, value } in &extension.parameters {
            let value = value.as_deref();
            let name = name.to_ascii_lowercase();
            let repeated = match name.as_str() {
                SERVER_TAKEOVER => {
                    let granted = flag(&name, value)?;
                    std::mem::replace(&mut read.server_no_context_takeover, granted)
                }
                CLIENT_TAKEOVER => {
                    let granted = flag(&name, value)?;
                    std::mem::replace(&mut read.client_no_context_takeover, granted)
                }
                SERVER_BITS => {
                    let bits = window_bits(&name, value)?;
                    read.server_max_window_bits.replace(bits).is_some()
                }
                CLIENT_BITS => {
                    let bare = by == Side::Client && value.is_none();
                    let bits = (!bare).then(|| window_bits(&name, value)).transpose()?;
                    read.client_max_window_bits.replace(bits).is_some()
                }
                _ => return Err(wrong(&name, "is no parameter of permessage-deflate")),
            };
            if repeated {
                return Err(wrong(&name, "is there more than once"));
            }
        }
        Ok(read)
    }

    /// Whether a server may answer this offer so.
    fn allows(&self, answer: &Parameters) -> Result<(), String> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(wrong(SERVER_TAKEOVER, "was offered and is not in it"));
        }
        match (self.server_max_window_bits, answer.server_max_window_bits) {
            (Some(most), None) => {
                let why = format!("was offered as {most} and is not in it");
                return Err(wrong(SERVER_BITS, &why));
            }
            (Some(most), Some(bits)) if bits > most => return Err(too_large(SERVER_BITS, most)),
            _ => {}
        }
        match (
            self.client_max_window_bits,
            answer.client_max_window_bits.flatten(),
        ) {
            (None, Some(_)) => Err(wrong(CLIENT_BITS, "was never offered")),
            (Some(Some(most)), Some(bits)) if bits > most => Err(too_large(CLIENT_BITS, most)),
            _ => Ok(()),
        }
    }
}

/// As in the header.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {SERVER_TAKEOVER}")?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {CLIENT_TAKEOVER}")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_BITS}={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; {CLIENT_BITS}={bits}"),
            Some(None) => write!(f, "; {CLIENT_BITS}"),
            None => Ok(()),
        }
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None => Ok(true),
        Some(value) => Err(wrong(name, &format!("takes no value, not '{value}'"))),
    }
}

/// A decimal number without leading zeros (RFC 7692 §7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8, String> {
    let Some(value) = value else {
        return Err(wrong(name, "has no value, and needs one from 8 to 15"));
    };
    (8..=MAX_BITS)
        .find(|bits| bits.to_string() == value)
        .ok_or_else(|| wrong(name, &format!("must be 8 to 15, and is '{value}'")))
}

fn too_large(name: &str, most: u8) -> String {
    wrong(name, &format!("may be {most} at most, as offered"))
}

/// A sentence with the section that says so.
fn wrong(name: &str, why: &str) -> String {
    let section = match name {
        SERVER_TAKEOVER => "7.1.1.1",
        CLIENT_TAKEOVER => "7.1.1.2",
        SERVER_BITS => "7.1.2.1",
        CLIENT_BITS => "7.1.2.2",
        _ => "7.1",
    };
    format!("{name} {why} (RFC 7692 section {section})")
}

/// An element of the header (RFC 6455 §9.1).
#[derive(Debug, PartialEq, Eq)]
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Parameter<'a> {
    name: &'a str,
    value: Option<String>,
}

impl Extension<'_> {
    fn is_deflate(&self) -> bool {
        // Extension names are registered in lower case, and other implementations do not insist.
        self.name.eq_ignore_ascii_case(NAME)
    }
}

/// Reads a header's value by the grammar of RFC 6455 §9.1. As everywhere in HTTP, elements of the
/// list may be empty (RFC 9110 §5.6.1), and so may the list: it names no extension.
fn parse(text: &str) -> Result<Vec<Extension<'_>>, String> {
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

/// What is left of a header's value.
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
        // Behind the equals sign there is no space left.
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

    /// A quoted-string; without its quotes and backslashes it must be a token, too (RFC 6455 §9.1).
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: Agreed = Agreed {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };

    /// Agreed upon with these windows, server's first, and takeover both ways.
    fn windows(server: u8, client: u8) -> Agreed {
        Agreed {
            server_max_window_bits: server,
            client_max_window_bits: client,
            ..NONE
        }
    }

    /// Agreed upon with these as the no_context_takeovers, server's first, and full windows.
    fn takeovers(server: bool, client: bool) -> Agreed {
        Agreed {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            ..NONE
        }
    }

    /// What everybody wants who asks for all there is.
    const EVERYTHING: Options = Options {
        compress: true,
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(10),
        client_max_window_bits: Some(12),
    };

    #[test]
    fn the_grammar_of_the_header() {
        let read = |text: &str| -> String {
            let value =
                |value: &Option<String>| value.as_ref().map_or(String::new(), |v| format!("={v}"));
            let parameter = |p: &Parameter<'_>| format!(";{}{}", p.name, value(&p.value));
            let extension = |e: &Extension<'_>| {
                let parameters: String = e.parameters.iter().map(parameter).collect();
                format!("{}{parameters}", e.name)
            };
            match parse(text) {
                Ok(list) => list.iter().map(extension).collect::<Vec<_>>().join("|"),
                Err(why) => why,
            }
        };
        for (text, expected) in [
            ("", ""),
            (" , ,\t", ""),
            ("a", "a"),
            ("a, b,,c;d", "a|b|c;d"),
            ("\ta ; b = c;d\t,e ", "a;b=c;d|e"),
            ("a;b=\"c\"", "a;b=c"),
            ("a; b = \"1\\0\" ;c", "a;b=10;c"),
            ("a;b=\"c,d\"", "it is malformed at '\"c,d\"'"),
            ("a;b=\"c;d\"", "it is malformed at '\"c;d\"'"),
            ("a;b=\"\"", "it is malformed at '\"\"'"),
            ("a;b=\"c", "it is malformed at '\"c'"),
            ("a;b=\"c\\", "it is malformed at '\"c\\'"),
            ("a;b=\"c\\\"", "it is malformed at '\"c\\\"'"),
            ("a;b=\"c\"d", "it is malformed at 'd'"),
            ("a b", "it is malformed at 'b'"),
            ("a;", "it ends too early"),
            ("a;b=", "it ends too early"),
            ("a;;b", "it is malformed at ';b'"),
            ("a;,b", "it is malformed at ',b'"),
            ("a=b", "it is malformed at '=b'"),
            (";a", "it is malformed at ';a'"),
            ("\"a\"", "it is malformed at '\"a\"'"),
            ("a;b=\u{e9}", "it is malformed at '\u{e9}'"),
            ("a;b=\"\u{e9}\"", "it is malformed at '\"\u{e9}\"'"),
        ] {
            let read = read(text);
            let read = read
                .strip_suffix(" (RFC 6455 section 9.1)")
                .unwrap_or(&read);
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn the_offer_holds_what_is_wanted() {
        for (options, expected) in [
            (
                Options::default(),
                Some("permessage-deflate; client_max_window_bits"),
            ),
            (
                EVERYTHING,
                Some(
                    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                     server_max_window_bits=10; client_max_window_bits=12",
                ),
            ),
            (
                Options {
                    compress: false,
                    ..EVERYTHING
                },
                None,
            ),
        ] {
            assert_eq!(offer(&options).as_deref(), expected);
        }
    }

    #[test]
    fn answers_to_the_default_offer() {
        let offered = offer(&Options::default()).unwrap();
        for (answer, expected) in [
            ("permessage-deflate", NONE),
            (
                "PerMessage-Deflate;Client_Max_Window_Bits=9",
                windows(15, 9),
            ),
            (" ,permessage-deflate,", NONE),
            (
                "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
                windows(12, 12),
            ),
            (
                "permessage-deflate; server_max_window_bits=8",
                windows(8, 15),
            ),
            (
                "permessage-deflate; client_max_window_bits=\"8\"",
                windows(15, 8),
            ),
            (
                "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15",
                NONE,
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                takeovers(true, false),
            ),
            (
                "permessage-deflate; client_no_context_takeover",
                takeovers(false, true),
            ),
        ] {
            let agreed = accept(&offered, &Options::default(), answer);
            assert_eq!(agreed, Ok(Some(expected)), "{answer}");
        }
        assert_eq!(accept(&offered, &Options::default(), ""), Ok(None));
    }

    #[test]
    fn answers_to_other_offers() {
        let limited = Options {
            client_max_window_bits: Some(10),
            client_no_context_takeover: true,
            ..Options::default()
        };
        let ours = Agreed {
            client_no_context_takeover: true,
            ..windows(15, 10)
        };
        for (offered, options, answer, expected) in [
            // RFC 7692 §7.1.3: one offer, and one that falls back to another.
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                Options::default(),
                "permessage-deflate; server_max_window_bits=10",
                windows(10, 15),
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
                 permessage-deflate; client_max_window_bits",
                Options::default(),
                "permessage-deflate",
                NONE,
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                Options::default(),
                "permessage-deflate; server_max_window_bits=9",
                windows(9, 15),
            ),
            // What the offer says of our own side holds without an answer; so do our options.
            (
                "permessage-deflate; client_max_window_bits=11; client_no_context_takeover",
                Options::default(),
                "permessage-deflate",
                Agreed {
                    client_no_context_takeover: true,
                    ..windows(15, 11)
                },
            ),
            ("permessage-deflate", limited, "permessage-deflate", ours),
            (
                "permessage-deflate; client_max_window_bits",
                limited,
                "permessage-deflate; client_max_window_bits=12",
                ours,
            ),
            (
                "x-foo, permessage-deflate",
                limited,
                "permessage-deflate",
                ours,
            ),
        ] {
            let agreed = accept(offered, &options, answer);
            assert_eq!(agreed, Ok(Some(expected)), "{offered} -> {answer}");
        }
    }

    /// Every row is an error that quotes the answer and names what is wrong with it.
    #[test]
    fn answers_that_are_no_answer() {
        let everything = offer(&EVERYTHING).unwrap();
        let plain = "permessage-deflate";
        let default = "permessage-deflate; client_max_window_bits";
        for (offered, answer, why) in [
            (default, "x-foo", ", which was never offered"),
            (
                default,
                "permessage-deflate, x-foo",
                ", which was never offered",
            ),
            ("", plain, ", which was never offered"),
            (
                "x-foo",
                "permessage-deflate; a",
                ", which was never offered",
            ),
            (
                "x-foo",
                "x-foo",
                ", offered by your -H, which wirecat does not speak",
            ),
            (
                default,
                "permessage-deflate, permessage-deflate",
                ", but permessage-deflate may stand there only once (RFC 7692 section 5)",
            ),
            (
                default,
                "permessage-deflate; foo=1",
                ", but foo is no parameter of permessage-deflate (RFC 7692 section 7.1)",
            ),
            (
                default,
                "permessage-deflate; client_max_window_bits",
                ", but client_max_window_bits has no value, and needs one from 8 to 15 (RFC 7692 section 7.1.2.2)",
            ),
            (
                default,
                "permessage-deflate; server_max_window_bits",
                ", but server_max_window_bits has no value, and needs one from 8 to 15 (RFC 7692 section 7.1.2.1)",
            ),
            (
                default,
                "permessage-deflate; client_max_window_bits=16",
                ", but client_max_window_bits must be 8 to 15, and is '16' (RFC 7692 section 7.1.2.2)",
            ),
            (
                default,
                "permessage-deflate; server_max_window_bits=7",
                ", but server_max_window_bits must be 8 to 15, and is '7' (RFC 7692 section 7.1.2.1)",
            ),
            (
                default,
                "permessage-deflate; server_max_window_bits=08",
                ", but server_max_window_bits must be 8 to 15, and is '08' (RFC 7692 section 7.1.2.1)",
            ),
            (
                default,
                "permessage-deflate; server_max_window_bits=+9",
                ", but server_max_window_bits must be 8 to 15, and is '+9' (RFC 7692 section 7.1.2.1)",
            ),
            (
                default,
                "permessage-deflate; server_no_context_takeover=true",
                ", but server_no_context_takeover takes no value, not 'true' (RFC 7692 section 7.1.1.1)",
            ),
            (
                default,
                "permessage-deflate; client_no_context_takeover=1",
                ", but client_no_context_takeover takes no value, not '1' (RFC 7692 section 7.1.1.2)",
            ),
            (
                default,
                "permessage-deflate; client_no_context_takeover; CLIENT_NO_CONTEXT_TAKEOVER",
                ", but client_no_context_takeover is there more than once (RFC 7692 section 7.1.1.2)",
            ),
            (
                default,
                "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
                ", but server_max_window_bits is there more than once (RFC 7692 section 7.1.2.1)",
            ),
            (
                plain,
                "permessage-deflate; client_max_window_bits=15",
                ", but client_max_window_bits was never offered (RFC 7692 section 7.1.2.2)",
            ),
            (
                &everything,
                "permessage-deflate; server_max_window_bits=10",
                ", but server_no_context_takeover was offered and is not in it (RFC 7692 section 7.1.1.1)",
            ),
            (
                &everything,
                "permessage-deflate; server_no_context_takeover",
                ", but server_max_window_bits was offered as 10 and is not in it (RFC 7692 section 7.1.2.1)",
            ),
            (
                &everything,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
                ", but server_max_window_bits may be 10 at most, as offered (RFC 7692 section 7.1.2.1)",
            ),
            (
                &everything,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13",
                ", but client_max_window_bits may be 12 at most, as offered (RFC 7692 section 7.1.2.2)",
            ),
            (
                "permessage-deflate; foo",
                plain,
                ", but in your offer foo is no parameter of permessage-deflate (RFC 7692 section 7.1)",
            ),
            (
                "permessage-deflate; foo=",
                plain,
                ", but what your -H offered cannot be told: it ends too early (RFC 6455 section 9.1)",
            ),
            (
                default,
                "permessage-deflate server_no_context_takeover",
                ", but it is malformed at 'server_no_context_takeover' (RFC 6455 section 9.1)",
            ),
        ] {
            let said = accept(offered, &Options::default(), answer).unwrap_err();
            assert!(said.ends_with(&format!("'{why}")), "{answer}: {said}");
            assert!(
                said.starts_with("the server chose the extension '"),
                "{said}"
            );
        }
    }

    #[test]
    fn offers_are_answered() {
        let limited = Options {
            server_max_window_bits: Some(11),
            client_max_window_bits: Some(12),
            ..Options::default()
        };
        for (offers, options, answer) in [
            // RFC 7692 §7.1.3.
            (
                "permessage-deflate",
                Options::default(),
                "permessage-deflate",
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                Options::default(),
                "permessage-deflate; server_max_window_bits=10",
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
                 permessage-deflate; client_max_window_bits",
                Options::default(),
                "permessage-deflate; server_max_window_bits=10",
            ),
            // What is no offer of ours is passed over.
            (
                "x-webkit-deflate-frame, x-foo; a=\"b\", Permessage-Deflate",
                Options::default(),
                "permessage-deflate",
            ),
            (
                "permessage-deflate; foo, permessage-deflate; server_max_window_bits=16, \
                 permessage-deflate; server_no_context_takeover=1, permessage-deflate; server_max_window_bits, \
                 permessage-deflate; client_max_window_bits; client_max_window_bits=9, \
                 permessage-deflate; server_max_window_bits=\"9\"",
                Options::default(),
                "permessage-deflate; server_max_window_bits=9",
            ),
            // Takeover, and the smaller of two windows.
            (
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                Options::default(),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ),
            (
                "permessage-deflate; client_max_window_bits=13",
                Options::default(),
                "permessage-deflate; client_max_window_bits=13",
            ),
            (
                "permessage-deflate",
                limited,
                "permessage-deflate; server_max_window_bits=11",
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=12",
                limited,
                "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12",
            ),
            (
                "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8",
                limited,
                "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
            ),
            (
                "permessage-deflate; client_max_window_bits",
                EVERYTHING,
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=10; client_max_window_bits=12",
            ),
        ] {
            let (agreed, said) = super::answer(offers, &options).unwrap();
            assert_eq!(said, answer, "{offers}");
            assert_eq!(
                accept(offers, &Options::default(), &said),
                Ok(Some(agreed)),
                "{offers}"
            );
        }
    }

    #[test]
    fn offers_are_declined() {
        for offers in [
            "",
            "x-foo",
            "permessage-deflate; foo",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits=0",
            "permessage-deflate; client_no_context_takeover=\"1\"",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "x-foo; a=\"b, permessage-deflate",
            "permessage-deflate,,permessage-deflate foo",
        ] {
            assert_eq!(answer(offers, &Options::default()), None, "{offers}");
        }
        let unwilling = Options {
            compress: false,
            ..Options::default()
        };
        assert_eq!(answer("permessage-deflate", &unwilling), None);
    }

    #[test]
    fn in_plain_words() {
        for (agreed, words) in [
            (
                windows(15, 12),
                "server window 15 bits, client window 12 bits; context takeover both ways",
            ),
            (
                takeovers(true, false),
                "server window 15 bits, client window 15 bits; context takeover by the client only",
            ),
            (
                takeovers(false, true),
                "server window 15 bits, client window 15 bits; context takeover by the server only",
            ),
            (
                takeovers(true, true),
                "server window 15 bits, client window 15 bits; no context takeover",
            ),
        ] {
            assert_eq!(agreed.to_string(), words);
        }
    }

    prop_compose! {
        fn options()(
            compress in prop::bool::weighted(0.9),
            server_no_context_takeover: bool,
            client_no_context_takeover: bool,
            server_max_window_bits in prop::option::of(8u8..=15),
            client_max_window_bits in prop::option::of(8u8..=15),
        ) -> Options {
            Options {
                compress,
                server_no_context_takeover,
                client_no_context_takeover,
                server_max_window_bits,
                client_max_window_bits,
            }
        }
    }

    proptest! {
        #[test]
        fn both_sides_agree(client in options(), server in options()) {
            let offered = offer(&client).unwrap_or_default();
            match answer(&offered, &server) {
                Some((agreed, said)) => {
                    prop_assert_eq!(accept(&offered, &client, &said), Ok(Some(agreed)));
                }
                None => prop_assert!(!client.compress || !server.compress),
            }
        }

        #[test]
        fn nothing_is_too_strange_to_be_read(
            offered in "[a-e;,=\"\\\\ \u{e9}]{0,20}",
            said in "(permessage-deflate|[;,=\"\\\\ \u{e9}a15]|client_max_window_bits){0,8}",
        ) {
            let _ = accept(&offered, &Options::default(), &said);
            let _ = accept(&said, &Options::default(), &said);
            let _ = answer(&said, &Options::default());
        }
    }
}
