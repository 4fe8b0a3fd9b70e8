//! What the engine reads from and writes to, in place of the connection itself.
//!
//! Where nothing has to be written anew, frames are judged where they lie in the engine's buffer. Masks,
//! compression and the trace bring buffers into the path, which the connections of a thread share: one
//! that waits for its peer keeps none of them. What was needed to compress and to inflate is let go of
//! after a time without messages.
//!
//! Data frames are given to the shim itself, and the engine writes only control frames. Both go into
//! one buffer, in the order in which they come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use tokio::time::{Instant, Sleep, sleep};

use crate::close::Close;
use crate::event::{TracedFrame, Volume};
use crate::wire::deflate::{Deflater, Inflater, MIN_WINDOW_BITS};
use crate::wire::extension::Agreed;
use crate::wire::fragments::{Fragment, Fragmentation, Parts};
use crate::wire::frame::RawFrame;
use crate::wire::inbound::{self, Inbound};
use crate::wire::outbound::{self, Outbound};
use crate::wire::spare::{self, Block};
use crate::wire::validate::{self, Role, Violation};

/// Bytes that may wait for the connection, before it has to take all of them.
const MAX_WAITING: usize = 128 * 1024;

/// How long there is no message before windows are let go of, and at most twice that.
const QUIET: Duration = Duration::from_secs(15);

/// Frames of the trace that may wait. The engine reads on to the end of a message, and a message may
/// have any number of frames.
const MAX_TRACED: usize = 256;

#[derive(Clone, Debug)]
pub struct Options {
    pub role: Role,
    /// Largest message, in bytes, after inflation.
    pub max_message_size: usize,
    /// What was agreed on for compression.
    pub deflate: Option<Agreed>,
    /// 0 to 9.
    pub deflate_level: u8,
    /// Which messages that we send are fragmented.
    pub fragmentation: Fragmentation,
    /// Payload bytes to keep of each frame for the trace, where there is one.
    pub trace: Option<usize>,
    /// The first message that we send holds a secret, which the trace must not show.
    pub first_is_secret: bool,
    /// Show the engine every ping as a pong; see [`Shim::next_was_ping`].
    pub hide_pings: bool,
}

impl Options {
    /// Nothing but judging.
    pub fn plain(role: Role, max_message_size: usize) -> Self {
        Options {
            role,
            max_message_size,
            deflate: None,
            deflate_level: 1,
            fragmentation: Fragmentation::default(),
            trace: None,
            first_is_secret: false,
            hide_pings: false,
        }
    }

    /// Whether frames have to be written anew.
    fn rewrites(&self) -> bool {
        self.role == Role::Server || self.deflate.is_some() || self.trace.is_some()
    }

    /// How messages are handed to the engine.
    pub(super) fn parts(&self) -> Parts {
        self.fragmentation.parts(self.deflater().is_some())
    }

    /// The window, and whether to forget each message, of what we compress with, if anything.
    fn deflater(&self) -> Option<(u8, bool)> {
        let agreed = self.deflate?;
        let (bits, forget) = match self.role {
            Role::Client => (
                agreed.client_max_window_bits,
                agreed.client_no_context_takeover,
            ),
            Role::Server => (
                agreed.server_max_window_bits,
                agreed.server_no_context_takeover,
            ),
        };
        (bits >= MIN_WINDOW_BITS).then_some((bits, forget))
    }

    pub(super) fn inbound(&self) -> inbound::Options {
        let inflater = self.deflate.map(|agreed| match self.role {
            Role::Client => Inflater::new(
                agreed.server_max_window_bits,
                !agreed.server_no_context_takeover,
            ),
            Role::Server => Inflater::new(
                agreed.client_max_window_bits,
                !agreed.client_no_context_takeover,
            ),
        });
        inbound::Options {
            rules: validate::Options {
                role: self.role,
                deflate: self.deflate.is_some(),
                max_message_size: self.max_message_size,
            },
            hide_pings: self.hide_pings,
            trace: self.trace,
            inflater,
        }
    }

    pub(super) fn outbound(&self) -> outbound::Options {
        let deflater = self
            .deflater()
            .and_then(|(bits, forget)| Deflater::new(self.deflate_level, bits, !forget));
        outbound::Options {
            fragmentation: self.fragmentation,
            trace: self.trace,
            first_is_secret: self.first_is_secret,
            deflater,
        }
    }
}

/// A connection as the engine sees it.
#[derive(Debug)]
pub struct Shim<S> {
    inner: S,
    inbound: Inbound,
    rewriting: Option<Rewriting>,
    outbound: Outbound,
    /// We are a client.
    masks: bool,
    /// What waits to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    windows: Windows,
}

/// Watches whether windows are in use.
#[derive(Debug, Default)]
struct Windows {
    /// Something was received or sent since the clock was set.
    used: bool,
    /// Runs while there is something to let go of.
    clock: Option<Pin<Box<Sleep>>>,
}

/// The buffers of the way in, where it needs any.
#[derive(Debug, Default)]
struct Rewriting {
    /// Read from the connection and not yet looked at: from `unread_from` to `unread_to`.
    unread: Block,
    unread_from: usize,
    unread_to: usize,
    /// For the engine to read, from `read` on.
    plain: Vec<u8>,
    read: usize,
}

impl<S> Shim<S> {
    pub fn new(inner: S, options: &Options) -> Self {
        let mut inbound = Inbound::new(options.inbound());
        inbound.hide_texts();
        Shim {
            inner,
            inbound,
            rewriting: options.rewrites().then(Rewriting::default),
            outbound: Outbound::new(options.outbound()),
            masks: options.role == Role::Client,
            out: Vec::new(),
            written: 0,
            windows: Windows::default(),
        }
    }

    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Bytes of data messages received so far, on the wire.
    pub fn data_bytes(&self) -> u64 {
        self.inbound.data_bytes()
    }

    /// The peer's Close, once, when it has arrived whole; or the rule that the peer broke. To be
    /// asked for whenever reading is pending, for the engine never learns of either.
    pub fn take_close(&mut self) -> Option<Result<Close, Box<Violation>>> {
        self.inbound.take_close()
    }

    /// Shows the engine every ping as a pong from here on.
    pub fn hide_pings(&mut self) {
        self.inbound.hide_pings();
    }

    /// For a client, whether the next ping or pong that the engine yields was a ping. To be asked
    /// for each of them.
    pub fn next_was_ping(&mut self) -> bool {
        self.inbound.next_was_ping()
    }

    /// Whether the next message that the engine gives is a text. To be asked for each of them, for
    /// the engine takes all of them for binary: a text was checked before.
    pub fn next_was_text(&mut self) -> bool {
        self.inbound.next_was_text()
    }

    /// The next frame of the trace. To be asked for before anything that the engine says.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        let sent = self.outbound.poll_frame();
        sent.or_else(|| self.inbound.poll_frame())
    }

    /// What is cut off if nothing more is received: a frame or a message.
    pub fn unfinished(&self) -> Option<&'static str> {
        self.inbound.unfinished()
    }

    /// Bytes of frames that the connection has not accepted yet.
    pub fn waiting(&self) -> usize {
        self.out.len() - self.written
    }

    /// What was compressed: sent and received.
    pub fn volumes(&self) -> (Volume, Volume) {
        (self.outbound.volume(), self.inbound.volume())
    }

    /// Puts a data frame after all that was written. It goes out with the next flush, or earlier.
    pub fn send(&mut self, frame: &Fragment) {
        self.windows.used = true;
        spare::prepare(&mut self.out);
        let key = &mut rand::random;
        self.outbound
            .handle_frame(frame, self.masks, key, &mut self.out);
    }

    /// Whether frames of a server's data messages go out as they are.
    pub fn passes(&self) -> bool {
        self.outbound.passes() && !self.masks
    }

    /// Puts whole data frames, which pass as they are, after all that was written.
    pub fn send_frames(&mut self, frames: &[u8]) {
        spare::prepare(&mut self.out);
        self.out.extend_from_slice(frames);
    }

    /// Puts a frame made by hand after what the engine has written; the engine must have been
    /// flushed. It goes out with the next flush.
    pub fn inject(&mut self, frame: &RawFrame) {
        self.outbound
            .handle_raw(frame, rand::random(), &mut self.out);
    }
}

impl<S: AsyncWrite + Unpin> Shim<S> {
    /// Ready when more may be put there to be written.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.len() - self.written < MAX_WAITING {
            return Poll::Ready(Ok(()));
        }
        self.poll_drain(cx)
    }

    /// Writes all that waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let waiting = &self.out[self.written..];
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Shim<S> {
    /// Reads frames that stay where they lie.
    fn poll_read_in_place(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        // Once the stream is over, the caller looks for the reason, so no waker is needed.
        while !self.inbound.closed() {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            let new = &mut buf.filled_mut()[before..];
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let passed = self.inbound.handle_in_place(new);
            buf.set_filled(before + passed);
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}

/// Frames of a peer that cost as much as a turn: the runtime counts turns, and a million empty frames are
/// few reads.
const FRAMES_A_TURN: usize = 64;

/// Takes from the turns of a task what frames cost that were rewritten. Each lost the four bytes of its
/// mask, and perhaps more where it inflated to less.
fn spend_turns(lost: usize, cx: &mut Context<'_>) {
    for _ in 0..lost / (4 * FRAMES_A_TURN) {
        match coop::poll_proceed(cx) {
            Poll::Ready(turn) => turn.made_progress(),
            Poll::Pending => return,
        }
    }
}

impl Rewriting {
    /// Gives the engine what is ready for it; whether that was anything.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let ready = &self.plain[self.read..];
        let step = ready.len().min(buf.remaining());
        buf.put_slice(&ready[..step]);
        self.read += step;
        if self.read == self.plain.len() {
            self.plain.clear();
            self.read = 0;
        }
        step > 0
    }

    fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        inner: &mut S,
        inbound: &mut Inbound,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if inbound.traced() >= MAX_TRACED {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.give(buf) {
                return Poll::Ready(Ok(()));
            }
            // A few bytes may inflate for long; other tasks have their turn in between.
            let turn = ready!(coop::poll_proceed(cx));
            let unread = self.unread.filled().get(self.unread_from..self.unread_to);
            spare::prepare(&mut self.plain);
            let taken = inbound.handle_bytes(unread.unwrap_or_default(), &mut self.plain);
            self.unread_from += taken;
            spend_turns(taken.saturating_sub(self.plain.len()), cx);
            if !self.plain.is_empty() {
                turn.made_progress();
                continue;
            }
            if inbound.closed() {
                return Poll::Pending;
            }
            if self.unread_from < self.unread_to || inbound.is_busy() {
                turn.made_progress();
                continue;
            }
            // What reading costs is for the connection to count.
            drop(turn);
            if ready!(self.poll_fill(inner, inbound, cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads from the connection; how many bytes.
    fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        inner: &mut S,
        inbound: &mut Inbound,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut fresh = ReadBuf::new(self.unread.bytes());
        let polled = Pin::new(inner).poll_read(cx, &mut fresh);
        (self.unread_from, self.unread_to) = (0, fresh.filled().len());
        if polled.is_pending() {
            self.unread.give_back();
            spare::give_back(&mut self.plain);
            inbound.leave();
        }
        ready!(polled)?;
        Poll::Ready(Ok(self.unread_to))
    }
}

impl Windows {
    /// Lets go of them when nothing has happened for long.
    fn poll_quiet(&mut self, inbound: &mut Inbound, outbound: &mut Outbound, cx: &mut Context<'_>) {
        if !inbound.keeps() && !outbound.keeps() {
            self.clock = None;
            return;
        }
        let used = &mut self.used;
        let clock = self.clock.get_or_insert_with(|| {
            *used = false;
            Box::pin(sleep(QUIET))
        });
        while clock.as_mut().poll(cx).is_ready() {
            if !std::mem::take(used) {
                outbound.let_go();
                inbound.let_go();
                self.clock = None;
                return;
            }
            clock.as_mut().reset(Instant::now() + QUIET);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shim<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(rewriting) = &mut this.rewriting else {
            return this.poll_read_in_place(cx, buf);
        };
        let polled = rewriting.poll_read(&mut this.inner, &mut this.inbound, cx, buf);
        this.windows.used |= polled.is_ready();
        if polled.is_pending() {
            let (inbound, outbound) = (&mut this.inbound, &mut this.outbound);
            this.windows.poll_quiet(inbound, outbound, cx);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shim<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Control frames, and nothing else: they may be put between data frames as soon as they are
        // whole.
        let this = self.get_mut();
        spare::prepare(&mut this.out);
        this.outbound
            .handle_bytes(bytes, &mut rand::random, &mut this.out);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        spare::give_back(&mut this.out);
        this.outbound.leave();
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::wire::frame::{BINARY, FrameHeader, RSV1, TEXT};

    #[tokio::test]
    async fn other_tasks_run_while_a_message_inflates() {
        let agreed = Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        let options = Options {
            deflate: Some(agreed),
            ..Options::plain(Role::Client, 64 << 20)
        };
        let mut payload = Vec::new();
        let mut deflater = Deflater::new(1, 15, true).unwrap();
        deflater.push(&vec![0; 32 << 20], &mut payload);
        deflater.finish(&mut payload);
        let mut wire = Vec::new();
        let header = FrameHeader {
            rsv: RSV1,
            ..FrameHeader::plain(true, BINARY, payload.len() as u64)
        };
        header.write(&mut wire);
        wire.append(&mut payload);
        // Reading from a slice costs no turns.
        let mut shim = Shim::new(&wire[..], &options);
        let mut reading = pin!(async {
            let mut buffer = vec![0; 64 * 1024];
            let mut total = 0;
            while let Ok(read @ 1..) = shim.read(&mut buffer).await {
                total += read;
            }
            total
        });
        let mut turns = 0;
        let total = poll_fn(|cx| {
            turns += 1;
            reading.as_mut().poll(cx)
        });
        assert!(total.await > 32 << 20);
        assert!(turns > 2, "{turns}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_messages_keeps_no_windows_and_no_buffers() {
        let agreed = Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        let options = |role| Options {
            deflate: Some(agreed),
            ..Options::plain(role, 1 << 20)
        };
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let mut server = Shim::new(ours, &options(Role::Server));
        let mut client = Shim::new(theirs, &options(Role::Client));
        let mut buffer = [0; 1024];
        for (text, after) in [
            ("one", Duration::ZERO),
            ("two", 4 * QUIET),
            ("two", QUIET / 2),
        ] {
            let mut frame = Vec::new();
            let mut header = FrameHeader::plain(true, TEXT, 3);
            header.mask = Some([0; 4]);
            header.write(&mut frame);
            frame.extend_from_slice(text.as_bytes());
            client.write_all(&frame).await.unwrap();
            client.flush().await.unwrap();
            let size = server.read(&mut buffer).await.unwrap();
            assert!(buffer[..size].ends_with(text.as_bytes()));
            server.write_all(&buffer[..size]).await.unwrap();
            server.flush().await.unwrap();
            let size = client.read(&mut buffer).await.unwrap();
            assert!(buffer[..size].ends_with(text.as_bytes()));
            let silence = tokio::time::timeout(after, server.read(&mut buffer));
            assert!(silence.await.is_err());
            let rewriting = server.rewriting.as_ref().unwrap();
            assert_eq!(server.inbound.keeps(), after <= QUIET);
            assert_eq!(server.outbound.keeps(), after <= QUIET);
            assert_eq!(server.windows.clock.is_some(), after <= QUIET);
            assert!(rewriting.unread.filled().is_empty());
            assert_eq!(rewriting.plain.capacity() + server.out.capacity(), 0);
        }
    }
}
