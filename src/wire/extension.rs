//! Negotiation of permessage-deflate (RFC 7692 §5 and §7.1). Pure.
//!
//! A client makes an [`offer`], a server its [`answer`], and the client must [`accept`] it: then
//! both hold the same [`Agreed`].

mod grammar;
mod parameters;
#[cfg(test)]
mod tests;

use std::fmt;

use self::grammar::{Extension, parse};
use self::parameters::{MAX_BITS, NAME, Parameters, Side};

/// The negotiated parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    /// 8 to 15.
    pub server_max_window_bits: u8,
    /// 8 to 15.
    pub client_max_window_bits: u8,
}

/// The options of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// If false, there is neither an offer nor an answer.
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
/// The offer always has `client_max_window_bits` (RFC 7692 §7.1.2.2): a server short of memory
/// might otherwise not compress at all.
pub fn offer(options: &Options) -> Option<String> {
    let parameters = Parameters {
        server_no_context_takeover: options.server_no_context_takeover,
        client_no_context_takeover: options.client_no_context_takeover,
        server_max_window_bits: options.server_max_window_bits,
        client_max_window_bits: Some(options.client_max_window_bits),
    };
    options.compress.then(|| parameters.to_string())
}

/// Checks the server's `answer` against the request header `offered`; lines of either are joined by
/// commas. `None` if the server chose no extension.
///
/// # Errors
/// The server's answer, and what is wrong with it: the client must fail the connection (RFC 7692
/// §7.1).
pub fn accept(offered: &str, options: &Options, answer: &str) -> Result<Option<Agreed>, String> {
    let but = |why: String| format!("{}, but {why}", chose(answer));
    let chosen = parse(answer).map_err(but)?;
    if chosen.is_empty() {
        return Ok(None);
    }
    let offers = parse(offered)
        .map_err(|why| but(format!("the offer in your -H cannot be parsed: {why}")))?;
    for extension in &chosen {
        known(extension, &offers)?;
    }
    match chosen.as_slice() {
        [deflate] => accept_deflate(&offers, options, deflate)
            .map(Some)
            .map_err(but),
        _ => Err(but(format!(
            "{NAME} may appear only once (RFC 7692 section 5)"
        ))),
    }
}

fn chose(answer: &str) -> String {
    format!("the server chose the extension '{}'", answer.trim())
}

/// RFC 6455 §9.1: only what was offered may be chosen.
fn known(chosen: &Extension<'_>, offers: &[Extension<'_>]) -> Result<(), String> {
    let same = |offer: &Extension<'_>| offer.is_named(chosen.name);
    let chose = chose(chosen.name);
    match offers.iter().any(same) {
        true if chosen.is_named(NAME) => Ok(()),
        true => Err(format!(
            "{chose}, offered by your -H, which wirecat does not support"
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
    // The server may have chosen any of several; the error is about the preferred one.
    if !offers.iter().any(|offer| fits(offer).is_ok())
        && let Some(preferred) = offers.first()
    {
        fits(preferred)?;
    }
    // What an offer says about the client itself is binding even if the answer does not mention it
    // (RFC 7692 §7.1.1.2 and §7.1.2.2). The answer may not show which offer was chosen, so all of
    // them are binding.
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

/// The server's side: chooses the first acceptable offer in `offers`, the lines of the request's
/// `Sec-WebSocket-Extensions` joined by commas, and returns the value of that header for the
/// response.
///
/// An offer with a parameter that is unknown, repeated or invalid is declined, as RFC 7692 §7.1
/// requires. So are all offers in a malformed header.
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
        // A client that does not offer a limit must not be given one (§7.1.2.2).
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
    let offers = offers.iter().filter(|offer| offer.is_named(NAME));
    offers.map(|offer| Parameters::read(offer, Side::Client))
}

/// A sentence for people.
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
