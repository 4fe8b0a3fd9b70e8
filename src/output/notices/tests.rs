//! Each kind of notice.

use bytes::Bytes;

use super::*;
use crate::error::{Exit, Stage};
use crate::output::{Format, tests::options};
use crate::wire::frame::FrameHeader;

#[track_caller]
fn check(change: impl FnOnce(&mut Options), event: &Event<'_>, expected: &str) {
    let mut options = options(Format::Raw);
    change(&mut options);
    let timing = timing();
    let mut out = Vec::new();
    let mut stderr = Stderr {
        options: &options,
        redactor: &Redactor::default(),
        timing: Some(&timing),
        out: &mut out,
    };
    stderr.push(Duration::from_millis(9000), event);
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

fn timing() -> Timing {
    Timing::from([
        ("dns", Duration::from_millis(1)),
        ("tls", Duration::from_micros(30_040)),
        ("upgrade", Duration::from_millis(10)),
    ])
}

fn quiet(_: &mut Options) {}

fn verbose(options: &mut Options) {
    options.verbose = 1;
}

fn interactive(options: &mut Options) {
    options.interactive = true;
}

#[test]
fn a_frame_has_a_colour_that_distinguishes_it_from_a_message() {
    let frame = TracedFrame {
        by: By::Peer,
        header: FrameHeader::plain(true, 1, 2),
        plain: None,
        payload: Some(Bytes::from_static(b"hi")),
    };
    let line =
        "< frame FIN=1 RSV1=0 RSV2=0 RSV3=0 opcode=1 (text) MASK=0 length=2 (7 bit) t=9.000000";
    check(quiet, &Event::Traced(&frame), &format!("{line}\n"));
    let coloured = |options: &mut Options| options.stderr_color = true;
    let expected = format!("\x1b[2m{line}\x1b[0m\n");
    check(coloured, &Event::Traced(&frame), &expected);
}

#[test]
fn a_failure_shows_the_cause_the_peers_words_and_advice() {
    let error = Error::new(Stage::Tls, Exit::Untrusted, "certificate\nexpired")
        .detail("subject:\nx")
        .advice("-k");
    let event = &Event::Error(&error);
    let pipe = "wirecat: certificate\nexpired\n  subject:\n  x\n  try: -k\n";
    check(quiet, event, pipe);
    let terminal = "wirecat: certificate\\x0aexpired\n  subject:\\x0ax\n  try: -k\n";
    check(|o| o.stderr_tty = true, event, terminal);
    let colored = pipe.replace("wirecat:", "\x1b[31mwirecat:\x1b[0m");
    check(|o| o.stderr_color = true, event, &colored);
    let plain = "wirecat: certificate\\x0aexpired; subject:\\x0ax; try: -k\n";
    check(|o| (o.stderr_tty, o.plain) = (true, true), event, plain);
    check(quiet, &Event::Note("lost"), "wirecat: lost\n");
}

#[test]
fn a_close_is_shown_where_it_matters() {
    let told =
        |by, code: Option<u16>, reason: &str, clean, change: fn(&mut Options), line: &str| {
            let reason = reason.to_owned();
            let close = &Close { code, reason };
            check(
                change,
                &Event::Close {
                    conn: 1,
                    by,
                    origin: None,
                    close,
                    clean,
                },
                line,
            );
        };
    let expired = "closed by server: 4401 (private use) \"token expired\"\n";
    told(By::Peer, Some(4401), "token expired", true, quiet, expired);
    told(By::Peer, Some(1000), "", true, quiet, "");
    told(By::Peer, None, "", true, quiet, "");
    told(
        By::Peer,
        Some(1001),
        "",
        true,
        verbose,
        "closed by server: 1001 (going away)\n",
    );
    told(By::Us, Some(1000), "", true, quiet, "");
    told(
        By::Us,
        Some(1000),
        "",
        true,
        interactive,
        "closed: 1000 (normal closure)\n",
    );
    let unanswered = "closed: 1000 (normal closure) (no answer from the server)\n";
    told(By::Us, Some(1000), "", false, verbose, unanswered);
}

#[test]
fn an_opened_connection_is_shown_at_the_prompt() {
    let opened = Opened {
        asked: None,
        proxy: None,
        address: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 80)).into()),
        status: 101,
        http: "1.1",
        subprotocol: Some("chat".to_owned()),
        extensions: Some("permessage-deflate".to_owned()),
        compression: Some("none agreed".to_owned()),
        tls: None,
        timing: timing(),
    };
    let event = &Event::Open {
        conn: 1,
        opened: &opened,
    };
    let line = "connected to 127.0.0.1:80, subprotocol chat, extensions permessage-deflate\n";
    check(quiet, event, "");
    check(interactive, event, line);
    check(
        verbose,
        event,
        &format!("{line}compression: none agreed\ndns 1.0 ms, tls 30.0 ms, upgrade 10.0 ms\n"),
    );
}

#[test]
fn the_address_of_a_proxy_is_not_shown_as_the_server_s() {
    let opened = Opened {
        asked: None,
        proxy: Some("http://p:3128/ (from -x)".to_owned()),
        address: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 3128)).into()),
        status: 101,
        http: "1.1",
        subprotocol: None,
        extensions: None,
        compression: None,
        tls: None,
        timing: timing(),
    };
    let event = &Event::Open {
        conn: 1,
        opened: &opened,
    };
    let line = "connected through the proxy 127.0.0.1:3128\n";
    check(interactive, event, line);
}

#[test]
fn connecting_is_shown_with_verbose() {
    let address = opened_address();
    let event = Event::Connecting {
        conn: 1,
        attempt: 1,
        address,
    };
    check(quiet, &event, "");
    check(verbose, &event, "* connecting to [::1]:443\n");
    let event = Event::Connecting {
        conn: 1,
        attempt: 3,
        address: None,
    };
    check(verbose, &event, "* connecting (attempt 3)\n");
    let heads = Heads {
        request: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        response: b"HTTP/1.1 101 \xff\r\n\r\n".to_vec(),
    };
    let lines = "> GET / HTTP/1.1\n> Host: x\n> \n< HTTP/1.1 101 \\xff\n< \n";
    check(
        |o| (o.verbose, o.stderr_tty) = (1, true),
        &Event::Heads(&heads),
        lines,
    );
    check(quiet, &Event::Heads(&heads), "");
}

fn opened_address() -> Option<Address> {
    let address: std::net::SocketAddr = "[::1]:443".parse().ok()?;
    Some(address.into())
}

#[test]
fn a_certificate_is_shown_with_verbose() {
    let info = TlsInfo {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
        alpn: Some("h2".to_owned()),
        subject: "CN=x".to_owned(),
        issuer: "CN=ca".to_owned(),
        expires: "2027-01-01T00:00:00Z".to_owned(),
        verified: false,
    };
    let lines = "* TLSv1.3, TLS_AES_256_GCM_SHA384\n* ALPN: h2\n* subject: CN=x\n* issuer: CN=ca\n\
                 * expires: 2027-01-01T00:00:00Z\n* certificate not verified (--insecure)\n";
    check(verbose, &Event::Tls(&info), lines);
}

#[test]
fn pings_and_pongs_have_marks() {
    let (conn, show) = (1, |o: &mut Options| o.show_ping_pong = true);
    let rtt = Some(Duration::from_micros(12_345));
    let pong = Event::Pong {
        conn,
        by: By::Peer,
        origin: None,
        data: b"x",
        rtt,
        asked: true,
    };
    check(
        show,
        &Event::Ping {
            conn,
            by: By::Peer,
            origin: None,
            data: b"data",
        },
        "< ping \"data\"\n",
    );
    check(
        show,
        &Event::Pong {
            conn,
            by: By::Us,
            origin: None,
            data: b"a\n\xff",
            rtt: None,
            asked: false,
        },
        "> pong 610aff\n",
    );
    check(show, &pong, "< pong \"x\" (12.3 ms)\n");
    check(interactive, &pong, "< pong \"x\" (12.3 ms)\n");
    check(
        interactive,
        &Event::Ping {
            conn,
            by: By::Peer,
            origin: None,
            data: b"",
        },
        "",
    );
    check(quiet, &pong, "");
    let plain = |o: &mut Options| (o.show_ping_pong, o.plain) = (true, true);
    check(plain, &pong, "received: pong \"x\" (12.3 ms)\n");
}
