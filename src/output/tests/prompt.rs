//! Messages at the prompt: sent ones, folded ones, those that are shown again, and `--plain`.

use super::super::*;
use super::options;
use crate::event::Origin;
use crate::message::Message;

fn renderer(change: impl FnOnce(&mut Options)) -> Renderer {
    let mut options = Options {
        stdout_tty: true,
        stderr_tty: true,
        interactive: true,
        show_sent: true,
        width: Some(40),
        height: Some(24),
        ..options(Format::Pretty)
    };
    change(&mut options);
    Renderer::new(options, Redactor::default())
}

fn show(renderer: &mut Renderer, ms: u64, event: &Event<'_>) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    renderer.render(Duration::from_millis(ms), event, &mut out, &mut err);
    assert_eq!(String::from_utf8(err).unwrap(), "");
    String::from_utf8(out).unwrap()
}

fn receive(renderer: &mut Renderer, ms: u64, message: &Message) -> String {
    show(
        renderer,
        ms,
        &Event::Receive {
            conn: 1,
            message,
            record: None,
        },
    )
}

fn send(renderer: &mut Renderer, ms: u64, message: &Message, origin: Option<Origin>) -> String {
    let event = Event::Send {
        conn: 1,
        message,
        number: Some(1),
        origin,
    };
    show(renderer, ms, &event)
}

fn again(renderer: &mut Renderer, by: By, data: Data<'_>, folded: bool) -> String {
    let mut out = Vec::new();
    let t = Duration::from_millis(1500);
    renderer.show_again((t, 1, None), by, data, folded, &mut out);
    String::from_utf8(out).unwrap()
}

fn lines(count: usize) -> String {
    let lines: Vec<String> = (1..=count).map(|n| format!("line {n}")).collect();
    lines.join("\n")
}

#[test]
fn twenty_ticks_are_twenty_lines() {
    let mut renderer = renderer(|o| o.width = Some(80));
    for n in 1..=20 {
        let tick = format!(r#"{{"event":"tick","data":{{"n":{n},"price":1.50}}}}"#);
        let shown = receive(&mut renderer, n, &Message::text(tick));
        assert_eq!(shown, format!("< tick {{\"n\": {n}, \"price\": 1.50}}\n"));
    }
}

#[test]
fn the_time_takes_its_columns_from_the_message() {
    let message = Message::text(r#"{"first":"0123456789","second":1}"#);
    let line = "< {\"first\": \"0123456789\", \"second\": 1}\n";
    assert_eq!(receive(&mut renderer(|_| {}), 0, &message), line);
    let mut stamped = renderer(|o| o.timestamps = Some(Timestamps::Relative));
    let shown = receive(&mut stamped, 0, &message);
    assert!(shown.starts_with("+0.000s < {\n    \"first\""), "{shown}");
}

#[test]
fn a_long_message_is_folded_only_at_the_prompt() {
    let message = Message::text(lines(230));
    let shown = receive(&mut renderer(|_| {}), 0, &message);
    assert_eq!(shown.lines().count(), 19);
    let end = "  line 18\n  … 212 more lines, /more\n";
    assert!(shown.ends_with(end), "{shown}");
    let shown = receive(&mut renderer(|o| o.fold = Some(2)), 0, &message);
    assert_eq!(shown, "< line 1\n  line 2\n  … 228 more lines, /more\n");
    let shown = receive(&mut renderer(|o| o.ascii = true), 0, &message);
    assert!(shown.ends_with("  ... 212 more lines, /more\n"), "{shown}");
    let all = "< ".to_owned() + &lines(230).replace('\n', "\n  ") + "\n";
    assert_eq!(
        receive(&mut renderer(|o| o.interactive = false), 0, &message),
        all
    );
    // The file of -o.
    assert_eq!(
        receive(&mut renderer(|o| o.stdout_tty = false), 0, &message),
        all
    );
}

#[test]
fn a_low_screen_has_fewer_rows_of_a_dump() {
    let message = Message::binary(vec![0; 1000]);
    let shown = receive(&mut renderer(|o| o.height = Some(12)), 0, &message);
    assert_eq!(shown.lines().count(), 12);
    assert!(shown.ends_with("  … 960 more bytes, /more\n"), "{shown}");
}

#[test]
fn every_view_folds() {
    let text = "0123456789".repeat(1000);
    for (format, note) in [
        (Format::Pretty, "  … 233 more lines, /more"),
        (Format::Raw, "  … 232 more lines, /more"),
        (Format::Line, "  … 233 more lines, /more"),
        (Format::Hex, "  … 483 more lines, /more"),
    ] {
        let mut renderer = renderer(|o| o.format = format);
        let shown = receive(&mut renderer, 0, &Message::text(&*text));
        assert_eq!(shown.lines().last(), Some(note), "{format:?}");
        assert_eq!(shown.lines().next().unwrap().len(), 18 * 40);
    }
}

#[test]
fn what_was_received_has_its_mark_in_every_view_but_raw() {
    let message = Message::text("hi");
    for (format, shown) in [
        (Format::Pretty, "< hi\n"),
        (Format::Line, "< hi\n"),
        (Format::Hex, "< 6869\n"),
        (Format::Base64, "< aGk=\n"),
        (Format::Raw, "hi\n"),
    ] {
        let mut prompt = renderer(|o| o.format = format);
        assert_eq!(receive(&mut prompt, 0, &message), shown);
        // A program reads the payload alone.
        let mut file = renderer(|o| (o.format, o.stdout_tty) = (format, false));
        let alone = match format {
            Format::Pretty => shown,
            _ => shown.trim_start_matches("< "),
        };
        assert_eq!(receive(&mut file, 0, &message), alone);
    }
}

#[test]
fn what_was_folded_can_be_shown_whole() {
    let mut renderer = renderer(|o| o.timestamps = Some(Timestamps::Delta));
    let text = lines(30);
    let folded = again(&mut renderer, By::Peer, Data::Text(&text), true);
    assert!(folded.ends_with("… 12 more lines, /more\n"), "{folded}");
    let whole = "+1.500s < ".to_owned() + &text.replace('\n', "\n  ") + "\n";
    assert_eq!(
        again(&mut renderer, By::Peer, Data::Text(&text), false),
        whole
    );
    // The next message is as long after the one before as it was.
    let shown = receive(&mut renderer, 2000, &Message::text("x"));
    assert_eq!(shown, "+2.000s < x\n");
    assert_eq!(
        again(&mut renderer, By::Us, Data::Text("[1]"), true),
        "+1.500s > [1]\n"
    );
    renderer.reconfigure(|o| o.format = Format::Json);
    assert_eq!(
        again(&mut renderer, By::Us, Data::Text("x"), true),
        "{\"type\":\"send\",\"t\":1.5,\"conn\":1,\"opcode\":1,\"data\":\"x\"}\n"
    );
}

#[test]
fn a_sent_message_is_one_line() {
    for (format, message, expected) in [
        (
            Format::Pretty,
            Message::text(r#"{"op":"sub"}"#),
            "> {\"op\": \"sub\"}\n",
        ),
        (
            Format::Pretty,
            Message::text(r#"{"event":"say","data":{"text":"0123456789","to":"you"}}"#),
            "> say {\"text\": \"0123456789\", \"to\": \"you…\n",
        ),
        (
            Format::Pretty,
            Message::text("a\nb\tc"),
            "> a\\x0ab\\x09c\n",
        ),
        (Format::Pretty, Message::text("[a\nb"), "> [a\\x0ab\n"),
        (
            Format::Pretty,
            Message::text(format!(
                "{{\n  \"a\": [\r\n    \"{}\"\n  ]\n}}",
                "x".repeat(5000)
            )),
            "> { \"a\": [ \"xxxxxxxxxxxxxxxxxxxxxxxxxxx…\n",
        ),
        (Format::Pretty, Message::text(""), "> \n"),
        (
            Format::Pretty,
            Message::text("世".repeat(100_000)),
            "> 世世世世世世世世世世世世世世世世世世…\n",
        ),
        (
            Format::Pretty,
            Message::binary(&b"\x00\xff"[..]),
            "> binary, 2 bytes 00 ff\n",
        ),
        (
            Format::Pretty,
            Message::binary(vec![7; 5000]),
            "> binary, 5000 bytes 07 07 07 07 07 07 …\n",
        ),
        (Format::Raw, Message::text("a\nb"), "> a\\x0ab\n"),
        (Format::Line, Message::text("a\nb"), "> a\\nb\n"),
        (Format::Hex, Message::text("ab"), "> 6162\n"),
        (Format::Base64, Message::binary("ab"), "> YWI=\n"),
    ] {
        let mut renderer = renderer(|o| o.format = format);
        assert!(renderer.wants_sends());
        assert_eq!(send(&mut renderer, 0, &message, None), expected);
    }
}

#[test]
fn sent_messages_are_shown_only_where_they_are_wanted() {
    let message = Message::text("x");
    for change in [
        (|o: &mut Options| o.show_sent = false) as fn(&mut Options),
        |o| o.interactive = false,
        // Messages go to the file of -o.
        |o| o.stdout_tty = false,
    ] {
        let mut renderer = renderer(change);
        assert!(!renderer.wants_sends());
        assert_eq!(send(&mut renderer, 0, &message, None), "");
    }
    for (origin, verbose, expected) in [
        (Some(Origin::OnOpen), 0, "> x\n"),
        (Some(Origin::Repeat), 0, "> x\n"),
        (Some(Origin::Heartbeat), 0, ""),
        (Some(Origin::Keepalive), 0, ""),
        (Some(Origin::Heartbeat), 1, "> x\n"),
    ] {
        let mut renderer = renderer(|o| o.verbose = verbose);
        assert_eq!(
            send(&mut renderer, 0, &message, origin),
            expected,
            "{origin:?}"
        );
    }
}

#[test]
fn the_mark_of_a_sent_message_is_coloured_and_its_text_is_not() {
    let mut renderer = renderer(|o| o.stdout_color = true);
    let shown = send(&mut renderer, 0, &Message::text(r#"{"a":"b"}"#), None);
    assert_eq!(shown, "\x1b[1;36m> \x1b[0m\x1b[2m{\"a\": \"b\"}\x1b[0m\n");
}

#[test]
fn a_secret_in_a_sent_message_is_not_shown() {
    let options = renderer(|_| {}).options().clone();
    let redactor = Redactor::default();
    redactor.add_given("s3cret");
    let mut renderer = Renderer::new(options, redactor);
    let text = r#"{"event":"token","data":"s3cret"}"#;
    let shown = send(&mut renderer, 0, &Message::text(text), Some(Origin::Token));
    assert_eq!(shown, "> token \"[redacted]\"\n");
    // A cut leaves no part of it.
    let long = "x".repeat(33) + "s3cret";
    let shown = send(&mut renderer, 0, &Message::text(long), None);
    assert_eq!(shown, format!("> {}[red…\n", "x".repeat(33)));
    let shown = send(&mut renderer, 0, &Message::binary(&b"\xffs3cret"[..]), None);
    assert_eq!(shown, "> [redacted]\n");
    let shown = again(&mut renderer, By::Us, Data::Text(text), false);
    assert_eq!(shown, "> token \"[redacted]\"\n");
}

#[test]
fn timing_counts_from_the_last_sent_message() {
    let mut renderer = renderer(|o| o.timing = true);
    let message = Message::text("x");
    let blank = " ".repeat(9);
    assert_eq!(
        receive(&mut renderer, 5, &message),
        format!("{blank} < x\n")
    );
    assert_eq!(
        send(&mut renderer, 10, &message, None),
        format!("{blank} > x\n")
    );
    assert_eq!(receive(&mut renderer, 22, &message), " +12.0 ms < x\n");
    send(&mut renderer, 30, &message, Some(Origin::Heartbeat));
    assert_eq!(receive(&mut renderer, 1510, &message), "  +1.50 s < x\n");
    let shown = again(&mut renderer, By::Peer, Data::Text("x"), false);
    assert_eq!(shown, format!("{blank} < x\n"));
    assert_eq!(receive(&mut renderer, 20, &message), " +10.0 ms < x\n");
}

#[test]
fn plain_output_is_one_line_for_each_message() {
    let mut renderer = renderer(|o| o.plain = true);
    let json = format!("[{}]", "\"0123456789\",".repeat(9).trim_end_matches(','));
    for (message, expected) in [
        (
            Message::text(&*json),
            format!("received: {}\n", json.replace(',', ", ")),
        ),
        (
            Message::text("a\nb\tc"),
            "received: a\\x0ab\\x09c\n".to_owned(),
        ),
        (
            Message::binary(&b"\x00\xff"[..]),
            "received: binary, 2 bytes 00ff\n".to_owned(),
        ),
        (
            Message::text("x".repeat(1000)),
            format!(
                "received: {} … 290 more characters, /more\n",
                "x".repeat(710)
            ),
        ),
    ] {
        assert_eq!(receive(&mut renderer, 0, &message), expected);
    }
    assert_eq!(
        send(&mut renderer, 0, &Message::text("x"), None),
        "sent: x\n"
    );
}

#[test]
fn a_new_size_counts_from_the_next_message() {
    let message = Message::text(r#"{"first":"0123456789","second":1}"#);
    let mut renderer = renderer(|_| {});
    assert_eq!(receive(&mut renderer, 0, &message).lines().count(), 1);
    renderer.resize(Some((20, 10)));
    assert_eq!(receive(&mut renderer, 0, &message).lines().count(), 4);
    renderer.resize(None);
    assert_eq!(receive(&mut renderer, 0, &message).lines().count(), 1);
}

#[test]
fn without_utf8_a_terminal_gets_ascii() {
    for (format, expected) in [
        (
            Format::Pretty,
            "< {\n    \"k\\u00e9\": \"\\u4e16\\u754c \\ud83d\\udc4d\",\n    \"n\": 1\n  }\n",
        ),
        (
            Format::Raw,
            "{\"k\\xe9\":\"\\u{4e16}\\u{754c} \\u{1f44d}\",\"n\":1}\n",
        ),
    ] {
        let mut renderer = renderer(|o| (o.ascii, o.format) = (true, format));
        let message = Message::text(r#"{"ké":"世界 👍","n":1}"#);
        assert_eq!(receive(&mut renderer, 0, &message), expected);
    }
    let mut renderer = renderer(|o| o.ascii = true);
    assert_eq!(
        receive(&mut renderer, 0, &Message::text("é\tb")),
        "< \\xe9    b\n"
    );
    let sent = send(&mut renderer, 0, &Message::text("é".repeat(20)), None);
    assert_eq!(sent, format!("> {}\\xe...\n", "\\xe9".repeat(8)));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    renderer.render(Duration::ZERO, &Event::Note("世"), &mut out, &mut err);
    assert_eq!(err, b"wirecat: \\u{4e16}\n");
    renderer.reconfigure(|o| o.format = Format::Json);
    let shown = receive(&mut renderer, 0, &Message::text("é"));
    assert!(shown.ends_with("\"data\":\"\\u00e9\"}\n"), "{shown}");
    // A pipe gets every byte.
    let mut pipe = self::renderer(|o| (o.ascii, o.stdout_tty) = (true, false));
    assert_eq!(receive(&mut pipe, 0, &Message::text("é")), "< é\n");
}

#[test]
fn what_stands_in_front_of_a_message_takes_columns() {
    let mut renderer = renderer(|_| {});
    let data = Data::Text(r#"{"first":"0123456789","second":1}"#);
    let mut out = b"before\n#12 ".to_vec();
    renderer.show_again((Duration::ZERO, 1, None), By::Peer, data, false, &mut out);
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.starts_with("before\n#12 < {\n"), "{shown}");
}

#[test]
fn rows_are_counted_as_the_terminal_shows_them() {
    for (lines, rows) in [
        ("", 1),
        ("a\n", 1),
        ("a\n\nb\n", 3),
        ("0123456789", 1),
        ("0123456789a\n", 2),
        ("\x1b[32m0123456789\x1b[0m\n", 1),
        ("世世世世世世\n", 2),
    ] {
        assert_eq!(rows_of(lines.as_bytes(), 10), rows, "{lines:?}");
    }
}
