//! Redirects: what follows them, how far, and what stays behind.

use std::time::{Duration, Instant};

use crate::support::server::header;
use crate::support::site::{Answer, Site, redirect, redirect_with, site};
use crate::support::{Output, wirecat};

fn follow(options: &[&str], url: &str) -> Output {
    wirecat([&["-L", "--connect-timeout", "5s"], options, &[url]].concat()).run()
}

#[test]
fn every_status_that_redirects_is_followed_and_no_other() {
    for status in [301, 302, 303, 307, 308] {
        let site = site(move |_, number| match number {
            1 => redirect(status, "/there?x=1"),
            _ => Answer::Open(""),
        });
        follow(&[], &site.url("/here")).exits(0);
        assert_eq!(site.targets(), ["/here", "/there?x=1"], "{status}");
    }
    for status in [300, 304, 305, 306, 399] {
        let site = site(move |_, _| redirect(status, "/there"));
        follow(&[], &site.url("/here"))
            .exits(22)
            .complains(&[&format!("HTTP {status}"), "location: /there"]);
        assert_eq!(site.targets(), ["/here"], "{status}");
    }
}

#[test]
fn without_the_option_the_location_is_shown() {
    let site = site(|_, _| redirect(302, "/there"));
    let output = wirecat([&site.url("/here")]).run();
    output
        .exits(22)
        .complains(&["location: /there", "-L follows it"]);
    assert_eq!(site.targets(), ["/here"]);
}

#[test]
fn a_redirect_without_a_location_is_the_server_s_fault() {
    let answer = || Answer::Bytes(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    for options in [&[][..], &["-L"]] {
        let site = site(move |_, _| answer());
        let output = wirecat([options, &[&site.url("/here")]].concat()).run();
        output
            .exits(22)
            .complains(&["HTTP 302 Found", "try: the redirect has no Location: "]);
        assert!(!output.stderr.contains("-L"), "{}", output.stderr);
    }
}

#[test]
fn a_redirect_leads_to_another_server_over_http_or_ws() {
    for scheme in ["ws", "http"] {
        let other = site(|_, _| Answer::Open(""));
        let there = format!("{scheme}://{}/there", other.address);
        let first = site(move |_, _| redirect(307, &there));
        let output = follow(&["-v"], &first.url("/"));
        output.exits(0).complains(&[
            "< Location: ",
            &format!("* connecting to {}", other.address),
        ]);
        assert_eq!(other.targets(), ["/there"]);
        let host = other.address.to_string();
        let requests = other.requests();
        assert_eq!(header(&requests[0], "host"), Some(host.as_str()));
    }
}

#[test]
fn too_many_redirects_and_a_circle_are_errors_of_their_own() {
    let endless = |count: usize| {
        let site = site(|_, number| redirect(302, &format!("/{number}")));
        let most = count.to_string();
        let options: &[&str] = if count == 10 {
            &[]
        } else {
            &["--max-redirs", &most]
        };
        let output = follow(options, &site.url("/"));
        let plural = if count == 1 { "" } else { "s" };
        output.exits(47).complains(&[
            &format!("more than {count} redirect{plural}"),
            "--max-redirs N follows more",
        ]);
        assert_eq!(site.targets().len(), count + 1);
    };
    [0, 1, 10, 200].into_iter().for_each(endless);

    let circle = site(|_, number| redirect(302, if number % 2 == 1 { "/b" } else { "/a" }));
    let output = follow(&["--max-redirs", "-1", "--reconnect"], &circle.url("/a"));
    output
        .exits(47)
        .complains(&["the redirects go round in a circle"]);
    assert_eq!(circle.targets(), ["/a", "/b"]);

    let itself = site(|_, _| redirect(302, ""));
    follow(&[], &itself.url("/a"))
        .exits(22)
        .complains(&["its Location is empty"]);
    let itself = site(|_, _| redirect(302, "/a"));
    follow(&[], &itself.url("/a")).exits(47);
    assert_eq!(itself.targets(), ["/a"]);
}

/// A credential: its options, and what must be found in the request that has it.
const CREDENTIALS: &[(&[&str], &str)] = &[
    (&["-u", "user:s3cr3t-pass"], "Authorization: Basic"),
    (&["--oauth2-bearer", "s3cr3t-bearer"], "s3cr3t-bearer"),
    (&["--token", "s3cr3t-token"], "s3cr3t-token"),
    (
        &["--token", "s3cr3t-token", "--token-via", "query"],
        "s3cr3t-token",
    ),
    (
        &["--token", "s3cr3t-token", "--token-via", "subprotocol"],
        "s3cr3t-token",
    ),
    (
        &["--token", "s3cr3t-token", "--token-name", "X-Gate"],
        "X-Gate: s3cr3t-token",
    ),
    (&["-b", "sid=s3cr3t-cookie"], "sid=s3cr3t-cookie"),
    (&["-H", "Cookie: sid=s3cr3t-cookie"], "sid=s3cr3t-cookie"),
    (
        &["-H", "Authorization: Bearer s3cr3t-header"],
        "s3cr3t-header",
    ),
    (&["-H", "X-Api-Key: s3cr3t-key"], "s3cr3t-key"),
    (&["-H", "X-Signature: s3cr3t-sig"], "s3cr3t-sig"),
    (
        &["-H", "Proxy-Authorization: Basic s3cr3t-proxy"],
        "s3cr3t-proxy",
    ),
];

#[track_caller]
fn gets(site: &Site, credential: &str) -> bool {
    let requests = site.requests();
    assert!(!requests.is_empty());
    requests.iter().all(|head| head.contains(credential))
}

/// Credential by hop: the first server gets it, the same server after a redirect too; another port is
/// another server, which gets it only with --location-trusted.
#[test]
fn no_credential_goes_to_another_server() {
    for (options, credential) in CREDENTIALS {
        let here = site(|_, number| match number {
            1 => redirect(302, "/again"),
            _ => Answer::Open(""),
        });
        follow(options, &here.url("/")).exits(0);
        assert!(gets(&here, credential), "{credential} on the same server");

        for (trust, trusted) in [(&[][..], false), (&["--location-trusted"][..], true)] {
            let other = site(|_, _| Answer::Open(""));
            let there = other.url("/there");
            let first = site(move |_, _| redirect(302, &there));
            let all = [options, trust, &["-H", "X-Trace: 7"]].concat();
            let output = follow(&all, &first.url("/"));
            output.exits(0);
            assert!(gets(&first, credential), "{credential} at first");
            assert_eq!(gets(&other, credential), trusted, "{credential} elsewhere");
            assert!(gets(&other, "X-Trace: 7"), "what is no credential goes on");
            assert_eq!(
                output.stderr.contains("--location-trusted"),
                !trusted,
                "{}",
                output.stderr
            );
            assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
            if !trusted {
                assert!(
                    !other.requests()[0].contains("s3cr3t"),
                    "{:?}",
                    other.requests()
                );
            }
        }
    }
}

#[test]
fn a_token_in_the_first_message_and_userinfo_stay_behind_too() {
    let other = site(|_, _| Answer::Open(""));
    let there = format!("ws://u:p@{}/there", other.address);
    let first = site(move |_, _| redirect(302, &there));
    let url = format!("ws://user:s3cr3t-pass@{}/", first.address);
    let options = [
        "--json",
        "--token",
        "s3cr3t-token",
        "--token-via",
        "message",
    ];
    let output = follow(&options, &url);
    output.exits(0);
    assert!(gets(&first, "Authorization: Basic"));
    let request = &other.requests()[0];
    assert_eq!(header(request, "authorization"), None, "{request}");
    assert!(
        !output.stdout_text().contains("\"send\""),
        "{}",
        output.stdout_text()
    );
}

#[test]
fn a_host_header_is_for_the_host_of_the_url() {
    let options = ["-H", "Host: api.example", "-H", "X-Trace: 7"];
    let here = site(|_, number| match number {
        1 => redirect(302, "/again"),
        _ => Answer::Open(""),
    });
    follow(&options, &here.url("/")).exits(0);
    assert!(gets(&here, "Host: api.example"));
    for trust in [&[][..], &["--location-trusted"]] {
        let other = site(|_, _| Answer::Open(""));
        let place = format!("localhost:{}", other.address.port());
        let there = format!("ws://{place}/there");
        let first = site(move |_, _| redirect(302, &there));
        follow(&[&options[..], trust].concat(), &first.url("/")).exits(0);
        assert!(gets(&first, "Host: api.example"));
        let requests = other.requests();
        assert_eq!(header(&requests[0], "host"), Some(place.as_str()));
        assert!(gets(&other, "X-Trace: 7"));
    }
}

#[test]
fn a_reconnect_begins_at_the_url_of_the_user() {
    let site = site(|_, number| match number {
        1 | 3 => redirect(302, &format!("/there-{number}")),
        2 => Answer::Bytes(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ => Answer::Open(""),
    });
    let options = ["--reconnect=2", "--reconnect-delay", "10ms"];
    follow(&options, &site.url("/here")).exits(0);
    assert_eq!(site.targets(), ["/here", "/there-1", "/here", "/there-3"]);
}

#[test]
fn the_times_say_how_long_the_redirects_took() {
    let site = site(|_, number| match number {
        1 | 2 => redirect(302, &format!("/{number}")),
        _ => Answer::Open(""),
    });
    let output = follow(&["--json"], &site.url("/"));
    let events = output.exits(0).stdout_text();
    let open = events
        .lines()
        .find(|line| line.contains("\"open\""))
        .unwrap();
    let (_, timing) = open.split_once("\"timing\":").unwrap();
    let steps = timing.trim_matches(['{', '}']).split(',');
    let names: Vec<&str> = steps.map(|step| step.split('"').nth(1).unwrap()).collect();
    assert_eq!(names, ["redirect", "tcp", "upgrade"], "{open}");
    let refused = events.matches("\"type\":\"refused\"").count();
    assert_eq!(refused, 2, "each redirect is an event: {events}");
}

#[test]
fn cookies_on_the_way_are_kept_for_the_servers_that_set_them() {
    let other = site(|_, _| Answer::Open(""));
    let there = format!("ws://localhost:{}/there", other.address.port());
    let first = site(move |_, number| match number {
        1 => redirect_with(302, "/again", "Set-Cookie: a=1; Path=/\r\n"),
        // The same URL: a server that asks whether cookies are kept.
        2 => redirect_with(302, "/again", "Set-Cookie: b=2; Path=/\r\n"),
        _ => redirect(302, &there),
    });
    follow(&[], &first.url("/")).exits(0);
    let requests = first.requests();
    let cookies: Vec<_> = requests.iter().map(|head| header(head, "cookie")).collect();
    assert_eq!(cookies, [None, Some("a=1"), Some("a=1; b=2")]);
    assert_eq!(header(&other.requests()[0], "cookie"), None);
}

/// Locations and answers that a server may make up, the exit code, and what is said.
#[test]
fn malformed_and_hostile_redirects_end() {
    let long = format!("/{}", "x".repeat(100_000));
    let locations = [
        ("file:///etc/passwd", 22, "'file:'"),
        ("javascript:alert(1)", 22, "'javascript:'"),
        ("data:text/html,x", 22, "'data:'"),
        ("ftp://127.0.0.1/", 22, "'ftp:'"),
        ("ws+unix:/run/docker.sock:/", 22, "'ws+unix:'"),
        ("gopher://127.0.0.1:70/", 22, "'gopher:'"),
        ("http://", 22, "malformed"),
        ("http://[::1", 22, "malformed"),
        ("http://a b/", 22, "malformed"),
        ("http://127.0.0.1:99999/", 22, "malformed"),
        ("http://127.0.0.1:0/", 7, "could not connect"),
        ("", 22, "empty"),
        ("http://no-such-host.invalid/", 6, "could not resolve"),
        ("http://127.0.0.1:1/", 7, "could not connect"),
        ("\u{1b}]0;title\u{7}", 8, ""),
        ("/\u{202e}x", 0, ""),
        (&long, 22, "its Location has more than 60000 bytes"),
        ("//127.0.0.1:1/x", 7, "could not connect"),
        ("https://127.0.0.1:1/x", 7, "could not connect"),
        ("/x\u{a0}y", 0, ""),
        ("?q=%zz", 0, ""),
        ("/%00", 0, ""),
        ("/../../../x", 0, ""),
        ("#only-a-fragment", 47, "circle"),
        ("\\\\127.0.0.1:1\\x", 7, "could not connect"),
    ];
    for (location, code, says) in locations {
        let location = location.to_owned();
        let to = location.clone();
        let site = site(move |_, number| match number {
            1 => redirect(302, &to),
            _ => Answer::Open(""),
        });
        let begun = Instant::now();
        let output = follow(&[], &site.url("/"));
        let shown: String = location.chars().take(99).collect();
        let said: String = output.stderr.chars().take(999).collect();
        assert_eq!(output.code(), code, "{shown:?}: {said}");
        output.complains(&[says]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{location:?}");
        assert!(
            !output.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{location:?}"
        );
    }
}
