//! Programs and peers that misbehave: that flood, do not read, do not end, die in the middle of a line,
//! leave children behind, or try to break out of a reply. What they cost is bounded.

use std::fs;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::programs::{is_gone, lines_of};
use crate::programs_listen::listen;
use crate::support::pty::Pty;
use crate::support::server::{frame_of, raw, serve, text};
use crate::support::{output, peak_memory, send, wirecat};

/// Less than a flood of a few seconds, and more than a run needs.
const BOUND: usize = 200 << 20;

/// A shell command that prints without end, and quickly.
const FLOOD: &str =
    "exec yes 'a line of a flood, which is not short, so that it soon fills memory'";

#[test]
fn a_program_that_floods_waits_for_a_server_that_does_not_read() {
    let server = raw(|mut wire| {
        wire.handshake();
        // Nothing is read for a while, and then everything is thrown away.
        std::thread::sleep(Duration::from_secs(3));
    });
    let child = wirecat(["--exec", FLOOD, &server.url("/")]).spawn();
    server.result();
    assert!(peak_memory(&child) < BOUND, "{}", peak_memory(&child));
    send(Signal::SIGTERM, &child);
    output(child);
}

#[test]
fn a_line_without_an_end_is_no_message() {
    let server = raw(|mut wire| {
        wire.handshake();
        let first = wire.message();
        wire.answer_close();
        first
    });
    let program = "echo first; exec tr '\\n' x </dev/zero";
    let limit = ["--max-message-size", "1MiB", "--close-timeout", "1s"];
    let child = wirecat([&limit[..], &["--exec", program, &server.url("/")]].concat()).spawn();
    assert_eq!(server.result(), b"first");
    let ended = output(child);
    ended.exits(2).complains(&[
        "the output of --exec, line 2: a message longer than 1 MiB",
        "--frame chunk",
    ]);
}

#[test]
fn a_program_that_dies_in_the_middle_of_a_line_has_sent_what_it_printed() {
    let server = raw(|mut wire| {
        wire.handshake();
        let messages = [wire.message(), wire.message()];
        wire.answer_close();
        messages
    });
    let program = "echo whole; printf 'hal'; kill -9 $$";
    wirecat(["--exec", program, &server.url("/")])
        .run()
        .exits(1)
        .complains(&["--exec: was ended by SIGKILL"]);
    assert_eq!(server.result(), [&b"whole"[..], b"hal"]);
}

#[test]
fn what_a_program_leaves_running_is_ended_although_it_holds_its_output_open() {
    let server = serve();
    let url = server.url("/echo");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let leaves = format!(
        "trap '' TERM; sleep 600 & echo $! >> {}; echo out",
        file.display()
    );
    let answer = format!(".go=cmd:{leaves}");
    let url_command = format!("cmd:{leaves} >/dev/null; echo {url}");
    // It has left the group of the program, and stays.
    let away = format!(
        "setsid sleep 20 2>/dev/null & echo $! >> {}; echo out",
        file.display()
    );
    for args in [
        &["--exec", &leaves, &url][..],
        &["--exec", &away, &url],
        &[
            "--on-eof=stay",
            "-d",
            r#"{"go":1}"#,
            "--answer",
            &answer,
            "--count=2",
            &url,
        ],
        &["--run", &leaves, "--idle=2s", &url],
        &["-1", "-d", "hi", &url_command],
    ] {
        let _ = fs::remove_file(&file);
        let begun = Instant::now();
        wirecat(args).run().exits(0);
        assert!(begun.elapsed() < Duration::from_secs(15), "{args:?}");
        is_gone(&lines_of(&file, 1)[0]);
    }
}

#[test]
fn what_left_the_group_of_a_command_does_not_hold_its_output_back() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"q":1}"#));
        let answer = wire.message();
        wire.close(1000, "");
        answer
    });
    let url = format!("cmd:setsid sleep 30 & echo {}", server.url("/"));
    let answer = ".q=cmd:setsid sleep 30 & echo hi";
    wirecat(["--on-eof=stay", "--answer", answer, &url])
        .run()
        .exits(0);
    assert_eq!(server.result(), b"hi");
}

#[test]
fn an_answer_that_is_printed_without_end_is_refused() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"flood":1}"#));
        wire.send(text(r#"{"n":2}"#));
        let answer = wire.message();
        wire.close(1000, "");
        answer
    });
    let flood = format!(".flood=cmd:{FLOOD}");
    let rules = ["--answer", &flood, "--answer", ".n=n"];
    let options = ["--on-eof=stay", "--max-message-size=64KiB"];
    wirecat([&options[..], &rules, &[&server.url("/")]].concat())
        .run()
        .exits(1)
        .complains(&["its output is larger than 64 KiB; nothing is sent"]);
    assert_eq!(server.result(), b"n");
}

#[test]
fn an_answering_command_need_not_read_a_large_message() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(&format!(
            r#"{{"large":"{}"}}"#,
            "x".repeat(10_000_000)
        )));
        let answer = wire.message();
        wire.close(1000, "");
        answer
    });
    let rule = [".large=cmd:echo read nothing"];
    wirecat(
        [
            &["--on-eof=stay", "-s", "--answer"],
            &rule[..],
            &[&server.url("/")],
        ]
        .concat(),
    )
    .run()
    .exits(0);
    assert_eq!(server.result(), b"read nothing");
}

#[test]
fn a_value_of_the_peer_is_no_template_no_command_and_no_file() {
    let values = [
        "{{secret}}",
        "{{.id}}",
        "{{",
        "}}",
        "cmd:touch /tmp/wirecat-owned",
        "@/etc/passwd",
        "$(id)",
        "\\\"},{\\\"a\\\":\\\"",
        "\\u0000\\n\\u001e",
        "\\u2028",
    ];
    let server = raw(move |mut wire| {
        wire.handshake();
        for value in values {
            wire.send(text(&format!(r#"{{"id":"{value}"}}"#)));
            let answer = wire.message();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            let asked: String = serde_json::from_str(&format!("\"{value}\"")).unwrap();
            assert_eq!(
                answer,
                serde_json::json!({"a": asked, "b": format!("<{asked}>")})
            );
        }
        for value in &values[..7] {
            wire.send(text(&format!(r#"{{"whole":"{value}"}}"#)));
            assert_eq!(wire.message(), value.as_bytes());
        }
        wire.close(1000, "");
    });
    let rules = [
        "--answer",
        r#".id={"a":{{.id}},"b":"<{{.id}}>"}"#,
        "--answer",
        ".whole={{.whole}}",
    ];
    let options = ["--on-eof=stay", "-s", "--var=secret=hunter2", "--escapes"];
    wirecat([&options[..], &rules, &[&server.url("/")]].concat())
        .run()
        .exits(0);
    server.result();
}

#[test]
fn the_file_of_a_reply_is_never_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mark) = (folder.path().join("reply"), folder.path().join("mark"));
    let content = format!("cmd:touch {}", mark.display());
    fs::write(&file, &content).unwrap();
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text("{}"));
        let answer = wire.message();
        wire.close(1000, "");
        answer
    });
    let rule = format!(". == {{}}=@{}", file.display());
    wirecat(["--on-eof=stay", "--answer", &rule, &server.url("/")])
        .run()
        .exits(0);
    assert_eq!(server.result(), content.as_bytes());
    assert!(!mark.exists());
}

#[test]
fn a_program_whose_client_does_not_read_waits_for_it() {
    let (server, url) = listen(&["--close-timeout=1s"], FLOOD);
    let client = wirecat(["--exec", "sleep 600", &url]).spawn();
    std::thread::sleep(Duration::from_secs(3));
    let used = peak_memory(&server);
    assert!(used < BOUND, "{used}");
    send(Signal::SIGTERM, &client);
    output(client);
    send(Signal::SIGTERM, &server);
    output(server);
}

#[test]
fn clients_without_end_start_no_programs_without_end() {
    let (server, url) = listen(&["--max-connections=2"], "echo hi; exec cat");
    let client = || {
        let mut client = wirecat(["--on-eof=stay", "--exec", "cat >&2; exec cat", &url]).spawn();
        let mut stderr = BufReader::new(client.stderr.take().unwrap());
        stderr.read_line(&mut String::new()).unwrap();
        client
    };
    let clients = [client(), client()];
    wirecat(["-1", &url])
        .run()
        .exits(22)
        .complains(&["503", "This server takes no other client now."]);
    for client in clients {
        send(Signal::SIGTERM, &client);
        output(client);
    }
    // The places are free again, once the programs have ended.
    let retry = [
        "--reconnect=100",
        "--reconnect-delay=50ms",
        "--reconnect-jitter=none",
    ];
    wirecat([&retry[..], &["-s", "-1", &url]].concat())
        .run()
        .exits(0)
        .prints("hi\n");
    send(Signal::SIGTERM, &server);
    output(server);
}

#[test]
fn commands_that_are_empty_are_refused() {
    for (args, what) in [
        (&["--run", "", "ws://h/"][..], "--run: the command is empty"),
        (&["--exec", " ", "ws://h/"], "--exec: the command is empty"),
        (
            &["--answer", ".a=cmd:", "ws://h/"],
            "--answer: there is no command after cmd:",
        ),
        (
            &["--on-open", "after .a: cmd: ", "ws://h/"],
            "--on-open: there is no command",
        ),
        (&["cmd:"], "the URL is cmd: without a command"),
        (&["cmd: "], "the URL is cmd: without a command"),
    ] {
        wirecat(args).run().exits(2).complains(&[what, "try: "]);
    }
}

#[test]
fn a_chunk_that_would_fill_memory_is_refused() {
    for size in ["99GB", "1025MiB"] {
        let frame = format!("--frame=chunk:{size}");
        let output = wirecat([&frame, "ws://127.0.0.1:9/"]).run();
        output.exits(2).complains(&["has at most 1 GiB"]);
    }
}

#[test]
fn a_computed_url_and_its_connection_share_one_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("cmd:sleep 4; echo ws://{address}/");
    let begun = Instant::now();
    // Nobody answers the handshake.
    wirecat(["--connect-timeout=5s", &url]).run().exits(28);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(5), "{took:?}");
    assert!(took < Duration::from_millis(8900), "{took:?}");
}

#[test]
fn at_the_prompt_a_flood_of_an_answering_command_is_escaped_and_bounded() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(text(r#"{"go":1}"#));
        let answer = wire.message();
        wire.answer_close();
        answer
    });
    let noise = "printf 'bad \\033]0;title\\007 \\302\\233 line\\n' >&2; head -c 300000 /dev/zero | tr '\\0' x >&2; echo answer";
    let rule = format!(".go=cmd:{noise}");
    let mut pty = Pty::prompt(&["--answer", &rule], &server.url("/"));
    pty.expect("bad \\x1b]0;title\\x07");
    pty.expect("> answer");
    pty.type_keys("/quit\r");
    let written = pty.exits(0);
    assert!(!written.contains("\u{1b}]0;title"), "{written}");
    assert_eq!(server.result(), b"answer");
}

#[test]
fn at_the_prompt_no_command_writes_to_the_terminal_itself() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x82, b"message"));
        wire.answer_close();
    });
    let escape = |name: &str| format!("printf '{name} \\033]0;title\\007\\n' >&2");
    let url = format!("cmd:{}; echo {}", escape("url"), server.url("/"));
    let decode = format!("--decode=cmd:{}; cat", escape("decode"));
    let mut pty = Pty::start(&["--no-history", &decode, &url]);
    pty.expect("url \\x1b]0;title\\x07");
    pty.expect("decode \\x1b]0;title\\x07");
    pty.type_keys("/quit\r");
    let written = pty.exits(0);
    assert!(!written.contains("\u{1b}]0;title"), "{written}");
}

#[test]
fn a_command_of_the_prompt_that_does_not_end_goes_with_it() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mut pty = Pty::prompt(&[], &server.url("/echo"));
    pty.type_keys(&format!(
        "/pipe sleep 600 & echo $$ $! >> {}; wait\r",
        file.display()
    ));
    let ids = lines_of(&file, 1);
    pty.type_keys("/quit\r");
    pty.exits(0);
    ids[0].split(' ').for_each(is_gone);
}

#[test]
fn a_command_of_a_profile_that_prints_without_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text = "[profile.p]\nurl = 'ws://h/'\noauth2-bearer = 'cmd:yes'\n";
    fs::write(&file, text).unwrap();
    wirecat(["--config", file.to_str().unwrap(), "@p"])
        .run()
        .exits(2)
        .complains(&["cmd:yes: its output is too large"]);
}
