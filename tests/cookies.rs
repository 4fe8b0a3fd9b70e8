//! Cookies and the netrc file: where they come from, where they go, and what is written back.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use crate::support::pty::Pty;
use crate::support::server::{close, header, raw};
use crate::support::site::{Answer, Site, site};
use crate::support::{Output, wirecat};

/// The Cookie headers of the requests so far.
fn cookies(site: &Site) -> Vec<Option<String>> {
    let requests = site.requests();
    let cookie = |head: &String| header(head, "cookie").map(str::to_owned);
    requests.iter().map(cookie).collect()
}

fn open(options: &[&str], site: &Site) -> Output {
    wirecat([options, &[&site.url("/")]].concat()).run()
}

#[test]
fn cookies_are_typed_and_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jar");
    let file = file.to_str().unwrap();
    let lines =
        "127.0.0.1\tFALSE\t/\tFALSE\t0\tfrom\tfile\nother.example\tFALSE\t/\tFALSE\t0\tno\tno\n";
    fs::write(file, lines).unwrap();
    for (options, sent) in [
        (&["-b", "a=b"][..], Some("a=b")),
        (&["-b", "a=b; c=d;"], Some("a=b; c=d")),
        (&["-b", "a=b", "--cookie", "c=d"], Some("a=b; c=d")),
        (&["-b", file], Some("from=file")),
        (&["-b", "a=b", "-b", file], Some("from=file; a=b")),
        (&["-b", "/nonexistent"], None),
        (&["-b", ""], None),
        (&["-b", "a=b", "-H", "Cookie: c=d"], Some("c=d")),
        (&["-b", "a=b", "-H", "Cookie:"], None),
    ] {
        let site = site(|_, _| Answer::Open(""));
        open(options, &site).exits(0);
        assert_eq!(cookies(&site)[0].as_deref(), sent, "{options:?}");
    }
    let other = site(|_, _| Answer::Open(""));
    open(&["-b", "a", "-b", "/nonexistent", "-c", file], &other)
        .exits(0)
        .complains(&[
            "wirecat: -b a: no such file, so no cookies (-b NAME=VALUE sends one)\n",
            "wirecat: -b /nonexistent: no such file, ",
        ]);
    fs::write(file, "one\ttwo\n").unwrap();
    let site = site(|_, _| Answer::Open(""));
    open(&["-b", file], &site)
        .exits(2)
        .complains(&[&format!("-b {file}: line 1: it has not seven fields")]);
    open(&["-b", "a=b\r\nX: y"], &site)
        .exits(2)
        .complains(&["-b: the cookie contains a control character"]);
    open(&["-b", folder.path().to_str().unwrap()], &site).exits(2);
    assert!(site.requests().is_empty());
}

#[test]
fn cookies_are_kept_for_a_reconnect_and_written_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jar");
    let path = file.to_str().unwrap();
    let site = site(|_, number| match number {
        1 => Answer::Bytes(
            b"HTTP/1.1 503 Busy\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        2 => {
            Answer::Open("Set-Cookie: b=2; Max-Age=1000; HttpOnly\r\nSet-Cookie: a=; Max-Age=0\r\n")
        }
        _ => Answer::Open(""),
    });
    let stay = ["--reconnect=1", "--reconnect-delay", "10ms", "-c", path];
    open(&stay, &site).exits(0);
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# Netscape HTTP Cookie File\n"));
    let lines: Vec<&str> = written.lines().filter(|line| line.contains('\t')).collect();
    assert_eq!(lines.len(), 1, "{written}");
    assert!(
        lines[0].starts_with("#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t"),
        "{written}"
    );
    assert!(lines[0].ends_with("\tb\t2"));
    #[cfg(unix)]
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    open(&["-b", path, "-c", path], &site).exits(0).is_quiet();
    let sent = cookies(&site);
    assert_eq!(sent, [None, Some("a=1".to_owned()), Some("b=2".to_owned())]);
    assert_eq!(fs::read_to_string(&file).unwrap(), written);

    wirecat(["-c", "-", "ws://h.invalid/"])
        .run()
        .exits(2)
        .complains(&["-c -: messages are printed on stdout\n  try: -c FILE\n"]);
    open(&["-c", "/nonexistent/jar"], &site)
        .exits(2)
        .complains(&["-c /nonexistent/jar: no such file or directory"]);
}

#[test]
fn cookies_are_no_ones_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jar");
    fs::write(&file, "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tf1le-s3cr3t\n").unwrap();
    let answer = "Set-Cookie: sid=s3t-s3cr3t\r\n";
    let server = site(move |_, _| Answer::Open(answer));
    let options = [
        "-vv",
        "-b",
        "other=typ3d-s3cr3t",
        "-b",
        file.to_str().unwrap(),
    ];
    let output = open(&options, &server);
    output
        .exits(0)
        .complains(&["> Cookie: [redacted]", "< Set-Cookie: [redacted]"]);
    assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
    let json = open(&[&options[1..], &["--json"]].concat(), &server).stdout_text();
    assert!(!json.contains("s3cr3t"), "{json}");
}

/// The Authorization header of a request with these options and this netrc file.
#[track_caller]
fn authorized(options: &[&str], netrc: &str, userinfo: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netrc");
    fs::write(&file, netrc).unwrap();
    let site = site(|_, _| Answer::Open(""));
    let url = format!("ws://{userinfo}{}/", site.address);
    let output = wirecat([options, &[&url]].concat())
        .env("NETRC", file.to_str().unwrap())
        .run();
    output.exits(0);
    assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
    let requests = site.requests();
    header(&requests[0], "authorization").map(str::to_owned)
}

#[test]
fn a_login_comes_from_the_netrc_file() {
    let netrc = "machine 127.0.0.1 login ann password s3cr3t\nmachine 127.0.0.1 login bob password s3cr3t2\n";
    // base64 of ann:s3cr3t and bob:s3cr3t2
    let (ann, bob) = ("Basic YW5uOnMzY3IzdA==", "Basic Ym9iOnMzY3IzdDI=");
    for (options, userinfo, sent) in [
        (&["-n"][..], "", Some(ann)),
        (&["--netrc-optional"], "", Some(ann)),
        (&[], "", None),
        (&["-n"], "bob@", Some(bob)),
        (&["-n"], "zoe@", None),
        (&["-n", "--oauth2-bearer", "T"], "", Some("Bearer T")),
        (&["-n", "--token", "T"], "", Some("Bearer T")),
        (&["-n", "-H", "Authorization: X"], "", Some("X")),
        (&["-n", "-v"], "", Some(ann)),
    ] {
        let sent = sent.map(str::to_owned);
        assert_eq!(
            authorized(options, netrc, userinfo),
            sent,
            "{options:?} {userinfo}"
        );
    }
    let default = authorized(&["-n"], "default login ann password s3cr3t", "");
    assert_eq!(default.as_deref(), Some(ann));
}

#[test]
fn a_netrc_file_that_is_missing_or_malformed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("bad"), "machine a\npasswrd s3cr3t").unwrap();
    let server = site(|_, _| Answer::Open(""));
    let missing = at("missing");
    open(&["--netrc-file", &missing], &server)
        .exits(2)
        .complains(&[&format!(
            "--netrc-file {missing}: No such file or directory"
        )]);
    let bad = at("bad");
    let output = open(&["--netrc-file", &bad], &server);
    output.exits(2).complains(&[&format!(
        "--netrc-file {bad}: line 2: a word there is none of"
    )]);
    assert!(!output.stderr.contains("s3cr3t"));
    assert!(server.requests().is_empty());
    open(&["--netrc-optional", "--netrc-file", &missing], &server).exits(0);
    let url = server.url("/");
    let home = folder.path().to_str().unwrap();
    wirecat(["-n", &url])
        .env("NETRC", "")
        .env("HOME", home)
        .run()
        .exits(2);
    fs::write(at(".netrc"), "default login a password b").unwrap();
    wirecat(["-n", &url])
        .env("NETRC", "")
        .env("HOME", home)
        .run()
        .exits(0);
    assert!(header(&server.requests()[1], "authorization").is_some());
}

#[test]
fn on_a_redirect_each_server_has_its_own_login() {
    let other = site(|_, _| Answer::Open(""));
    let there = format!("ws://localhost:{}/", other.address.port());
    let first = site(move |_, _| crate::support::site::redirect(302, &there));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netrc");
    let file = file.to_str().unwrap();
    for (netrc, elsewhere) in [
        ("machine 127.0.0.1 login a password b", None),
        (
            "machine 127.0.0.1 login a password b machine localhost login c password d",
            Some("Basic Yzpk"),
        ),
        // The default is not for whatever server another one names.
        (
            "machine 127.0.0.1 login a password b default login c password d",
            None,
        ),
        ("default login a password b", None),
    ] {
        fs::write(file, netrc).unwrap();
        open(&["-L", "--netrc-file", file], &first).exits(0);
        let requests = first.requests();
        assert_eq!(
            header(requests.last().unwrap(), "authorization"),
            Some("Basic YTpi")
        );
        let requests = other.requests();
        assert_eq!(header(requests.last().unwrap(), "authorization"), elsewhere);
    }
}

/// What a server may say, and whether it becomes a cookie.
#[test]
fn whatever_a_server_sets_the_jar_can_be_read_again() {
    let long = format!("a={}", "x".repeat(5000));
    let deep = format!("a=b; Path=/{}", "x".repeat(2000));
    for (value, kept) in [
        (&b"a=b"[..], true),
        (b"a=", true),
        (b"a=b=c", true),
        (b"a=\"b c\"", true),
        (b"a=#HttpOnly_x", true),
        (b"a=\xff", true),
        (b"a=b\xc2\x85c", false),
        (b"a=b\tc", false),
        (b"a\tb=c", false),
        (b"a=b; Path=/x\ty", false),
        (b"a=b; Domain=com", false),
        (b"a=b; Domain=.0.0.1", false),
        (b"a=b; Domain=other.example", false),
        (b"=b", false),
        (b"a", false),
        (b";;;", false),
        (b"a=b; Max-Age=999999999999999999999", true),
        (b"a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT", true),
        (b"a=b; Max-Age=-1", false),
        (b"__Host-a=b", false),
        (b"__Host-a=b; Secure; Path=/", true),
        (b"__Secure-a=b", false),
        (long.as_bytes(), false),
        (deep.as_bytes(), false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jar");
        let jar = file.to_str().unwrap();
        let answer = [
            b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nSet-Cookie: ",
            value,
            b"\r\n\r\n",
        ]
        .concat();
        let server = site(move |_, number| match number {
            1 => Answer::Bytes(answer.clone()),
            _ => Answer::Open(""),
        });
        let shown = String::from_utf8_lossy(&value[..value.len().min(99)]);
        open(&["-c", jar], &server).exits(22);
        open(&["-b", jar], &server).exits(0);
        let sent = &cookies(&server)[1];
        assert_eq!(sent.is_some(), kept, "{shown}: {sent:?}");
    }
}

/// Devices without an end, and files far larger than any of their kind.
#[test]
fn a_file_without_end_is_an_error() {
    let server = site(|_, _| Answer::Open(""));
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    let file = fs::File::create(&large).unwrap();
    file.set_len(100 << 20).unwrap();
    for path in ["/dev/zero", large.to_str().unwrap()] {
        let headers = format!("@{path}");
        for options in [
            ["-b", path],
            ["--netrc-file", path],
            ["-H", &headers],
            ["--proxy-header", &headers],
        ] {
            open(&options, &server)
                .exits(2)
                .complains(&["it is larger than 16 MiB"]);
        }
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_jar_that_cannot_be_written_in_time_is_an_error() {
    let server = site(|_, _| Answer::Open(""));
    let (_directory, path) = crate::support::fifo();
    open(&["-c", path.to_str().unwrap(), "-m", "500ms"], &server)
        .exits(28)
        .complains(&["--max-time is over", "could not be written in time"]);
}

#[test]
fn a_jar_has_the_cookies_of_every_server_that_connect_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jar");
    for (jar, is_written) in [(file.to_str().unwrap(), true), ("/dev/full", false)] {
        let first = raw(|mut wire| {
            let request = wire.request();
            wire.accept(&request, "Set-Cookie: a=1\r\n", b"");
            wire.until_close();
            wire.send(close(1000, ""));
        });
        let second = site(|_, _| Answer::Open("Set-Cookie: b=2\r\n"));
        let mut pty = Pty::prompt(&["-c", jar], &first.url("/"));
        let port = second.address.port();
        pty.type_keys(&format!("/connect ws://localhost:{port}/\r"));
        pty.expect("closed by server: 1000");
        let (status, shown) = pty.end();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(status.success(), is_written, "{shown}");
        // Where it cannot be written, the prompt goes on all the same.
        let complains = shown.contains("-c /dev/full: no space left");
        assert_eq!(complains, !is_written, "{shown}");
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("\ta\t1\n") && written.contains("\tb\t2\n"),
        "{written}"
    );
}
