//! `wirecat test` with scripts from strangers, against servers that wish it ill, and on a system that does
//! not do as it should.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::hostile::PAYLOADS;
use crate::support::server::{Wire, close, frame_of, raw, raws, text};
use crate::support::serving::Serving;
use crate::support::{Output, output, wirecat};

/// A folder with scripts, and what is beside it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(outside.path().join("scripts")).unwrap();
        Folder(outside)
    }

    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("scripts").join(name)
    }

    /// Writes a file into the folder of the scripts.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }
}

pub(crate) fn serving() -> Serving {
    Serving::start(&["127.0.0.1:0"])
}

/// The arguments of a run against a server at `base`.
pub(crate) fn arguments(base: &str, more: &[&str]) -> Vec<String> {
    let mut all = vec!["test".to_owned(), format!("--var=base={base}")];
    all.extend(more.iter().map(|it| (*it).to_owned()));
    all
}

/// Runs this script, alone in a folder.
#[track_caller]
pub(crate) fn run(script: impl AsRef<[u8]>, base: &str, more: &[&str]) -> Output {
    let folder = Folder::new();
    let path = folder.write("x.wst", script);
    wirecat(arguments(base, &[more, &[&path]].concat())).run()
}

/// Whether a terminal only shows this character.
fn is_harmless(c: char) -> bool {
    let reorders_or_hides = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c == '\n' || !(c.is_control() || reorders_or_hides)
}

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    let bad = text.chars().find(|c| !is_harmless(*c));
    let bad = bad.map(|c| c.escape_unicode().to_string());
    assert_eq!(bad, None, "{what}:\n{}", text.escape_debug());
}

/// What was printed is harmless, and no longer than a person would read.
#[track_caller]
pub(crate) fn assert_readable(output: &Output) {
    assert_harmless("stdout", &output.stdout_text());
    assert_harmless("stderr", &output.stderr);
    let length = output.stdout.len() + output.stderr.len();
    assert!(length < 100_000, "{length} bytes are printed");
}

/// Sends each message back.
fn echo(wire: &mut Wire) {
    wire.handshake();
    while let Some(frame) = wire.frame() {
        match frame.opcode {
            8 => return wire.send(frame_of(0x88, &frame.payload)),
            opcode => {
                let first = opcode | if frame.fin { 0x80 } else { 0 };
                wire.send(frame_of(first, &frame.payload));
            }
        }
    }
}

const HUNDRED_MB: usize = 100 << 20;

#[test]
fn a_script_of_a_hundred_megabytes_is_refused() {
    let mut script = b"WEBSOCKET ws://127.0.0.1:1/\n> ".to_vec();
    script.resize(HUNDRED_MB, b'x');
    let output = run(script, "", &[]);
    output.exits(2).complains(&["larger than 16 MiB"]);
    assert_readable(&output);
}

/// A megabyte of JSON is compared, captured, sent back and shown.
#[test]
fn a_payload_of_a_megabyte_stands_in_a_script() {
    let item = r#"{"id":1,"name":"x"},"#;
    let list = item.repeat((1 << 20) / item.len());
    let script = format!(
        "WEBSOCKET {{{{base}}}}/\n[Options]\nstrict\n> {{\"a\":[{list}0]}}\n<(20s) {{\"a\":[{list}0]}}\n[Captures]\nall: .a\n\
         > {{{{all}}}}\n<~(20s) [{list}1]\n"
    );
    let server = raw(|mut wire| echo(&mut wire));
    let start = Instant::now();
    let output = run(script, &server.url(""), &[]);
    println!("a script of 3 MB: {:?}", start.elapsed());
    output.exits(1);
    assert_readable(&output);
}

#[test]
fn a_hundred_megabytes_are_sent_and_compared() {
    let folder = Folder::new();
    let server = raws(2, |_, mut wire| echo(&mut wire));
    let script = "WEBSOCKET {{base}}/\n[Options]\nmax-message-size: 200M\nno-compress\nstrict\n\
                  >text file:same\n<text(20s) file:FILE\n";
    // A build without optimizations takes its time to say what differs.
    for (file, size, exit) in [("same", HUNDRED_MB, 0), ("other", HUNDRED_MB / 5, 1)] {
        let mut data = vec![b'x'; size];
        folder.write("same", &data);
        *data.last_mut().unwrap() = b'y';
        folder.write("other", &data);
        drop(data);
        let path = folder.write("x.wst", script.replace("FILE", file));
        let start = Instant::now();
        let child = wirecat(arguments(&server.url(""), &[&path])).spawn();
        let peak = watch_memory(&child);
        let ended = output(child);
        let (peak, took) = (peak.join().unwrap() >> 20, start.elapsed());
        println!("{} MB, exit {exit}: peak {peak} MB, {took:?}", size >> 20);
        ended.exits(exit);
        assert_readable(&ended);
    }
}

/// The most memory that a child has had, once it has ended.
pub(crate) fn watch_memory(child: &std::process::Child) -> thread::JoinHandle<usize> {
    let path = format!("/proc/{}/status", child.id());
    thread::spawn(move || {
        let mut peak = 0;
        while let Ok(status) = fs::read_to_string(&path) {
            let field = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(name))?;
                line.split_whitespace().nth(1)?.parse::<usize>().ok()
            };
            // Without the code, which is large in a debug build.
            let Some((most, code)) = field("VmHWM:").zip(field("RssFile:")) else {
                break;
            };
            peak = most.saturating_sub(code) << 10;
            thread::sleep(Duration::from_millis(10));
        }
        peak
    })
}

#[test]
fn a_message_that_is_larger_than_allowed_is_an_error_of_the_connection() {
    let server = raw(|mut wire| {
        wire.handshake();
        wire.send(frame_of(0x81, &vec![b'x'; HUNDRED_MB]));
        wire.until_close();
    });
    let script = "WEBSOCKET {{base}}/\n[Options]\nmax-message-size: 1M\n< x\n";
    let output = run(script, &server.url(""), &[]);
    assert!(output.code() > 0, "{output:?}");
    assert_readable(&output);
}

const DEEP: usize = 200_000;

#[test]
fn what_is_nested_deeply_is_no_trouble() {
    let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(DEEP), "}".repeat(DEEP));
    let schema = r##"{"$ref":"#/$defs/x","$defs":{"x":{"items":{"$ref":"#/$defs/x"}}}}"##;
    for step in [
        format!("> {deep}\n< {deep}\n"),
        format!("> {objects}\n<~ {objects}\n"),
        format!("> {objects}\n<~ {{\"a\":{{}}}}\n"),
        ">text file:deep\n<text\n[Captures]\nx: .\n> {{x}}\n<\n".to_owned(),
        ">text file:deep\n<text\n[Asserts]\n.[0][0] == 1\n".to_owned(),
        ">text file:deep\n<text\n[Asserts]\nschema schema.json\n".to_owned(),
        format!("> 1\n< 1\n[Asserts]\n{} == 1\n", "[".repeat(DEEP)),
        format!(
            "> 1\n< 1\n[Asserts]\n{}. == 1{}\n",
            "(".repeat(2_000),
            ")".repeat(2_000)
        ),
        format!("> 1\n< /{}x{}/\n", "(".repeat(DEEP), ")".repeat(DEEP)),
        format!(
            "{}{}",
            "@repeat 1\n".repeat(DEEP / 4),
            "@end\n".repeat(DEEP / 4)
        ),
        format!("> {}\n", r#"{"a":["#.repeat(DEEP)),
    ] {
        let folder = Folder::new();
        folder.write("deep", &deep);
        folder.write("schema.json", schema);
        let path = folder.write("x.wst", format!("WEBSOCKET {{{{base}}}}\n{step}"));
        let server = serving();
        let output = wirecat(arguments(&server.url("/echo"), &[&path])).run();
        let step: String = step.chars().take(60).collect();
        assert!(
            [0, 1, 2].contains(&output.code()),
            "{step}: {}",
            output.code()
        );
        assert_readable(&output);
    }
}

/// What a server says becomes no part of an expression, and none that is too large for the stack.
#[test]
fn a_captured_value_stays_a_value() {
    let list = format!("[{}1]", "1,".repeat(100_000));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (value, exit) in [
        (r#""x\" or true or \"""#, 0),
        (r#""\\(env|tostring)""#, 0),
        (&list, 1),
        (&deep, 0),
    ] {
        let script = format!(
            "WEBSOCKET {{{{base}}}}/\n> {{\"v\":{value}}}\n<\n[Captures]\nv: .v\n> {{\"v\":{value}}}\n<\n[Asserts]\n.v == {{{{v}}}}\n"
        );
        let server = raw(|mut wire| echo(&mut wire));
        let output = run(&script, &server.url(""), &[]);
        output.exits(exit);
        assert_readable(&output);
    }
    let script = "WEBSOCKET {{base}}/\n> {\"v\":\"a\\\" or true or \\\"\"}\n<\n[Captures]\nv: .v\n> {\"w\":1}\n<\n[Asserts]\n.w == \"{{v}}\"\n";
    let server = raw(|mut wire| echo(&mut wire));
    run(script, &server.url(""), &[]).exits(1);
}

#[test]
fn files_that_include_each_other_are_refused() {
    let folder = Folder::new();
    folder.write("a.wst", "@include b.wst\n");
    folder.write("b.wst", "@repeat 2\n@include a.wst\n@end\n");
    folder.write("self.wst", "@include self.wst\n");
    folder.write("link.wst", "@include linked.wst\n");
    symlink("link.wst", folder.path("linked.wst")).unwrap();
    symlink("round.wst", folder.path("round.wst")).unwrap();
    folder.write("round_.wst", "@include round.wst\n");
    for (name, word) in [
        ("a.wst", "includes itself"),
        ("self.wst", "includes itself"),
        ("link.wst", "includes itself"),
        ("round_.wst", "round.wst"),
    ] {
        let output = wirecat(["test", folder.path(name).to_str().unwrap()]).run();
        output.exits(2).complains(&[word, "nothing was run"]);
        assert_readable(&output);
    }
    // Each includes the next one twice: 2^20 files.
    for n in 0..20 {
        let next = format!("@include n{}.wst\n", n + 1).repeat(2);
        folder.write(&format!("n{n}.wst"), next);
    }
    folder.write("n20.wst", "# the last one\n");
    let start = Instant::now();
    let output = wirecat(["test", folder.path("n0.wst").to_str().unwrap()]).run();
    output.exits(2).complains(&["too many files"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_readable(&output);
}

/// The places of a script where a file can be named.
const NAMES_A_FILE: &[&str] = &[
    "@include FILE",
    "WEBSOCKET {{base}}\n>text file:FILE",
    "WEBSOCKET {{base}}\n>binary file:FILE",
    "WEBSOCKET {{base}}\n>frame text @FILE",
    "WEBSOCKET {{base}}\n> 1\n<text file:FILE",
    "WEBSOCKET {{base}}\n> 1\n<\n[Asserts]\nschema FILE",
    "WEBSOCKET {{base}}\n[Options]\ntoken: @FILE",
    "WEBSOCKET {{base}}\n[Options]\nheader: @FILE",
    "WEBSOCKET {{base}}\n[Options]\nproxy-header: @FILE",
    "WEBSOCKET {{base}}\n[Options]\non-open: @FILE",
    "WEBSOCKET {{base}}\n[Options]\non-open: {\"a\":1}\non-open: after .a: @FILE\n<(300ms) /secret-of-th[e]/",
    "WEBSOCKET {{base}}\n[Options]\nheartbeat: @FILE",
    "WEBSOCKET {{base}}\n[Options]\nanswer: . == 1=@FILE\n> 1\n<(300ms) /secret-of-th[e]/",
    "WEBSOCKET {{base}}\n[Options]\ncacert: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncapath: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncert: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncert: FILE:password",
    "WEBSOCKET {{base}}\n[Options]\ncert: f\nkey: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncrlfile: FILE",
    "WEBSOCKET {{base}}\n[Options]\npinnedpubkey: FILE",
    "WEBSOCKET {{base}}\n[Options]\nproxy-cacert: FILE",
    "WEBSOCKET {{base}}\n[Options]\nnetrc-file: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncookie: FILE",
    "WEBSOCKET {{base}}\n[Options]\ndecode: protobuf:FILE#a.B",
    "WEBSOCKET {{base}}\n[Options]\ndecode: gzip+protobuf:FILE#a.B",
    "WEBSOCKET {{base}}\n[Options]\nencode: protobuf:FILE#a.B",
    "WEBSOCKET {{base}}\n[Options]\nnetrc\n# FILE",
    "WEBSOCKET {{base}}\n[Options]\nnetrc: true\n# FILE",
    "WEBSOCKET {{base}}\n[Options]\nnetrc-optional: true\n# FILE",
    "WEBSOCKET {{base}}\n[Options]\nstate: FILE",
    "WEBSOCKET {{base}}\n[Options]\ncookie-jar: FILE",
    "WEBSOCKET {{base}}\n[Options]\noutput: FILE",
    "WEBSOCKET {{base}}\n[Options]\nconfig: FILE",
    "WEBSOCKET @FILE",
];

#[test]
fn files_outside_the_folder_are_neither_read_nor_written() {
    let server = serving();
    let folder = Folder::new();
    let secret = folder.outside("secret.url");
    fs::write(&secret, "secret-of-the-machine").unwrap();
    symlink("../secret.url", folder.path("link.url")).unwrap();
    folder.write("f", "");
    symlink("..", folder.path("up")).unwrap();
    let absolute = secret.display().to_string();
    for script in NAMES_A_FILE {
        for name in ["../secret.url", "link.url", "up/secret.url", &absolute] {
            let path = folder.write("x.wst", format!("{}\n", script.replace("FILE", name)));
            let output = wirecat(arguments(&server.url("/echo"), &[&path])).run();
            let all = format!("{}{}", output.stdout_text(), output.stderr);
            let script = script.replace("FILE", name);
            assert!([1, 2].contains(&output.code()), "{script}: {all}");
            assert!(!all.contains("secret-of-the"), "{script}: {all}");
            let said = [
                "is not in the folder",
                "leaves the folder",
                "is not relative",
                "has no place in a script",
                "unknown option",
                "may not do that",
            ];
            let is_said = said.iter().any(|it| all.contains(it));
            assert!(is_said, "{script}: {all}");
            assert_readable(&output);
        }
    }
    assert_eq!(
        fs::read_to_string(&secret).unwrap(),
        "secret-of-the-machine"
    );
}

#[test]
fn another_root_allows_files_below_it() {
    let server = serving();
    let folder = Folder::new();
    fs::write(folder.outside("part.wst"), "> {{x}}\n< {{x}}\n").unwrap();
    fs::write(folder.outside("payload"), "hello").unwrap();
    let script = "WEBSOCKET {{base}}/echo\n>text file:../payload\n< hello\n@include ../part.wst\n";
    let path = folder.write("x.wst", script);
    let root = format!("--file-root={}", folder.outside("").display());
    let base = server.url("");
    wirecat(arguments(&base, &["--var=x=1", &path]))
        .run()
        .exits(2);
    wirecat(arguments(&base, &["--var=x=1", &root, &path]))
        .run()
        .exits(0);
    let beside = folder.write(
        "y.wst",
        "WEBSOCKET {{base}}/echo\n>text file:../../payload\n",
    );
    wirecat(arguments(&base, &[&root, &beside])).run().exits(2);
}

/// Bytes that end a header, a line of a script or a string.
const CONTROLS: &[&str] = &[
    "a\r\nX-Injected: 1\r\n",
    "a\nX-Injected: 1",
    "a\rX-Injected: 1",
    "\u{1b}]0;title\u{7}",
    "\u{202e}txt.exe",
    "\u{9b}31m",
    "tab\there",
    "{{base}}",
    "a\"b\\c",
    "\u{7f}",
    "#\n\n### another test\nWEBSOCKET ws://127.0.0.1:1/\n",
];

#[test]
fn controls_in_variables_end_no_line() {
    for value in CONTROLS {
        for (script, is_message) in [
            ("WEBSOCKET {{base}}/{{v}}\n", false),
            ("WEBSOCKET {{base}}/?q={{v}}\n", false),
            ("WEBSOCKET {{base}}{{v}}\n", false),
            ("WEBSOCKET {{base}}/\nX-Own: {{v}}\n", false),
            (
                "WEBSOCKET {{base}}/\n[Options]\nheader: X-Own: {{v}}\n",
                false,
            ),
            ("WEBSOCKET {{base}}/\n[Options]\norigin: {{v}}\n", false),
            ("WEBSOCKET {{base}}/\n[Options]\nuser-agent: {{v}}\n", false),
            (
                "WEBSOCKET {{base}}/\n[Options]\nsubprotocol: {{v}}\n",
                false,
            ),
            ("WEBSOCKET {{base}}/\n[Options]\ncookie: a={{v}}\n", false),
            ("WEBSOCKET {{base}}/\n[Options]\ntoken: x{{v}}\n", false),
            ("WEBSOCKET {{base}}/\n[Options]\nuser: x{{v}}\n", false),
            (
                "WEBSOCKET {{base}}/\n[Options]\noauth2-bearer: {{v}}\n",
                false,
            ),
            ("WEBSOCKET {{base}}/\n> {{v}}\n<(1s) {{v}}\n", true),
            (
                "WEBSOCKET {{base}}/\n> {\"a\":\"{{v}}\"}\n<(1s) {\"a\":\"{{v}}\"}\n",
                true,
            ),
            ("WEBSOCKET {{base}}/\n>close 1000 {{v}}\n", true),
        ] {
            let server = raw(|mut wire| {
                wire.0
                    .set_read_timeout(Some(Duration::from_secs(3)))
                    .unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    match std::io::Read::read(&mut wire.0, &mut byte) {
                        Ok(1) => head.push(byte[0]),
                        _ => return None,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                wire.accept(&head, "", b"");
                while let Some(frame) = wire.frame() {
                    match frame.opcode {
                        8 => {
                            wire.send(frame_of(0x88, &frame.payload));
                            break;
                        }
                        opcode => wire.send(frame_of(0x80 | opcode, &frame.payload)),
                    }
                }
                Some(head)
            });
            let variable = format!("--var=v={value}");
            let output = run(script, &server.url(""), &[&variable]);
            // So that the server ends where nothing was sent.
            let _ = std::net::TcpStream::connect(server.address);
            assert_readable(&output);
            if let Some(head) = server.result() {
                let injected = head.lines().any(|line| line.starts_with("X-Injected"));
                assert!(!injected && head.matches("\r\n\r\n").count() == 1, "{head}");
                assert!(
                    !head.contains('\u{1b}') && !head.contains('\u{7f}'),
                    "{}",
                    head.escape_debug()
                );
            }
            if is_message {
                output.exits(0);
            }
        }
    }
}

/// A server's message, Close, refusal and header in every report.
#[test]
fn a_hostile_answer_is_harmless_in_every_report() {
    let folder = Folder::new();
    let script = "### message\nWEBSOCKET {{base}}/\n<(1s) nothing\n\
        ### close\nWEBSOCKET {{base}}/\n<close 1000 nothing\n\
        ### refusal\nWEBSOCKET {{base}}/\nHTTP 400\n\
        ### header\nWEBSOCKET {{base}}/\nX-Name: nothing\nHTTP 101\nX-Hostile: nothing\n\
        ### capture\nWEBSOCKET {{base}}/\n<\n[Captures]\nx: body\n> {{x}}\n<\n[Asserts]\nbody == {{x}}\n. == \"{{x}}\"\n";
    let path = folder.write("x.wst", script);
    let payloads: Vec<&[u8]> = PAYLOADS
        .iter()
        .copied()
        .chain(MARKUP.iter().copied())
        .collect();
    // Many at once: a report has room for them.
    for payloads in payloads.chunks(8) {
        let all = payloads.join(&b' ');
        let server = raws(5, move |n, mut wire| {
            let printable: Vec<u8> = all
                .iter()
                .copied()
                .filter(|b| !b"\r\n\0".contains(b))
                .collect();
            let request = wire.request();
            if n == 3 {
                let head = format!("HTTP/1.1 503 Away\r\nContent-Length: {}\r\n\r\n", all.len());
                return wire.send([head.as_bytes(), &all].concat());
            }
            let hostile = String::from_utf8_lossy(&printable).into_owned();
            let is_header = n == 4 && hostile.bytes().all(|byte| (b' '..0x7f).contains(&byte));
            let header = if is_header {
                format!("X-Hostile: {hostile}\r\n")
            } else {
                String::new()
            };
            wire.accept(&request, &header, b"");
            let message = String::from_utf8_lossy(&all).into_owned();
            match n {
                2 => {
                    let reason: String = message.chars().take(30).collect();
                    wire.send(close(1011, &reason));
                }
                _ => {
                    wire.send(frame_of(0x82, &all));
                    wire.send(text(&message));
                }
            }
            wire.until_close();
        });
        let reports = ["human", "tap", "junit", "json"].map(|kind| {
            let path = folder.outside(kind);
            (kind, format!("--report={kind}={}", path.display()), path)
        });
        let more: Vec<&str> = reports.iter().map(|(_, option, _)| &**option).collect();
        let output = wirecat(arguments(&server.url(""), &[&more[..], &[&path]].concat())).run();
        assert!(output.code() > 0, "{output:?}");
        assert_readable(&output);
        for (kind, _, path) in &reports {
            let report = fs::read_to_string(path).unwrap();
            assert_harmless(kind, &report);
        }
    }
}

/// What ends a text, a comment or a block in XML, TAP and YAML.
const MARKUP: &[&[u8]] = &[
    b"</system-out></failure><failure message=\"x\">]]>",
    b"<![CDATA[ ]]> --> <!-- &amp; &#27; &lt;",
    b"\"'><script>alert(1)</script>",
    b"not ok 1 - forged\nok 2 - forged # SKIP\n1..1\nBail out!",
    b"...\n---\nmessage: forged",
    b"::error file=x::forged by the server",
    b"##[error]forged\n::set-output name=x::y",
    "\u{fffe}\u{ffff}\u{0}".as_bytes(),
];

#[test]
fn commands_are_run_only_where_that_is_allowed() {
    let server = Serving::start(&["127.0.0.1:0", "--token=from-a-command=ann"]);
    let folder = Folder::new();
    let mark = folder.outside("ran");
    let program = |name: &str, prints: &str| {
        let text = format!(
            "#!/bin/sh\ncat >/dev/null </dev/null\ntouch '{}'\n{prints}\n",
            mark.display()
        );
        let path = folder.outside(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let token = program("token.sh", "echo from-a-command");
    let url = program("url.sh", &format!("echo {}", server.url("/echo")));
    let reply = program("reply.sh", "echo replied");
    let filter = program("filter.sh", "cat");
    let scripts = [
        (
            format!(
                "WEBSOCKET {{{{base}}}}/events\n[Options]\ntoken: cmd:{token}\n<~ {{\"event\":\"connected\"}}\n"
            ),
            Some(0),
        ),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/events\n[Options]\ntoken: {{{{cmd}}}}{token}\n<~ {{\"event\":\"connected\"}}\n"
            ),
            Some(0),
        ),
        (format!("WEBSOCKET cmd:{url}\n> x\n< x\n"), Some(0)),
        (format!("WEBSOCKET {{{{cmd}}}}{url}\n> x\n< x\n"), Some(0)),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/echo\n[Options]\nanswer: . == 1=cmd:{reply}\n> 1\n< 1\n< replied\n"
            ),
            Some(0),
        ),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/echo\n[Options]\nanswer: . == 1={{{{cmd}}}}{reply}\n> 1\n< 1\n< replied\n"
            ),
            Some(0),
        ),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/echo\n[Options]\non-open: 1\non-open: after . == 1: cmd:{reply}\n< 1\n< replied\n"
            ),
            Some(0),
        ),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/echo\n[Options]\non-open: 1\non-open: after . == 1: {{{{cmd}}}}{reply}\n< 1\n< replied\n"
            ),
            Some(0),
        ),
        (
            format!("WEBSOCKET {{{{base}}}}/echo\n[Options]\ndecode: cmd:{filter}\n>binary x\n<\n"),
            None,
        ),
        (
            format!(
                "WEBSOCKET {{{{base}}}}/echo\n[Options]\nrun: {reply}\n> x\n< x\n@wait 300ms\n"
            ),
            None,
        ),
    ];
    for (script, exit) in scripts {
        let path = folder.write("x.wst", &script);
        let base = server.url("");
        let refused = wirecat(arguments(&base, &["--var=cmd=cmd:", &path])).run();
        let all = format!("{}{}", refused.stdout_text(), refused.stderr);
        refused.exits(2);
        assert!(all.contains("--allow-commands"), "{script}: {all}");
        assert!(!mark.exists(), "{script}");
        let allowed = wirecat(arguments(
            &base,
            &["--var=cmd=cmd:", "--allow-commands", &path],
        ))
        .run();
        assert!(mark.exists(), "{script}: {}", allowed.stdout_text());
        if let Some(exit) = exit {
            allowed.exits(exit);
        }
        fs::remove_file(&mark).unwrap();
    }
}

/// A script of the JetBrains kind is no way around.
#[test]
fn an_http_file_reads_and_runs_nothing_else() {
    let server = serving();
    let folder = Folder::new();
    let mark = folder.outside("ran");
    fs::write(folder.outside("secret"), "secret-of-the-machine").unwrap();
    let env = r#"{"dev":{"own":"secret-of-the-machine"}}"#;
    fs::write(folder.outside("env.json"), env).unwrap();
    symlink("../env.json", folder.path("http-client.env.json")).unwrap();
    let touch = format!("cmd:touch {}", mark.display());
    for (script, more) in [
        (format!("WEBSOCKET {touch}\n\nhello\n"), &[][..]),
        (
            format!("WEBSOCKET {{{{base}}}}\nX-Own: {touch}\n\n< {touch}\n"),
            &[],
        ),
        (
            "WEBSOCKET {{base}}\n\n< ../secret\n=== wait-for-server\n".to_owned(),
            &[],
        ),
        (
            "WEBSOCKET {{base}}\n\n{{own}}\n=== wait-for-server\n".to_owned(),
            &["--env", "dev"],
        ),
        (
            "WEBSOCKET {{base}}\n\n> {% client.exec('touch x') %}\n".to_owned(),
            &[],
        ),
    ] {
        let path = folder.write("x.http", &script);
        let output = wirecat(arguments(&server.url("/echo"), &[more, &[&path]].concat())).run();
        let all = format!("{}{}", output.stdout_text(), output.stderr);
        assert!(
            !mark.exists() && !all.contains("secret-of-the"),
            "{script}: {all}"
        );
        assert_readable(&output);
    }
}

/// The name of a connection is part of the name of its recording.
#[test]
fn a_connection_cannot_choose_where_it_is_recorded() {
    let server = serving();
    let folder = Folder::new();
    let record = folder.outside("record");
    for name in ["../up", "/tmp/x", "a/b", "..", "{{v}}", "a\u{1b}b"] {
        let path = folder.write("x.wst", format!("WEBSOCKET {name} {{{{base}}}}\n"));
        let more = ["--var=v=../up", "--record", record.to_str().unwrap(), &path];
        let output = wirecat(arguments(&server.url("/echo"), &more)).run();
        output.exits(2);
        assert_readable(&output);
    }
    assert_eq!(fs::read_dir(&record).unwrap().count(), 0);
}
