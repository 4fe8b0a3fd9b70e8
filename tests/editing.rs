//! Editing a line: in another program, over several lines, with the keys of emacs and of vi.

use crate::support::pty::Pty;
use crate::support::server::{raw, text};

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
    for lines in [300, 6000] {
        let document = pretty_json(lines);
        let keys = [(&*(pasted(&document) + "\r"), "\n")];
        assert_eq!(messages(&[], &[], &keys, 1), [document]);
    }
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
    ];
    assert_eq!(
        messages(&[], &colour, &keys, 3),
        ["{\"a\":\"b\"}", "x", "{\"a\":\"b\"}"]
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
