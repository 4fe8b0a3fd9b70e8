//! What whole messages look like, compared with the files in `golden/`.

use std::fs;
use std::path::Path;

use super::super::*;
use super::options;
use crate::message::Message;

const NESTED: &str = r#"{"jsonrpc":"2.0","method":"book.update","params":{"symbol":"BTC-USD","seq":90071992547409931,"bids":[[67012.50,0.4200],[67012.00,1.1],[67011.75,0.25]],"asks":[[67013.00,0.5],[67013.25,2.0]],"flags":["snapshot","final"],"meta":{"source":"matching-engine-2","latency":{"p50":0.0012,"p99":0.0450},"trace":null,"ok":true},"seq":1}}"#;

const EVENT: &str = r#"{"event":"message","id":18,"from":"xiao","room":"news","data":{"text":"Grüße aus 北京 👩‍🚀","tags":["a","b"],"reply":{"to":17,"quote":"…"}},"at":"2026-11-20T10:00:00Z"}"#;

const WIDE: &str = "[\"世界\",\"ｆｕｌｌ\",\"👩\u{200d}🚀👨\u{200d}👩\u{200d}👧\",\"👍🏽\",\"e\u{301}e\u{301}e\u{301}\",\"🇩🇪🇯🇵\",\"हिन्दी\",\"한국어\",\"\\u4e16\\u754c\",\"\\u001b[31m\"]";

#[track_caller]
fn check(name: &str, message: &Message, width: usize, folds: bool) {
    let mut renderer = Renderer::new(
        Options {
            stdout_tty: true,
            interactive: folds,
            width: Some(width),
            height: Some(24),
            ..options(Format::Pretty)
        },
        Redactor::default(),
    );
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let event = Event::Receive {
        conn: 1,
        message,
        record: None,
    };
    renderer.render(Duration::ZERO, &event, &mut out, &mut err);
    let shown = String::from_utf8(out).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/output/tests/golden");
    let file = folder.join(format!("{name}.txt"));
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(shown, expected, "{name}:\n{shown}");
    let widest = shown.lines().map(width::of).max();
    assert!(widest <= Some(width), "{shown}");
}

#[test]
fn nested_json() {
    for width in [40, 80, 200] {
        check(
            &format!("nested-{width}"),
            &Message::text(NESTED),
            width,
            false,
        );
    }
}

#[test]
fn an_event() {
    for width in [40, 80, 200] {
        check(
            &format!("event-{width}"),
            &Message::text(EVENT),
            width,
            false,
        );
    }
}

#[test]
fn a_thousand_rows() {
    let row = |n: u32| {
        format!(
            r#"{{"id":{n},"name":"user {n}","scores":[{n},{}]}}"#,
            n * 7 % 100
        )
    };
    let rows: Vec<String> = (1..=1000).map(row).collect();
    let message = Message::text(format!("[{}]", rows.join(",")));
    check("rows-80", &message, 80, true);
    let numbers: Vec<String> = (1..=1000).map(|n| n.to_string()).collect();
    let message = Message::text(format!("[{}]", numbers.join(",")));
    check("numbers-80", &message, 80, true);
}

#[test]
fn characters_of_other_widths() {
    for width in [20, 40] {
        check(&format!("wide-{width}"), &Message::text(WIDE), width, false);
    }
}

#[test]
fn text_with_tabs_and_line_ends() {
    let text = "name\tsize\r\n世界\t12\nlong name here\t7\n\n\tend\n";
    check("text-80", &Message::text(text), 80, true);
}

#[test]
fn binary() {
    let data: Vec<u8> = (0..=255).chain(0..=99).collect();
    let message = Message::binary(data);
    check("binary-80", &message, 80, true);
    check("binary-40", &message, 40, true);
}
