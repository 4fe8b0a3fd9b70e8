use super::*;

const LOOPBACK: Arrival = Arrival {
    address: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
    tls: Some(false),
};

const UNIX: Arrival = Arrival {
    address: None,
    tls: None,
};

fn allowing(origins: &[&str], names: &[&str]) -> Options {
    Options {
        origins: origins.iter().map(|text| origin(text).unwrap()).collect(),
        host_names: names.iter().map(|text| host_name(text).unwrap()).collect(),
    }
}

fn request(headers: &[(&str, &str)]) -> Request<()> {
    let mut builder = Request::get("/ledger");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap()
}

/// Whether a page of `origin` may ask for `host`.
fn allows(options: &Options, arrival: Arrival, origin: &str, host: &str) -> bool {
    let request = request(&[("Host", host), ("Origin", origin)]);
    let checked = check(options, arrival, &request);
    if let Err(denied) = &checked {
        assert_eq!(denied.answer.status(), 403);
    }
    checked.is_ok()
}

#[test]
fn only_pages_of_the_server_itself_are_allowed() {
    let own = |origin, host| allows(&Options::default(), LOOPBACK, origin, host);
    for (origin, host) in [
        ("http://localhost:8765", "localhost:8765"),
        ("http://LOCALHOST:8765", "localhost:8765"),
        ("http://127.0.0.1:8765", "127.0.0.1:8765"),
        ("http://[::1]:8765", "[::1]:8765"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
    ] {
        assert!(own(origin, host), "{origin} {host}");
    }
    for (origin, host) in [
        ("https://localhost:8765", "localhost:8765"),
        ("http://localhost:8766", "localhost:8765"),
        ("http://127.0.0.1:8765", "localhost:8765"),
        ("http://localhost:8765.evil.example", "localhost:8765"),
        ("http://evil.example", "localhost:8765"),
        ("https://evil.example", "127.0.0.1:8765"),
        ("null", "localhost:8765"),
        ("", "localhost:8765"),
        ("localhost:8765", "localhost:8765"),
        ("ws://localhost:8765", "localhost:8765"),
        ("http://evil.example", "evil.example"),
    ] {
        assert!(!own(origin, host), "{origin} {host}");
    }
}

#[test]
fn other_origins_are_allowed_exactly_as_named() {
    let options = allowing(&["https://App.example", "http://localhost:3000/"], &[]);
    let page = |origin| allows(&options, LOOPBACK, origin, "localhost:8765");
    assert!(page("https://app.example") && page("http://localhost:3000"));
    for origin in [
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "https://evil.example",
        "null",
    ] {
        assert!(!page(origin), "{origin}");
    }
    let any = allowing(&["*"], &[]);
    assert!(allows(&any, LOOPBACK, "https://any.example", "localhost"));
    assert!(!allows(&any, LOOPBACK, "null", "localhost"));
    let file = allowing(&["null"], &[]);
    assert!(allows(&file, LOOPBACK, "null", "localhost"));
    assert!(!allows(&file, LOOPBACK, "https://any.example", "localhost"));
}

#[test]
fn the_scheme_is_that_of_the_connection_where_it_is_known() {
    let tls = Arrival {
        tls: Some(true),
        ..LOOPBACK
    };
    let none = Options::default();
    assert!(allows(&none, tls, "https://localhost", "localhost:443"));
    assert!(!allows(&none, tls, "http://localhost", "localhost"));
    for origin in ["https://site.example", "http://site.example"] {
        assert!(allows(&none, UNIX, origin, "site.example"), "{origin}");
    }
    assert!(!allows(&none, UNIX, "https://evil.example", "site.example"));
}

/// Whether a program that is no browser may ask for `host`.
fn serves(options: &Options, arrival: Arrival, host: &str) -> bool {
    check(options, arrival, &request(&[("Host", host)])).is_ok()
}

#[test]
fn the_host_is_an_address_of_the_server_or_named() {
    let outside = Arrival {
        address: Some("::ffff:10.0.0.5".parse().unwrap()),
        ..LOOPBACK
    };
    let none = Options::default();
    for host in [
        "localhost",
        "LocalHost.:1",
        "app.localhost:8765",
        "127.0.0.1:8765",
        "127.9.9.9",
        "[::1]:8765",
        "0.0.0.0:8765",
        "10.0.0.5:8765",
        "[::ffff:10.0.0.5]",
    ] {
        assert!(serves(&none, outside, host), "{host}");
    }
    let bad = [
        "evil.example:8765",
        "localhost.evil.example",
        "notlocalhost",
        "10.0.0.6",
        "[2001:db8::1]:8765",
        "127.0.0.1.evil.example",
        "",
        "a b",
        "::1",
    ];
    for host in bad {
        assert!(!serves(&none, outside, host), "{host}");
        assert!(serves(&none, UNIX, host), "{host}");
        assert!(serves(&allowing(&[], &["*"]), outside, host), "{host}");
    }
    let named = allowing(&[], &["Dev.example", "10.0.0.6", "2001:db8::1"]);
    for host in [
        "dev.example:1",
        "DEV.example.",
        "10.0.0.6",
        "[2001:db8::1]:8765",
    ] {
        assert!(serves(&named, outside, host), "{host}");
    }
    assert!(!serves(&named, outside, "www.dev.example"));
}

#[test]
fn every_host_of_a_request_counts() {
    let none = Options::default();
    let twice = request(&[("Host", "localhost"), ("Host", "evil.example")]);
    assert!(check(&none, LOOPBACK, &twice).is_err());
    let absolute = Request::get("http://evil.example/").header("Host", "localhost");
    assert!(check(&none, LOOPBACK, &absolute.body(()).unwrap()).is_err());
    // As over HTTP/1.0.
    assert!(check(&none, LOOPBACK, &request(&[])).is_ok());
    let page = request(&[("Origin", "http://localhost")]);
    assert!(check(&none, LOOPBACK, &page).is_err());
}

#[test]
fn a_page_that_hides_its_origin_is_not_allowed() {
    let none = Options::default();
    let site = |site, mode| {
        let headers = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode)];
        request(&headers)
    };
    for (from, mode, allowed) in [
        ("cross-site", "no-cors", false),
        ("same-site", "no-cors", false),
        ("cross-site", "navigate", true),
        ("same-origin", "no-cors", true),
        ("none", "navigate", true),
    ] {
        let checked = check(&none, LOOPBACK, &site(from, mode));
        assert_eq!(checked.is_ok(), allowed, "{from} {mode}");
    }
    let any = allowing(&["*"], &[]);
    assert!(check(&any, LOOPBACK, &site("cross-site", "no-cors")).is_ok());
    let two = request(&[
        ("Host", "localhost"),
        ("Origin", "http://localhost"),
        ("Origin", "http://evil.example"),
    ]);
    assert!(check(&none, LOOPBACK, &two).is_err());
}

#[test]
fn a_refusal_names_the_option_and_escapes_what_the_client_sent() {
    let mut page = request(&[("Host", "localhost")]);
    let hostile = HeaderValue::from_bytes(b"http://\xe2\x80\xae\xff").unwrap();
    page.headers_mut().insert(ORIGIN, hostile);
    let denied = check(&Options::default(), LOOPBACK, &page).unwrap_err();
    assert!(denied.why.contains("--origin"), "{}", denied.why);
    assert!(denied.why.contains("\\u{202e}"), "{}", denied.why);
    let long = "x".repeat(5000);
    let denied = check(&Options::default(), LOOPBACK, &request(&[("Host", &long)]));
    let why = denied.unwrap_err().why;
    assert!(why.contains("--host-name") && why.len() < 300, "{why}");
}

#[test]
fn what_is_allowed_is_an_origin_or_a_host_name() {
    for (text, expected) in [
        ("https://a.example:443", "https://a.example"),
        ("http://A.example:8080/", "http://a.example:8080"),
        ("chrome-extension://AbC", "chrome-extension://abc"),
        ("*", "*"),
        ("null", "null"),
    ] {
        assert_eq!(origin(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "",
        "a.example",
        "https://a/b",
        "https://u@a",
        "https://a?b",
        "*.a",
    ] {
        assert!(origin(text).is_err(), "{text}");
    }
    assert_eq!(host_name("::1").as_deref(), Ok("[::1]"));
    for text in ["", "a b", "a.example:80", "http://a"] {
        assert!(host_name(text).is_err(), "{text}");
    }
}

#[test]
fn a_preflight_is_answered_for_its_page() {
    let asking = [
        ("Origin", "http://localhost"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Private-Network", "true"),
    ];
    let mut request = request(&asking);
    assert!(preflight(&request).is_none());
    *request.method_mut() = Method::OPTIONS;
    let mut answer = preflight(&request).unwrap();
    share(
        &mut answer,
        Some(HeaderValue::from_static("http://localhost")),
    );
    let expected = [
        ("access-control-allow-origin", "http://localhost"),
        ("vary", "Origin"),
        (
            "access-control-allow-headers",
            "authorization, content-type",
        ),
        ("access-control-allow-private-network", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.headers()[name], value, "{name}");
    }
    assert_eq!(answer.status(), 204);
    request
        .headers_mut()
        .remove("access-control-request-method");
    assert!(preflight(&request).is_none());
}
