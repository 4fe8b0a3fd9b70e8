//! The ways to answer a WebSocket handshake that are wrong: what each of them sends, which rule that
//! breaks, and the exit code that wirecat ends with. Pure: a table, of which `answers` makes the bytes.
//!
//! Each kind breaks one rule. Where the rest is a good handshake, a text message follows that says so and
//! then a Close, so that a client that lets it through shows it.

mod answers;

use std::fmt;

use crate::error::Exit;
pub use answers::{Asked, Step};
use answers::{Headers, good, plain};

/// How the connection ends after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It waits for the client to end it.
    Wait,
    /// At once, in order.
    Fin,
    /// At once, with a TCP reset.
    Reset,
}

/// One way to answer wrongly.
#[derive(Debug)]
pub struct HandshakeFault {
    /// `KIND` in `/handshake/KIND`.
    pub name: &'static str,
    /// How wirecat ends.
    pub exit: Exit,
    /// What is sent.
    pub sends: &'static str,
    /// The rule that this breaks, after its section.
    pub rule: &'static str,
    pub ending: Ending,
    make: fn(&Asked) -> Vec<Step>,
}

impl HandshakeFault {
    const fn new(
        name: &'static str,
        exit: Exit,
        sends: &'static str,
        rule: &'static str,
        make: fn(&Asked) -> Vec<Step>,
    ) -> HandshakeFault {
        HandshakeFault {
            name,
            exit,
            sends,
            rule,
            ending: Ending::Wait,
            make,
        }
    }

    const fn ending(mut self, ending: Ending) -> HandshakeFault {
        self.ending = ending;
        self
    }

    /// All that is sent, in order.
    pub fn steps(&self, asked: &Asked) -> Vec<Step> {
        (self.make)(asked)
    }
}

/// `wrong-accept         8 a Sec-WebSocket-Accept of another key (RFC 6455 §4.1: …)`
impl fmt::Display for HandshakeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, exit, sends) = (self.name, self.exit as i32, self.sends);
        write!(f, "{name:<20} {exit:>3} {sends} ({})", self.rule)
    }
}

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static HandshakeFault> {
    HANDSHAKE_FAULTS.iter().find(|fault| fault.name == name)
}

/// The body of `GET /handshake`: one line per kind.
pub fn listing() -> String {
    let faults = HANDSHAKE_FAULTS.iter();
    faults.map(|fault| format!("{fault}\n")).collect()
}

/// The names alone, a few to the line.
pub fn names() -> String {
    let names: Vec<&str> = HANDSHAKE_FAULTS.iter().map(|fault| fault.name).collect();
    let lines: Vec<String> = names.chunks(6).map(|names| names.join(", ")).collect();
    lines.join(",\n") + "\n"
}

const ACCEPT: &str = "RFC 6455 §4.1: Sec-WebSocket-Accept proves that the key was read";
const UPGRADE: &str = "RFC 6455 §4.1: Upgrade must be websocket";
const CHOICE: &str = "RFC 6455 §4.1: only what was offered may be chosen";
const SYNTAX: &str = "RFC 9112 §2.1: an answer is a status line, headers and an empty line";
const LIMIT: &str = "RFC 9110 §5.4: a client may have limits";

/// Every kind there is.
pub static HANDSHAKE_FAULTS: &[HandshakeFault] = &[
    HandshakeFault::new(
        "wrong-accept",
        Exit::Handshake,
        "a Sec-WebSocket-Accept of another key",
        ACCEPT,
        |asked| good(&Headers::of(asked).accept(Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))),
    ),
    HandshakeFault::new(
        "no-accept",
        Exit::Handshake,
        "no Sec-WebSocket-Accept",
        ACCEPT,
        |asked| good(&Headers::of(asked).accept(None)),
    ),
    HandshakeFault::new(
        "no-upgrade",
        Exit::Handshake,
        "no Upgrade header",
        UPGRADE,
        |asked| good(&Headers::of(asked).upgrade(None)),
    ),
    HandshakeFault::new(
        "wrong-upgrade",
        Exit::Handshake,
        "Upgrade: h2c",
        UPGRADE,
        |asked| good(&Headers::of(asked).upgrade(Some("h2c"))),
    ),
    HandshakeFault::new(
        "no-connection",
        Exit::Handshake,
        "no Connection header",
        "RFC 6455 §4.1: Connection must contain Upgrade",
        |asked| good(&Headers::of(asked).connection(None)),
    ),
    HandshakeFault::new(
        "extension",
        Exit::Handshake,
        "an extension that was not offered",
        CHOICE,
        |asked| good(&Headers::of(asked).more("Sec-WebSocket-Extensions: x-never-offered\r\n")),
    ),
    HandshakeFault::new(
        "subprotocol",
        Exit::Handshake,
        "a subprotocol that was not offered",
        CHOICE,
        |asked| good(&Headers::of(asked).more("Sec-WebSocket-Protocol: never-offered\r\n")),
    ),
    HandshakeFault::new(
        "two-subprotocols",
        Exit::Handshake,
        "two subprotocols, those offered if there are any",
        "RFC 6455 §11.3.4: the server chooses one",
        |asked| {
            let offered = match asked.subprotocols.as_slice() {
                [] => "one, two".to_owned(),
                [only] => format!("{only}, {only}"),
                [first, second, ..] => format!("{first}, {second}"),
            };
            let line = format!("Sec-WebSocket-Protocol: {offered}\r\n");
            good(&Headers::of(asked).more(&line))
        },
    ),
    HandshakeFault::new(
        "http10",
        Exit::Handshake,
        "a good answer, in HTTP/1.0",
        "RFC 9110 §7.8: HTTP/1.0 has no 101",
        |asked| good(&Headers::of(asked).start("HTTP/1.0 101 Switching Protocols")),
    ),
    HandshakeFault::new(
        "status-line",
        Exit::Handshake,
        "a status of four digits",
        "RFC 9112 §4: a status has three",
        |asked| good(&Headers::of(asked).start("HTTP/1.1 1010 Switching Protocols")),
    ),
    HandshakeFault::new(
        "space",
        Exit::Handshake,
        "a space between the name of a header and its colon",
        "RFC 9112 §5.1: there is none",
        |asked| good(&Headers::of(asked).more("X-Space : here\r\n")),
    ),
    HandshakeFault::new(
        "lf",
        Exit::Ok,
        "lines that end in LF alone; wirecat takes them, as a recipient may",
        "RFC 9112 §2.2: lines end in CRLF",
        |asked| answers::lf_only(&Headers::of(asked)),
    ),
    HandshakeFault::new(
        "garbage",
        Exit::Handshake,
        "a line that is no HTTP",
        SYNTAX,
        |_| plain("220 mail.example.com ESMTP ready\r\n\r\n"),
    ),
    HandshakeFault::new(
        "binary",
        Exit::Handshake,
        "bytes of another protocol",
        SYNTAX,
        |_| {
            vec![Step::Send(
                b"\x4a\x00\x00\x00\x0a8.0.36\x00\xff\xfe\x00\r\n\r\n".to_vec(),
            )]
        },
    ),
    HandshakeFault::new(
        "huge-header",
        Exit::Handshake,
        "a good answer with a header of 1 MiB",
        LIMIT,
        |asked| {
            let line = format!("X-Huge: {}\r\n", "x".repeat(1 << 20));
            good(&Headers::of(asked).more(&line))
        },
    ),
    HandshakeFault::new(
        "many-headers",
        Exit::Handshake,
        "a good answer with 5000 headers",
        LIMIT,
        |asked| {
            let lines = (1..=5000).map(|n| format!("X-Many-{n}: x\r\n"));
            good(&Headers::of(asked).more(&lines.collect::<String>()))
        },
    ),
    HandshakeFault::new(
        "endless-header",
        Exit::Handshake,
        "a header that never ends",
        LIMIT,
        |_| {
            let start = "HTTP/1.1 101 Switching Protocols\r\nX-Endless: ";
            let more = Step::Repeat(vec![b'x'; 8192]);
            [plain(start), vec![more]].concat()
        },
    ),
    HandshakeFault::new(
        "drip",
        Exit::Timeout,
        "a good answer, a byte a second",
        "none: a client should have a limit of time",
        |asked| answers::dripping(&Headers::of(asked)),
    ),
    HandshakeFault::new(
        "silence",
        Exit::Timeout,
        "nothing",
        "none: a client should have a limit of time",
        |_| Vec::new(),
    ),
    HandshakeFault::new(
        "closed",
        Exit::Handshake,
        "nothing, and ends TCP",
        SYNTAX,
        |_| Vec::new(),
    )
    .ending(Ending::Fin),
    HandshakeFault::new(
        "half",
        Exit::Handshake,
        "half a header, and ends TCP",
        SYNTAX,
        |_| plain("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"),
    )
    .ending(Ending::Fin),
    HandshakeFault::new(
        "reset",
        Exit::Handshake,
        "half a header, and resets TCP",
        SYNTAX,
        |_| plain("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"),
    )
    .ending(Ending::Reset),
    HandshakeFault::new(
        "two-answers",
        Exit::Protocol,
        "two good answers, of which the second is no frame",
        "RFC 6455 §4.2.2: after the handshake come frames",
        |asked| {
            let head = Headers::of(asked).head();
            plain(&[head.as_str(), &head].concat())
        },
    ),
    HandshakeFault::new(
        "body",
        Exit::Protocol,
        "a good answer with a body, which is no frame",
        "RFC 9110 §15.2: a 101 has no content",
        |asked| {
            let head = Headers::of(asked).more("Content-Length: 5\r\n").head();
            plain(&(head + "hello"))
        },
    ),
    HandshakeFault::new(
        "ok",
        Exit::Refused,
        "a good answer with the status 200",
        "RFC 6455 §4.1: only a 101 accepts",
        |asked| {
            let headers = Headers::of(asked).start("HTTP/1.1 200 OK");
            plain(&headers.more("Content-Length: 0\r\n").head())
        },
    ),
    HandshakeFault::new(
        "endless-body",
        Exit::Refused,
        "a 401 with a body that never ends",
        "none: a client should not read it all",
        |_| {
            let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n";
            [plain(head), vec![Step::Repeat(vec![b'x'; 8192])]].concat()
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(subprotocols: &[&str]) -> Asked {
        Asked {
            accept: "ACCEPT".to_owned(),
            subprotocols: subprotocols.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn sent(name: &str, subprotocols: &[&str]) -> String {
        let steps = find(name).unwrap().steps(&asked(subprotocols));
        let bytes = steps.into_iter().flat_map(|step| match step {
            Step::Send(bytes) | Step::Drip(bytes, _) | Step::Repeat(bytes) => bytes,
        });
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
    }

    #[test]
    fn each_kind_has_a_name_and_a_line() {
        for fault in HANDSHAKE_FAULTS {
            let same = HANDSHAKE_FAULTS
                .iter()
                .filter(|other| other.name == fault.name);
            assert_eq!(same.count(), 1, "{}", fault.name);
            assert!(fault.name.len() <= 20, "{}", fault.name);
            assert!(listing().contains(&format!("{fault}\n")));
        }
        assert!(find("nothing").is_none());
        assert!(HANDSHAKE_FAULTS.len() >= 16);
    }

    #[test]
    fn each_kind_breaks_its_rule_only() {
        let accept = "Sec-WebSocket-Accept: ACCEPT\r\n";
        assert!(!sent("wrong-accept", &[]).contains(accept));
        assert!(!sent("no-accept", &[]).contains("Accept"));
        assert!(!sent("no-upgrade", &[]).contains("Upgrade: websocket"));
        assert!(!sent("no-connection", &[]).contains("Connection"));
        for name in [
            "no-upgrade",
            "no-connection",
            "extension",
            "http10",
            "drip",
            "body",
        ] {
            assert!(sent(name, &[]).contains(accept), "{name}");
        }
        assert!(sent("two-subprotocols", &["a", "b"]).contains("Protocol: a, b\r\n"));
        assert!(sent("two-subprotocols", &["a"]).contains("Protocol: a, a\r\n"));
        let lf = sent("lf", &[]);
        assert!(
            !lf.contains('\r') && lf.contains("Accept: ACCEPT\n\n"),
            "{lf}"
        );
    }
}
