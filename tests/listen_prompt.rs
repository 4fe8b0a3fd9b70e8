//! `wirecat listen` at the prompt: the server's side, played by hand. The clients are raw ones, which send
//! exactly the bytes a test wants.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::listen::{HANDSHAKE, frame, head_of, listen, masked};
use crate::support::pty::Pty;
use crate::support::{PATIENCE, wirecat};

/// The prompt of `wirecat listen` on a free port, and the address.
fn prompt(options: &[&str]) -> (Pty, String) {
    let pty = Pty::start(&[&["listen", "127.0.0.1:0"], options].concat());
    pty.expect("cl 0> ");
    let shown = String::from_utf8(pty.bytes()).unwrap();
    let (_, rest) = shown.split_once("listening on ws://").unwrap();
    let address = rest.split_ascii_whitespace().next().unwrap().to_owned();
    (pty, address)
}

/// A raw client of the prompt after its handshake; it asks for this target.
fn client_of(address: &str, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let handshake = HANDSHAKE.replacen("/chat", target, 1);
    stream.write_all(handshake.as_bytes()).unwrap();
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

#[test]
fn the_day_of_a_client_author() {
    let (mut pty, address) = prompt(&[]);
    let mut client = client_of(&address, "/chat?token=s3cret-query&room=1");
    pty.expect("[1] connected from 127.0.0.1:");
    pty.expect("GET /chat?token=[redacted]&room=1");
    pty.expect("cl 1> ");
    // It sends, and is answered by hand.
    client
        .write_all(&masked(0x81, b"is anybody there"))
        .unwrap();
    pty.expect("[1] < is anybody there");
    pty.type_keys("{\"ok\":true}\r");
    assert_eq!(frame(&mut client), (0x81, b"{\"ok\":true}".to_vec()));
    pty.expect("[1] > {\"ok\": true}");
    pty.type_keys("/ping are you\r");
    assert_eq!(frame(&mut client), (0x89, b"are you".to_vec()));
    client.write_all(&masked(0x8a, b"are you")).unwrap();
    pty.expect("[1] < pong \"are you\"");
    pty.type_keys("/headers\r");
    pty.expect("< GET /chat?token=[redacted]&room=1 HTTP/1.1");
    pty.expect("> HTTP/1.1 101 Switching Protocols");
    // A broken frame: its first bit is reserved.
    pty.type_keys("/frame rsv1 text oops\r");
    assert_eq!(frame(&mut client), (0xc1, b"oops".to_vec()));
    pty.type_keys("/close 4001 that was wrong\r");
    assert_eq!(
        frame(&mut client),
        (0x88, b"\x0f\xa1that was wrong".to_vec())
    );
    client.write_all(&masked(0x88, &[0x0f, 0xa1])).unwrap();
    pty.expect("[1] closed: 4001 (private use)");
    pty.expect_row("cl 0>");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    pty.type_keys("anybody?\r");
    pty.expect("not sent: no client is connected");
    pty.type_keys("\x04");
    pty.exits(0);
}

#[test]
fn lines_go_to_all_clients_or_to_one() {
    let (mut pty, address) = prompt(&[]);
    let mut first = client_of(&address, "/a");
    pty.expect("[1] connected from");
    let mut second = client_of(&address, "/b");
    pty.expect("[2] connected from");
    pty.expect("cl 2> ");
    let hears = |client: &mut TcpStream, text: &str| {
        assert_eq!(frame(client), (0x81, text.as_bytes().to_vec()));
    };
    pty.type_keys("hello all\r");
    hears(&mut first, "hello all");
    hears(&mut second, "hello all");
    pty.type_keys("/to 2\r");
    pty.expect("lines go to client 2; /to all ends that");
    pty.type_keys("only you\r");
    hears(&mut second, "only you");
    pty.type_keys("/to 1 and you\r");
    hears(&mut first, "and you");
    pty.type_keys("/clients\r");
    pty.expect("*[2] 127.0.0.1:");
    // One goes, and the other does not notice.
    pty.type_keys("/close 1 4000 bye\r");
    assert_eq!(frame(&mut first), (0x88, b"\x0f\xa0bye".to_vec()));
    first.write_all(&masked(0x88, &[0x0f, 0xa0])).unwrap();
    pty.expect("[1] closed: 4000");
    second.write_all(&masked(0x81, b"still here")).unwrap();
    pty.expect("[2] < still here");
    pty.type_keys("/to 1 too late\r");
    pty.expect("client 1 has gone");
    pty.type_keys("/reconnect\r");
    pty.expect("this is for a client");
    // A broken rule ends that connection alone.
    second.write_all(&[0x81, 1, b'x']).unwrap();
    pty.expect("[2] the client broke the protocol");
    pty.expect_row("cl 0>");
    let mut third = client_of(&address, "/c");
    pty.expect("[3] connected from");
    pty.type_keys("/to all\r/quit\r");
    assert_eq!(frame(&mut third), (0x88, vec![0x03, 0xe8]));
    third.write_all(&masked(0x88, &[0x03, 0xe8])).unwrap();
    pty.exits(0);
}

#[test]
fn a_client_that_does_not_read_holds_up_no_other() {
    const MESSAGES: &str = "30000";
    let (mut pty, address) = prompt(&["--close-timeout", "0.5"]);
    let deaf = client_of(&address, "/deaf");
    pty.expect("[1] connected from");
    let url = format!("ws://{address}/");
    let reader = std::thread::spawn(move || {
        let args = ["--no-compress", "-o", "/dev/null", "--count", MESSAGES];
        wirecat(args).arg(&url).run()
    });
    pty.expect("[2] connected from");
    let text = "x".repeat(700);
    pty.type_keys(&format!("/repeat {MESSAGES} {text}\r"));
    reader.join().unwrap().exits(0);
    pty.expect("[1] does not read: it gets nothing more until it does");
    pty.type_keys("/close 1\r");
    pty.expect_row("cl 0>");
    drop(deaf);
    pty.type_keys("\x04");
    pty.exits(0);
}

#[test]
fn every_client_gets_the_messages_on_open() {
    let (mut pty, address) = prompt(&["--on-open", "welcome"]);
    for target in ["/a", "/b"] {
        let mut client = client_of(&address, target);
        assert_eq!(frame(&mut client), (0x81, b"welcome".to_vec()));
    }
    pty.type_keys("\x04");
    pty.exits(0);
}

#[test]
fn the_prompt_knows_the_clients_and_what_a_server_has() {
    let (mut pty, address) = prompt(&["--var", "who=you", "--on-open", "hello {{who}}"]);
    let mut first = client_of(&address, "/orders");
    assert_eq!(frame(&mut first), (0x81, b"hello you".to_vec()));
    pty.expect("[1] connected from");
    pty.type_keys("/to \t\t");
    pty.expect("/orders 127.0.0.1:");
    pty.type_keys("1\tand {{who}}\r");
    assert_eq!(frame(&mut first), (0x81, b"and you".to_vec()));
    pty.type_keys("/help close\r");
    pty.expect("/close [N|all] [CODE [REASON]]");
    for command in ["/connect ws://localhost", "/reconnect", "/tls"] {
        let before = pty.bytes().len();
        pty.type_keys(&format!("{command}\r"));
        pty.expect_after(before, "this is for a client; here wirecat is the server");
    }
    pty.type_keys("/save day.wst\r");
    pty.expect("a script (.wst) is for a client");
    pty.type_keys("\x04");
    pty.exits(0);
}

#[test]
fn a_recording_names_the_client_of_each_event_and_can_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (recorded, saved) = (path("recorded.jsonl"), path("saved.jsonl"));
    let (mut pty, address) = prompt(&["--record", &recorded]);
    let mut clients = Vec::new();
    for number in 1..=2 {
        let mut client = client_of(&address, &format!("/{number}"));
        pty.expect(&format!("[{number}] connected from"));
        client.write_all(&masked(0x81, b"hi")).unwrap();
        pty.expect(&format!("[{number}] < hi"));
        pty.type_keys(&format!("/to {number} you are {number}\r"));
        let expected = format!("you are {number}").into_bytes();
        assert_eq!(frame(&mut client), (0x81, expected));
        clients.push(client);
    }
    pty.type_keys(&format!("/save {saved}\r"));
    pty.expect("as events");
    pty.type_keys("\x04");
    drop(clients);
    pty.end();
    let events = |path: &str| -> Vec<(String, u64, String)> {
        let lines = fs::read_to_string(path).unwrap();
        let lines = lines.lines().map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            (
                text("type"),
                event["conn"].as_u64().unwrap_or(0),
                text("data"),
            )
        });
        let is_message = |it: &(String, u64, String)| it.0 == "send" || it.0 == "receive";
        lines.filter(is_message).collect()
    };
    let expected = [
        ("receive", 1, "hi"),
        ("send", 1, "you are 1"),
        ("receive", 2, "hi"),
        ("send", 2, "you are 2"),
    ];
    let expected = expected.map(|(kind, conn, data)| (kind.to_owned(), conn, data.to_owned()));
    assert_eq!(events(&recorded), expected);
    assert_eq!(events(&saved), expected);
    // What was sent is sent again, to the next client.
    for path in [recorded, saved] {
        let mut server = listen(&["--frame", "events", "--on-eof", "close"]);
        server.input(&fs::read_to_string(path).unwrap());
        let client = wirecat(["--on-eof", "stay", &server.url("/")]).run();
        client.exits(0).prints("you are 1\nyou are 2\n");
        server.ends().exits(0);
    }
}
