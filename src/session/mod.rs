//! A connection from its opening to its end. One loop serves every front end: it looks at the
//! commands, the socket, the clock and the stop signal, and tells the front end what happens.
//!
//! The loop never waits for the front end's output: while that is full it stops reading at the next
//! message, and pings before that are still answered.

pub mod connect;
pub mod ended;
mod engine;
mod hear;
pub mod machine;
pub mod stop;
mod stream;
mod talk;
pub mod token;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::event::{Command, Event, Message, Totals};
use crate::transport::BoxedStream;
use crate::wire::rules::Role as WireRole;
use crate::wire::shim::{self, Shim};
use connect::Connection;
use ended::{Answer, Ended, Stop};
use machine::Machine;
use stream::Steady;
use talk::Session;

/// What is read at once. The engine clears all of it before every read, so more is not better.
const READ_BUFFER: usize = 64 * 1024;

/// Longest reason of a Close (RFC 6455 §5.5: 125 bytes with the code).
pub const MAX_REASON: usize = 123;

/// The engine's limit for frames holds for control frames too, which are not messages. Below this
/// one, data frames are judged by the limit for messages alone.
const SMALLEST_FRAME_LIMIT: usize = 64 * 1024;

/// How long a peer that broke the protocol, or that `--max-time` cuts off, is given to read our
/// Close.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// What the session needs from a front end: the REPL and the pipe look the same from here.
pub trait Front {
    /// Room for the output of another message. Pending stops the reading.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Something happened. Must not block.
    fn handle_event(&mut self, now: Instant, event: &Event<'_>);

    /// The next thing to do. Not asked again after a [`Command::Close`].
    fn poll_command(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Command>;

    /// Bytes of data messages arrived, perhaps only a part of one.
    fn handle_bytes(&mut self, now: Instant);

    /// Everything sent so far has left for the kernel.
    fn handle_flushed(&mut self, now: Instant);

    /// When [`Front::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;

    fn handle_timeout(&mut self, now: Instant);

    /// The loop is about to sleep: what was rendered must be on its way.
    fn flush(&mut self);
}

/// What stops a run from outside, as the loop sees it. It may fire more than once.
pub trait StopSource {
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop>;
}

#[derive(Clone, Debug)]
pub struct Options {
    pub machine: machine::Options,
    /// Largest message received, in bytes.
    pub max_message_size: usize,
    /// 0 to 9.
    pub deflate_level: u8,
    /// Largest payload of a data frame that is sent, in bytes.
    pub fragment: Option<usize>,
    /// Payload bytes of each frame that are told to the front end; `None` tells of no frames.
    pub trace: Option<usize>,
    /// Whether pings are answered.
    pub auto_pong: bool,
    /// Whether every data message is sent straight back.
    pub mirror: bool,
}

impl Options {
    fn wire(&self, connection: &Connection) -> shim::Options {
        shim::Options {
            deflate: connection.deflate,
            deflate_level: self.deflate_level,
            fragment: self.fragment,
            trace: self.trace,
            first_is_secret: connection.first.is_some(),
            hide_pings: !self.auto_pong,
            ..shim::Options::plain(WireRole::Client, self.max_message_size)
        }
    }
}

/// Talks over `connection` until it ends. `opening` goes out first, in order.
pub async fn run(
    connection: Connection,
    opening: &[Message],
    options: &Options,
    front: &mut impl Front,
    stop: &mut impl StopSource,
) -> (Ended, Totals) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(options.max_message_size))
        .max_frame_size(Some(options.max_message_size.max(SMALLEST_FRAME_LIMIT)));
    let wire = options.wire(&connection);
    let steady = Steady::new(connection.stream, connection.early);
    let shim = Shim::new(steady, &wire);
    let socket = WebSocketStream::from_raw_socket(shim, Role::Client, Some(config)).await;
    let mut first = VecDeque::new();
    first.extend(connection.first);
    first.extend(
        opening
            .iter()
            .map(|message| (message.clone(), message.clone())),
    );
    let now = now();
    let mut session = Session {
        socket,
        machine: Machine::new(options.machine.clone(), now),
        mirror: options.mirror,
        traced: options.trace.is_some(),
        by_hand: None,
        closed_by_hand: None,
        front,
        stop,
        opening: first,
        held: None,
        unasked: 0,
        late_end: None,
        closing: None,
        needs_flush: false,
        stalled: false,
        pongs: 0,
        received_before: 0,
        data_before: 0,
        totals: Totals::default(),
        sleep: Box::pin(tokio::time::sleep_until(now.into())),
        armed: None,
    };
    let ended = poll_fn(|cx| session.poll(cx)).await;
    let mut totals = session.totals;
    let shim = session.socket.into_inner();
    (totals.compressed_sent, totals.compressed_received) = shim.volumes();
    hang_up(shim.into_inner().into_inner(), &ended).await;
    (ended, totals)
}

/// tokio's clock, so that tests can pause it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Ends the TCP connection so that our last frame is still read: closing a socket that holds
/// unread bytes sends a reset, which may overtake it.
async fn hang_up(mut stream: BoxedStream, ended: &Ended) {
    let patience = match ended {
        Ended::Violation(..) => LAST_PATIENCE,
        Ended::ByPeer(_) | Ended::ByUs(Answer::Agreed | Answer::Crossed(_)) => {
            Duration::from_millis(100)
        }
        _ => return,
    };
    let goodbye = async {
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        while matches!(ended, Ended::Violation(..))
            && matches!(stream.read(&mut rest).await, Ok(n) if n > 0)
        {}
    };
    let _ = tokio::time::timeout(patience, goodbye).await;
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;

    use bytes::Bytes;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;
    use crate::event::{Opened, Timing};

    /// A peer that is there, says nothing, and takes nothing.
    struct Deaf;

    impl AsyncRead for Deaf {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Nobody, who wants nothing.
    struct Nobody;

    impl Front for Nobody {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
        fn handle_event(&mut self, _: Instant, _: &Event<'_>) {}
        fn poll_command(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Command> {
            Poll::Pending
        }
        fn handle_bytes(&mut self, _: Instant) {}
        fn handle_flushed(&mut self, _: Instant) {}
        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
        fn handle_timeout(&mut self, _: Instant) {}
        fn flush(&mut self) {}
    }

    impl StopSource for Nobody {
        fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_and_stays_is_given_the_close_timeout() {
        let connection = Connection {
            stream: Box::new(Deaf),
            early: Bytes::new(),
            first: None,
            deflate: None,
            opened: Opened {
                address: None,
                status: 101,
                http: "1.1",
                subprotocol: None,
                extensions: None,
                compression: None,
                tls: None,
                timing: Timing::default(),
            },
        };
        let options = Options {
            machine: machine::Options {
                close_timeout: Duration::from_secs(5),
                ping_interval: None,
                ping_timeout: Duration::from_secs(20),
            },
            max_message_size: 1024,
            deflate_level: 1,
            fragment: None,
            trace: None,
            auto_pong: true,
            mirror: false,
        };
        let started = now();
        let opening = [Message::text("hello")];
        let (ended, _) = run(connection, &opening, &options, &mut Nobody, &mut Nobody).await;
        assert_eq!(ended, Ended::SendFailed("broken pipe".to_owned()));
        assert_eq!(now() - started, Duration::from_secs(5));
    }
}
