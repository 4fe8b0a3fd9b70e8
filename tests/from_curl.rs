//! Command lines of curl: as browsers copy them, for `--from-curl`.

use crate::support::server::{close, raw};
use crate::support::{Output, wirecat};

/// As Chrome copies it for bash. `HOST` is the server's.
const CHROME_BASH: &str = r#"curl 'ws://HOST/chat?room=a%20b&x=\[1\]' \
  -H 'Upgrade: websocket' \
  -H 'Origin: https://app.example' \
  -H 'Cache-Control: no-cache' \
  -H 'Accept-Language: en-GB,en;q=0.9' \
  -H 'Pragma: no-cache' \
  -H 'Connection: Upgrade' \
  -b $'sid=0123456789abcdef; note=it\'s\u0021' \
  -H 'Sec-WebSocket-Key: vGrx3Dn5cmIaXJ8R2aBcDg==' \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0' \
  -H 'Sec-WebSocket-Version: 13' \
  -H 'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"' \
  -H 'Sec-WebSocket-Protocol: chat.v2, chat.v1' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits' \
  --insecure"#;

/// The same for cmd.
const CHROME_CMD: &str = "curl ^\"http://HOST/chat?room=a^%^20b^&x=^\\[1^\\]^\" ^\r
  -H ^\"Upgrade: websocket^\" ^\r
  -H ^\"Origin: https://app.example^\" ^\r
  -H ^\"Cache-Control: no-cache^\" ^\r
  -H ^\"Accept-Language: en-GB,en;q=0.9^\" ^\r
  -H ^\"Pragma: no-cache^\" ^\r
  -H ^\"Connection: Upgrade^\" ^\r
  -b ^\"sid=0123456789abcdef; note=it's^!^\" ^\r
  -H ^\"Sec-WebSocket-Key: vGrx3Dn5cmIaXJ8R2aBcDg==^\" ^\r
  -H ^\"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0^\" ^\r
  -H ^\"Sec-WebSocket-Version: 13^\" ^\r
  -H ^\"sec-ch-ua: ^\\^\"Chromium^\\^\";v=^\\^\"140^\\^\", ^\\^\"Not=A?Brand^\\^\";v=^\\^\"24^\\^\"^\" ^\r
  -H ^\"Sec-WebSocket-Protocol: chat.v2, chat.v1^\" ^\r
  -H ^\"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits^\" ^\r
  --insecure\r
";

/// As Firefox copies it on Linux and macOS.
const FIREFOX_POSIX: &str = r#"curl 'ws://HOST/chat?room=a%20b&x=[1]' --compressed -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Firefox/143.0' -H 'Accept: */*' -H 'Accept-Language: en-US,en;q=0.5' -H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Sec-WebSocket-Version: 13' -H 'Origin: https://app.example' -H 'Sec-WebSocket-Protocol: chat.v2, chat.v1' -H 'Sec-WebSocket-Extensions: permessage-deflate' -H 'Sec-WebSocket-Key: vGrx3Dn5cmIaXJ8R2aBcDg==' -H 'Connection: keep-alive, Upgrade' -H $'Cookie: sid=0123456789abcdef; note=it\'s!' -H 'Sec-Fetch-Dest: empty' -H 'Pragma: no-cache' -H 'Cache-Control: no-cache' -H 'Upgrade: websocket'"#;

/// As older releases of Firefox copy it on Windows.
const FIREFOX_WINDOWS: &str = r#"curl "ws://HOST/chat?room=a"%"20b&x=[1]" --compressed -H "User-Agent: Mozilla/5.0 (Windows NT 10.0; rv:109.0) Firefox/115.0" -H "Accept: */*" -H "X-Quoted: ""a"" `$b" -H "Sec-WebSocket-Version: 13" -H "Origin: https://app.example" -H "Sec-WebSocket-Protocol: chat.v2, chat.v1" -H "Sec-WebSocket-Extensions: permessage-deflate" -H "Sec-WebSocket-Key: vGrx3Dn5cmIaXJ8R2aBcDg==" -H "Connection: keep-alive, Upgrade" -H "Cookie: sid=0123456789abcdef; note=it's!" -H "Upgrade: websocket""#;

/// As Safari copies it.
const SAFARI: &str = r#"curl 'http://HOST/chat?room=a%20b&x=[1]' \
-X 'GET' \
-H 'Origin: https://app.example' \
-H $'Cookie: sid=0123456789abcdef; note=it\'s\u0021' \
-H 'User-Agent: Mozilla/5.0 (Macintosh) Version/18.0 Safari/605.1.15' \
-H 'Sec-WebSocket-Protocol: chat.v2, chat.v1' \
-H 'Sec-WebSocket-Version: 13' \
-H 'Sec-WebSocket-Extensions: permessage-deflate' \
-H 'Sec-WebSocket-Key: vGrx3Dn5cmIaXJ8R2aBcDg==' \
-H 'Connection: Upgrade' \
-H 'Upgrade: websocket' \
--compressed"#;

/// How the text reaches the program.
#[derive(Clone, Copy, Debug)]
enum By {
    File,
    Stdin,
    Argument,
}

/// The request that a server gets, and the end of the run.
#[track_caller]
fn requested(text: &str, by: By, options: &[&str]) -> (String, Output) {
    let server = raw(|mut wire| {
        let request = wire.request();
        let chosen = match request.contains("chat.v1") {
            true => "Sec-WebSocket-Protocol: chat.v1\r\n",
            false => "",
        };
        wire.accept(&request, chosen, b"");
        wire.send(close(1000, ""));
        wire.until_close();
        request
    });
    let text = text.replace("HOST", &server.address.to_string());
    let output = imported(&text, by, options);
    (server.result(), output)
}

#[track_caller]
fn imported(text: &str, by: By, options: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("command");
    std::fs::write(&file, text).unwrap();
    let named = format!("@{}", file.display());
    let source = match by {
        By::File => &named,
        By::Stdin => "-",
        By::Argument => text,
    };
    wirecat([&["--from-curl", source], options].concat())
        .stdin(if matches!(by, By::Stdin) { text } else { "" })
        .run()
}

#[test]
fn what_browsers_copy_makes_the_same_handshake() {
    for text in [
        CHROME_BASH,
        CHROME_CMD,
        FIREFOX_POSIX,
        FIREFOX_WINDOWS,
        SAFARI,
    ] {
        for by in [By::File, By::Stdin, By::Argument] {
            let (request, output) = requested(text, by, &[]);
            output.exits(0);
            assert!(
                request.starts_with("GET /chat?room=a%20b&x=[1] HTTP/1.1\r\n"),
                "{text}\n{request}"
            );
            for line in [
                "Origin: https://app.example",
                "Cookie: sid=0123456789abcdef; note=it's!",
                "Sec-WebSocket-Protocol: chat.v2, chat.v1",
                "User-Agent: Mozilla/5.0 (",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
            ] {
                assert_eq!(
                    request.matches(&format!("\r\n{line}")).count(),
                    1,
                    "{line}: {request}"
                );
            }
            assert!(!request.contains("vGrx3Dn5cmIaXJ8R2aBcDg"), "{request}");
            output.complains(&[
                "wirecat makes its own ",
                "Sec-WebSocket-Key",
                "Upgrade",
                "Connection",
            ]);
            assert!(!output.stderr.contains("0123456789"), "{}", output.stderr);
        }
    }
}

#[test]
fn quotes_within_values_come_through() {
    let (request, _) = requested(CHROME_CMD, By::File, &[]);
    let line = "\r\nsec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n";
    assert!(request.contains(line), "{request}");
    let (request, _) = requested(FIREFOX_WINDOWS, By::File, &[]);
    assert!(request.contains("\r\nX-Quoted: \"a\" $b\r\n"), "{request}");
}

#[test]
fn what_was_typed_wins_or_is_added() {
    let options = [
        "-H",
        "Cookie: mine",
        "--origin",
        "https://mine",
        "-u",
        "ann:pw",
        "-H",
        "X-B: 2",
        "-s",
    ];
    let text =
        "curl ws://HOST/ -b a=b -H 'Origin: https://o' -H 'Authorization: Bearer t' -H 'X-A: 1'";
    let (request, output) = requested(text, By::File, &options);
    output.exits(0).is_quiet();
    for (line, there) in [
        ("Cookie: mine", true),
        ("Cookie: a=b", false),
        ("Origin: https://mine", true),
        ("Origin: https://o\r", false),
        ("Authorization: Basic YW5uOnB3", true),
        ("Bearer", false),
        ("X-A: 1", true),
        ("X-B: 2", true),
    ] {
        assert_eq!(request.contains(line), there, "{line}: {request}");
    }
    let (request, _) = requested("curl ws://HOST/imported", By::File, &[]);
    assert!(request.starts_with("GET /imported "), "{request}");
}

#[test]
fn a_command_that_cannot_be_used_is_refused_with_its_place() {
    let large = format!("curl ws://h/ -H 'X: {}'", "a".repeat(1024 * 1024));
    for (text, words) in [
        (
            "curl 'ws://h/",
            &[
                "line 1, column 6",
                "the quote ' is not closed",
                "| curl '**://*/",
                "^",
            ][..],
        ),
        (
            "curl ^\"ws://h/",
            &["column 7", "the quote \" is not closed"],
        ),
        (
            "curl ws://h/ \\\n  -d x",
            &["line 2, column 3", "-d: a WebSocket handshake has no body"],
        ),
        (
            "curl ws://h/ -X POST",
            &["-X POST: a WebSocket handshake is a GET"],
        ),
        ("curl ws://h/ -H 'A: b\nC: d'", &["column 17", "line break"]),
        (
            "curl ws://h/ -H $'A: b\\r\\nC: d'",
            &["column 17", "line break"],
        ),
        (
            "curl ws://h/ -H $'A: \\u001b]0;x\\u0007'",
            &["column 17", "control character"],
        ),
        ("curl ws://h/ -H 'A: b\0'", &["column 17", "NUL"]),
        (
            "curl ws://h/ -H \"Authorization: $TOKEN\"",
            &["column 33", "the shell would replace this"],
        ),
        ("curl ws://h/ | jq .", &["'|' is an operator of the shell"]),
        ("curl ws://h/ ;\ncurl ws://h/2", &["line 1, column 14"]),
        (
            "fetch('ws://h/')",
            &["not a curl command line", "Copy as cURL"],
        ),
        ("curl -k", &["there is no URL in the command"]),
        (
            "curl ws://h/ --frobnicate",
            &["--frobnicate is not a known option of curl"],
        ),
        ("curl file:///etc/passwd", &["the scheme file"]),
        ("", &["not a curl command line"]),
        (large.as_str(), &["larger than 1 MiB"]),
    ] {
        let by = if text.contains('\0') || text.len() > 1000 {
            By::File
        } else {
            By::Argument
        };
        for by in [by, By::Stdin] {
            let output = imported(text, by, &[]);
            output.exits(2).complains(words).prints("");
            assert!(output.stderr.len() < 1000, "{}", output.stderr);
        }
    }
}

#[test]
fn a_url_of_curl_is_never_a_command_a_profile_or_a_file() {
    for (url, code, host) in [
        ("cmd:touch", 3, ""),
        ("'@prod'", 0, "\nHost: prod\n"),
        ("'@f.url/x'", 0, "\nHost: f.url\n"),
    ] {
        let output = imported(&format!("curl {url}"), By::Argument, &["--dry-run"]);
        output.exits(code);
        let request = output.stdout_text();
        assert!(request.contains(host), "{url}: {request}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    wirecat(["--from-curl", "@/nonexistent/f"])
        .run()
        .exits(2)
        .complains(&["--from-curl @/nonexistent/f: no such file"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    std::fs::write(&file, b"\xff\xfec\0u\0r\0l\0").unwrap();
    wirecat(["--from-curl", &format!("@{}", file.display())])
        .run()
        .exits(2)
        .complains(&["it is not UTF-8"]);
}

#[test]
fn secrets_of_the_command_are_shown_nowhere() {
    let text = "curl ws://HOST/?token=s3cretparameter -H 'Authorization: Bearer s3cretbearer' -b sid=s3cretcookie";
    let (request, output) = requested(text, By::File, &["-vvv", "--json"]);
    assert_eq!(request.matches("s3cret").count(), 3, "{request}");
    output.exits(0);
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
    assert!(
        !output.stdout_text().contains("s3cret"),
        "{}",
        output.stdout_text()
    );
}

#[test]
fn a_command_line_is_waited_for_as_long_as_the_run_may_take() {
    let (_directory, path) = crate::support::fifo();
    let source = format!("@{}", path.display());
    let output = wirecat(["--from-curl", &source, "-m", "200ms"]).run();
    output.exits(28).complains(&[&format!(
        "--max-time is over (reading --from-curl {source})"
    )]);
}
