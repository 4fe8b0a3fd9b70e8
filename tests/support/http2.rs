//! HTTP/2 for one test: raw servers that send exactly the frames a test wants, and TLS with ALPN in front
//! of servers.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::server::{Raw, Wire, raw};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame of HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The server's SETTINGS, with or without extended CONNECT.
pub(crate) fn settings(extended_connect: bool) -> Vec<u8> {
    let setting: &[u8] = if extended_connect {
        &[0, 8, 0, 0, 0, 1]
    } else {
        &[]
    };
    frame(SETTINGS, 0, 0, setting)
}

/// A 200 that opens the first stream.
pub(crate) fn accepted() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &[0x88])
}

/// A header that HPACK does not compress; both are shorter than 127 bytes.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127);
        field.push(text.len() as u8);
        field.extend(text.as_bytes());
    }
    field
}

pub(crate) fn reset(reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, 1, &reason.to_be_bytes())
}

/// A GOAWAY that took no stream.
pub(crate) fn go_away(reason: u32, words: &str) -> Vec<u8> {
    let payload = [&[0; 4], &reason.to_be_bytes()[..], words.as_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// Reads the client's preface.
pub(crate) fn preface(wire: &mut Wire) {
    assert_eq!(wire.take(24), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

/// The client's next frame.
pub(crate) fn next(wire: &mut Wire) -> Frame {
    let head = wire.take(9);
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    Frame {
        kind: head[3],
        flags: head[4],
        payload: wire.take(len as usize),
    }
}

/// The client's next frame of this kind.
pub(crate) fn next_of(wire: &mut Wire, kind: u8) -> Frame {
    loop {
        let frame = next(wire);
        if frame.kind == kind {
            return frame;
        }
    }
}

/// A server that sends SETTINGS with extended CONNECT, reads the request, and then runs `script`.
pub(crate) fn asked<T: Send + 'static>(
    script: impl FnOnce(&mut Wire) -> T + Send + 'static,
) -> Raw<T> {
    raw(move |mut wire| {
        preface(&mut wire);
        wire.send(settings(true));
        next_of(&mut wire, HEADERS);
        let value = script(&mut wire);
        until_gone(&mut wire);
        value
    })
}

/// Waits until the program has gone, so that nothing is lost in a reset.
pub(crate) fn until_gone(wire: &mut Wire) {
    let _ = std::io::copy(&mut wire.0, &mut std::io::sink());
}

/// TLS that offers `alpn`, in front of a server for each protocol, until it is dropped.
pub(crate) struct Tls {
    pub(crate) address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Tls {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("wss://{}{path}", self.address)
    }
}

/// Passes connections on which HTTP/2 was chosen to `http2`, and others to `http1`.
pub(crate) fn tls(alpn: &[&str], http2: SocketAddr, http1: SocketAddr) -> Tls {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let serving = async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(pass_on(acceptor.clone(), stream, http2, http1));
                }
            };
            tokio::select! {
                () = serving => {}
                _ = stopped => {}
            }
        });
    });
    Tls {
        address,
        _stop: stop,
    }
}

async fn pass_on(
    acceptor: TlsAcceptor,
    stream: tokio::net::TcpStream,
    http2: SocketAddr,
    http1: SocketAddr,
) {
    // A client that refuses the handshake is the test's to notice.
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let inner = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2,
        _ => http1,
    };
    let mut inner = tokio::net::TcpStream::connect(inner).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
}
