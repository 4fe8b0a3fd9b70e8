//! `/frames/KIND`: breaks one rule of the protocol. It writes to the bare stream, below the engine,
//! which would never send such frames, and then listens for what the client says to them. It answers
//! nothing: after a violation the closing handshake is the client's affair (RFC 6455 §7.1.7).

use std::pin::pin;
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::timeout;

use super::endpoint::{Endpoint, Opened, Run, Spec};
use super::request::Request;
use crate::close::Close;
use crate::error::plain_words;
use crate::serve::connection::{Connection, End};
use crate::serve::faults::{self, Deflate, Fault};
use crate::serve::response::{Refusal, bad_request, text};
use crate::wire::extension::{self, Agreed};
use crate::wire::frame::{CLOSE, FrameHeader, MAX_CONTROL};
use crate::wire::mask;

pub(super) const SPEC: Spec = Spec {
    path: "/frames/KIND",
    parameters: "",
    help: "breaks one rule of the protocol; GET /frames lists the kinds",
    details: &[],
    open: |request| Ok(Opened::websocket(Frames::read(request)?)),
};

pub(super) const LISTING: Spec = Spec {
    path: "/frames",
    parameters: "",
    help: "",
    details: &[],
    open: |_| Ok(Opened::Http(text(StatusCode::OK, faults::listing()))),
};

/// How long the client may take to notice.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Frames(&'static Fault);

impl Frames {
    fn read(request: Request<'_>) -> Result<Frames, Refusal> {
        faults::find(request.argument()).map(Frames).ok_or_else(|| {
            let body = format!(
                "There is no such kind of fault. The kinds are:\n\n{}\n\
                     GET /frames says what each of them sends.\n",
                faults::names()
            );
            Box::new(text(StatusCode::NOT_FOUND, body))
        })
    }
}

impl Endpoint for Frames {
    /// Nothing may come between the frames of a fault.
    fn heartbeat(&self) -> bool {
        false
    }

    fn restrict(&self, extensions: &mut extension::Options) {
        extensions.compress &= self.0.deflate != Deflate::Forbidden;
    }

    fn admit(&mut self, _: Request<'_>, deflate: Option<&Agreed>) -> Result<(), Refusal> {
        if self.0.deflate == Deflate::Needed && deflate.is_none() {
            return Err(bad_request(
                "This fault is one of compression: the client must offer permessage-deflate.",
            ));
        }
        Ok(())
    }

    fn shutdown(&self) -> End {
        End::Disconnect(Err("server shutting down".to_owned()))
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            let answer = send(connection.stream(), self.0).await;
            Ok(End::Disconnect(answer))
        })
    }
}

/// Sends the fault and waits for the client's Close. Listens while it writes: a client that has had
/// enough does not read the rest of a bomb.
///
/// # Errors
/// Why there was no Close, in words for the log.
async fn send<S>(io: &mut S, fault: &Fault) -> Result<Close, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = split(io);
    let mut answer = pin!(listen(reader, fault.ends));
    tokio::select! {
        answer = &mut answer => return answer,
        // Where it fails, the reader finds what the client said before it went.
        _ = write(writer, fault) => {}
    }
    timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| {
        let seconds = ANSWER_TIMEOUT.as_secs();
        Err(format!("the client sent no Close within {seconds} s"))
    })
}

async fn write(mut io: impl AsyncWrite + Unpin, fault: &Fault) -> std::io::Result<()> {
    for piece in fault.pieces() {
        for _ in 0..piece.times {
            io.write_all(&piece.bytes).await?;
        }
    }
    io.flush().await?;
    if fault.ends {
        io.shutdown().await?;
    }
    Ok(())
}

/// Reads up to the client's Close. `ended`: the server ends the connection, and the client need not
/// send one.
async fn listen(mut io: impl AsyncRead + Unpin, ended: bool) -> Result<Close, String> {
    let mut answers = Answers::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        match io.read(&mut buffer).await {
            Ok(0) if ended => return Err("ended by the server, as this endpoint does".to_owned()),
            Ok(0) => return Err("the client ended the connection without a Close".to_owned()),
            Ok(count) => answers.held.extend_from_slice(&buffer[..count]),
            Err(error) => return Err(plain_words(&error)),
        }
        if let Some(close) = answers.poll_close() {
            return Ok(close);
        }
    }
}

/// The client's frames, of which only the Close matters.
#[derive(Default)]
struct Answers {
    held: Vec<u8>,
    /// Bytes of a frame that does not matter.
    skip: u64,
}

impl Answers {
    /// The Close, once it has arrived as a whole.
    fn poll_close(&mut self) -> Option<Close> {
        loop {
            let held = self.held.len() as u64;
            let skipped = self.skip.min(held);
            self.held.drain(..skipped as usize);
            self.skip -= skipped;
            let header = FrameHeader::parse(&self.held)?;
            if header.opcode == CLOSE {
                return read_close(&header, &self.held[header.size()..]);
            }
            self.skip = header.len.saturating_add(header.size() as u64);
        }
    }
}

/// `None` while the payload is incomplete. Of a payload that is too long, as much as is allowed.
fn read_close(header: &FrameHeader, payload: &[u8]) -> Option<Close> {
    let length = header.len.min(MAX_CONTROL) as usize;
    let mut payload = payload.get(..length)?.to_vec();
    if let Some(key) = header.mask {
        mask::apply(key, 0, &mut payload);
    }
    Some(Close::parse_lossy(&payload))
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::super::request::get;
    use super::*;
    use crate::serve::faults::{FAULTS, find};

    const KEY: [u8; 4] = [1, 2, 3, 4];

    /// A client's frame; `first` is the first byte.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader {
            mask: Some(KEY),
            ..FrameHeader::plain(first & 0x80 != 0, first & 0xf, payload.len() as u64)
        };
        let mut frame = Vec::new();
        header.write(&mut frame);
        let start = frame.len();
        frame.extend_from_slice(payload);
        mask::apply(KEY, 0, &mut frame[start..]);
        frame
    }

    fn bytes(fault: &Fault) -> Vec<u8> {
        let repeat = |piece: faults::Piece| piece.bytes.repeat(piece.times as usize);
        fault.pieces().into_iter().flat_map(repeat).collect()
    }

    /// What the endpoint makes of a client that does this.
    async fn with_client<F: Future<Output = ()>>(
        name: &str,
        client: impl FnOnce(DuplexStream) -> F,
    ) -> Result<Close, String> {
        let (mut ours, theirs) = duplex(1000);
        let fault = find(name).unwrap();
        let endpoint = async move {
            let answer = send(&mut ours, fault).await;
            drop(ours);
            answer
        };
        let (answer, ()) = tokio::join!(endpoint, client(theirs));
        answer
    }

    fn lost(why: &str) -> Result<Close, String> {
        Err(why.to_owned())
    }

    #[tokio::test]
    async fn every_kind_is_sent_as_in_the_table() {
        for fault in FAULTS {
            let expected = bytes(fault);
            let client = |mut io: DuplexStream| async move {
                let mut sent = vec![0; expected.len()];
                io.read_exact(&mut sent).await.unwrap();
                assert!(sent == expected, "{}", fault.name);
                io.write_all(&masked(0x88, b"\x03\xeaoops")).await.unwrap();
                assert_eq!(io.read(&mut [0]).await.unwrap(), 0, "{}", fault.name);
            };
            let answer = with_client(fault.name, client).await;
            assert_eq!(answer, Ok(Close::new(1002, "oops")), "{}", fault.name);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_react_is_disconnected() {
        let client = |mut io: DuplexStream| async move {
            io.write_all(&masked(0x81, b"what?")).await.unwrap();
            io.read_to_end(&mut Vec::new()).await.unwrap();
        };
        let answer = with_client("rsv", client).await;
        assert_eq!(answer, lost("the client sent no Close within 5 s"));
    }

    #[tokio::test]
    async fn a_client_that_disconnects_is_logged_as_lost() {
        let gone = lost("the client ended the connection without a Close");
        let at_once = |io: DuplexStream| async move { drop(io) };
        assert_eq!(with_client("bomb", at_once).await, gone);
        let in_mid_frame = |mut io: DuplexStream| async move {
            io.write_all(&masked(0x88, b"\x03\xea")[..7]).await.unwrap();
        };
        assert_eq!(with_client("rsv", in_mid_frame).await, gone);
    }

    #[tokio::test]
    async fn an_end_made_by_the_endpoint_is_not_logged_as_the_clients() {
        for kind in ["unfinished", "unclosed"] {
            let client = |mut io: DuplexStream| async move {
                io.read_to_end(&mut Vec::new()).await.unwrap();
            };
            let answer = with_client(kind, client).await;
            assert_eq!(answer, lost("ended by the server, as this endpoint does"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bomb_stops_at_the_clients_close() {
        let client = |mut io: DuplexStream| async move {
            io.write_all(&masked(0x88, b"\x03\xf1")).await.unwrap();
            let mut sent = Vec::new();
            io.read_to_end(&mut sent).await.unwrap();
            assert!(sent.len() < 100_000, "{}", sent.len());
        };
        assert_eq!(with_client("bomb", client).await, Ok(Close::new(1009, "")));
    }

    #[test]
    fn the_close_is_found_among_other_frames_however_they_are_cut() {
        let frames = [
            masked(0x81, b"hello"),
            masked(0x82, &[8; 70_000]),
            masked(0x8a, b""),
            masked(0x88, b"\x0f\xa1bye"),
        ]
        .concat();
        for size in [1, 3, 1000, frames.len()] {
            let mut answers = Answers::default();
            let mut closes = frames.chunks(size).filter_map(|chunk| {
                answers.held.extend_from_slice(chunk);
                answers.poll_close()
            });
            assert_eq!(closes.next(), Some(Close::new(4001, "bye")), "{size}");
            assert_eq!(closes.next(), None, "{size}");
        }
    }

    #[test]
    fn a_close_may_be_empty_or_too_long() {
        let close = |payload: &[u8]| {
            let held = masked(0x88, payload);
            Answers { held, skip: 0 }.poll_close()
        };
        assert_eq!(close(b""), Some(Close::default()));
        assert_eq!(close(b"\x03"), Some(Close::default()));
        let long = [&b"\x03\xe8"[..], &[b'x'; 200]].concat();
        assert_eq!(close(&long), Some(Close::new(1000, "x".repeat(123))));
    }

    #[test]
    fn a_fault_has_a_name() {
        for fault in FAULTS {
            let path = format!("/frames/{}?x", fault.name);
            assert_eq!(get(&path, Frames::read).unwrap().0, fault);
        }
        for path in ["/frames/", "/frames/RSV", "/frames/nothing"] {
            let refusal = get(path, Frames::read).unwrap_err();
            assert_eq!(refusal.status(), 404, "{path}");
        }
    }
}
