//! Whole screens, compared with the files in `screens/`: what a person sees of a message while half of
//! a line is typed, and where the cursor stands then.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::screen::Look;
use crate::support::scripts::collects;
use crate::support::server::{frame_of, raw, raws, text};

const NESTED: &str = r#"{"jsonrpc":"2.0","method":"book.update","params":{"symbol":"BTC-USD","seq":90071992547409931,"bids":[[67012.50,0.4200],[67012.00,1.1],[67011.75,0.25]],"asks":[[67013.00,0.5],[67013.25,2.0]],"flags":["snapshot","final"],"meta":{"source":"matching-engine-2","latency":{"p50":0.0012,"p99":0.0450},"trace":null,"ok":true},"seq":1}}"#;

const WIDE: &str = "[\"世界\",\"ｆｕｌｌ\",\"👩\u{200d}🚀👨\u{200d}👩\u{200d}👧\",\"👍🏽\",\"e\u{301}e\u{301}e\u{301}\",\"🇩🇪🇯🇵\",\"हिन्दी\",\"한국어\",\"pay\u{200d}pal\"]";

/// Half of a line, and the keys that take the cursor back before its last three characters.
const HALF: &str = "half a line";
const BACK: &str = "\x1b[D\x1b[D\x1b[D";
const AT: usize = HALF.len() - 3;

/// What is typed once the terminal has its size, and shown above what is compared.
const GO: &str = "go";

/// Compares the screen of so many rows and columns that shows these frames.
#[track_caller]
fn check(name: &str, (rows, columns): (u16, u16), frames: &[Vec<u8>]) {
    let frames = frames.concat();
    let server = raw(move |mut wire| {
        wire.handshake();
        wire.message();
        wire.send(frames);
        // It shows that everything before it is there.
        wire.send(text("the end"));
        wire.answer_close();
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.resize(rows, columns);
    pty.type_keys(&format!("{GO}\r{HALF}{BACK}"));
    pty.expect_row("< the end");
    let look = pty.expect_line(HALF, AT);
    compare(name, &look);
    pty.type_keys("\x03\x04");
    pty.exits(0);
    server.result();
}

/// The address has another number in each run.
fn hide_address(look: &mut Look, url: &str) {
    let address = url.strip_prefix("ws://").unwrap().trim_end_matches('/');
    for row in &mut look.rows {
        *row = row.replace(address, "SERVER");
    }
}

/// The row of the message [`GO`].
fn sent(look: &Look) -> Option<usize> {
    look.rows.iter().position(|row| *row == format!("> {GO}"))
}

/// Compares what stands below the line [`GO`].
#[track_caller]
fn compare(name: &str, look: &Look) {
    let sent = sent(look).unwrap_or_else(|| panic!("no line {GO:?}:\n{}", look.text()));
    compare_from(sent + 1, name, look);
}

/// Compares the rows from `first` on, with `▏` where the cursor is.
#[track_caller]
fn compare_from(first: usize, name: &str, look: &Look) {
    let mut rows = look.rows.clone();
    let (row, column) = look.cursor;
    // The line being typed has characters of one column only, and its end has no blanks.
    let typed = format!("{:column$}", rows[row]);
    let at = typed
        .char_indices()
        .nth(column)
        .map_or(typed.len(), |(at, _)| at);
    rows[row] = format!("{}▏{}", &typed[..at], &typed[at..]);
    let shown = rows[first..].join("\n").trim_end().to_owned() + "\n";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let file = folder.join(format!("{name}.txt"));
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(shown, expected, "{name}:\n{shown}");
}

#[test]
fn the_first_line_says_what_to_press() {
    let server = collects();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.expect_row("Ctrl-D");
    let mut look = pty.expect_line("", 0);
    hide_address(&mut look, &server.url("/"));
    compare_from(0, "start-80", &look);
    pty.type_keys("\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn nested_json_at_40_80_and_200_columns() {
    for (rows, columns) in [(40, 40), (24, 80), (24, 200)] {
        check(
            &format!("nested-{columns}"),
            (rows, columns),
            &[text(NESTED)],
        );
    }
}

#[test]
fn an_array_of_a_thousand_rows() {
    let row = |n: u32| format!(r#"{{"id":{n},"name":"user {n}","scores":[{n},{}]}}"#, n % 7);
    let rows: Vec<String> = (1..=1000).map(row).collect();
    let message = text(&format!("[{}]", rows.join(",")));
    check("rows-80", (24, 80), &[message]);
}

#[test]
fn characters_of_other_widths() {
    for columns in [40, 80] {
        let plain = "世界 e\u{301} 👨\u{200d}👩\u{200d}👧 한국어 ".repeat(3);
        let frames = [text(WIDE), text(&plain)];
        check(&format!("wide-{columns}"), (24, columns), &frames);
    }
}

#[test]
fn text_with_tabs_and_line_ends() {
    let message = "name\tsize\r\n世界\t12\nlong name here\t7\n\n\tend\n";
    check(
        "text-80",
        (24, 80),
        &[text(message), text("alone\n"), text("a\rb")],
    );
}

#[test]
fn binary() {
    let data: Vec<u8> = (0..=255).chain(0..=99).collect();
    let frames = [frame_of(0x82, &data), frame_of(0x82, b"short\x00\x1b[2J")];
    for (rows, columns) in [(40, 40), (24, 80)] {
        check(&format!("binary-{columns}"), (rows, columns), &frames);
    }
}

#[test]
fn errors_in_the_middle_of_a_typed_line() {
    let (typed, ready) = mpsc::channel();
    let server = raws(2, move |n, mut wire| {
        wire.handshake();
        if n == 2 {
            return wire.answer_close();
        }
        wire.message();
        ready.recv().unwrap();
        // The filter fails on the first one; then the connection is lost.
        wire.send([text("[1]"), text("{\"n\":1}")].concat());
    });
    let url = server.url("/");
    let delay = ["--reconnect-delay", "1ms", "--reconnect-jitter", "none"];
    let mut pty = Pty::prompt(&delay, &url);
    pty.type_keys(&format!("/filter .n\r{GO}\r{HALF}{BACK}"));
    pty.until("the first message", |look| sent(look).is_some());
    pty.expect_line(HALF, AT);
    let before = pty.bytes().len();
    typed.send(()).unwrap();
    pty.expect_after(before, "connected to ");
    pty.until("open again", |look| look.prompt() == Some("open>"));
    let mut look = pty.expect_line(HALF, AT);
    hide_address(&mut look, &url);
    compare("errors-80", &look);
    pty.type_keys("\x03\x04");
    pty.exits(0);
    server.result();
}

/// Compares the screen after these keys, once it shows `shown` and `line` is typed.
#[track_caller]
fn check_keys(name: &str, columns: u16, keys: &str, shown: &str, line: &str) {
    let server = collects();
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.resize(24, columns);
    pty.type_keys(&format!("{GO}\r"));
    pty.until("the first message", |look| sent(look).is_some());
    pty.type_keys(keys);
    pty.expect_row(shown);
    let look = pty.expect_line(line, line.len());
    compare(name, &look);
    pty.type_keys("\x03\x04");
    pty.exits(0);
    server.result();
}

#[test]
fn commands_that_may_be_meant_stand_with_what_they_do() {
    for columns in [40, 80] {
        let name = format!("completion-{columns}");
        check_keys(&name, columns, "/re\t\t", "/resume", "/re");
    }
}

#[test]
fn help_for_a_command_is_its_usage_and_an_example() {
    for columns in [40, 80] {
        let name = format!("help-{columns}");
        check_keys(&name, columns, "/help repeat\r", "example:", "");
    }
}
