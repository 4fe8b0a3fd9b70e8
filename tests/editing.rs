//! Editing a line: in another program, over several lines, with the keys of emacs and of vi.

use crate::support::pty::Pty;
use crate::support::server::raw;

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
