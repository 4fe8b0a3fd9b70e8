//! Servers for one test: wirecat's own, and raw ones that send exactly the bytes a test wants.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use wirecat::internals::handshake::response::accept_for;

use super::PATIENCE;

/// wirecat's debug server in this process, stopped when dropped.
pub(crate) struct Serve {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts wirecat's debug server.
pub(crate) fn serve() -> Serve {
    serve_with(wirecat::internals::serve::Options::default())
}

/// Starts wirecat's debug server with these options. It answers for every host name and to pages of
/// every origin: the tests have many, for one address.
pub(crate) fn serve_with(mut options: wirecat::internals::serve::Options) -> Serve {
    options.guard.host_names.push("*".to_owned());
    options.guard.origins.push("*".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let shutdown = async { drop(stopped.await) };
            wirecat::internals::serve::run(listener, options, shutdown)
                .await
                .unwrap();
        });
    });
    Serve {
        address,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Serve {
    /// The URL of an endpoint: `serve().url("/echo")`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Dropping what this returns stops the server, and does not wait for its end.
    pub(crate) fn stopper(&mut self) -> oneshot::Sender<()> {
        self.stop.take().expect("the server was stopped before")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A raw server: one connection is accepted and handed to `script`, in a thread. What the script
/// returns is had from [`Raw::result`], which also passes its panics on.
pub(crate) struct Raw<T> {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<T>,
}

pub(crate) fn raw<T: Send + 'static>(script: impl FnOnce(Wire) -> T + Send + 'static) -> Raw<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        script(Wire::new(stream))
    });
    Raw { address, thread }
}

/// A raw server for so many connections, one after the other; `script` is told which one it has,
/// from 1.
pub(crate) fn raws<T: Send + 'static>(
    connections: usize,
    mut script: impl FnMut(usize, Wire) -> T + Send + 'static,
) -> Raw<Vec<T>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        (1..=connections)
            .map(|n| {
                let (stream, _) = listener.accept().unwrap();
                script(n, Wire::new(stream))
            })
            .collect()
    });
    Raw { address, thread }
}

impl<T> Raw<T> {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Waits for the script to end.
    #[track_caller]
    pub(crate) fn result(self) -> T {
        match self.thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// A frame as a client sent it, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) masked: bool,
    pub(crate) key: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code and reason of a Close.
    pub(crate) fn close_code(&self) -> Option<u16> {
        assert_eq!(self.opcode, 8, "{self:?}");
        self.payload
            .get(..2)
            .map(|code| u16::from_be_bytes([code[0], code[1]]))
    }
}

/// The server's end of a connection. Every read gives up after [`PATIENCE`].
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Wire(stream)
    }

    /// Writes; a client that has gone is the test's to notice elsewhere.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// The request head, up to and with the empty line.
    pub(crate) fn request(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.take(1)[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads the request and answers it as RFC 6455 wants; gives the request.
    pub(crate) fn handshake(&mut self) -> String {
        self.handshake_with("", b"")
    }

    /// The same with more header lines (each ended by CRLF), and bytes in the same segment.
    pub(crate) fn handshake_with(&mut self, headers: &str, and_then: &[u8]) -> String {
        let request = self.request();
        self.accept(&request, headers, and_then);
        request
    }

    /// Answers a request as RFC 6455 wants.
    pub(crate) fn accept(&mut self, request: &str, headers: &str, and_then: &[u8]) {
        let accept = accept_for(header(request, "sec-websocket-key").unwrap());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        self.send([head.as_bytes(), and_then].concat());
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next frame, or `None` at the end of the stream.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        match self.0.read_exact(&mut head) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                return None;
            }
            other => other.unwrap(),
        }
        let length = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.take(2).try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8).try_into().unwrap()),
            short => u64::from(short),
        };
        let masked = head[1] & 0x80 != 0;
        let key = if masked { self.take(4) } else { vec![0; 4] };
        let mut payload = self.take(length as usize);
        payload
            .iter_mut()
            .zip(key.iter().cycle())
            .for_each(|(byte, key): (&mut u8, &u8)| *byte ^= key);
        Some(Frame {
            fin: head[0] & 0x80 != 0,
            rsv: head[0] >> 4 & 7,
            opcode: head[0] & 0xf,
            masked,
            key: key.try_into().unwrap(),
            payload,
        })
    }

    /// The next data message; pings and pongs before it are passed over.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Vec<u8> {
        loop {
            let frame = self.frame().expect("a message");
            match frame.opcode {
                1 | 2 => return frame.payload,
                9 | 10 => {}
                _ => panic!("{frame:?} instead of a message"),
            }
        }
    }

    /// Reads until the client's Close or the end of the stream.
    pub(crate) fn until_close(&mut self) -> Option<Frame> {
        loop {
            match self.frame() {
                Some(frame) if frame.opcode != 8 => {}
                end => return end,
            }
        }
    }

    /// Sends a Close and reads until the client has answered it or gone.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> Option<Frame> {
        self.send(close(code, reason));
        self.until_close()
    }

    /// Answers the client's Close as it should be.
    pub(crate) fn answer_close(&mut self) {
        if let Some(frame) = self.until_close() {
            self.send(frame_of(0x88, &frame.payload));
        }
    }

    /// Ends the connection with a reset instead of an orderly end.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.0);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}

/// An unmasked frame; `first` is the first byte (0x81 is a whole text message).
pub(crate) fn frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(short as u8),
        medium @ 126..=0xffff => {
            frame.push(126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame_of(0x81, payload.as_bytes())
}

pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    frame_of(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// The value of a header in a request or response head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
