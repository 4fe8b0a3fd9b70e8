//! Editing a line: in another program, over several lines, with the keys of emacs and of vi.

use std::sync::mpsc;

use crate::support::pty::Pty;
use crate::support::server::{Raw, header, raw, raws, text};

const TERM: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("NO_COLOR", "1")];

/// Types `keys` at a prompt with these options and variables, waits for what `shown` says in between,
/// and gives the messages that arrive.
#[track_caller]
fn messages(
    options: &[&str],
    environment: &[(&str, &str)],
    keys: &[(&str, &str)],
    count: usize,
) -> Vec<String> {
    let server = raw(move |mut wire| {
        wire.handshake();
        let messages = (0..count).map(|_| String::from_utf8(wire.message()).unwrap());
        let messages: Vec<_> = messages.collect();
        wire.answer_close();
        messages
    });
    let environment = [TERM, environment].concat();
    let url = server.url("/");
    let mut pty = Pty::start_with(&[options, &[&url]].concat(), &environment);
    pty.expect("open> ");
    for (keys, shown) in keys {
        pty.type_keys(keys);
        pty.expect(shown);
    }
    pty.type_keys("\x04");
    pty.exits(0);
    server.result()
}

#[test]
fn an_editor_changes_the_line_and_enter_sends_it() {
    let keys = [
        ("{\"a\":1}", "{\"a\":1}"),
        ("\x18\x05", "{\"b\":1}"),
        ("\r", "\n"),
    ];
    let editor = [("VISUAL", "sed -i s/a/b/"), ("EDITOR", "false")];
    assert_eq!(messages(&[], &editor, &keys, 1), ["{\"b\":1}"]);
    assert_eq!(
        messages(&["--edit-mode", "vi"], &editor, &keys, 1),
        ["{\"b\":1}"]
    );
}

#[test]
fn without_a_line_the_editor_gets_the_last_message_in_a_file_of_its_kind() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("[1, 2"));
        let messages = [0; 4].map(|_| String::from_utf8(wire.message()).unwrap());
        wire.answer_close();
        messages
    });
    let folder = tempfile::tempdir().unwrap();
    let show = folder.path().join("edit");
    std::fs::write(
        &show,
        "echo \"<$(basename $1 | cut -d. -f2)>\"; sed -i 's/$/!/' $1",
    )
    .unwrap();
    let command = format!("sh {}", show.display());
    let environment = [TERM, &[("EDITOR", &*command)]].concat();
    let mut pty = Pty::start_with(&[&server.url("/")], &environment);
    pty.expect("< [1, 2");
    // Received, as nothing has been sent; then what was sent last.
    for (sent, shown, keys, suffix, line) in [
        ("", "", "/edit\r", "<json>", "[1, 2!"),
        (
            "\x15{\"a\":1}\r",
            "> {\"a\": 1}",
            "\x18\x05",
            "<json>",
            "{\"a\":1}!",
        ),
        ("\x15plain\r", "> plain", "/edit\r", "<txt>", "plain!"),
        ("", "", "\x15/edit\r", "<txt>", "plain!"),
    ] {
        // It is the last message once it is shown as sent.
        let before = pty.bytes().len();
        pty.type_keys(sent);
        pty.expect_after(before, shown);
        let before = pty.bytes().len();
        pty.type_keys(keys);
        pty.expect_after(before, suffix);
        pty.expect_line(line, line.chars().count());
    }
    pty.type_keys("\r\x18\x05");
    pty.expect_line("plain!!", 7);
    pty.type_keys("\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), ["{\"a\":1}", "plain", "plain!", "plain!!"]);
}

#[test]
fn an_editor_that_fails_leaves_the_line_as_it_was() {
    let keys = [
        ("hello", "hello"),
        ("\x18\x05", "the text is as it was"),
        ("!\r", "\n"),
    ];
    let editor = [("EDITOR", "false")];
    assert_eq!(messages(&[], &editor, &keys, 1), ["hello!"]);
}

#[test]
fn ctrl_c_reaches_the_editor_and_not_us() {
    let keys = [
        ("hello", "hello"),
        ("\x18\x05", "ready"),
        ("\x03", "signal: 2"),
        ("\r", "\n"),
    ];
    let editor = [("EDITOR", "echo ready; exec sleep 60;")];
    assert_eq!(messages(&[], &editor, &keys, 1), ["hello"]);
}

#[test]
fn ctrl_z_does_not_keep_the_editor_from_going_on() {
    // Nobody could continue a process group without a shell, so that the system ignores the stop.
    let keys = [
        ("hello", "hello"),
        ("\x18\x05", "ready"),
        ("\x1a", "^Z"),
        ("x\n", "open> x"),
        ("\r", "\n"),
    ];
    let editor = [("EDITOR", "echo ready; read word; echo $word >")];
    assert_eq!(messages(&[], &editor, &keys, 1), ["x"]);
}

/// JSON as tools print it, of about this many lines.
fn pretty_json(lines: usize) -> String {
    let members: Vec<_> = (1..lines - 1)
        .map(|n| format!("  \"key {n}\": [{n}, \"{{ \\\" [\"]"))
        .collect();
    format!("{{\n{}\n}}", members.join(",\n"))
}

fn pasted(text: &str) -> String {
    format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"))
}

#[test]
fn json_that_is_not_closed_goes_on_in_the_next_line() {
    for mode in ["emacs", "vi"] {
        let keys = [
            ("{\"a\":[\r", "… ]}"),
            ("1\r", "1"),
            ("]}\r", "\n"),
            // An empty line ends it in any case, and is no part of it.
            ("[1,\r\r", "\n"),
            // Ctrl-C cancels it.
            ("[2,\r\x03", "Ctrl-D to leave"),
            ("x[\r", "\n"),
            ("[3]\r", "\n"),
        ];
        assert_eq!(
            messages(&["--edit-mode", mode], &[], &keys, 4),
            ["{\"a\":[\n1\n]}", "[1,", "x[", "[3]"]
        );
    }
}

#[test]
fn alt_enter_begins_a_new_line_of_any_message() {
    for mode in ["emacs", "vi"] {
        let keys = [("a\x1b\rb\r", "\n")];
        assert_eq!(messages(&["--edit-mode", mode], &[], &keys, 1), ["a\nb"]);
    }
}

#[test]
fn a_pasted_document_is_one_message_byte_for_byte() {
    for (lines, mode) in [(300, "emacs"), (300, "vi"), (6000, "emacs"), (6000, "vi")] {
        let document = pretty_json(lines);
        let keys = [(&*(pasted(&document) + "\r"), "\n")];
        let sent = messages(&["--edit-mode", mode], &[], &keys, 1);
        assert_eq!(sent, [document], "{mode}");
    }
}

#[test]
fn a_line_of_200_kb_arrives_whole() {
    let line = "0123456789 世界 ".repeat(200 * 1024 / 18 + 1);
    assert!(line.len() > 200 * 1024);
    let keys = [(&*(pasted(&line) + "\r"), "\n")];
    assert_eq!(messages(&[], &[], &keys, 1), [line]);
}

#[test]
fn a_document_typed_key_by_key_is_one_message_byte_for_byte() {
    let document = pretty_json(300);
    let keys = document.replace('\n', "\r") + "\r";
    for mode in ["emacs", "vi"] {
        let colour = [("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")];
        let sent = messages(&["--edit-mode", mode], &colour, &[(&keys, "\n")], 1);
        assert_eq!(sent, [&*document]);
    }
}

/// An array as `jq` prints it, of at least so many bytes.
fn long_json(bytes: usize) -> String {
    let mut rows = Vec::new();
    let mut length = 0;
    while length < bytes {
        let n = rows.len();
        let row = format!("  {{\n    \"id\": {n},\n    \"name\": \"row {n} [{{\\\"\"\n  }}");
        length += row.len() + 2;
        rows.push(row);
    }
    format!("[\n{}\n]", rows.join(",\n"))
}

/// A prompt whose messages a server gives at the end.
fn prompt(options: &[&str], count: usize) -> (Pty, Raw<Vec<String>>) {
    let server = raw(move |mut wire| {
        wire.handshake();
        let messages = (0..count).map(|_| String::from_utf8(wire.message()).unwrap());
        let messages: Vec<_> = messages.collect();
        wire.answer_close();
        messages
    });
    let colour = [("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "1")];
    let url = server.url("/");
    let pty = Pty::start_with(&[options, &[&url]].concat(), &colour);
    pty.expect("Ctrl-D leaves.");
    (pty, server)
}

/// Types a text one key at a time, and Enter at the end of each line.
fn type_slowly(pty: &mut Pty, text: &str) {
    let mut key = [0; 4];
    for c in text.replace('\n', "\r").chars() {
        pty.type_keys(c.encode_utf8(&mut key));
    }
}

/// Waits until the screen ends with the last lines of this text, beside what closes it.
#[track_caller]
fn expect_end(pty: &Pty, text: &str) {
    let shown = |line: &&str| !line.is_empty() && !line.starts_with('…');
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(shown).collect();
    let last = &lines[lines.len().saturating_sub(15)..];
    pty.until("the end of the text", |look| {
        let rows = look.rows.iter().map(|row| row.trim_end());
        rows.filter(shown).collect::<Vec<_>>().ends_with(last)
    });
}

#[track_caller]
fn two_hundred_kilobytes_typed_key_by_key_are_one_message(mode: &str) {
    let document = long_json(200_000);
    let (mut pty, server) = prompt(&["--edit-mode", mode], 2);
    type_slowly(&mut pty, &document);
    expect_end(&pty, &document);
    type_slowly(&mut pty, "\nshort\n\x04");
    let written = pty.exits(0);
    assert_eq!(server.result(), [&*document, "short"]);
    // What has been typed is not drawn again with every line.
    assert!(written.len() < 20 * document.len(), "{}", written.len());
}

#[test]
fn two_hundred_kilobytes_typed_with_the_keys_of_emacs_are_one_message() {
    two_hundred_kilobytes_typed_key_by_key_are_one_message("emacs");
}

#[test]
#[ignore = "slow: much is typed"]
fn two_hundred_kilobytes_typed_with_the_keys_of_vi_are_one_message() {
    two_hundred_kilobytes_typed_key_by_key_are_one_message("vi");
}

#[test]
fn a_mistake_in_the_middle_of_a_long_document_can_be_corrected() {
    let document = long_json(4000);
    let lines: Vec<_> = document.lines().collect();
    let (last, rest) = lines.split_last().unwrap();
    let wrong = 60;
    for mode in ["emacs", "vi"] {
        let (mut pty, server) = prompt(&["--edit-mode", mode], 1);
        let mut mistaken = rest.to_vec();
        let line = mistaken[wrong].to_owned() + "x";
        mistaken[wrong] = &line;
        let text = mistaken.join("\n") + "\n";
        type_slowly(&mut pty, &text);
        expect_end(&pty, text.trim_end());
        // The line above the screen comes into it.
        type_slowly(&mut pty, &"\x1b[A".repeat(rest.len() - wrong));
        pty.expect_row(&line);
        type_slowly(&mut pty, "\x1b[F\x7f");
        pty.until("the corrected line", |look| {
            look.rows.iter().any(|row| row.trim_end() == rest[wrong])
                && look.rows[look.cursor.0].trim_end() == rest[wrong]
        });
        // And back to its end.
        type_slowly(&mut pty, "\x1b[1;5F");
        expect_end(&pty, &rest.join("\n"));
        type_slowly(&mut pty, &format!("{last}\n\x04"));
        pty.exits(0);
        assert_eq!(server.result(), [&*document]);
    }
}

#[test]
fn an_editor_has_all_of_a_long_document() {
    let document = long_json(4000);
    let server = raw(|mut wire| {
        wire.handshake();
        let message = String::from_utf8(wire.message()).unwrap();
        wire.answer_close();
        message
    });
    let environment = [TERM, &[("EDITOR", "sed -i s/name/title/")]].concat();
    let mut pty = Pty::start_with(&[&server.url("/")], &environment);
    pty.expect("Ctrl-D leaves.");
    let open = document.strip_suffix("\n]").unwrap();
    type_slowly(&mut pty, open);
    pty.type_keys("\x18\x05");
    pty.expect("title");
    expect_end(&pty, &open.replace("name", "title"));
    // What comes back in one piece goes on line by line.
    type_slowly(&mut pty, ",\n  0\n]\n\x04");
    pty.exits(0);
    let edited = open.replace("name", "title") + ",\n  0\n]";
    assert_eq!(server.result(), edited);
}

#[test]
fn ctrl_c_drops_all_of_a_long_document() {
    let document = long_json(4000);
    let half = &document[..document.len() / 2];
    for mode in ["emacs", "vi"] {
        let (mut pty, server) = prompt(&["--edit-mode", mode], 1);
        type_slowly(&mut pty, half);
        expect_end(&pty, half);
        pty.type_keys("\x03");
        pty.expect("Ctrl-D to leave");
        type_slowly(&mut pty, "after\n\x04");
        pty.exits(0);
        assert_eq!(server.result(), ["after"]);
    }
}

#[test]
fn a_long_document_is_open_until_its_last_bracket_and_ctrl_d_does_not_leave() {
    let document = long_json(4000);
    let open = document.strip_suffix(']').unwrap();
    let (mut pty, server) = prompt(&[], 1);
    type_slowly(&mut pty, open);
    // Its next line says what closes it.
    pty.until("the closing bracket", |look| {
        look.rows[look.cursor.0].trim_end() == "… ]" && look.cursor.1 == 0
    });
    // Neither key has anything to do with a line in the middle of a message.
    type_slowly(&mut pty, "\x04\x12]\n\x04");
    pty.exits(0);
    assert_eq!(server.result(), [document]);
}

#[test]
fn a_question_is_not_answered_by_a_long_document_and_what_follows_is_in_no_history() {
    let (cut, cutting) = mpsc::channel();
    let server = raws(2, move |n, mut wire| {
        let request = wire.handshake();
        match n {
            1 => {
                cutting.recv().unwrap();
                wire.close(4401, "");
            }
            _ => wire.answer_close(),
        }
        header(&request, "authorization").unwrap().to_owned()
    });
    let state = tempfile::tempdir().unwrap();
    let environment = [TERM, &[("XDG_STATE_HOME", state.path().to_str().unwrap())]].concat();
    let options = ["--reconnect-delay=10ms", "--token=prompt"];
    let mut pty = Pty::start_with(&[&options[..], &[&server.url("/")]].concat(), &environment);
    pty.expect("Token: ");
    pty.type_keys("first-token\r");
    pty.expect("Ctrl-D leaves.");
    let document = long_json(4000);
    let lines = document.strip_suffix(']').unwrap();
    type_slowly(&mut pty, lines);
    expect_end(&pty, lines);
    cut.send(()).unwrap();
    pty.expect_row("Token:");
    pty.type_keys("early-token");
    pty.expect_row("***********");
    pty.type_keys("\r");
    pty.expect("that line was begun before the question");
    pty.type_keys("second-token\r");
    pty.expect_row("connected to");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert_eq!(
        server.result(),
        ["Bearer first-token", "Bearer second-token"]
    );
    let history = std::fs::read_to_string(state.path().join("wirecat/history")).unwrap();
    assert!(history.contains("row 17") && !history.contains("token"));
    assert!(!written.contains("-token"));
}

#[test]
fn messages_come_in_above_the_line_of_a_long_document() {
    let document = long_json(4000);
    let half = document.len() / 2;
    let server = raw(|mut wire| {
        wire.handshake();
        let message = String::from_utf8(wire.message()).unwrap();
        wire.send(text("first"));
        let second = String::from_utf8(wire.message()).unwrap();
        wire.answer_close();
        (message, second)
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("go\r");
    pty.expect_row("first");
    type_slowly(&mut pty, &document[..half]);
    expect_end(&pty, &document[..half]);
    pty.resize(24, 40);
    pty.resize(24, 80);
    type_slowly(&mut pty, &document[half..]);
    pty.type_keys("\r\x04");
    pty.exits(0);
    assert_eq!(server.result(), ("go".to_owned(), document));
}

#[test]
fn a_line_is_coloured_while_it_is_typed() {
    let colour = [("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")];
    let keys = [
        (
            "{\"a\":\"b\"",
            "\x1b[1;34m\"a\"\x1b[0m:\x1b[32m\"b\"\x1b[0m",
        ),
        ("}\r", "\n"),
        ("/sned", "\x1b[31m/sned\x1b[0m"),
        ("\x15/send", "\x1b[1m/send\x1b[0m"),
        (" x\r", "\n"),
        // The rest of an earlier line, which the right arrow adds.
        ("{\"a", "\x1b[2m\":\"b\"}\x1b[0m"),
        ("\x1b[C\r", "\n"),
        // The rest of the only word that may stand here.
        ("/pau", "\x1b[2mse \x1b[0m"),
        ("\x15[1", "\x1b[1m[\x1b[0m1"),
        ("]\r", "\n"),
    ];
    assert_eq!(
        messages(&[], &colour, &keys, 4),
        ["{\"a\":\"b\"}", "x", "{\"a\":\"b\"}", "[1]"]
    );
}

#[test]
fn tab_completes_commands_codes_and_what_was_received() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"event":"joined","room":"news","user_id":7}"#));
        let message = String::from_utf8(wire.message()).unwrap();
        let code = wire.until_close().and_then(|close| close.close_code());
        wire.send(crate::support::server::close(3000, ""));
        (message, code)
    });
    let mut pty = Pty::prompt(&["--format", "raw"], &server.url("/"));
    pty.expect("\"user_id\":7");
    // What is unambiguous is put into the line; a second Tab lists the rest.
    for (keys, shown) in [
        ("{\"ro\t", "{\"room\":"),
        ("\t", "\"news\""),
        ("}\r", "\n"),
        ("/clo\t", "/close "),
        ("10\t\t", "normal closure"),
        ("01\t", "1001 "),
    ] {
        pty.type_keys(keys);
        pty.expect(shown);
    }
    pty.type_keys("\r");
    pty.end();
    assert_eq!(
        server.result(),
        ("{\"room\":\"news\"}".to_owned(), Some(1001))
    );
}

#[test]
fn variables_are_completed_with_what_they_hold() {
    let keys = [
        ("/set room news\r/set my_token correct-horse\r{{", "{{"),
        ("\t\t", "room         news"),
        ("", "my_token     [redacted]"),
        ("", "$uuid        a random UUID"),
        ("ro\t", "{{room}}"),
        ("\r/view \t\t", "hex          one line of hex digits"),
        ("\x15/unset r\t\r{{ro\t", "{{ro"),
        ("\x15done\r", "\n"),
    ];
    assert_eq!(messages(&[], &[], &keys, 2), ["news", "done"]);
}

#[test]
fn names_of_files_are_completed_and_hostile_ones_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain.json", "evil\x1b]0;title\x07", "evil\u{202e}"] {
        std::fs::write(folder.path().join(name), "from a file").unwrap();
    }
    let server = raw(|mut wire| {
        wire.handshake();
        let message = wire.message();
        wire.answer_close();
        message
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    let path = folder.path().to_str().unwrap();
    pty.type_keys(&format!("/sendfile {path}/ev\t\t"));
    pty.expect("evil\\x1b]0;title\\x07");
    pty.expect("evil\\u{202e}");
    pty.type_keys(&format!("\x15/bin @{path}/pl\t\r\x04"));
    let written = pty.exits(0);
    assert!(!written.contains("\x1b]0;") && !written.contains('\u{202e}'));
    assert_eq!(server.result(), b"from a file");
}
