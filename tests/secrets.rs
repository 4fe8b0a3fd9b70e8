//! What is secret is sent, and never seen: not by -v, not in events, not when a server quotes it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wirecat::internals::cli::world::World;

use crate::support::server::{close, frame_of, header, raw, serve, text};
use crate::support::{Output, wirecat};

/// Long enough to be looked for in the data of messages as well.
pub(crate) const SECRET: &str = "s3cr3t/\"t0k3n\"/0123";

/// Every way in which the secret might be seen.
pub(crate) fn forms() -> Vec<String> {
    let percent: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let escaped = SECRET.replace('"', "\\\"");
    let base64 = STANDARD.encode(SECRET);
    let with_user = STANDARD.encode(format!("ann:{SECRET}"));
    let doubly = escaped.replace('\\', "\\\\").replace('"', "\\\"");
    vec![
        SECRET.into(),
        percent,
        escaped,
        doubly,
        base64,
        with_user,
        "t0k3n".into(),
    ]
}

#[track_caller]
fn hidden(place: &[&str], output: &Output, stdout_too: bool) {
    for form in forms() {
        assert!(
            !output.stderr.contains(&form),
            "{place:?}: {form} in {}",
            output.stderr
        );
        let stdout = output.stdout_text();
        assert!(
            !(stdout_too && stdout.contains(&form)),
            "{place:?}: {form} in {stdout}"
        );
    }
}

/// The options that put the secret somewhere.
pub(crate) fn places() -> Vec<Vec<String>> {
    let mut places: Vec<Vec<String>> = [
        &["--token"][..],
        &["--token-name", "X-Custom", "--token"],
        &["--token-via", "query", "--token"],
        &["--token-via", "query", "--token-name", "custom", "--token"],
        &["--token-via", "message", "--token"],
        &["--token-message", "AUTH {{token}}", "--token"],
        &["--oauth2-bearer"],
    ]
    .iter()
    .map(|options| {
        options
            .iter()
            .copied()
            .chain([SECRET])
            .map(str::to_owned)
            .collect()
    })
    .collect();
    places.push(vec!["-u".into(), format!("ann:{SECRET}")]);
    places.push(vec!["--token".into(), format!("Custom {SECRET}")]);
    places.push(vec!["-H".into(), format!("Authorization: Custom {SECRET}")]);
    places
}

#[test]
fn a_secret_is_redacted_when_a_server_refuses_and_quotes_the_request() {
    for place in places() {
        for verbose in ["-v", "--json"] {
            let server = raw(|mut wire| {
                let request = wire.request();
                let credentials = header(&request, "Authorization").unwrap_or_default();
                let bare = credentials.rsplit(' ').next().unwrap_or_default();
                let body = format!("you sent {bare}\n{request}");
                let length = body.len();
                wire.send(format!(
                    "HTTP/1.1 401 No {bare}\r\nLocation: /?x={bare}\r\nContent-Length: {length}\r\n\r\n{body}"
                ));
                let _ = wire.0.read(&mut [0; 1]);
            });
            let options: Vec<&str> = place.iter().map(String::as_str).collect();
            let output = wirecat([&options, &[verbose, &server.url("/x")][..]].concat()).run();
            server.result();
            output.exits(22);
            hidden(&options, &output, true);
            assert!(
                (output.stderr + &String::from_utf8_lossy(&output.stdout)).contains("you sent")
            );
        }
    }
}

#[test]
fn a_secret_is_redacted_when_a_server_sends_it_back() {
    let debug_server = serve();
    for place in places() {
        let options: Vec<&str> = place.iter().map(String::as_str).collect();
        let echo = debug_server.url("/echo");
        // A header that looks like a credential was not given as one.
        let given = options[0] != "-H";
        for (verbose, stdout_too) in [("-v", false), ("--json", given)] {
            let run =
                |url: &str| wirecat([&options, &["-d", SECRET, verbose, url][..]].concat()).run();
            let output = wirecat(
                [
                    &options,
                    &["-d", "x", verbose, "--idle", "100ms", &echo][..],
                ]
                .concat(),
            )
            .run();
            output.exits(0);
            hidden(&options, &output, stdout_too);
            // In a message, in a binary one, in control frames and in the reason of a Close.
            let server = raw(|mut wire| {
                wire.handshake();
                wire.message();
                let everywhere = [
                    text(SECRET),
                    frame_of(0x82, SECRET.as_bytes()),
                    frame_of(0x89, SECRET.as_bytes()),
                    close(4001, SECRET),
                ];
                wire.send(everywhere.concat());
                wire.until_close();
            });
            let output = run(&server.url("/"));
            server.result();
            output.exits(112);
            hidden(&options, &output, stdout_too);
        }
    }
}

#[test]
fn secrets_in_the_url_are_redacted() {
    for verbose in ["-v", "--json"] {
        let server = raw(|mut wire| {
            let request = wire.request();
            let length = request.len();
            wire.send(format!(
                "HTTP/1.1 400 No\r\nContent-Length: {length}\r\n\r\n{request}"
            ));
            let _ = wire.0.read(&mut [0; 1]);
        });
        let url = format!("ann:t0k3n@{}/?a=b&access_token=t0k3n", server.address);
        let output = wirecat([verbose, &url]).run();
        assert_eq!(server.result(), ());
        output.exits(22);
        hidden(&[&url], &output, true);
        let basic = STANDARD.encode("ann:t0k3n");
        let everything = output.stderr + &String::from_utf8_lossy(&output.stdout);
        assert!(!everything.contains(&basic), "{everything}");
        assert!(
            everything.contains("?a=b&access_token=[redacted]"),
            "{everything}"
        );
    }
}

#[test]
fn message_data_that_only_looks_like_a_secret_is_unchanged() {
    let data = r#"{"name":"Ada","hunter2":"an API key of many bytes"}"#;
    for (options, query) in [
        (&[][..], "/?key=name&token=hunter2"),
        (&["-H", "X-Api-Key: an API key of many bytes"], "/"),
        (&["-H", "Authorization: Bearer hunter2"], "/"),
        (&["--token", "hunter2"], "/?session=Ada"),
        (&["--oauth2-bearer", "name"], "/"),
        (&["-u", "ann:hunter2"], "/"),
        (&["--token-via", "query", "--token", "name"], "/"),
    ] {
        let server = raw(move |mut wire| {
            wire.handshake();
            wire.message();
            let everywhere = [
                text(data),
                frame_of(0x82, &[data.as_bytes(), b"\xff"].concat()),
                frame_of(0x89, data.as_bytes()),
                close(4001, data),
            ];
            wire.send(everywhere.concat());
            wire.until_close();
        });
        let url = server.url(query);
        let output = wirecat([options, &["--json", "-v", "-d", data, &url][..]].concat()).run();
        server.result();
        let told = output.exits(112).stdout_text();
        let told: Vec<serde_json::Value> = told
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of_type = |name: &'static str| told.iter().filter(move |event| event["type"] == name);
        let texts = ["send", "receive", "ping", "pong"].map(|name| {
            let mut events = of_type(name).filter(|event| event["encoding"].is_null());
            events.next().unwrap()["data"].clone()
        });
        assert_eq!(texts, [data; 4], "{options:?}");
        let binary = of_type("receive").find(|event| event["opcode"] == 2);
        let expected = STANDARD.encode([data.as_bytes(), b"\xff"].concat());
        assert_eq!(binary.unwrap()["data"], expected, "{options:?}");
        assert_eq!(
            of_type("close").next().unwrap()["reason"],
            data,
            "{options:?}"
        );
        // In the URL, in headers and in notices it is still redacted.
        let url = of_type("header").next().unwrap()["url"].to_string();
        for hidden in ["name", "hunter2", "API", "Ada"] {
            assert!(!url.contains(hidden), "{url}");
        }
        let request: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| line.starts_with('>'))
            .collect();
        assert!(output.stderr.contains("[redacted]"), "{}", output.stderr);
        for hidden in [
            "hunter2",
            "an API key of many bytes",
            "key=name",
            "Bearer name",
        ] {
            assert!(
                !request.iter().any(|line| line.contains(hidden)),
                "{request:?}"
            );
        }
    }
}

#[test]
fn include_secrets_shows_secrets() {
    let percent: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    for (options, query, in_head, in_events) in [
        (
            &["--token", SECRET][..],
            "/?key=name",
            format!("Authorization: Bearer {SECRET}"),
            "/?key=name\"".to_owned(),
        ),
        (
            &["-H", "X-Api-Key: hunter2"],
            "/?a=b",
            "X-Api-Key: hunter2".to_owned(),
            "/?a=b\"".to_owned(),
        ),
        (
            &["--token-via", "query", "--token", SECRET],
            "/?token=name",
            format!("/?token=name&token={percent}"),
            "/?token=name\"".to_owned(),
        ),
        (
            &[
                "--token-message",
                "AUTH {{token}}",
                "--token-via",
                "message",
                "--token",
                SECRET,
            ],
            "/",
            "GET / HTTP/1.1".to_owned(),
            format!(
                "\"origin\":\"token\",\"opcode\":1,\"data\":{}",
                quoted(&format!("AUTH {SECRET}"))
            ),
        ),
    ] {
        let server = raw(|mut wire| {
            wire.handshake_with("Set-Cookie: id=hunter2\r\n", &text(SECRET));
            while wire.message() != SECRET.as_bytes() {}
            wire.close(4001, SECRET);
        });
        let url = server.url(query);
        let also = ["--json", "-vvv", "--include-secrets", "-d", SECRET, &url];
        let output = wirecat([options, &also[..]].concat()).run();
        server.result();
        let told = output.exits(112).stdout_text();
        for events in [&in_events, &format!("\"data\":{}", quoted(SECRET))] {
            assert!(told.contains(events), "{options:?}: no {events} in {told}");
        }
        output.complains(&[&in_head, "Set-Cookie: id=hunter2", &format!("\"{SECRET}\"")]);
        assert!(!told.contains("[redacted]"), "{told}");
        assert!(!output.stderr.contains("[redacted]"), "{}", output.stderr);
    }
    // Where the server refuses, and in the user and password of the URL.
    let server = raw(|mut wire| {
        wire.request();
        wire.send("HTTP/1.1 401 No\r\nSet-Cookie: id=t0k3n\r\nContent-Length: 5\r\n\r\nt0k3n");
        let _ = wire.0.read(&mut [0; 1]);
    });
    let url = format!("ws://ann:t0k3n@{}/", server.address);
    let output = wirecat(["--json", "--include-secrets", &url]).run();
    server.result();
    let told = output.exits(22).stdout_text();
    for events in [
        format!("\"url\":\"{url}\""),
        "[\"set-cookie\",\"id=t0k3n\"]".to_owned(),
        "\"body\":\"t0k3n\"".to_owned(),
    ] {
        assert!(told.contains(&events), "no {events} in {told}");
    }
}

#[test]
fn a_secret_in_a_subprotocol_is_redacted() {
    for verbose in ["-v", "--json"] {
        for chosen in [
            "Sec-WebSocket-Protocol: s3cr3t-t0k3n\r\n",
            "Sec-WebSocket-Protocol: s3cr3t-t0k3n-x\r\n",
            "",
        ] {
            let server = raw(move |mut wire| {
                wire.handshake_with(chosen, &close(1000, ""));
                wire.until_close();
            });
            let url = server.url("/");
            let output = wirecat([
                "--token",
                "s3cr3t-t0k3n",
                "--token-via",
                "subprotocol",
                verbose,
                &url,
            ])
            .run();
            hidden(&["subprotocol", chosen], &output, true);
        }
    }
}

#[test]
fn a_short_secret_is_redacted_where_wirecat_puts_it() {
    for place in [
        &["--token-name", "X-Custom"][..],
        &["--token-via", "query"],
        &["--token-via", "message"],
    ] {
        let server = raw(|mut wire| {
            wire.handshake_with("", &close(1000, ""));
            wire.until_close();
        });
        let url = server.url("/");
        let output = wirecat([place, &["--token", "~q", "-v", &url]].concat()).run();
        output.exits(0).complains(&["* connecting"]);
        assert!(!output.stderr.contains("~q"), "{}", output.stderr);
    }
}

#[test]
fn a_url_that_does_not_parse_does_not_show_its_secrets() {
    for url in [
        "ws://h:99999/?token=t0k3n",
        "ws://h/?a=b&access_token=t0k3n#x",
        "ws://ann:t0k3n@h:x/",
        "ftp://ann:t0k3n@h/",
    ] {
        let output = wirecat([url]).run();
        output.exits(3);
        hidden(&[url], &output, true);
    }
}

#[test]
fn the_resolved_options_print_no_secret() {
    let url = "ws://ann:s3cr3t@h/?token=s3cr3t";
    for options in [
        &["--token", "s3cr3t"][..],
        &["--oauth2-bearer", "s3cr3t"],
        &["-u", "a:s3cr3t"],
        &["-H", "Authorization: s3cr3t"],
        &[],
    ] {
        let world = World {
            arguments: [&["wirecat"], options, &[url]]
                .concat()
                .iter()
                .map(Into::into)
                .collect(),
            ..World::default()
        };
        let cli = wirecat::internals::cli::parse(&world.arguments).unwrap();
        let job = wirecat::internals::cli::resolve::job(cli, &world).unwrap();
        let printed = format!("{job:?}");
        assert!(!printed.contains("s3cr3t"), "{options:?}: {printed}");
    }
}
