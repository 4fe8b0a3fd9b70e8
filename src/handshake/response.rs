//! Checks the server's response against RFC 6455 §4.1. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::error::{Error, Exit, Stage};
use crate::handshake::request::Request;
use crate::http_token::is_http_token;
use crate::wire::extension;

/// RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The content of a response that opens a WebSocket: a 101, or over HTTP/2 a 2xx. Header names are in lower case; values are as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `HTTP/1.1`, as opposed to 1.0.
    pub http11: bool,
    pub headers: Vec<(String, String)>,
}

impl Response {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a header that is a comma-separated list of tokens contains this one.
    fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// The values of the Set-Cookie headers.
    pub fn cookies(&self) -> Vec<String> {
        self.all("set-cookie").map(str::to_owned).collect()
    }

    fn joined(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// What client and server negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    pub subprotocol: Option<String>,
    /// The header as received.
    pub extensions: Option<String>,
    /// The same, parsed.
    pub deflate: Option<extension::Agreed>,
}

/// `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2 item 5.4).
pub fn accept_for(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Checks a 101 against its request.
///
/// # Errors
/// Exit 8, naming the header that is missing or wrong and its value.
pub fn verify(request: &Request, answer: &Response) -> Result<Negotiated, Error> {
    if !answer.http11 {
        return Err(invalid(
            "the 101 is HTTP/1.0, which cannot switch protocols",
        ));
    }
    verify_upgrade(answer)?;
    verify_accept(request, answer)?;
    verify_choices(request, answer)
}

/// Checks what the server chose. Over HTTP/2 that is all there is to check: the status says that it
/// accepts the WebSocket, and there are neither `Upgrade` nor `Sec-WebSocket-Accept` (RFC 8441 §5).
///
/// # Errors
/// Exit 8, as for [`verify`].
pub fn verify_choices(request: &Request, answer: &Response) -> Result<Negotiated, Error> {
    let deflate = verify_extensions(request, answer)?;
    Ok(Negotiated {
        subprotocol: verify_subprotocol(request, answer)?,
        extensions: answer.joined("sec-websocket-extensions"),
        deflate,
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(
        Stage::Handshake,
        Exit::Handshake,
        format!("not a WebSocket handshake: {}", message.into()),
    )
}

/// RFC 6455 §4.1, items 2 and 3 of the list on the server's response.
fn verify_upgrade(answer: &Response) -> Result<(), Error> {
    if !answer.lists("upgrade", "websocket") {
        let said = answer
            .joined("upgrade")
            .map_or("there is none".to_owned(), |said| format!("it is '{said}'"));
        return Err(invalid(format!(
            "the Upgrade header must be 'websocket', but {said}"
        )));
    }
    if !answer.lists("connection", "upgrade") {
        let said = answer
            .joined("connection")
            .map_or("there is none".to_owned(), |said| format!("it is '{said}'"));
        return Err(invalid(format!(
            "the Connection header must contain 'Upgrade', but {said}"
        ))
        .advice("a proxy in between may have removed it; connect to the server directly"));
    }
    Ok(())
}

/// Item 4. The value proves that the server read this request and that the response is not cached.
fn verify_accept(request: &Request, answer: &Response) -> Result<(), Error> {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let expected = accept_for(key);
    match answer.joined("sec-websocket-accept") {
        Some(said) if said.trim() == expected => Ok(()),
        Some(said) => Err(invalid(format!("the Sec-WebSocket-Accept header is '{said}', expected '{expected}'"))
            .advice("a cache or proxy may have answered instead of the server; connect to the server directly")),
        None => Err(invalid(format!("there is no Sec-WebSocket-Accept header, expected '{expected}'"))),
    }
}

/// Item 5, and RFC 7692 §7.1.
fn verify_extensions(
    request: &Request,
    answer: &Response,
) -> Result<Option<extension::Agreed>, Error> {
    let said = answer
        .joined("sec-websocket-extensions")
        .unwrap_or_default();
    let offered = request.offered_extensions();
    extension::accept(&offered, &request.extensions, &said).map_err(|why| {
        let error = invalid(why);
        match extension::offer(&request.extensions) {
            _ if offered.is_empty() => error,
            Some(own) if own == offered => error.advice("--no-compress offers no extension"),
            _ => error.advice("leave the Sec-WebSocket-Extensions header out"),
        }
    })
}

/// Item 6. A server may choose none of those offered.
fn verify_subprotocol(request: &Request, answer: &Response) -> Result<Option<String>, Error> {
    let Some(said) = answer.joined("sec-websocket-protocol") else {
        return Ok(None);
    };
    if request.subprotocols().any(|offered| offered == said) {
        return Ok(Some(said));
    }
    if said.is_empty() {
        return Err(invalid(
            "the Sec-WebSocket-Protocol header is empty; a server that chooses no subprotocol leaves it out",
        ));
    }
    let offered: Vec<&str> = request.subprotocols().collect();
    Err(if offered.is_empty() {
        let error = invalid(format!(
            "the server chose the subprotocol '{said}', but none was offered"
        ));
        // Users paste advice into a shell, and these bytes are the server's.
        if is_http_token(&said) && !said.contains('\'') {
            error.advice(format!("--subprotocol '{said}' offers it"))
        } else {
            error.advice("--subprotocol NAME offers one")
        }
    } else {
        invalid(format!(
            "the server chose the subprotocol '{said}', which is not one of those offered ({})",
            offered.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(extra: &[(&str, &str)]) -> Request {
        let mut headers = vec![(
            "Sec-WebSocket-Key".to_owned(),
            "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        )];
        headers.extend(
            extra
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string())),
        );
        Request {
            path_and_query: "/".into(),
            headers,
            extensions: extension::Options::default(),
        }
    }

    /// The answer of RFC 6455 §1.3, with headers replaced or added.
    fn answer(changes: &[(&str, &str)]) -> Response {
        let mut headers: Vec<(String, String)> = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ]
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
        let added = changes.iter().filter(|(_, value)| !value.is_empty());
        headers.extend(added.map(|(name, value)| (name.to_string(), value.to_string())));
        Response {
            http11: true,
            headers,
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(
            accept_for("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(
            verify(&request(&[]), &answer(&[])),
            Ok(Negotiated::default())
        );
    }

    #[test]
    fn token_lists_and_any_case_are_accepted() {
        for changes in [
            [
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "WebSocket"),
            ],
            [("connection", "UPGRADE"), ("upgrade", "h2c, websocket")],
        ] {
            assert!(
                verify(&request(&[]), &answer(&changes)).is_ok(),
                "{changes:?}"
            );
        }
    }

    #[test]
    fn every_broken_answer_is_named() {
        for (change, word) in [
            (("upgrade", ""), "Upgrade header"),
            (("upgrade", "h2c"), "'h2c'"),
            (("connection", ""), "Connection header"),
            (("connection", "close"), "'close'"),
            (("sec-websocket-accept", ""), "no Sec-WebSocket-Accept"),
            (("sec-websocket-accept", "AAAA"), "'AAAA'"),
            (
                ("sec-websocket-extensions", "x-foo"),
                "'x-foo', which was never offered",
            ),
            (("sec-websocket-protocol", "chat"), "none was offered"),
        ] {
            let error = verify(&request(&[]), &answer(&[change])).unwrap_err();
            assert_eq!(error.exit, Exit::Handshake);
            assert!(error.message.contains(word), "{change:?}: {error}");
        }
        let old = Response {
            http11: false,
            ..answer(&[])
        };
        assert!(verify(&request(&[]), &old).is_err());
    }

    #[test]
    fn a_subprotocol_must_be_one_of_those_offered() {
        let offered = request(&[("Sec-WebSocket-Protocol", "chat.v2, chat.v1")]);
        let agreed = verify(&offered, &answer(&[("sec-websocket-protocol", "chat.v1")])).unwrap();
        assert_eq!(agreed.subprotocol.as_deref(), Some("chat.v1"));
        assert_eq!(verify(&offered, &answer(&[])).unwrap().subprotocol, None);
        let error = verify(
            &offered,
            &answer(&[("sec-websocket-protocol", "chat.v1,chat.v2")]),
        )
        .unwrap_err();
        assert!(
            error.message.contains("not one of those offered"),
            "{error}"
        );
    }

    #[test]
    fn advice_repeats_a_subprotocol_only_where_it_can_be_offered() {
        let refused = |offered: &[(&str, &str)], said: &str| {
            // `answer` omits empty headers.
            let mut answer = answer(&[]);
            let header = ("sec-websocket-protocol".to_owned(), said.to_owned());
            answer.headers.push(header);
            verify(&request(offered), &answer).unwrap_err()
        };
        for (said, advice) in [
            ("chat.v1", "--subprotocol 'chat.v1' offers it"),
            ("a, b", "--subprotocol NAME offers one"),
            ("a'b", "--subprotocol NAME offers one"),
            ("';reboot;'", "--subprotocol NAME offers one"),
        ] {
            assert_eq!(refused(&[], said).advice, [advice], "{said}");
        }
        for offered in [
            &[][..],
            &[("Sec-WebSocket-Protocol", "chat")],
            &[("Sec-WebSocket-Protocol", "")],
        ] {
            let error = refused(offered, "");
            assert!(error.message.contains("header is empty"), "{error}");
            assert_eq!(error.advice, Vec::<String>::new());
        }
    }

    #[test]
    fn extensions_are_checked_against_the_requests_offer() {
        let own = "permessage-deflate; client_max_window_bits";
        let check = |offered: &str, said: &str| {
            let request = request(&[("Sec-WebSocket-Extensions", offered)]);
            verify(&request, &answer(&[("sec-websocket-extensions", said)]))
        };
        let agreed = check(own, "permessage-deflate; client_max_window_bits=9").unwrap();
        assert_eq!(
            agreed.extensions.as_deref(),
            Some("permessage-deflate; client_max_window_bits=9")
        );
        assert_eq!(agreed.deflate.unwrap().client_max_window_bits, 9);
        assert_eq!(check(own, "").unwrap().deflate, None);
        for (offered, said, advice) in [
            (own, "permessage-deflate; foo", "--no-compress"),
            (
                "permessage-deflate",
                "permessage-deflate; foo",
                "header out",
            ),
            ("x-foo", "x-foo", "header out"),
        ] {
            let error = check(offered, said).unwrap_err();
            assert_eq!(error.exit, Exit::Handshake);
            assert!(error.message.contains("foo"), "{error}");
            assert!(error.advice[0].contains(advice), "{:?}", error.advice);
        }
    }

    #[test]
    fn over_http2_only_the_choices_are_checked() {
        let offered = request(&[("Sec-WebSocket-Protocol", "chat")]);
        let said = |name: &str, value: &str| Response {
            http11: false,
            headers: vec![(name.to_owned(), value.to_owned())],
        };
        let agreed = verify_choices(&offered, &said("sec-websocket-protocol", "chat")).unwrap();
        assert_eq!(agreed.subprotocol.as_deref(), Some("chat"));
        for (name, value) in [
            ("sec-websocket-protocol", "other"),
            ("sec-websocket-extensions", "x-foo"),
        ] {
            let error = verify_choices(&offered, &said(name, value)).unwrap_err();
            assert_eq!(error.exit, Exit::Handshake);
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let request = request(&[
            ("Sec-WebSocket-Extensions", "x-foo"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ]);
        let lines = [
            ("sec-websocket-extensions", "permessage-deflate"),
            ("sec-websocket-extensions", "permessage-deflate"),
        ];
        assert!(verify(&request, &answer(&lines[..1])).is_ok());
        let error = verify(&request, &answer(&lines)).unwrap_err();
        assert!(error.message.contains("only once"), "{error}");
    }
}
