//! The debug server, byte by byte: handshakes and masked frames are written by hand on a plain TCP
//! connection, so that nothing between the test and the wire can hide a mistake.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wirecat::internals::serve::{Options, run};
use wirecat::internals::wire::extension;

/// Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A server on a port and a thread of its own, stopped when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::start_with(Options::default())
    }

    pub(crate) fn start_with(options: Options) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&log);
        let options = Options {
            log: Some(Arc::new(move |line| {
                lines.lock().unwrap().push(line.to_owned())
            })),
            ..options
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || serve(listener, options, stopped));
        Server {
            address,
            log,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks the server to stop, without waiting for it.
    pub(crate) fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub(crate) fn join(&mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn tcp(&self) -> Wire {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Wire(stream)
    }

    /// An open WebSocket.
    #[track_caller]
    pub(crate) fn open(&self, path: &str) -> Wire {
        let mut wire = self.tcp();
        wire.write(handshake(path));
        let head = wire.head();
        assert!(
            head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{head}"
        );
        wire
    }

    /// The head and the body of the answer to a request that refuses it.
    pub(crate) fn ask(&self, request: &str) -> (String, String) {
        let mut wire = self.tcp();
        wire.write(request);
        let head = wire.head();
        let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
        let body = String::from_utf8(wire.take(length)).unwrap();
        (head, body)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The same, without what connections have carried.
    pub(crate) fn brief_lines(&self) -> Vec<String> {
        let brief = |line: String| match line.rsplit_once("; /") {
            Some((how, _)) => how.to_owned(),
            None => line,
        };
        self.lines().into_iter().map(brief).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.join();
        }
    }
}

fn serve(listener: std::net::TcpListener, options: Options, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let shutdown = async { drop(stopped.await) };
        run(listener, options, shutdown).await.unwrap();
    });
}

/// The client's end of a connection.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The response head, and not a byte more.
    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        String::from_utf8(head).unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        assert_eq!(self.take(bytes.as_ref().len()), bytes.as_ref());
    }

    #[track_caller]
    pub(crate) fn expect_close(&mut self, code: u16, reason: &str) {
        self.expect(close(code, reason));
    }

    /// The end of the stream, without a reset and without another byte.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }

    /// The rest of the closing handshake after the server's Close.
    #[track_caller]
    pub(crate) fn answer_close(&mut self) {
        self.write(masked(0x88, &1000_u16.to_be_bytes()));
        self.expect_end();
    }
}

pub(crate) fn handshake(path: &str) -> String {
    upgrade(&format!("GET {path}"), "Sec-WebSocket-Version: 13\r\n")
}

/// A handshake with this request line, and these lines after those that are always there.
pub(crate) fn upgrade(start: &str, lines: &str) -> String {
    format!(
        "{start} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// A client's frame (RFC 6455 §5.2); `first` is the first byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header_of(first, payload.len(), 0x80);
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

/// A server's frame.
pub(crate) fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header_of(first, payload.len(), 0);
    frame.extend(payload);
    frame
}

fn header_of(first: u8, len: usize, mask_bit: u8) -> Vec<u8> {
    match len {
        0..=125 => vec![first, mask_bit | u8::try_from(len).unwrap()],
        126..=0xffff => {
            let [a, b] = u16::try_from(len).unwrap().to_be_bytes();
            vec![first, mask_bit | 126, a, b]
        }
        _ => {
            let mut header = vec![first, mask_bit | 127];
            header.extend((len as u64).to_be_bytes());
            header
        }
    }
}

/// A server's Close.
fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.bytes());
    plain(0x88, &payload)
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[track_caller]
pub(crate) fn has(head: &str, name: &str, value: &str) {
    assert_eq!(header(head, name), Some(value), "{head}");
}

#[track_caller]
fn refuses(request: &str, status_line: &str) -> (String, String) {
    let (head, body) = Server::start().ask(request);
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status_line}\r\n")),
        "{head}"
    );
    (head, body)
}

#[test]
fn the_handshake_is_answered_as_in_the_rfc() {
    let server = Server::start();
    let mut wire = server.tcp();
    wire.write(upgrade(
        "GET /echo?token=x",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat.v2, chat.v1\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n",
    ));
    let head = wire.head();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    has(&head, "Upgrade", "websocket");
    has(&head, "Connection", "Upgrade");
    has(
        &head,
        "Sec-WebSocket-Accept",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    );
    has(&head, "Sec-WebSocket-Protocol", "chat.v2");
    has(&head, "Sec-WebSocket-Extensions", "permessage-deflate");
    assert_eq!(header(&head, "Content-Length"), None);
}

/// What a server with these options answers to these offers.
#[track_caller]
fn chosen(extensions: extension::Options, offers: &str) -> Option<String> {
    let server = Server::start_with(Options {
        extensions,
        ..Options::default()
    });
    let mut wire = server.tcp();
    let offers = format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: {offers}\r\n");
    wire.write(upgrade("GET /echo", &offers));
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    header(&head, "Sec-WebSocket-Extensions").map(str::to_owned)
}

#[test]
fn offers_of_compression_are_answered() {
    let any = extension::Options::default();
    let choosy = extension::Options {
        server_no_context_takeover: true,
        server_max_window_bits: Some(11),
        client_max_window_bits: Some(12),
        ..any
    };
    let unwilling = extension::Options {
        compress: false,
        ..any
    };
    for (options, offers, answer) in [
        (any, "permessage-deflate; client_max_window_bits", Some("")),
        (
            any,
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
            Some("; server_max_window_bits=10; client_max_window_bits=9"),
        ),
        (
            any,
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            Some("; server_no_context_takeover; client_no_context_takeover"),
        ),
        (
            any,
            "x-foo; a=\"b\", permessage-deflate; foo\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"9\"",
            Some("; server_max_window_bits=9"),
        ),
        (any, "permessage-deflate; server_max_window_bits", None),
        (any, "permessage-deflate; client_max_window_bits=16", None),
        (
            any,
            "permessage-deflate; server_no_context_takeover=1",
            None,
        ),
        (any, "x-webkit-deflate-frame", None),
        (any, "permessage-deflate; =", None),
        (
            choosy,
            "permessage-deflate",
            Some("; server_no_context_takeover; server_max_window_bits=11"),
        ),
        (
            choosy,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=12",
            Some(
                "; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=12",
            ),
        ),
        (unwilling, "permessage-deflate", None),
    ] {
        let answer = answer.map(|parameters| format!("permessage-deflate{parameters}"));
        assert_eq!(chosen(options, offers), answer, "{offers}");
    }
}

#[test]
fn connection_may_be_a_list() {
    let server = Server::start();
    let mut wire = server.tcp();
    let request =
        handshake("/echo").replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    wire.write(request);
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn bytes_that_come_with_the_handshake_are_not_lost() {
    let server = Server::start();
    let mut wire = server.tcp();
    let mut bytes = handshake("/echo").into_bytes();
    bytes.extend(masked(0x81, b"early"));
    wire.write(bytes);
    wire.head();
    wire.expect(plain(0x81, b"early"));
}

#[test]
fn a_key_is_required() {
    let request = handshake("/echo").replace("Sec-WebSocket-Key", "X-Key");
    let (_, body) = refuses(&request, "400 Bad Request");
    assert_eq!(
        body,
        "There must be exactly one Sec-WebSocket-Key header.\n"
    );
}

#[test]
fn another_version_is_answered_with_ours() {
    let request = upgrade("GET /echo", "Sec-WebSocket-Version: 8\r\n");
    let (head, body) = refuses(&request, "426 Upgrade Required");
    has(&head, "Sec-WebSocket-Version", "13");
    assert_eq!(body, "Sec-WebSocket-Version must be 13.\n");
}

#[test]
fn a_post_is_not_a_handshake() {
    let request = upgrade("POST /echo", "Sec-WebSocket-Version: 13\r\n");
    has(
        &refuses(&request, "405 Method Not Allowed").0,
        "Allow",
        "GET",
    );
}

#[test]
fn a_plain_get_is_answered_with_what_is_missing() {
    let (head, body) = refuses(
        "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "426 Upgrade Required",
    );
    has(&head, "Upgrade", "websocket");
    assert_eq!(
        body,
        "This is a WebSocket endpoint: the request must have the header `Upgrade: websocket`.\n"
    );
}

#[test]
fn the_endpoints_are_listed() {
    let (_, index) = refuses(
        "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n",
        "200 OK",
    );
    let (_, unknown) = refuses(&handshake("/nowhere"), "404 Not Found");
    for endpoint in [
        "/echo",
        "/status/CODE",
        "/close/CODE",
        "/silent",
        "/frames/KIND",
    ] {
        assert!(index.contains(endpoint), "{index}");
        assert!(unknown.contains(endpoint), "{unknown}");
    }
}

#[test]
fn a_bad_value_is_explained() {
    let (_, body) = refuses(&handshake("/close/5000"), "400 Bad Request");
    assert_eq!(body, "The close code must be a number from 1000 to 4999.\n");
}

#[test]
fn a_status_is_answered_with_its_headers() {
    let (head, body) = refuses(&handshake("/status/401"), "401 Unauthorized");
    has(&head, "WWW-Authenticate", "Bearer realm=\"wirecat\"");
    assert_eq!(body, "401 Unauthorized\n");
    let (head, _) = refuses(
        &handshake("/status/407"),
        "407 Proxy Authentication Required",
    );
    has(&head, "Proxy-Authenticate", "Basic realm=\"wirecat\"");
    has(
        &refuses(&handshake("/status/302"), "302 Found").0,
        "Location",
        "/echo",
    );
    has(
        &refuses(&handshake("/status/429"), "429 Too Many Requests").0,
        "Retry-After",
        "1",
    );
    has(
        &refuses(&handshake("/status/503"), "503 Service Unavailable").0,
        "Retry-After",
        "1",
    );
}

#[test]
fn a_status_without_a_body_has_none() {
    let server = Server::start();
    for code in [204, 304] {
        let mut wire = server.tcp();
        let request = handshake(&format!("/status/{code}"));
        wire.write(request.replace("Connection: Upgrade", "Connection: Upgrade, close"));
        assert!(wire.head().starts_with(&format!("HTTP/1.1 {code} ")));
        wire.expect_end();
    }
}

#[test]
fn a_refused_client_may_retry_on_the_same_connection() {
    let server = Server::start();
    let mut wire = server.tcp();
    wire.write("GET /status/503 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(wire.head().starts_with("HTTP/1.1 503 "));
    wire.expect("503 Service Unavailable\n");
    wire.write(handshake("/status/101"));
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire.write(masked(0x81, b"hi"));
    wire.expect(plain(0x81, b"hi"));
}

#[test]
fn every_message_comes_back() {
    let server = Server::start();
    let mut wire = server.open("/echo");
    for (opcode, payload) in [
        (0x81, "hällo".as_bytes()),
        (0x82, b"\x00\xff\x0a"),
        (0x81, b""),
        (0x82, b""),
    ] {
        wire.write(masked(opcode, payload));
        wire.expect(plain(opcode, payload));
    }
    let long = vec![b'x'; 300_000];
    wire.write(masked(0x81, &long));
    wire.expect(plain(0x81, &long));
}

#[test]
fn a_message_in_fragments_comes_back_whole() {
    let server = Server::start();
    let mut wire = server.open("/echo");
    wire.write(masked(0x01, b"Hel"));
    wire.write(masked(0x00, b""));
    wire.write(masked(0x89, b"between"));
    wire.write(masked(0x80, b"lo"));
    wire.expect(plain(0x8a, b"between"));
    wire.expect(plain(0x81, b"Hello"));
}

#[test]
fn a_burst_comes_back_in_order() {
    let server = Server::start();
    let mut wire = server.open("/echo");
    let numbers: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    wire.write(
        numbers
            .iter()
            .flat_map(|n| masked(0x81, n.as_bytes()))
            .collect::<Vec<_>>(),
    );
    let expected: Vec<u8> = numbers
        .iter()
        .flat_map(|n| plain(0x81, n.as_bytes()))
        .collect();
    wire.expect(expected);
}

/// Without a bound, the server would take all of the 600 MB.
#[track_caller]
pub(crate) fn stops_reading(path: &str, bytes: &[u8]) {
    let server = Server::start();
    let mut wire = server.open(path);
    wire.0
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let blocked = (0..10_000).find_map(|_| wire.0.write_all(bytes).err());
    let kind = blocked.expect("a write that blocks").kind();
    assert!(
        matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{kind}"
    );
}

#[test]
fn an_unread_echo_stops_reading() {
    stops_reading("/echo", &masked(0x82, &[7; 60_000]));
}

#[test]
fn a_delayed_echo_stops_reading_when_it_holds_enough() {
    stops_reading("/echo?delay=10m", &masked(0x82, &[7; 600_000]));
    stops_reading("/echo?delay=1ms", &masked(0x82, &[7; 60_000]));
}

#[test]
fn unread_pongs_stop_the_reading() {
    stops_reading("/silent", &masked(0x89, &[7; 125]).repeat(500));
}

#[test]
fn a_ping_is_answered_with_its_own_payload() {
    let server = Server::start();
    for path in ["/echo", "/echo?delay=1h", "/silent"] {
        let path = path.replace("1h", "60m");
        let mut wire = server.open(&path);
        wire.write(masked(0x89, b""));
        wire.expect(plain(0x8a, b""));
        wire.write(masked(0x89, &[9; 125]));
        wire.expect(plain(0x8a, &[9; 125]));
    }
}

#[test]
fn a_delayed_echo_keeps_the_order_and_answers_pings_meanwhile() {
    let server = Server::start();
    let mut wire = server.open("/echo?delay=300ms");
    let start = Instant::now();
    wire.write(masked(0x81, b"one"));
    wire.write(masked(0x82, b"two"));
    wire.write(masked(0x89, b"?"));
    wire.expect(plain(0x8a, b"?"));
    wire.expect(plain(0x81, b"one"));
    assert!(start.elapsed() >= Duration::from_millis(300));
    wire.expect(plain(0x82, b"two"));
}

#[test]
fn a_delayed_echo_holds_more_than_its_queue() {
    let server = Server::start();
    let mut wire = server.open("/echo?delay=1ms");
    wire.write(masked(0x81, b"x").repeat(3000));
    wire.expect(plain(0x81, b"x").repeat(3000));
}

#[test]
fn the_clients_close_is_echoed_and_the_stream_ends() {
    let server = Server::start();
    let mut wire = server.open("/echo");
    wire.write(masked(0x81, b"last"));
    wire.write(masked(0x88, b"\x0f\xa1bye"));
    wire.expect(plain(0x81, b"last"));
    wire.expect_close(4001, "bye");
    wire.expect_end();

    let mut wire = server.open("/silent");
    wire.write(masked(0x88, b""));
    wire.expect(plain(0x88, b""));
    wire.expect_end();
}

#[test]
fn a_client_that_closed_its_sending_side_gets_its_last_echoes() {
    let server = Server::start();
    let mut wire = server.tcp();
    wire.write([handshake("/echo").into_bytes(), masked(0x81, b"last")].concat());
    wire.0.shutdown(Shutdown::Write).unwrap();
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire.expect(plain(0x81, b"last"));
    wire.expect_end();
}

#[test]
fn a_close_comes_right_after_the_handshake() {
    let server = Server::start();
    let mut wire = server.open("/close/4401?reason=token%20expired");
    wire.expect_close(4401, "token expired");
    wire.answer_close();
}

#[test]
fn a_close_comes_after_n_messages() {
    let server = Server::start();
    let mut wire = server.open("/close/1012?reason=restart&after=2");
    wire.write(masked(0x81, b"a"));
    wire.expect(plain(0x81, b"a"));
    wire.write(masked(0x89, b"p"));
    wire.expect(plain(0x8a, b"p"));
    wire.write(masked(0x82, b"b"));
    wire.expect(plain(0x82, b"b"));
    wire.expect_close(1012, "restart");
    wire.answer_close();
}

/// tungstenite takes some of these for codes that nobody may send, and must not change them.
#[test]
fn every_requested_code_is_sent() {
    let server = Server::start();
    for code in [1000, 1001, 1004, 1006, 1014, 1015, 1016, 2999, 3000, 4999] {
        let mut wire = server.open(&format!("/close/{code}"));
        wire.expect_close(code, "");
        wire.answer_close();
    }
    let mut wire = server.open("/close/1005");
    wire.expect(plain(0x88, b""));
    wire.answer_close();
}

#[test]
fn the_silent_endpoint_says_nothing() {
    let server = Server::start();
    let mut wire = server.open("/silent");
    wire.write(masked(0x81, b"hello?"));
    wire.write(masked(0x82, &[0; 100_000]));
    wire.write(masked(0x89, b"there?"));
    wire.expect(plain(0x8a, b"there?"));
    wire.write(masked(0x88, b"\x03\xe8"));
    wire.expect_close(1000, "");
    wire.expect_end();
}

/// The Close that a client gets for these bytes; what it says beyond the code is free.
#[track_caller]
fn fails_with(server: &Server, bytes: &[u8], code: u16) {
    let mut wire = server.open("/echo");
    wire.write(bytes);
    let head = wire.take(2);
    assert_eq!(head[0], 0x88);
    let payload = wire.take(usize::from(head[1]));
    assert_eq!(
        payload[..2],
        code.to_be_bytes(),
        "{}",
        String::from_utf8_lossy(&payload[2..])
    );
    wire.expect_end();
}

#[test]
fn a_violation_closes_that_connection_only() {
    let server = Server::start();
    let mut other = server.open("/echo");
    fails_with(&server, &plain(0x81, b"not masked"), 1002);
    fails_with(&server, &masked(0x83, b""), 1002);
    fails_with(&server, &masked(0xc1, b"rsv1"), 1002);
    fails_with(&server, &masked(0x80, b"continues nothing"), 1002);
    fails_with(&server, &masked(0x09, b"fragmented ping"), 1002);
    fails_with(&server, &masked(0x89, &[0; 126]), 1002);
    fails_with(&server, &masked(0x88, b"\x03"), 1002);
    fails_with(&server, &masked(0x81, b"\xff"), 1007);
    let mut too_big = header_of(0x82, (64 << 20) + 1, 0x80);
    too_big.extend(MASK);
    fails_with(&server, &too_big, 1009);
    other.write(masked(0x81, b"alive"));
    other.expect(plain(0x81, b"alive"));
}

/// Bytes that the server never reads must not turn the end of the stream into a reset.
#[test]
fn data_after_a_violation_does_not_destroy_the_close() {
    let server = Server::start();
    let mut bytes = masked(0x83, b"");
    bytes.extend(masked(0x82, &[0; 200_000]));
    fails_with(&server, &bytes, 1002);
}

#[test]
fn server_shutdown_closes_every_connection() {
    let mut server = Server::start();
    let mut wires = [server.open("/echo"), server.open("/silent")];
    let mut idle = server.tcp();
    idle.write("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
    assert!(idle.head().starts_with("HTTP/1.1 200 "));
    server.ask_to_stop();
    for wire in &mut wires {
        wire.expect_close(1001, "server shutting down");
        wire.answer_close();
    }
    idle.expect("The debug server");
    server.join();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn the_server_ends_even_if_a_client_does_not_answer() {
    let mut server = Server::start();
    let mut wire = server.open("/silent");
    server.join();
    wire.expect_close(1001, "server shutting down");
}

#[test]
fn requests_and_ends_are_logged() {
    let mut server = Server::start();
    let mut wire = server.open("/echo");
    let peer = wire.0.local_addr().unwrap();
    wire.write(masked(0x88, b"\x03\xe8done"));
    wire.expect_close(1000, "done");
    wire.expect_end();
    drop(wire);
    let mut refused = server.tcp();
    let other = refused.0.local_addr().unwrap();
    refused.write(handshake("/status/401?x=y"));
    refused.head();
    drop(refused);
    server.join();
    let mut lines = server.brief_lines();
    lines.sort_by_key(|line| !line.starts_with(&peer.to_string()));
    assert_eq!(
        lines,
        [
            format!("{peer} GET /echo -> 101"),
            format!("{peer} closed by client: 1000 (normal closure) \"done\""),
            format!("{other} GET /status/401?x=y -> 401"),
        ]
    );
}

/// Clients on small devices compare header names byte by byte.
#[test]
fn header_names_have_the_case_of_the_rfcs() {
    let server = Server::start();
    let offers = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate\r\n";
    for (request, expected) in [
        (
            upgrade("GET /echo", offers),
            &[
                "Upgrade",
                "Connection",
                "Sec-WebSocket-Accept",
                "Sec-WebSocket-Protocol",
                "Sec-WebSocket-Extensions",
                "Date",
            ][..],
        ),
        (
            upgrade("GET /echo", "Sec-WebSocket-Version: 8\r\n"),
            &[
                "Content-Type",
                "Upgrade",
                "Connection",
                "Sec-WebSocket-Version",
                "Content-Length",
                "Date",
            ],
        ),
        (
            handshake("/status/401"),
            &["Content-Type", "WWW-Authenticate", "Content-Length", "Date"],
        ),
        (
            handshake("/status/407"),
            &[
                "Content-Type",
                "Proxy-Authenticate",
                "Content-Length",
                "Date",
            ],
        ),
        (
            handshake("/status/302"),
            &["Content-Type", "Location", "Content-Length", "Date"],
        ),
        (
            handshake("/status/503"),
            &["Content-Type", "Retry-After", "Content-Length", "Date"],
        ),
        (
            upgrade("POST /ledger", "").replace("Upgrade: websocket", "X-A: b"),
            &["Content-Type", "Allow", "Content-Length", "Date"],
        ),
        // What hyper refuses before it is asked.
        (
            "not HTTP\r\n\r\n".to_owned(),
            &["Connection", "Content-Length", "Date"],
        ),
    ] {
        let (head, _) = server.ask(&request);
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut names: Vec<&str> = lines.map(|(name, _)| name).collect();
        let mut expected = expected.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{head}");
    }
}

/// A request over a connection of its own; the status of the answer.
fn status_of(address: &str, target: &str) -> String {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wire = Wire(stream);
    wire.write(format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    ));
    wire.head()["HTTP/1.1 ".len()..][..3].to_owned()
}

fn terminate(child: &std::process::Child) {
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
}

#[test]
fn an_unread_log_does_not_block_clients_and_counts_dropped_lines() {
    const REQUESTS: usize = 400;
    let mut server = crate::support::wirecat(["serve", "0"]).spawn();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ws://").unwrap();
    let target = format!("/{}", "x".repeat(8000));
    for _ in 0..REQUESTS {
        assert_eq!(status_of(address, &target), "404");
    }
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let (mut logged, mut dropped) = (0, 0);
    while logged + dropped < REQUESTS {
        let line = log.next().expect("a line").unwrap();
        match line.strip_prefix("wirecat: ") {
            Some(told) => {
                let number = told.strip_suffix(" log lines were dropped");
                dropped += number.unwrap().parse::<usize>().unwrap();
            }
            None => {
                assert!(line.ends_with(" -> 404"), "{line}");
                logged += 1;
            }
        }
    }
    assert_eq!(logged + dropped, REQUESTS);
    assert!(logged > 100 && dropped > 100, "{logged} {dropped}");
    // It goes on.
    assert_eq!(status_of(address, "/"), "200");
    let line = log.next().unwrap().unwrap();
    assert!(line.ends_with(" GET / -> 200"), "{line}");
    terminate(&server);
    assert_eq!(crate::support::output(server).code(), 0);
}

#[cfg(unix)]
#[test]
fn a_server_with_an_unread_announcement_serves_and_ends() {
    use std::process::{Command, Stdio};

    for to_stderr in [false, true] {
        let (reader, mut full) = std::io::pipe().unwrap();
        let nonblocking = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK);
        nix::fcntl::fcntl(&full, nonblocking).unwrap();
        while full.write(&[b'.'; 4096]).is_ok() {}
        let blocking = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty());
        nix::fcntl::fcntl(&full, blocking).unwrap();
        // Nobody can say which port it takes, so it is given one that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let stderr = match to_stderr {
            true => Stdio::from(full.try_clone().unwrap()),
            false => Stdio::null(),
        };
        let mut server = Command::new(crate::support::WIRECAT)
            .args(["serve", &address])
            .stdin(Stdio::null())
            .stdout(full)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(start.elapsed() < PATIENCE, "it does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(status_of(&address, "/"), "200");
        terminate(&server);
        let status = crate::support::wait(&mut server).expect("it must not hang");
        assert_eq!(status.code(), Some(0));
        drop(reader);
    }
}
