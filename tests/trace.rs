//! `-vv` and `-vvv`: every frame as it goes over the wire.

use crate::support::pty::Pty;
use crate::support::server::{close, frame_of, header, raw, serve, text};
use crate::support::{Output, wirecat};

fn run(options: &[&str], url: &str, stdin: &str) -> Output {
    wirecat(options.iter().copied().chain([url]))
        .stdin(stdin)
        .run()
}

/// The lines of the trace, without their times and keys.
fn frames(output: &Output) -> Vec<String> {
    let lines = output.stderr.lines();
    lines
        .filter(|line| line.starts_with("> frame") || line.starts_with("< frame"))
        .map(|line| {
            let words = line.split(' ');
            let words: Vec<&str> = words
                .filter(|word| !word.starts_with("t=") && !word.starts_with("key="))
                .collect();
            words.join(" ")
        })
        .collect()
}

#[test]
fn both_directions_have_one_line_per_frame() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.frame();
        wire.send(frame_of(0x89, b"p"));
        wire.frame();
        wire.send(frame_of(0x01, &[b'x'; 200]));
        wire.send(frame_of(0x80, &vec![b'y'; 70_000]));
        wire.send(close(1000, "bye"));
        while wire.frame().is_some() {}
    });
    let output = run(&["-vv", "--no-compress"], &server.url("/"), "hello\n");
    output.exits(0);
    let plain = "RSV1=0 RSV2=0 RSV3=0";
    assert_eq!(
        frames(&output),
        [
            format!("> frame FIN=1 {plain} opcode=1 (text) MASK=1 length=5 (7 bit)"),
            format!("< frame FIN=1 {plain} opcode=9 (ping) MASK=0 length=1 (7 bit)"),
            format!("> frame FIN=1 {plain} opcode=10 (pong) MASK=1 length=1 (7 bit)"),
            format!("< frame FIN=0 {plain} opcode=1 (text) MASK=0 length=200 (16 bit)"),
            format!("< frame FIN=1 {plain} opcode=0 (continuation) MASK=0 length=70000 (64 bit)"),
            format!("< frame FIN=1 {plain} opcode=8 (close) MASK=0 length=5 (7 bit)"),
            format!("> frame FIN=1 {plain} opcode=8 (close) MASK=1 length=2 (7 bit)"),
        ]
    );
    assert!(!output.stderr.contains("  header"), "{output:?}");
    let keys: Vec<&str> = output.stderr.split("key=").skip(1).collect();
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter()
            .all(|key| key.split(' ').next().unwrap().len() == 8)
    );
    assert!(
        output
            .stderr
            .lines()
            .filter(|line| line.contains("frame FIN"))
            .all(|line| line.contains(" t=0."))
    );
}

#[test]
fn a_compressed_frame_has_both_sizes() {
    let server = serve();
    let line = "a".repeat(1000) + "\n";
    let output = run(&["-vv", "-1"], &server.url("/echo"), &line);
    output.exits(0).prints(&line);
    let compressed: Vec<String> = frames(&output)
        .into_iter()
        .filter(|line| line.contains("RSV1=1"))
        .collect();
    assert_eq!(compressed.len(), 2, "{output:?}");
    for line in compressed {
        let words: Vec<&str> = line.split(' ').collect();
        let length = words
            .iter()
            .find_map(|word| word.strip_prefix("length="))
            .unwrap();
        assert!(length.parse::<usize>().unwrap() < 50, "{line}");
        assert!(
            line.ends_with(&format!(" compressed={length} plain=1000")),
            "{line}"
        );
    }
}

#[test]
fn the_dump_shows_header_and_payload() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("hello"));
        wire.answer_close();
    });
    let options = ["-vvv", "--no-compress", "-1"];
    let output = run(&options, &server.url("/"), "");
    output.exits(0);
    output.complains(&[
        "opcode=1 (text) MASK=0 length=5 (7 bit) t=",
        "\n  header\n  00000000  81 05 ",
        "\n  payload\n  00000000  68 65 6c 6c 6f ",
        "|hello|\n",
        "\n  header\n  00000000  88 82 ",
        "\n  payload, unmasked\n  00000000  03 e8 ",
    ]);
}

#[test]
fn a_frame_is_shown_before_its_message() {
    let server = raw(|mut wire| {
        wire.handshake_with("", &[text("one"), text("two")].concat());
        wire.answer_close();
    });
    let pty = Pty::start(&["-vv", "--count", "2", &server.url("/")]);
    let (_, written) = pty.end();
    let written = String::from_utf8_lossy(&written).into_owned();
    let at = |text: &str| {
        written
            .find(text)
            .unwrap_or_else(|| panic!("no {text} in {written}"))
    };
    let second = at("< one")
        + written[at("< one")..]
            .find("< frame FIN=1")
            .expect("the second");
    assert!(
        at("< frame FIN=1") < at("< one") && second < at("< two"),
        "{written}"
    );
}

#[test]
fn the_token_of_the_first_message_is_not_in_the_dump() {
    for more in [&[][..], &["--fragment", "4"]] {
        let server = serve();
        let url = server.url("/echo");
        let mut options = vec![
            "-vvv",
            "--token",
            "s3cr3t-t0ken",
            "--token-via",
            "message",
            "--count",
            "2",
        ];
        options.extend(more);
        options.push("--no-compress");
        let output = run(&options, &url, "harmless\n");
        output.exits(0).complains(&["[redacted]", "harmless"]);
        assert!(!output.stderr.contains("s3cr"), "{output:?}");
        assert!(!output.stderr.contains("73 33 63 72"), "{output:?}");
    }
}

#[test]
fn a_broken_rule_shows_its_frame_in_the_trace_and_in_the_error() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(b"\x81\x7e\x00\x03abc");
        while wire.frame().is_some() {}
    });
    let output = run(&["-vv"], &server.url("/"), "");
    let frame = "FIN=1 RSV1=0 RSV2=0 RSV3=0 opcode=1 (text) MASK=0 length=3 (16 bit, not minimal)";
    output.exits(110).prints("").complains(&[
        &format!("< frame {frame} t="),
        "a length of 3 in 16 bits, which is not the shortest form (RFC 6455 section 5.2)",
        &format!("\n  frame: {frame}\n  bytes: 81 7e 00 03"),
    ]);
}

#[test]
fn the_negotiated_extension_is_shown() {
    let server = serve();
    let output = run(
        &["-v", "-1", "--client-max-window-bits", "10"],
        &server.url("/echo"),
        "x\n",
    );
    output.exits(0).complains(&[
        "permessage-deflate; client_max_window_bits=10",
        "client window 10 bits",
    ]);
    let output = run(&["-v", "-1", "--no-compress"], &server.url("/echo"), "x\n");
    assert!(!output.stderr.contains("deflate"), "{output:?}");
    let plain = raw(|mut wire| {
        let request = wire.handshake();
        wire.answer_close();
        header(&request, "sec-websocket-extensions")
            .unwrap()
            .to_owned()
    });
    let output = run(&["-v", "--on-eof", "close"], &plain.url("/"), "");
    output.exits(0).complains(&["compression: none agreed"]);
    assert_eq!(plain.result(), "permessage-deflate; client_max_window_bits");
}
