//! A hostile peer against every event and every format: no character that a terminal acts on gets
//! through, on a pipe JSON stays JSON, and no secret is shown.

use std::time::Duration;

use super::super::*;
use super::options;
use crate::close::Close;
use crate::error::{Error, Exit, Stage};
use crate::event::{By, Heads, Opened, Origin, Refusal, TlsInfo, Totals};
use crate::json::jq;
use crate::message::Message;

const FORMATS: [Format; 6] = [
    Format::Pretty,
    Format::Raw,
    Format::Line,
    Format::Hex,
    Format::Base64,
    Format::Json,
];

const HOSTILE: &[&str] = &[
    "\x1b[2J\x1b[41mred",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1bP+q544e\x1b\\",
    "\u{9b}31m\u{9d}0;title\u{9c}",
    "\u{202e}txt.exe\u{2066}\u{200f}\u{61c}",
    "zero\u{200b}width\u{feff}\u{ad}\u{2060}\u{3164}",
    "\u{e0041}\u{e007f}\u{fffa}\u{2028}",
    "pay\u{200d}pal\u{200c}\u{fe0f} 🏴\u{e0061}\u{200d}\u{e007f} 👩\u{200d}\u{200d}👩\u{fe0f}\u{fe0f}",
    "safe\rforged",
    "a\nwirecat: forged\n< forged",
    "\0\x08\x7f\x0b\x0c",
];

/// Calls `look` with every kind of event made from `text`.
fn events(text: &str, look: &mut dyn FnMut(&Event<'_>)) {
    let messages = [
        Message::text(text),
        Message::binary([text.as_bytes(), b"\xff\x1b\x9b"].concat()),
        Message::text(serde_json::json!({ text: [text, {"k": text}] }).to_string()),
        Message::text(serde_json::json!({"event": text, "k": text, "data": text}).to_string()),
        Message::text(format!("[\"{}\"]", text.replace(|c: char| c < ' ', ""))),
    ];
    for message in &messages {
        look(&Event::Send {
            conn: 1,
            message,
            number: Some(1),
            origin: Some(Origin::Repeat),
        });
        look(&Event::Receive {
            conn: 1,
            message,
            record: None,
        });
    }
    for by in [By::Us, By::Peer] {
        let (data, rtt) = (text.as_bytes(), Some(Duration::from_millis(1)));
        let origin = Some(Origin::Auto);
        look(&Event::Ping {
            conn: 1,
            by,
            origin,
            data,
        });
        look(&Event::Ping {
            conn: 1,
            by,
            origin,
            data: b"\xff\x1b",
        });
        look(&Event::Pong {
            conn: 1,
            by,
            origin,
            data,
            rtt,
            asked: true,
        });
        let close = &Close::new(4000, text);
        look(&Event::Close {
            conn: 1,
            by,
            origin,
            close,
            clean: false,
        });
    }
    let tls = tls(text);
    let opened = opened(text, &tls);
    let refusal = refusal(text);
    look(&Event::Header {
        url: text,
        started: Duration::ZERO,
    });
    look(&Event::Connecting {
        conn: 1,
        attempt: 2,
        address: opened.address.clone(),
    });
    look(&Event::Tls(&tls));
    look(&Event::Heads(&Heads {
        request: format!("GET {text} HTTP/1.1\r\nX: {text}\r\n\r\n").into_bytes(),
        response: [text.as_bytes(), b"\xff\x9b\r\n\r\n"].concat(),
    }));
    look(&Event::Open {
        conn: 1,
        opened: &opened,
    });
    look(&Event::Refused {
        attempt: 1,
        refusal: &refusal,
    });
    look(&Event::Error(
        &Error::new(Stage::Connect, Exit::Connect, text)
            .detail(text)
            .advice(text),
    ));
    look(&Event::Note(text));
    look(&Event::End {
        exit: Exit::Ok,
        totals: &Totals::default(),
    });
}

fn tls(text: &str) -> TlsInfo {
    TlsInfo {
        version: text.to_owned(),
        cipher: text.to_owned(),
        alpn: Some(text.to_owned()),
        subject: text.to_owned(),
        issuer: text.to_owned(),
        expires: text.to_owned(),
        verified: false,
    }
}

fn opened(text: &str, tls: &TlsInfo) -> Opened {
    Opened {
        asked: None,
        proxy: None,
        address: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 443)).into()),
        status: 101,
        http: "1.1",
        subprotocol: Some(text.to_owned()),
        extensions: Some(text.to_owned()),
        compression: Some(text.to_owned()),
        tls: Some(tls.clone()),
        timing: Timing::default(),
    }
}

fn refusal(text: &str) -> Refusal {
    Refusal {
        status: 401,
        reason: text.to_owned(),
        headers: vec![
            (text.to_owned(), text.to_owned()),
            ("set-cookie".to_owned(), text.to_owned()),
        ],
        body: [text.as_bytes(), b"\xff\x1b"].concat(),
        truncated: true,
    }
}

/// All options on, for terminals or for pipes.
fn loud(format: Format, tty: bool, redactor: &Redactor, filter: Option<&str>) -> Renderer {
    let options = Options {
        timestamps: Some(Timestamps::Relative),
        stdout_tty: tty,
        stderr_tty: tty,
        stdout_color: tty,
        stderr_color: tty,
        verbose: 3,
        stats: true,
        show_ping_pong: true,
        interactive: true,
        show_sent: true,
        timing: true,
        width: Some(30),
        filter: filter.map(|expr| jq::Filter::compile(expr).unwrap()),
        ..options(format)
    };
    Renderer::new(options, redactor.clone())
}

fn render(renderer: &mut Renderer, event: &Event<'_>) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    renderer.render(Duration::from_millis(1), event, &mut out, &mut err);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(out), text(err))
}

/// Removes our own colours. None of the texts above contains one.
fn uncolored(shown: &str) -> String {
    let codes = ["1;34", "32", "90", "1;35", "1;36", "2", "31", "0"];
    codes.iter().fold(shown.to_owned(), |text, code| {
        text.replace(&format!("\x1b[{code}m"), "")
    })
}

#[test]
fn no_control_character_reaches_a_terminal() {
    let redactor = Redactor::default();
    for format in FORMATS {
        for (filter, plain, ascii) in [
            (None, false, false),
            (None, true, false),
            (None, false, true),
            (Some("."), false, false),
            (Some("error(tojson)"), false, false),
        ] {
            let mut renderer = loud(format, true, &redactor, filter);
            renderer.reconfigure(|options| (options.plain, options.ascii) = (plain, ascii));
            for text in HOSTILE {
                events(text, &mut |event| {
                    let (out, err) = render(&mut renderer, event);
                    for shown in [&out, &err] {
                        let found = sanitize::find_dangerous(&uncolored(shown).replace('\n', ""));
                        assert_eq!(found, None, "{format:?} {event:?} {shown:?}");
                    }
                    assert!(!ascii || out.is_ascii() && err.is_ascii(), "{event:?}");
                    // Raw text keeps its lines on a terminal too; nothing else can begin a line.
                    let out = if format == Format::Raw { "" } else { &*out };
                    for forged in ["\nwirecat: forged", "\n< forged"] {
                        assert!(!out.contains(forged) && !err.contains(forged), "{event:?}");
                    }
                });
            }
        }
    }
}

#[test]
fn json_lines_are_json_for_pipes_and_terminals() {
    for tty in [false, true] {
        let mut renderer = loud(Format::Json, tty, &Redactor::default(), None);
        for text in HOSTILE {
            events(text, &mut |event| {
                let (out, _) = render(&mut renderer, event);
                for line in out.split_terminator('\n') {
                    let value: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert!(value["type"].is_string(), "{line}");
                }
                assert!(out.lines().count() <= 1, "{out:?}");
            });
        }
    }
}

#[test]
fn a_secret_echoed_by_a_server_is_redacted() {
    let redactor = Redactor::default();
    redactor.add_given("s3cret-token-of-ours");
    for tty in [false, true] {
        let mut renderer = loud(Format::Json, tty, &redactor, None);
        events("say s3cret-token-of-ours back", &mut |event| {
            let (out, err) = render(&mut renderer, event);
            assert!(!(out + &err).contains("s3cret"), "{event:?}");
        });
        let message = &Message::binary("say s3cret-token-of-ours back");
        let (out, _) = render(
            &mut renderer,
            &Event::Receive {
                conn: 1,
                message,
                record: None,
            },
        );
        assert!(
            out.contains(r#""data":"c2F5IFtyZWRhY3RlZF0gYmFjaw==","len":19"#),
            "{out}"
        );
    }
}

#[test]
fn silent_prints_only_the_statistics() {
    let mut renderer = loud(Format::Raw, false, &Redactor::default(), Some("error"));
    renderer.reconfigure(|options| options.silent = true);
    events("1", &mut |event| {
        let (_, err) = render(&mut renderer, event);
        let is_end = matches!(event, Event::End { .. });
        assert_eq!(!err.is_empty(), is_end, "{event:?} {err}");
    });
}
