//! `--frame events`: turns events of a record into commands. What a client did is done again, and
//! the rest of a recording is skipped, so that the output of one run can be the input of another.
//! Pure.

use crate::event::{By, Command};
use crate::record::read::{Line, LineError, shown};
use crate::record::schema::{TYPES, Type};

/// The command of a line; `None` if it is blank, or an event that no client sends.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Option<Command>, LineError> {
    match Line::parse(line)? {
        Some(line) => command(&line),
        None => Ok(None),
    }
}

/// Whether a recording begins with this line.
pub(super) fn is_header(line: &[u8]) -> bool {
    let line = Line::parse(line).ok().flatten();
    let name = line
        .as_ref()
        .and_then(|line| line.type_name().ok().flatten());
    name.and_then(Type::named) == Some(Type::Header)
}

/// Whether the end of a line is missing, as where the disk was full or the recorder was killed.
pub(super) fn is_torn(line: &[u8]) -> bool {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(line);
    parsed.is_err_and(|error| error.is_eof())
}

fn command(line: &Line) -> Result<Option<Command>, LineError> {
    let name = line.type_name()?.ok_or_else(|| {
        LineError::new(
            r#"an event without "type""#,
            format!("the types to send are {}", names(is_done)),
        )
    })?;
    // A client that plays a recording opens its own connections, keeps them alive and repeats what
    // is lost. Older recordings have `repeat`.
    if line.has_origin()? {
        return Ok(None);
    }
    let kind = Type::named(name).ok_or_else(|| unknown(name))?;
    let command = match kind {
        Type::Send if line.is_repeat()? => return Ok(None),
        Type::Send => Command::Send(line.message()?),
        Type::Ping | Type::Pong | Type::Frame if line.sender()? == By::Peer => return Ok(None),
        Type::Ping => Command::Ping(line.control_data()?),
        Type::Pong => Command::Pong(line.control_data()?),
        Type::Frame => Command::Frame(line.frame()?),
        Type::Close if line.closer()? == By::Peer => return Ok(None),
        Type::Close => Command::Close(line.close()?),
        _ => return Ok(None),
    };
    Ok(Some(command))
}

/// Whether a client does this.
fn is_done(kind: Type) -> bool {
    matches!(
        kind,
        Type::Send | Type::Ping | Type::Pong | Type::Close | Type::Frame
    )
}

fn names(which: impl Fn(Type) -> bool) -> String {
    let names = TYPES.iter().filter(|spec| which(spec.kind));
    names.map(|spec| spec.name).collect::<Vec<_>>().join(", ")
}

fn unknown(name: &str) -> LineError {
    LineError::new(
        format!("there is no event of type {}", shown(&name.into())),
        format!(
            "the types to send are {}; skipped are {}",
            names(is_done),
            names(|kind| !is_done(kind))
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::close::Close;
    use crate::event::{By, Event as Recorded};
    use crate::message::Message;
    use crate::output::{Format, Options, Renderer};
    use crate::secret::Redactor;
    use crate::wire::frame::{LengthForm, Masking, RawFrame};

    fn raw(opcode: u8, payload: &'static [u8]) -> RawFrame {
        RawFrame::new(opcode, Bytes::from_static(payload))
    }

    #[track_caller]
    fn check(line: &str, expected: Command) {
        match read(line.as_bytes()) {
            Ok(command) => assert_eq!(command, Some(expected), "{line}"),
            Err(wrong) => panic!("{line}: {wrong:?}"),
        }
    }

    #[test]
    fn messages() {
        for (line, message) in [
            (r#"{"type":"send","data":"hi"}"#, Message::text("hi")),
            (r#"{"data":"","type":"send"}"#, Message::text("")),
            (
                r#"{"type":"send","opcode":1,"data":"\u0000\ud83d\ude00","t":1,"x":[]}"#,
                Message::text("\0😀"),
            ),
            (
                r#"{"type":"send","opcode":2,"data":"ä"}"#,
                Message::binary("ä"),
            ),
            (
                r#"{"type":"send","encoding":"base64","data":"AP8K","len":3}"#,
                Message::binary(&b"\0\xff\n"[..]),
            ),
            (
                r#"{"type":"send","encoding":"hex","data":"00 ff"}"#,
                Message::binary(&b"\0\xff"[..]),
            ),
            (
                r#"{"type":"send","opcode":1,"encoding":"hex","data":"6869"}"#,
                Message::text("hi"),
            ),
            (
                r#" {"type":"send","opcode":"binary","encoding":null,"data":"x"} "#,
                Message::binary("x"),
            ),
        ] {
            check(line, Command::Send(message));
        }
    }

    #[test]
    fn control_frames() {
        for (line, command) in [
            (r#"{"type":"ping"}"#, Command::Ping(Bytes::new())),
            (
                r#"{"type":"ping","dir":"send","data":"a"}"#,
                Command::Ping("a".into()),
            ),
            (
                r#"{"type":"pong","encoding":"hex","data":"00"}"#,
                Command::Pong("\0".into()),
            ),
            (
                r#"{"type":"pong","t":0.1,"conn":1,"dir":"send","data":"a"}"#,
                Command::Pong("a".into()),
            ),
            (r#"{"type":"close"}"#, Command::Close(Close::default())),
            (
                r#"{"type":"close","by":"us","code":1005,"reason":"","clean":true}"#,
                Command::Close(Close::default()),
            ),
            (
                r#"{"type":"close","code":4001,"reason":"bye"}"#,
                Command::Close(Close::new(4001, "bye")),
            ),
        ] {
            check(line, command);
        }
    }

    #[test]
    fn frames() {
        let deflated = RawFrame {
            fin: false,
            rsv: 5,
            masking: Masking::None,
            ..raw(2, b"\0")
        };
        let lies = RawFrame {
            rsv: 3,
            masking: Masking::Key([0x37, 0xfa, 0x21, 0x3d]),
            len: Some(u64::MAX),
            form: Some(LengthForm::Bits64),
            ..raw(15, b"")
        };
        for (line, frame) in [
            (r#"{"type":"frame"}"#, raw(1, b"")),
            (
                r#"{"type":"frame","opcode":0,"data":"lo","mask":true}"#,
                RawFrame {
                    masking: Masking::Random,
                    ..raw(0, b"lo")
                },
            ),
            (r#"{"type":"frame","opcode":"pong"}"#, raw(10, b"")),
            (
                r#"{"type":"frame","fin":false,"rsv":1,"rsv1":true,"rsv2":false,"opcode":2,"mask":false,"encoding":"hex","data":"00"}"#,
                deflated,
            ),
            (
                r#"{"type":"frame","dir":"send","rsv2":true,"rsv3":true,"opcode":15,"mask":"37fa213d","length":18446744073709551615,"length_bits":64}"#,
                lies,
            ),
            (
                r#"{"type":"frame","opcode":8,"data":"\u0003"}"#,
                raw(8, b"\x03"),
            ),
            (
                r#"{"type":"frame","opcode":"close","code":1005,"reason":"x"}"#,
                raw(8, b"\x03\xedx"),
            ),
            (
                r#"{"type":"frame","opcode":8,"code":65535}"#,
                raw(8, b"\xff\xff"),
            ),
        ] {
            check(line, Command::Frame(frame));
        }
    }

    #[test]
    fn events_that_a_client_does_not_send_are_skipped() {
        for line in [
            "",
            " \t",
            r#"{"type":"header","v":1,"tool":"wirecat/0.1.0"}"#,
            r#"{"type":"connecting","t":0.0,"conn":1,"attempt":1,"address":null}"#,
            r#"{"type":"open","status":101,"timing":{"dns":0.001}}"#,
            r#"{"type":"receive","opcode":2,"encoding":"base64","data":"AP8Q","len":3}"#,
            r#"{"type":"ping","dir":"receive","data":""}"#,
            r#"{"type":"send","n":7,"repeat":true,"opcode":1,"data":"again"}"#,
            r#"{"type":"send","t":0.1,"conn":1,"origin":"on-open","opcode":1,"data":"hello"}"#,
            r#"{"type":"send","origin":"token","data":"[redacted]"}"#,
            r#"{"type":"send","n":1,"repeat":true,"origin":"repeat","data":"again"}"#,
            r#"{"type":"ping","dir":"send","origin":"keepalive","data":"0001"}"#,
            r#"{"type":"pong","dir":"send","origin":"auto","data":"x"}"#,
            r#"{"type":"close","by":"us","origin":"auto","code":1002,"reason":"","clean":false}"#,
            r#"{"type":"pong","dir":"receive","data":"","rtt":0.1}"#,
            r#"{"type":"frame","dir":"receive","opcode":3}"#,
            r#"{"type":"close","by":"peer","code":1006,"reason":"","clean":false}"#,
            r#"{"type":"retry","attempt":2,"delay":0.73,"why":"close 1012"}"#,
            r#"{"type":"refused","attempt":1,"status":401,"headers":[["a","b"]],"body":""}"#,
            r#"{"type":"error","stage":"tls","exit":60,"message":"x"}"#,
            r#"{"type":"end","exit":0}"#,
        ] {
            assert!(matches!(read(line.as_bytes()), Ok(None)), "{line}");
        }
    }

    #[test]
    fn errors_say_what_to_write() {
        let long = "x".repeat(126);
        let long_ping = format!(r#"{{"type":"ping","data":"{long}"}}"#);
        let long_close = format!(r#"{{"type":"close","code":1000,"reason":"{long}"}}"#);
        let long_value = format!(r#"{{"type":"{long}"}}"#);
        for (line, what, advice) in [
            ("hello", "not JSON: expected value", "--frame line"),
            (r#"{"type":"send""#, "not JSON: EOF", "one event per line"),
            (r#"{"type":"end"} x"#, "not JSON: trailing", "one event"),
            (r#"{"type":"send","data":"\ud800"}"#, "not JSON", "--json"),
            ("[1,2]", "[1,2] is not an event", r#"{"type":"send""#),
            ("{}", r#"without "type""#, "send, ping, pong, close, frame"),
            (r#"{"type":1}"#, r#""type" must not be 1"#, "a string"),
            (
                r#"{"type":"sned"}"#,
                r#"no event of type "sned""#,
                "frame; skipped are header",
            ),
            (&long_value, "xxx…", "send"),
            (r#"{"type":"send"}"#, r#"without "data""#, r#""data":"""#),
            (
                r#"{"type":"send","data":{"a":1}}"#,
                r#""data" must not be {"a":1}"#,
                r#""{\"a\":1}""#,
            ),
            (
                r#"{"type":"send","opcode":9,"data":""}"#,
                "no message has the opcode 9",
                r#"{"type":"frame","opcode":9}"#,
            ),
            (
                r#"{"type":"send","opcode":1,"encoding":"hex","data":"61ff"}"#,
                "byte 2 (0xff) is not UTF-8",
                r#""opcode":2"#,
            ),
            (
                r#"{"type":"send","encoding":"hex","data":"0"}"#,
                r#""data": 1 hex digits"#,
                r#""encoding""#,
            ),
            (
                r#"{"type":"send","encoding":"rot13","data":"0"}"#,
                r#""encoding" must not be "rot13""#,
                r#""base64" or "hex""#,
            ),
            (
                r#"{"type":"ping","dir":"out"}"#,
                r#""dir" must not be "out""#,
                r#""receive" (not)"#,
            ),
            (
                r#"{"type":"send","origin":1,"data":""}"#,
                r#""origin" must not be 1"#,
                "a string",
            ),
            (&long_ping, "126 bytes", r#""opcode":"ping""#),
            (
                r#"{"type":"close","by":"me"}"#,
                r#""by" must not be "me""#,
                r#""us""#,
            ),
            (
                r#"{"type":"close","code":1006}"#,
                "1006 must not be sent",
                r#"{"type":"frame","opcode":"close","code":1006}"#,
            ),
            (
                r#"{"type":"close","reason":"x"}"#,
                "a reason without a code",
                r#""code":1000"#,
            ),
            (&long_close, "has 126 bytes", r#""type":"frame""#),
            (
                r#"{"type":"frame","opcode":16}"#,
                r#""opcode" must not be 16"#,
                "0 to 15",
            ),
            (
                r#"{"type":"frame","opcode":"reserved"}"#,
                r#""opcode" must not be "reserved""#,
                "continuation",
            ),
            (r#"{"type":"frame","fin":1}"#, r#""fin""#, "true or false"),
            (r#"{"type":"frame","rsv":8}"#, r#""rsv""#, "0 to 7"),
            (r#"{"type":"frame","rsv1":1}"#, r#""rsv1""#, "true or false"),
            (
                r#"{"type":"frame","mask":"37"}"#,
                r#""mask" must not be "37""#,
                "37fa213d",
            ),
            (r#"{"type":"frame","mask":0}"#, r#""mask""#, "false"),
            (
                r#"{"type":"frame","length":-1}"#,
                r#""length""#,
                "whole number",
            ),
            (
                r#"{"type":"frame","length":1.5}"#,
                r#""length""#,
                "whole number",
            ),
            (
                r#"{"type":"close","code":1005,"reason":"x"}"#,
                "1005 stands for a Close without a code",
                r#""code":1005} sends it"#,
            ),
            (
                r#"{"type":"frame","length":65536,"length_bits":16}"#,
                "a length of 65536 does not fit in 16 bits",
                "holds every length",
            ),
            (
                r#"{"type":"frame","length_bits":8}"#,
                r#""length_bits""#,
                "7, 16 or 64",
            ),
            (
                r#"{"type":"frame","code":1000}"#,
                "payload of a Close",
                "close",
            ),
            (
                r#"{"type":"frame","opcode":8,"code":1000,"data":""}"#,
                r#"in place of "data""#,
                "close",
            ),
            (
                r#"{"type":"frame","opcode":8,"code":65536}"#,
                r#""code""#,
                "65535",
            ),
            (
                r#"{"type":"frame","opcode":8,"reason":"x"}"#,
                "a reason without a code",
                r#""code":1000"#,
            ),
        ] {
            let wrong = read(line.as_bytes()).unwrap_err();
            assert!(wrong.what.contains(what), "{line}: {wrong:?}");
            assert!(wrong.advice.contains(advice), "{line}: {wrong:?}");
        }
        // Bytes that are not UTF-8 are not JSON either.
        assert!(read(b"{\"type\":\"send\",\"data\":\"\xff\"}").is_err());
    }

    /// The line that `--json` prints for this, parsed.
    fn recorded(event: &Recorded<'_>, terminal: bool) -> Option<Command> {
        let options = Options {
            format: Format::Json,
            stdout_tty: terminal,
            ..Options::plain()
        };
        let mut renderer = Renderer::new(options, Redactor::default());
        let mut line = Vec::new();
        renderer.render(
            Duration::from_millis(1234),
            event,
            &mut line,
            &mut Vec::new(),
        );
        read(&line).expect("a line that can be read back")
    }

    fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
        let text = "[\\PC\\x00-\\x1f\"\\\\]{0,20}".prop_map(Bytes::from);
        let any = prop::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from);
        prop_oneof![text, any]
    }

    fn masking() -> impl Strategy<Value = Masking> {
        prop_oneof![
            Just(Masking::Random),
            Just(Masking::None),
            any::<[u8; 4]>().prop_map(Masking::Key),
        ]
    }

    proptest! {
        #[test]
        fn sent_messages_are_parsed_back(data in bytes(125), text in "\\PC{0,20}", terminal: bool) {
            let (conn, by) = (1, By::Us);
            for message in [Message::text(text), Message::binary(data.clone())] {
                let event = Recorded::Send { conn, message: &message, number: Some(1), origin: None };
                prop_assert_eq!(recorded(&event, terminal), Some(Command::Send(message.clone())));
            }
            let ping = Recorded::Ping { conn, by, origin: None, data: &data };
            prop_assert_eq!(recorded(&ping, terminal), Some(Command::Ping(data.clone())));
            let pong = Recorded::Pong { conn, by, origin: None, data: &data, rtt: None, asked: false };
            prop_assert_eq!(recorded(&pong, terminal), Some(Command::Pong(data)));
        }

        #[test]
        fn a_frame_is_read_back(
            fin: bool, rsv in 0u8..8, opcode in 0u8..16, masking in masking(), len: Option<u64>,
            form in prop::sample::select(vec![None, Some(7), Some(16), Some(64)]),
            payload in bytes(300), terminal: bool,
        ) {
            let shortest = LengthForm::shortest_for(len.unwrap_or(payload.len() as u64));
            let form = form.and_then(LengthForm::of_bits).map(|form| form.max(shortest));
            let frame = RawFrame { fin, rsv, opcode, masking, len, form, payload };
            let event = Recorded::Frame { conn: 1, frame: &frame };
            prop_assert_eq!(recorded(&event, terminal), Some(Command::Frame(frame.clone())));
        }

        #[test]
        fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&line);
        }
    }
}
