//! Scripts that are read, written and read again.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::ast::File;
use super::{convert, http_file, names, parse, print};
use crate::close::Close;
use crate::message::Message;
use crate::record::connection::{Answer, Connection, Moment, What};
use crate::secret::Redactor;

/// What a script says, without where it says it.
fn said(file: &File) -> String {
    let text = format!("{file:?}");
    let mut parts = text.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| {
        said + part.split_once('}').map_or("", |it| it.1)
    })
}

#[track_caller]
fn check_printed(script: &str) {
    let Ok(read) = parse::parse(script, parse::Allowed::default()) else {
        return;
    };
    let printed = print::to_script(&read);
    match parse::parse(&printed, parse::Allowed::default()) {
        Ok(again) => assert_eq!(said(&again), said(&read), "{script}\n----\n{printed}"),
        Err(errors) => panic!("{errors:?}\n{script}\n----\n{printed}"),
    }
}

const WHOLE: &str = r#"### first
WEBSOCKET alice {{base}}/events
X-Trace: {{n}}
[Options]
token: env:TOKEN
no-compress
HTTP 101
Server: x
[Captures]
id: header X-Id
status: status
[Asserts]
subprotocol == chat
header "X-Y" not exists
WEBSOCKET bob ws://h/
HTTP {{status}}

alice> {"a":[1,
 {{n}}]}
> text {{x}}
bob>binary hex:00ff
>text escapes:a\n{{x}}
>binary base64:AA==
>text file:a.json
>ping
>ping hi
>pong hex:00
>close
>close 1000
>close 4000 bye now
>close {{code}} `  x `
>frame text fin=false hi
<~(2s) {"event":"connected"}
[Captures]
last: .data.last
[Asserts]
.data.user == "xiao"
duration < 200ms
schema a.json
opcode != 1
reason startsWith "x"
body matches /x/i
attempts <= 3
<
<text
<binary(x3)
!<(300ms) {"event":"error"}
alice!<~(2s) part
< /a.*b/i
<text(1.5s) /x/
< `/x/`
< ```
two
lines
```
<~text escapes:\x41
<pong hi
<close 1000
<close 1000 bye
<close
<drop
<open(5s)
<({{limit}}, x{{k}}) x
@wait 200ms
@wait {{pause}}
@repeat 3
> a
@repeat {{k}}
< a
@end
@end
@include login.wst
###
WEBSOCKET ws://h
"#;

#[test]
fn a_script_that_is_printed_says_the_same() {
    assert!(
        parse::parse(WHOLE, parse::Allowed::default()).is_ok(),
        "{:?}",
        parse::parse(WHOLE, parse::Allowed::default())
    );
    check_printed(WHOLE);
    for folder in [
        "tests/scripts/bad",
        "tests/scripts/good",
        "tests/scripts/failing",
        "fuzz/seeds/script",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in folder.read_dir().into_iter().flatten() {
            // There are folders for the files of scripts, too.
            if let Ok(bytes) = std::fs::read(file.unwrap().path()) {
                check_printed(&String::from_utf8_lossy(&bytes));
            }
        }
    }
}

/// Lines of scripts, some of which fit together.
fn script() -> impl Strategy<Value = String> {
    let lines: Vec<String> = WHOLE.lines().map(str::to_owned).collect();
    let line = prop_oneof![
        4 => prop::sample::select(lines),
        1 => r"[<>]~?[a-z]{0,5}(\((1s|x2)\))? ?[ -~]{0,12}",
        1 => "[ -~é\t]{0,9}",
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| {
        let steps = lines.join("\n");
        format!("WEBSOCKET alice ws://h\n\nWEBSOCKET bob ws://h\n\n{steps}\n")
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r"[ \t\n`/{}<>#@~!a-z0-9:-]{0,12}",
        r#"\{"(id|token|a b)":("1795168800123"|1795168800123|"[a-f0-9-]{16}"|\{"x":\[1\]\})\}"#,
        Just("/x/".to_owned()),
        Just(r#"{"{{k}}\u202e":{"token":"V1StGXR8_Z5jdHi6B-myT"}}"#.to_owned()),
        Just("42[\"a\",{\"id\":\"V1StGXR8_Z5jdHi6B-myT\"}]".to_owned()),
        Just("{{name}} [redacted]".to_owned()),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let by_itself = false;
    let data = prop::collection::vec(any::<u8>(), 0..125);
    prop_oneof![
        4 => text().prop_map(move |text| What::Sent { message: Message::text(text), by_itself }),
        4 => text().prop_map(|text| What::Received(Message::text(text))),
        1 => data.clone().prop_map(|data| What::Received(Message::binary(data))),
        1 => data.clone().prop_map(move |data| What::SentPing { data, by_itself }),
        1 => data.prop_map(What::ReceivedPong),
        1 => text().prop_map(|reason| What::Closed(Close::new(4000, reason))),
        1 => "[ -~]{0,99}".prop_map(|reason| What::Closing(Close::new(4000, reason))),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(code, ours)| match ours {
            true => What::Closing(Close::new(code, "x")),
            false => What::Closed(Close::new(code, "")),
        }),
        1 => Just(What::Lost),
        1 => Just(What::Reopened),
    ]
}

proptest! {
    #[test]
    fn any_script_that_is_printed_says_the_same(script in script()) {
        check_printed(&script);
    }

    #[test]
    fn what_was_recorded_can_be_read_and_lacks_no_variable(
        whats in prop::collection::vec(what(), 0..12),
    ) {
        let moments = whats.into_iter().zip(1u64..);
        let connection = Connection {
            url: "ws://host/?token=abcdef".to_owned(),
            answer: Answer { status: Some(101), ..Answer::default() },
            moments: moments
                .map(|(what, n)| Moment { at: Duration::from_secs(n * n), what })
                .collect(),
            ..Connection::default()
        };
        let connections = [connection.clone(), connection];
        let script = convert::script(&connections, "a\nb", &Redactor::default());
        let read = match parse::parse(&script, parse::Allowed::default()) {
            Ok(read) => read,
            Err(errors) => panic!("{errors:?}\n{script}"),
        };
        // The comment names those that are to be given.
        let given = |name: &str| script.contains(&format!("--var {name}=…"));
        let undefined = names::undefined(&read, &given);
        prop_assert!(undefined.is_empty(), "{:?}\n{}", undefined, script);
        check_printed(&script);
    }

    #[test]
    fn a_http_file_becomes_a_script_that_can_be_read(
        messages in prop::collection::vec("[ -~é]{0,20}\n?[ -~]{0,9}", 0..5),
    ) {
        let text = format!("### x\nWEBSOCKET ws://h\nX: y\n\n{}", messages.join("\n===\n"));
        let Ok(read) = http_file::parse(&text) else { return Ok(()) };
        let printed = print::to_script(&read.file);
        let again = parse::parse(&printed, parse::Allowed::default());
        prop_assert!(again.is_ok(), "{:?}\n{}\n----\n{}", again, text, printed);
        prop_assert_eq!(said(&again.unwrap()), said(&read.file), "{}\n----\n{}", text, printed);
    }
}
