use super::*;

fn rules(options: Options) -> Rules {
    Rules::new(options, None)
}

fn handshake(origin: Option<&str>) -> Request<()> {
    let builder = Request::get("/chat")
        .header("Host", "localhost:8765")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13");
    let builder = match origin {
        Some(origin) => builder.header("Origin", origin),
        None => builder,
    };
    builder.body(()).unwrap()
}

const LOOPBACK: guard::Arrival = guard::Arrival {
    address: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
    tls: Some(false),
};

async fn answer(rules: &Rules, request: Request<()>) -> Answer {
    match rules.judge(request, LOOPBACK).await {
        Verdict::Admitted(answer, _) | Verdict::Answered(answer) | Verdict::Refused(answer, _) => {
            answer
        }
    }
}

async fn status(rules: &Rules, request: Request<()>) -> u16 {
    answer(rules, request).await.status().as_u16()
}

async fn body(answer: Answer) -> String {
    let body = http_body_util::BodyExt::collect(answer).await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

fn one() -> Options {
    Options {
        clients: Some(1),
        ..Options::default()
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_why() {
    let plain = Request::get("/")
        .header("Host", "localhost")
        .body(())
        .unwrap();
    assert_eq!(status(&rules(one()), plain).await, 426);
    assert_eq!(status(&rules(one()), handshake(None)).await, 101);
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_connect_unless_it_is_named() {
    for (origin, allowed, expected) in [
        ("http://localhost:8765", &[][..], 101),
        ("http://localhost:8766", &[], 403),
        ("https://evil.example", &[], 403),
        ("https://app.example", &["https://app.example"], 101),
        ("https://evil.example", &["https://app.example"], 403),
    ] {
        let origins = allowed.iter().map(|it| (*it).to_owned()).collect();
        let guard = guard::Options {
            origins,
            host_names: Vec::new(),
        };
        let rules = rules(Options { guard, ..one() });
        let answer = answer(&rules, handshake(Some(origin))).await;
        assert_eq!(answer.status(), expected, "{origin} {allowed:?}");
        let shared = answer.headers().get("access-control-allow-origin");
        let expected = (expected == 101).then_some(origin.as_bytes());
        assert_eq!(shared.map(HeaderValue::as_bytes), expected, "{origin}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_with_the_option_that_allows_it() {
    let mut request = handshake(None);
    let name = HeaderValue::from_static("rebound.example:8765");
    request.headers_mut().insert("host", name);
    let rules = rules(one());
    let Verdict::Refused(answer, why) = rules.judge(request, LOOPBACK).await else {
        panic!("it was admitted");
    };
    assert!(why.unwrap().contains("(--host-name)"));
    assert_eq!(answer.status(), 403);
    let body = body(answer).await;
    assert!(body.contains("`--host-name rebound.example`"), "{body}");
}

#[tokio::test]
async fn a_browser_and_a_script_find_out_that_the_server_is_there() {
    let rules = rules(one());
    let ask = |method: &str, path: &str| {
        let builder = Request::builder().method(method).uri(path);
        let builder = builder.header("Host", "localhost:8765");
        builder.body(()).unwrap()
    };
    for (method, path, expected) in [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/ready?x=1", 200),
        ("POST", "/health", 405),
        ("GET", "/healthy", 426),
    ] {
        let got = status(&rules, ask(method, path)).await;
        assert_eq!(got, expected, "{method} {path}");
    }
    // A client may ask for any target.
    let mut client = handshake(None);
    *client.uri_mut() = "/health".parse().unwrap();
    assert_eq!(status(&rules, client).await, 101);
    let (_, admission) = rules.admit(handshake(None)).await.ok().unwrap();
    assert_eq!(status(&rules, ask("GET", "/ready")).await, 503);
    assert_eq!(status(&rules, ask("GET", "/health")).await, 200);
    drop(admission);
    assert_eq!(status(&rules, ask("GET", "/ready")).await, 200);
    let mut preflight = ask("OPTIONS", "/health");
    let headers = preflight.headers_mut();
    let page = HeaderValue::from_static("http://localhost:8765");
    headers.insert("origin", page);
    let method = HeaderValue::from_static("GET");
    headers.insert("access-control-request-method", method);
    let answer = answer(&rules, preflight).await;
    assert_eq!(answer.status(), 204);
    let allowed = &answer.headers()["access-control-allow-origin"];
    assert_eq!(allowed, "http://localhost:8765");
}

#[tokio::test]
async fn a_valid_handshake_is_refused_with_the_status_of_the_option() {
    let status_of = Some(StatusCode::IM_A_TEAPOT);
    let rules = rules(Options {
        status: status_of,
        ..one()
    });
    assert_eq!(status(&rules, handshake(None)).await, 418);
    let plain = Request::get("/")
        .header("Host", "localhost")
        .body(())
        .unwrap();
    assert_eq!(status(&rules, plain).await, 426);
}

#[tokio::test]
async fn the_only_client_is_not_waited_for() {
    let rules = rules(one());
    let (_, admission) = rules.admit(handshake(None)).await.ok().unwrap();
    let refused = rules.admit(handshake(None)).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    // It went away before it was let in.
    drop(admission);
    let (_, admission) = rules.admit(handshake(None)).await.ok().unwrap();
    drop(rules.count(admission.turn));
    assert_eq!(status(&rules, handshake(None)).await, 503);
}

#[tokio::test]
async fn the_next_of_several_clients_waits_for_its_turn() {
    let rules = rules(Options {
        clients: Some(2),
        ..Options::default()
    });
    let (_, first) = rules.admit(handshake(None)).await.ok().unwrap();
    let first = rules.count(first.turn);
    let mut second = std::pin::pin!(rules.admit(handshake(None)));
    let waits = futures_util::FutureExt::now_or_never(second.as_mut()).is_none();
    assert!(waits);
    drop(first);
    let (_, second) = second.await.ok().unwrap();
    drop(rules.count(second.turn));
    assert_eq!(status(&rules, handshake(None)).await, 503);
}

#[tokio::test]
async fn clients_side_by_side_are_no_more_than_there_are_to_be() {
    let rules = rules(Options {
        clients: Some(2),
        side_by_side: true,
        ..Options::default()
    });
    let (_, first) = rules.admit(handshake(None)).await.ok().unwrap();
    let (_, second) = rules.admit(handshake(None)).await.ok().unwrap();
    // Both are still being let in.
    assert_eq!(status(&rules, handshake(None)).await, 503);
    // One went away before it was.
    drop(second);
    assert!(rules.count(first.turn).is_none());
    let (_, second) = rules.admit(handshake(None)).await.ok().unwrap();
    assert!(rules.count(second.turn).is_none());
    assert_eq!(status(&rules, handshake(None)).await, 503);
    assert_eq!(rules.left.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn clients_beyond_those_at_the_same_time_come_back_later() {
    let rules = rules(Options {
        side_by_side: true,
        at_once: Some(2),
        ..Options::default()
    });
    let (_, first) = rules.admit(handshake(None)).await.ok().unwrap();
    let first = rules.count(first.turn);
    let (_, second) = rules.admit(handshake(None)).await.ok().unwrap();
    let refused = rules.admit(handshake(None)).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(rules.is_full());
    // One went away before it was let in, the other after.
    drop(second);
    let (_, third) = rules.admit(handshake(None)).await.ok().unwrap();
    assert_eq!(status(&rules, handshake(None)).await, 503);
    drop(first);
    assert!(!rules.is_full());
    assert_eq!(status(&rules, handshake(None)).await, 101);
    drop(third);
}

#[tokio::test]
async fn a_client_needs_a_token_where_one_is_expected() {
    let rules = rules(Options {
        tokens: bearer::Expected::new(&[crate::secret::Secret::new("s3cret")]),
        ..one()
    });
    let with = |name, value| {
        let mut request = handshake(None);
        if name == "query" {
            *request.uri_mut() = format!("/chat?token={value}").parse().unwrap();
        } else {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        request
    };
    for (request, body_of) in [
        (handshake(None), "A token is missing; "),
        (with("query", "other"), "The token is not known."),
        (with("header", "Bearer other"), "The token is not known."),
    ] {
        let answer = answer(&rules, request).await;
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer "), "{challenge}");
        let said = body(answer).await;
        assert!(said.starts_with(body_of), "{said}");
    }
    let plain = Request::get("/").header("Host", "localhost");
    assert_eq!(status(&rules, plain.body(()).unwrap()).await, 401);
    let health = Request::get("/health").header("Host", "localhost");
    assert_eq!(status(&rules, health.body(()).unwrap()).await, 200);
    assert_eq!(status(&rules, with("query", "s3cret")).await, 101);
    assert_eq!(status(&rules, with("header", "Bearer s3cret")).await, 101);
}

#[tokio::test]
async fn a_server_that_is_going_away_lets_nobody_in() {
    let rules = rules(Options {
        side_by_side: true,
        ..Options::default()
    });
    let (_, first) = rules.admit(handshake(None)).await.ok().unwrap();
    drop(rules.count(first.turn));
    rules.left.store(0, Ordering::Relaxed);
    assert_eq!(status(&rules, handshake(None)).await, 503);
}
