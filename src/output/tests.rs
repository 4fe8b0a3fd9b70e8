//! The renderer in every format.

mod golden;
mod hostile;
mod prompt;

use super::*;
use crate::json::jq;
use crate::message::Message;
use proptest::prelude::*;

/// 2026-11-20T10:00:00Z
const STARTED: Duration = Duration::from_secs(1_795_168_800);

pub(super) fn options(format: Format) -> Options {
    Options {
        format,
        ..Options::plain()
    }
}

fn renderer(format: Format, change: impl FnOnce(&mut Options)) -> Renderer {
    let mut options = options(format);
    change(&mut options);
    let mut renderer = Renderer::new(options, Redactor::default());
    let header = Event::Header {
        url: "ws://x/",
        started: STARTED,
    };
    renderer.render(Duration::ZERO, &header, &mut Vec::new(), &mut Vec::new());
    renderer
}

fn receive(renderer: &mut Renderer, message: &Message) -> (Vec<u8>, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let t = Duration::from_millis(1500);
    renderer.render(
        t,
        &Event::Receive {
            conn: 1,
            message,
            record: None,
        },
        &mut out,
        &mut err,
    );
    (out, String::from_utf8(err).unwrap())
}

#[track_caller]
fn check(renderer: &mut Renderer, message: &Message, expected: &str) {
    let (out, err) = receive(renderer, message);
    assert_eq!((&*String::from_utf8_lossy(&out), &*err), (expected, ""));
}

#[test]
fn every_format_on_a_pipe() {
    let text = Message::text("a\\b\r\n\t\u{1b}é\u{202e}");
    let binary = Message::binary(&b"\x00\xff\n"[..]);
    for (format, of_text, of_binary) in [
        (
            Format::Line,
            "a\\\\b\\r\\n\\x09\\x1bé\u{202e}\n",
            "\\x00\\xff\\n\n",
        ),
        (Format::Hex, "615c620d0a091bc3a9e280ae\n", "00ff0a\n"),
        (Format::Base64, "YVxiDQoJG8Op4oCu\n", "AP8K\n"),
        (
            Format::Json,
            "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"a\\\\b\\r\\n\\t\\u001bé\u{202e}\"}\n",
            "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":2,\"encoding\":\"base64\",\"data\":\"AP8K\",\"len\":3}\n",
        ),
    ] {
        let mut renderer = renderer(format, |_| {});
        check(&mut renderer, &text, of_text);
        check(&mut renderer, &binary, of_binary);
    }
}

#[test]
fn the_time_precedes_the_line() {
    for (format, style, expected) in [
        (Format::Raw, Timestamps::Short, "10:00:01.500 [1]\n"),
        (
            Format::Hex,
            Timestamps::Iso,
            "2026-11-20T10:00:01.500+00:00 5b315d\n",
        ),
        (Format::Line, Timestamps::Relative, "+1.500s [1]\n"),
        (Format::Pretty, Timestamps::Delta, "+1.500s < [1]\n"),
    ] {
        let mut renderer = renderer(format, |o| o.timestamps = Some(style));
        check(&mut renderer, &Message::text("[1]"), expected);
    }
    let mut raw = renderer(Format::Raw, |o| o.timestamps = Some(Timestamps::Short));
    check(&mut raw, &Message::binary("x"), "x");
    let mut dim = renderer(Format::Pretty, |o| {
        (o.timestamps, o.stdout_color) = (Some(Timestamps::Relative), true);
    });
    check(&mut dim, &Message::text("x"), "\x1b[2m+1.500s\x1b[0m < x\n");
}

#[test]
fn a_filter_shows_its_outputs_each_as_a_message() {
    let filter = |o: &mut Options| o.filter = jq::Filter::compile(".a[]").ok();
    for (format, expected) in [
        (Format::Raw, "\"x\"\n{\"b\":1.0}\n"),
        (Format::Pretty, "< \"x\"\n< {\"b\": 1.0}\n"),
        (
            Format::Json,
            "{\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"\\\"x\\\"\"}\n\
             {\"type\":\"receive\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"{\\\"b\\\":1.0}\"}\n",
        ),
    ] {
        let mut renderer = renderer(format, filter);
        check(
            &mut renderer,
            &Message::text(r#"{"a":["x",{"b":1.0}]}"#),
            expected,
        );
        check(&mut renderer, &Message::text(r#"{"a":[]}"#), "");
        check(&mut renderer, &Message::text("no JSON"), "");
    }
    let mut renderer = renderer(Format::Raw, filter);
    let (out, err) = receive(&mut renderer, &Message::text("1"));
    assert_eq!(
        (out.len(), &*err),
        (0, "wirecat: --filter: cannot index 1 with \"a\"\n")
    );
    renderer.reconfigure(|o| o.filter = None);
    check(&mut renderer, &Message::text("1"), "1\n");
}

#[test]
fn printed_json_contains_no_raw_line_end() {
    let message = "{\"a\":[{\"k\u{2028}\":\"\u{85}\u{2029}\"}]}";
    let value: serde_json::Value = serde_json::from_str(message).unwrap();
    for (format, filter, tty) in [
        (Format::Raw, Some(".a[]"), false),
        (Format::Raw, Some(".a[]"), true),
        (Format::Line, Some(".a[]"), false),
        (Format::Pretty, Some(".a[]"), false),
        (Format::Pretty, None, false),
        (Format::Pretty, None, true),
        (Format::Json, Some(".a[]"), false),
        (Format::Json, None, false),
        (Format::Json, None, true),
    ] {
        let mut renderer = renderer(format, |o| {
            o.filter = filter.and_then(|expr| jq::Filter::compile(expr).ok());
            o.stdout_tty = tty;
        });
        let (shown, _) = receive(&mut renderer, &Message::text(message));
        let shown = String::from_utf8(shown).unwrap();
        let raw = shown.find(['\u{85}', '\u{2028}', '\u{2029}']);
        assert_eq!(raw, None, "{format:?} {filter:?} {tty}: {shown:?}");
        // Its meaning is unchanged, also for JSON inside JSON.
        match (format, filter) {
            (Format::Raw, _) => assert_eq!(shown, "{\"k\\u2028\":\"\\u0085\\u2029\"}\n"),
            (Format::Json, None) => {
                let event: serde_json::Value = serde_json::from_str(&shown).unwrap();
                assert_eq!(event["data"], message);
            }
            (Format::Json, Some(_)) => {
                let event: serde_json::Value = serde_json::from_str(&shown).unwrap();
                let data = event["data"].as_str().unwrap();
                let data: serde_json::Value = serde_json::from_str(data).unwrap();
                assert_eq!(data, value["a"][0]);
            }
            _ => {}
        }
    }
    // A payload is not JSON of wirecat's own.
    let mut raw = renderer(Format::Raw, |_| {});
    check(&mut raw, &Message::text(message), &format!("{message}\n"));
}

#[test]
fn only_json_shows_sent_messages() {
    assert!(renderer(Format::Json, |_| {}).wants_sends());
    assert!(!renderer(Format::Pretty, |_| {}).wants_sends());
}

proptest! {
    #[test]
    fn a_pipe_gets_every_byte_unchanged(text: String, bytes: Vec<u8>) {
        let mut renderer = renderer(Format::Raw, |_| {});
        let expected = format!("{text}\n").into_bytes();
        prop_assert_eq!(receive(&mut renderer, &Message::text(text)).0, expected);
        prop_assert_eq!(receive(&mut renderer, &Message::binary(bytes.clone())).0, bytes);
    }

    #[test]
    fn a_line_is_one_line(bytes: Vec<u8>, tty: bool) {
        let mut renderer = renderer(Format::Line, |o| o.stdout_tty = tty);
        let out = receive(&mut renderer, &Message::binary(bytes)).0;
        prop_assert_eq!(out.iter().position(|b| *b == b'\n'), Some(out.len() - 1));
    }
}
