//! Commands that take time, wait for messages or run other programs.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::pty::Pty;
use crate::support::server::{Raw, raw, serve, text};

/// A prompt that is connected to an echo.
#[track_caller]
fn echo() -> (crate::support::server::Serve, Pty) {
    let server = serve();
    let pty = Pty::prompt(&[], &server.url("/echo"));
    (server, pty)
}

/// Sends `lines` one after another to a server that returns what it got.
fn received(count: usize) -> Raw<Vec<String>> {
    raw(move |mut wire| {
        wire.handshake();
        let messages = (0..count).map(|_| String::from_utf8(wire.message()).unwrap());
        let messages = messages.collect();
        wire.answer_close();
        messages
    })
}

fn leave(mut pty: Pty) {
    pty.type_keys("\x04");
    pty.exits(0);
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn variables_are_filled_in_and_an_unknown_one_sends_nothing() {
    let server = received(3);
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/set ch the \"news\"\r");
    pty.type_keys("{\"ch\":\"{{ch}}\",\"n\":{{$n}}}\r");
    pty.type_keys("{{nobody}}\r");
    pty.expect("there is no variable nobody; /set nobody VALUE makes it");
    pty.type_keys("/unset ch\r{{ch}}\r");
    pty.expect("there is no variable ch");
    pty.type_keys("/send {{ch}}\r/unset ch\r");
    pty.expect("there is no variable ch; /vars lists them");
    pty.type_keys("n {{$n}}\r");
    leave(pty);
    assert_eq!(
        server.result(),
        [r#"{"ch":"the \"news\"","n":1}"#, "{{ch}}", "n 2"]
    );
}

#[test]
fn a_value_is_captured_from_a_message() {
    let (_server, mut pty) = echo();
    pty.type_keys("/set user = .data.user\r");
    pty.type_keys("{\"data\":{}}\r");
    pty.type_keys("/vars\r");
    pty.expect("(waiting for the next message that has .data.user)");
    pty.type_keys("{\"data\":{\"user\":\"xiao\"}}\r");
    pty.expect("user = \"xiao\"");
    pty.type_keys("hello {{user}}\r");
    pty.expect("< hello xiao");
    pty.type_keys("/set user = .data[\r");
    pty.expect("not a valid jq expression");
    leave(pty);
}

#[test]
fn the_value_of_a_variable_with_the_name_of_a_secret_is_not_shown() {
    let (_server, mut pty) = echo();
    pty.type_keys("/set api_token = .t\r{\"t\":\"correct-horse-battery\"}\r");
    pty.expect("api_token = \"[redacted]\"");
    pty.type_keys("/set password staple-of-the-day\r/vars\r");
    pty.expect("password");
    pty.expect("$uuid");
    let written = String::from_utf8_lossy(&pty.bytes()).into_owned();
    let vars = &written[written.rfind("/vars").unwrap()..];
    assert!(
        !vars.contains("correct-horse") && !vars.contains("staple"),
        "{vars}"
    );
    leave(pty);
}

#[cfg(unix)]
#[test]
fn a_named_message_says_what_it_needs() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let message = "[messages]\nsub = '{\"op\":\"sub\",\"ch\":\"{{ch}}\",\"ref\":{{$n}}}'\n";
    let config = write(folder.path(), "config.toml", message);
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let server = received(1);
    let mut pty = Pty::prompt(&["--config", &config], &server.url("/"));
    pty.type_keys("/m sub\r");
    pty.expect("the message sub needs ch; write /m sub ch=VALUE, or /set ch VALUE");
    pty.type_keys("/m sub ch=news\r");
    leave(pty);
    assert_eq!(server.result(), [r#"{"op":"sub","ch":"news","ref":1}"#]);
}

#[test]
fn an_expectation_is_met_or_fails() {
    let (_server, mut pty) = echo();
    pty.type_keys("{\"n\":1}\r");
    pty.expect("< {\"n\": 1}");
    // The reply came before the command.
    pty.type_keys("/expect .n == 1 within 1s\r");
    pty.expect("ok: .n == 1");
    assert!(!String::from_utf8_lossy(&pty.bytes()).contains("waiting"));
    pty.type_keys("/expect .n == 2 within 200ms\r");
    pty.expect("FAIL: .n == 2: no such message within 200ms; nothing was received");
    pty.type_keys("/expect .n == 3 within 1m\r{\"n\":2}\r{\"n\":3}\r");
    pty.expect("ok: .n == 3");
    pty.type_keys("/expect .n within forever\r");
    pty.expect("'forever' is not a duration");
    pty.type_keys("/expect .n == 9 within 1m\r");
    pty.expect("waiting up to 60s for .n == 9 (Ctrl-C gives up)");
    pty.type_keys("\x03");
    pty.expect("FAIL: .n == 9 (cancelled)");
    // That is all there is to say.
    let look = pty.expect_line("", 0);
    assert!(!look.text().contains("stopped"), "{}", look.text());
    leave(pty);
}

#[test]
fn a_message_is_repeated_as_often_as_was_said() {
    let server = received(6);
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("/repeat 3\r");
    pty.expect("there is no message to repeat yet");
    pty.type_keys("/repeat 3 every 10ms tick {{$n}}\r");
    pty.expect("tick 3");
    pty.type_keys("/repeat 2\r");
    pty.until("the last message twice more", |look| {
        let sent = look.rows.iter().filter(|row| **row == "> tick 3");
        sent.count() == 3
    });
    pty.type_keys("/repeat 1000 every 1h slow\r");
    pty.expect_row("> slow");
    pty.type_keys("/repeat 2 fast\r");
    pty.expect("a message is being repeated, 1 of 1000; /repeat off ends that");
    pty.type_keys("/repeat\r");
    pty.expect("1 of 1000 sent; /repeat off ends that");
    pty.type_keys("\x03");
    pty.expect("/repeat stopped after 1 of 1000");
    leave(pty);
    let sent = ["tick 1", "tick 2", "tick 3", "tick 3", "tick 3", "slow"];
    assert_eq!(server.result(), sent);
}

/// Nothing else wakes the program meanwhile but a timer of the connection, every five seconds.
#[test]
fn what_a_command_sends_leaves_at_once() {
    let server = raw(|mut wire| {
        wire.handshake();
        let before = Instant::now();
        let messages: Vec<_> = (0..3).map(|_| wire.message()).collect();
        let took = before.elapsed();
        wire.answer_close();
        (messages, took)
    });
    let folder = tempfile::tempdir().unwrap();
    let lines = write(folder.path(), "lines", "two\nthree");
    let mut pty = Pty::prompt(&["--ping-interval", "1h"], &server.url("/"));
    pty.expect("/help lists the commands");
    pty.type_keys("/repeat 1 one\r");
    pty.expect("> one");
    pty.type_keys(&format!("/sendfile --lines {lines}\r"));
    pty.expect("> three");
    leave(pty);
    let (messages, took) = server.result();
    assert_eq!(messages, [&b"one"[..], b"two", b"three"]);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_file_is_run_as_if_it_were_typed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = write(folder.path(), "inner", "from inside\n");
    let outer = write(
        folder.path(),
        "outer",
        &format!(
            "# a comment\n/set a 1\n{{\"a\":\n{{{{a}}}}}}\n/source {inner}\n/expect .never within 100ms\nnot sent\n"
        ),
    );
    let server = received(3);
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys(&format!("/source {outer}\r"));
    pty.expect("FAIL: .never");
    pty.expect("/source stopped, 1 line not run");
    let wrong = write(folder.path(), "wrong", "\n/frobnicate\nnot sent either\n");
    pty.type_keys(&format!("/source {wrong}\r"));
    pty.expect("wrong:2: there is no command /frobnicate");
    pty.expect("/source stopped, 1 line not run");
    pty.type_keys("/source /nowhere\r");
    pty.expect("/nowhere: ");
    pty.type_keys("still here\r");
    leave(pty);
    assert_eq!(
        server.result(),
        ["{\"a\":\n1}", "from inside", "still here"]
    );
}

#[test]
fn files_are_sent_whole_or_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let whole = write(folder.path(), "whole", "two\nlines");
    let lines = write(folder.path(), "lines", "one\r\n\ntwo");
    let server = received(4);
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys(&format!("/sendfile {whole}\r"));
    pty.expect("9 bytes, sent as text");
    pty.type_keys(&format!("/sendfile --lines {lines}\r"));
    pty.type_keys("/sendfile /nowhere\r");
    pty.expect("/nowhere: ");
    leave(pty);
    assert_eq!(server.result(), ["two\nlines", "one", "", "two"]);
}

#[test]
fn a_file_that_is_not_text_is_sent_as_binary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binary");
    fs::write(&path, b"\xff\xfe\0").unwrap();
    let (_server, mut pty) = echo();
    pty.type_keys(&format!("/sendfile {}\r", path.display()));
    pty.expect("3 bytes, sent as binary, as it is not UTF-8");
    pty.expect("ff fe 00");
    leave(pty);
}

#[test]
fn generated_names_stand_for_another_value_in_each_message() {
    let server = received(3);
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys("{{$uuid}}\r{{$uuid}}\r{{$now}}\r");
    leave(pty);
    let [one, two, now] = <[String; 3]>::try_from(server.result()).unwrap();
    assert_ne!(one, two);
    for uuid in [one, two] {
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
    }
    assert!(now.starts_with("20") && now.ends_with('Z'), "{now}");
}

#[test]
fn a_hundred_thousand_lines_are_sent_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let content: String = (0..100_000).map(|n| format!("{n}\n")).collect();
    let path = write(folder.path(), "lines", &content);
    let server = raw(|mut wire| {
        wire.handshake();
        let in_order = (0..100_000).all(|n| wire.message() == n.to_string().into_bytes());
        wire.send(text("all"));
        wire.answer_close();
        in_order
    });
    let mut pty = Pty::prompt(&[], &server.url("/"));
    pty.type_keys(&format!("/sendfile --lines {path}\r"));
    pty.expect("< all");
    leave(pty);
    assert!(server.result());
}

#[test]
fn a_command_is_given_the_messages_and_its_end_is_reported() {
    let (_server, mut pty) = echo();
    pty.type_keys("/pipe sed 's/^/seen: /'\r");
    pty.type_keys("hello\r");
    pty.expect("< hello");
    pty.type_keys("/pipe cat\r");
    pty.expect("is still fed; /pipe off ends that first");
    pty.type_keys("/pipe off\r");
    pty.expect("| seen: hello");
    pty.expect("/pipe: sed 's/^/seen: /' ended");
    pty.type_keys("/pipe exit 3\r");
    pty.expect("/pipe: exit 3 failed (exit status: 3)");
    pty.type_keys("/pipe off\r");
    pty.expect("no command is fed");
    leave(pty);
}

#[cfg(unix)]
#[test]
fn a_command_that_never_ends_can_be_killed() {
    let (_server, mut pty) = echo();
    // The shell waits for what it has started.
    pty.type_keys("/pipe sleep 1000; true\r/pipe off\r/pipe cat\r");
    pty.expect("sleep 1000; true is given nothing more, but has not ended; /pipe off kills it");
    pty.type_keys("/pipe off\r");
    pty.expect("/pipe: sleep 1000; true failed (signal: 9 (SIGKILL))");
    pty.type_keys("/pipe cat\rhello\r");
    pty.expect("| hello");
    leave(pty);
}

#[test]
fn a_command_that_prints_much_waits_for_the_terminal() {
    let (_server, mut pty) = echo();
    let before = pty.peak_memory();
    pty.type_keys("/pipe head -c 32000000 /dev/zero | tr '\\0' x | fold -w 1000\r");
    pty.expect("fold -w 1000 ended");
    let grown = pty.peak_memory() - before;
    assert!(grown < 12_000_000, "{grown}");
    leave(pty);
}

#[test]
fn a_command_that_waits_for_the_end_has_the_last_word() {
    let (_server, mut pty) = echo();
    pty.type_keys("/pipe wc -l\r");
    pty.type_keys("one\rtwo\r");
    pty.expect("< two");
    pty.type_keys("\x04");
    let written = pty.exits(0);
    assert!(written.contains("| 2\r\n"), "{written}");
    assert!(written.contains("/pipe: wc -l ended"), "{written}");
}

#[test]
fn a_shell_command_has_the_terminal() {
    let (_server, mut pty) = echo();
    pty.type_keys("!test -t 0 && test -t 1 && echo a termin''al\r");
    pty.expect("a terminal");
    pty.type_keys("!exit 4\r");
    pty.expect("exit status: 4");
    pty.type_keys("!\r");
    pty.expect("write !COMMAND");
    pty.type_keys("after it\r");
    pty.expect("< after it");
    pty.type_keys("/last | tr a-z A-Z\r");
    pty.expect("AFTER IT");
    pty.expect_line("", 0);
    pty.type_keys("/last 2 | sort | uniq -c | tr -s ' '\r");
    pty.expect("\n 2 after it");
    // Until the editor is back, keys are the command's.
    pty.expect_line("", 0);
    leave(pty);
}

#[test]
fn text_is_put_into_the_line() {
    let (_server, mut pty) = echo();
    pty.type_keys("/edit {\"a\":1\r");
    pty.expect_line("{\"a\":1", 6);
    pty.type_keys("}\r");
    pty.expect("< {\"a\": 1}");
    leave(pty);
}

#[test]
fn the_prompt_connects_to_another_server() {
    let (first, second) = (serve(), serve());
    let mut pty = Pty::prompt(&[], &first.url("/echo"));
    pty.type_keys("to the first\r");
    pty.expect("< to the first");
    pty.type_keys("/connect ftp://nowhere\r");
    pty.expect("ftp");
    pty.type_keys("still the first\r");
    pty.expect("< still the first");
    pty.type_keys(&format!("/connect {}\r", second.url("/echo")));
    let second_url = second.url("/echo");
    let address = second_url["ws://".len()..].trim_end_matches("/echo");
    pty.expect(&format!("connected to {address}"));
    pty.type_keys("/status\r");
    pty.expect(&format!("open: {second_url}"));
    pty.type_keys("to the second\r");
    pty.expect("< to the second");
    // A script is about one server.
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("second.wst");
    pty.type_keys(&format!("/save {}\r", saved.display()));
    pty.expect("second.wst: 2 messages as a script");
    assert!(!fs::read_to_string(saved).unwrap().contains("first"));
    leave(pty);
}

#[test]
fn the_prompt_connects_to_a_profile() {
    const SECRET: &str = "correct-horse-battery";
    let (first, second) = (serve(), serve());
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[profile.one]\nurl = \"{}\"\nvars.where = \"the first\"\nvars.only = \"first\"\nmessages.hello = \"hello from {{{{where}}}}\"\n\
         [profile.two]\nurl = \"{}?own={{{{api_key}}}}\"\nvars.where = \"the second\"\nvars.api_key = \"env:OWN\"\nmessages.bye = \"bye from {{{{where}}}}, {{{{kept}}}}\"\n",
        first.url("/echo"),
        second.url("/echo"),
    );
    let path = write(folder.path(), "config.toml", &config);
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let environment = [
        ("TERM", "xterm-256color"),
        ("NO_COLOR", "1"),
        ("OWN", SECRET),
    ];
    let mut pty = Pty::start_with(&["--config", &path, "@one"], &environment);
    let mut ask = |keys: &str, answer: &str| {
        let before = pty.bytes().len();
        pty.type_keys(keys);
        pty.expect_after(before, answer);
    };
    ask("", "open> ");
    ask("/m hello\r", "< hello from the first");
    ask(
        "/set kept yes\r/connect @thre\r",
        "there is no profile 'thre'",
    );
    ask("/connect @two\r", "connected to ");
    ask("/m bye\r", "< bye from the second, yes");
    ask("/m hello\r", "there is no message hello");
    ask("{{only}}\r", "there is no variable only");
    ask("/status\r", "/echo?own=[redacted]");
    ask("/m b\t", "/m bye");
    ask("\x15/connect @one\r", "connected to ");
    ask("/m hello\r", "< hello from the first");
    leave(pty);
}

#[test]
fn the_prompt_leaves_no_server_that_messages_wait_for() {
    let first = raw(|mut wire| {
        wire.handshake();
        wire.message();
        wire.close(1012, "restart");
    });
    let second = serve();
    let mut pty = Pty::prompt(&["--reconnect-delay", "1h"], &first.url("/"));
    pty.type_keys("go\r");
    pty.expect("restart");
    first.result();
    let connect = format!("/connect {}\r", second.url("/echo"));
    pty.type_keys("/queue one\r");
    pty.expect("kept: 1 message");
    pty.type_keys(&connect);
    pty.expect("1 message kept for this server; /reconnect sends them, /queue off drops them");
    pty.type_keys("/queue off\r");
    pty.expect("dropped: 1 message");
    let before = pty.bytes().len();
    pty.type_keys(&connect);
    pty.expect_after(before, "connected to ");
    pty.type_keys("two\r");
    pty.expect_after(before, "< two");
    leave(pty);
}

#[test]
fn the_prompt_goes_back_where_another_server_cannot_be_reached() {
    let server = serve();
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    for url in ["ws://127.0.0.1:1/".to_owned(), server.url("/status/404")] {
        let before = pty.bytes().len();
        pty.type_keys("/set kept yes\r/repeat 1000 every 1h slow\r");
        pty.expect_after(before, "> slow");
        pty.type_keys(&format!("/connect {url}\r"));
        pty.expect_after(before, "/repeat stopped after 1 of 1000");
        pty.expect_after(before, &format!("going back to {}", server.url("/echo")));
        pty.expect_after(before, "connected to");
        pty.type_keys("still here: {{kept}}\r");
        pty.expect_after(before, "< still here: yes");
    }
    leave(pty);
}

#[test]
fn a_session_is_saved_as_a_script_and_as_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (_server, mut pty) = echo();
    pty.type_keys(&format!("/save {}\r", path("none.wst").display()));
    pty.expect("there are no messages to save");
    pty.type_keys("{\"n\":1}\r/expect .n == 1\r");
    pty.expect("ok: .n == 1");
    for name in ["day.wst", "day.jsonl", "day.txt"] {
        pty.type_keys(&format!("/save {}\r", path(name).display()));
        pty.expect(&format!("{name}: 2 messages"));
    }
    leave(pty);
    let script = fs::read_to_string(path("day.wst")).unwrap();
    for part in [
        "### day\n",
        "WEBSOCKET ws://",
        "\n> {\"n\":1}\n",
        "\n<",
        "\n.n == 1\n",
    ] {
        assert!(script.contains(part), "{part:?} {script}");
    }
    assert_eq!(
        fs::read_to_string(path("day.txt")).unwrap(),
        "{\"n\":1}\n{\"n\":1}\n"
    );
    let events = fs::read_to_string(path("day.jsonl")).unwrap();
    assert_eq!(events.lines().count(), 3);
    assert!(events.starts_with("{\"type\":\"header\""), "{events}");
}

#[test]
fn a_script_says_how_the_connection_was_made_and_no_secret() {
    const SECRET: &str = "correct-horse-battery";
    const TOKEN: &str = "staple-of-the-day";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wst");
    let user = format!("ann:{SECRET}");
    let common = [
        "-u",
        &user,
        "--token",
        TOKEN,
        "--token-message",
        r#"{"op":"auth","key":"{{token}}"}"#,
    ];
    let message = "token-via: message\ntoken-message: {\"op\":\"auth\",\"key\":\"{{token}}\"}\n";
    let url = "WEBSOCKET ws://";
    for (more, comment, credentials) in [
        (
            &[][..],
            "# Secrets were left out. Give them as variables: wirecat test --var token=… --var user=… FILE\n",
            "user: {{user}}\ntoken: {{token}}\n".to_owned(),
        ),
        (
            &["--include-secrets"],
            "",
            format!("user: {user}\ntoken: {TOKEN}\n"),
        ),
    ] {
        let server = serve();
        let options = [&common[..], more].concat();
        let mut pty = Pty::prompt(&options, &server.url("/echo"));
        pty.type_keys("hello\r");
        pty.expect("< hello");
        pty.type_keys(&format!("/save {}\r", path.display()));
        pty.expect("x.wst: ");
        leave(pty);
        let script = fs::read_to_string(&path).unwrap();
        let start = format!("### x\n{comment}{url}");
        assert!(script.starts_with(&start), "{script}");
        let options = format!("\n[Options]\n{credentials}{message}HTTP 101\n");
        assert!(script.contains(&options), "{script}");
        let shown = [SECRET, TOKEN].map(|secret| script.contains(secret));
        assert_eq!(shown, [!more.is_empty(); 2], "{script}");
    }
}

#[test]
fn a_file_that_cannot_be_saved_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "saved.txt", "what was there\n");
    let server = serve();
    // POSIX: the unit of ulimit -f is 512 bytes.
    let script = r#"ulimit -f 1; trap '' XFSZ; exec "$0" --no-history "$1""#;
    let args = ["-c", script, crate::support::WIRECAT, &server.url("/echo")];
    let mut pty = Pty::start_program("sh", &args, &[("TERM", "xterm-256color")]);
    pty.expect("open> ");
    pty.type_keys(&format!("{}\r", "long ".repeat(500)));
    pty.expect("< long ");
    pty.type_keys(&format!("/save {path}\r"));
    pty.expect("saved.txt: File too large");
    leave(pty);
    assert_eq!(fs::read_to_string(path).unwrap(), "what was there\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_repeat_without_end_and_interval_can_be_stopped() {
    let (_server, mut pty) = echo();
    pty.type_keys("/repeat 18446744073709551615 x\r");
    pty.expect("messages sent");
    // What comes back is noticed meanwhile.
    pty.expect("messages\r\n");
    pty.type_keys("/repeat off\r");
    pty.expect("/repeat stopped after ");
    let before = pty.bytes().len();
    pty.type_keys("/repeat 18446744073709551615 y\r");
    pty.expect_after(before, "messages sent");
    let before = pty.bytes().len();
    pty.type_keys("\x03");
    pty.expect_after(before, "/repeat stopped after ");
    leave(pty);
}

#[test]
fn another_program_gets_the_terminal_while_lines_are_printed() {
    let (_server, mut pty) = echo();
    pty.type_keys("/repeat 1000000 every 1ms x\r");
    for n in 0..40 {
        pty.type_keys(&format!("!echo ran{n}$((1))\r"));
        pty.expect(&format!("ran{n}1"));
    }
    // A Ctrl-D that comes before the editor is back would be the end of the command's input.
    pty.expect_line("", 0);
    pty.type_keys("/repeat off\r");
    pty.expect("/repeat stopped after");
    leave(pty);
}

#[cfg(unix)]
#[test]
fn a_file_that_would_block_the_session_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let large = folder.path().join("large");
    fs::File::create(&large).unwrap().set_len(1 << 34).unwrap();
    let (_server, mut pty) = echo();
    pty.type_keys("one\r");
    pty.expect("< one");
    for (command, why) in [
        (
            format!("/save {}", fifo.display()),
            "fifo is not a regular file",
        ),
        (
            format!("/source {}", fifo.display()),
            "fifo is not a regular file",
        ),
        (
            format!("/source {}", large.display()),
            "a file of commands has at most",
        ),
    ] {
        let before = pty.bytes().len();
        pty.type_keys(&format!("{command}\r"));
        pty.expect_after(before, why);
    }
    leave(pty);
}

#[test]
fn the_end_is_told_though_another_program_has_the_terminal() {
    let (end, ended) = mpsc::channel();
    let server = raw(move |mut wire| {
        wire.handshake();
        ended.recv().unwrap();
    });
    let mut pty = Pty::prompt(&["--no-reconnect"], &server.url("/"));
    pty.type_keys("!echo be$((1))gun; read line; sleep 1000\r");
    pty.expect("be1gun");
    end.send(()).unwrap();
    pty.expect("connection lost");
    pty.exits(56);
}
