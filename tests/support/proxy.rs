//! A TCP proxy between client and server that does to a connection what networks do: it is late,
//! slow or silent, and breaks off in the middle. A test switches faults at any time.
//!
//! Every connection is carried by four threads, a reader and a writer each way, with a queue between
//! the two. One lock guards all state. Nothing is read before it is known that it may be, and
//! [`Proxy::black_hole`] and [`Proxy::kill_all`] return when it is done: after that not a byte passes.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::PATIENCE;

/// What the kernel is asked to hold, each way; it takes the double.
const BUFFER: usize = 16 << 10;

/// As on the open internet. With the segments of loopback, of 64 KiB, the kernels hold megabytes.
const SEGMENT: u32 = 1448;

/// What is read at once, and what may wait in the queue.
const CHUNK: usize = 16 << 10;

/// What may be on its way where a delay makes the way longer.
const ON_ITS_WAY: usize = 64 << 20;

/// How long a writer is stuck at most before it looks whether it should go on.
const STUCK: Duration = Duration::from_millis(20);

/// A throttled connection passes this many pieces a second.
const PIECES: u64 = 20;

/// How a connection ends, for both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// RST: what the sides read and write next fails.
    Reset,
    /// FIN: what the sides read next is the end of the stream.
    Fin,
}

/// What has happened since the proxy began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Connections.
    pub(crate) accepted: u64,
    /// Connections that [`Proxy::cut_after`] and [`Proxy::cut_replies_after`] have ended.
    pub(crate) cuts: u64,
    /// Bytes from the clients that were handed to the server's kernel.
    pub(crate) to_server: u64,
    /// Bytes from the server that were handed to the clients' kernels.
    pub(crate) to_client: u64,
}

/// A running proxy; dropping it resets every connection.
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and passes everything to `target`. A client that comes while nobody
    /// listens there is accepted and reset.
    pub(crate) fn start(target: SocketAddr) -> Proxy {
        let socket = socket().unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        socket.listen(128).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(target)),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&theirs, &listener));
        Proxy {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// New connections go there.
    pub(crate) fn retarget(&self, target: SocketAddr) {
        self.change(|state| state.target = target);
    }

    /// What passes, either way, arrives so much later; as much as before passes in a second.
    pub(crate) fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Each connection passes so much a second each way, in small pieces, and takes no more than
    /// that from either side.
    pub(crate) fn throttle(&self, bytes_per_second: u64) {
        self.change(|state| state.rate = Some(bytes_per_second));
    }

    /// From now on nothing passes, ends and errors included, on new connections neither. The sockets
    /// stay open, and nothing is read from them.
    pub(crate) fn black_hole(&self) {
        self.change(|state| state.black_hole = true);
        self.written();
    }

    /// The same for the connections that there are; later ones are carried as ever.
    pub(crate) fn black_hole_present(&self) {
        self.change(|state| state.links.values_mut().for_each(|link| link.lost = true));
        self.written();
    }

    /// When so many bytes more have passed to the server, on whatever connections, the one that
    /// carried the last of them is cut. Called again, this counts on from the cut before.
    pub(crate) fn cut_after(&self, bytes: u64, cut: Cut) {
        self.change(|state| state.cuts[UP].push_back((bytes, cut)));
    }

    /// The same for bytes to the clients.
    pub(crate) fn cut_replies_after(&self, bytes: u64, cut: Cut) {
        self.change(|state| state.cuts[DOWN].push_back((bytes, cut)));
    }

    /// Ends all connections that there are. With [`Cut::Reset`] they are gone when this returns.
    pub(crate) fn kill_all(&self, cut: Cut) {
        let mut present = Vec::new();
        self.change(|state| {
            present.extend(state.links.keys().copied());
            state.links.values_mut().for_each(|link| link.end(cut));
        });
        if cut == Cut::Reset {
            let some_left =
                |state: &mut State| present.iter().any(|id| state.links.contains_key(id));
            drop(self.shared.wait_while(self.shared.lock(), some_left));
        }
    }

    /// No more delay, throttle, black hole or cut to come. What was held goes on.
    pub(crate) fn heal(&self) {
        self.change(|state| {
            state.delay = Duration::ZERO;
            state.rate = None;
            state.black_hole = false;
            state.cuts = Default::default();
            state.links.values_mut().for_each(|link| link.lost = false);
        });
    }

    pub(crate) fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Waits until the counts are as wanted.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Counts) -> bool) {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !wanted(&state.counts));
        let (state, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{:?}", state.counts);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }

    /// Waits until whoever was writing has done so.
    fn written(&self) {
        let writing = |state: &mut State| {
            let mut pipes = state.links.values().flat_map(|link| &link.pipes);
            pipes.any(|pipe| pipe.writing)
        };
        drop(self.shared.wait_while(self.shared.lock(), writing));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|state| state.over = true);
        // Ends the wait for a client.
        drop(TcpStream::connect(self.address));
        let _ = self.accepting.take().map(JoinHandle::join);
        self.kill_all(Cut::Reset);
    }
}

struct Shared {
    state: Mutex<State>,
    /// Notified after every change.
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wait_while<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        holds: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, holds).unwrap()
    }

    /// Waits for a change, or until then.
    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match until {
            None => self.changed.wait(state).unwrap(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(state, left).unwrap().0
            }
        }
    }
}

/// The ways through a connection, as indices: to the server, and to the client.
const UP: usize = 0;
const DOWN: usize = 1;

struct State {
    target: SocketAddr,
    delay: Duration,
    rate: Option<u64>,
    black_hole: bool,
    /// For each way, after how many bytes from the cut before.
    cuts: [VecDeque<(u64, Cut)>; 2],
    counts: Counts,
    links: HashMap<u64, Link>,
    over: bool,
}

/// A connection while any of its threads is there.
struct Link {
    /// The client's and the server's. When the last owner is gone they close.
    sockets: [Arc<TcpStream>; 2],
    pipes: [Pipe; 2],
    lost: bool,
    end: Option<Cut>,
    threads: usize,
}

/// What is on its way in one direction.
#[derive(Default)]
struct Pipe {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// When the next piece may pass a throttle.
    next: Option<Instant>,
    /// A writer is at it, outside the lock.
    writing: bool,
}

/// An empty one is the end of the stream.
struct Chunk {
    came: Instant,
    bytes: Vec<u8>,
}

/// What a writer is to do.
enum Todo {
    Wait(Option<Instant>),
    Write(Vec<u8>),
    Finish,
    Cut(Cut),
    Leave,
}

impl State {
    fn new(target: SocketAddr) -> State {
        State {
            target,
            delay: Duration::ZERO,
            rate: None,
            black_hole: false,
            cuts: Default::default(),
            counts: Counts::default(),
            links: HashMap::new(),
            over: false,
        }
    }

    /// It is there for as long as one of its threads is.
    fn link(&mut self, id: u64) -> &mut Link {
        self.links.get_mut(&id).unwrap()
    }

    /// Whether this connection passes nothing.
    fn holds(&mut self, id: u64) -> bool {
        self.black_hole || self.link(id).lost
    }

    fn may_read(&mut self, id: u64, way: usize) -> bool {
        let room = if self.delay.is_zero() {
            CHUNK
        } else {
            ON_ITS_WAY
        };
        !self.holds(id) && self.link(id).pipes[way].bytes < room
    }

    fn todo(&mut self, id: u64, way: usize, now: Instant) -> Todo {
        if self.link(id).end.is_some() {
            return Todo::Leave;
        }
        if self.holds(id) {
            return Todo::Wait(None);
        }
        let (delay, rate) = (self.delay, self.rate);
        let pipe = &self.link(id).pipes[way];
        let Some(Chunk { came, bytes }) = pipe.chunks.front() else {
            return Todo::Wait(None);
        };
        let throttled = rate.and(pipe.next).unwrap_or(now);
        let due = throttled.max(*came + delay);
        if now < due {
            return Todo::Wait(Some(due));
        }
        if bytes.is_empty() {
            return Todo::Finish;
        }
        let most = rate.map_or(CHUNK, |rate| (rate / PIECES).max(1) as usize);
        let mut piece = bytes[..most.min(bytes.len())].to_vec();
        if let Some((left, cut)) = self.cuts[way].front_mut() {
            if *left == 0 {
                return Todo::Cut(*cut);
            }
            // Taken before it is written, so that two connections do not both have it.
            piece.truncate((*left).min(CHUNK as u64) as usize);
            *left -= piece.len() as u64;
        }
        self.link(id).pipes[way].writing = true;
        Todo::Write(piece)
    }

    /// So much of a piece was written.
    fn wrote(&mut self, id: u64, way: usize, count: usize, piece: usize) {
        let rate = self.rate;
        let pipe = &mut self.link(id).pipes[way];
        pipe.writing = false;
        pipe.bytes -= count;
        if let Some(rate) = rate {
            let from = pipe.next.unwrap_or_else(Instant::now);
            let took = Duration::from_secs_f64(count as f64 / rate as f64);
            // Time in which nothing came is not made up for.
            pipe.next = Some(from.max(Instant::now() - took) + took);
        }
        let chunk = pipe.chunks.front_mut().unwrap();
        chunk.bytes.drain(..count);
        if chunk.bytes.is_empty() {
            pipe.chunks.pop_front();
        }
        let passed = [&mut self.counts.to_server, &mut self.counts.to_client];
        *passed.into_iter().nth(way).unwrap() += count as u64;
        if let Some((left, cut)) = self.cuts[way].front_mut() {
            *left += (piece - count) as u64;
            let cut = *cut;
            if *left == 0 {
                self.cut(id, way, cut);
            }
        }
    }

    fn cut(&mut self, id: u64, way: usize, cut: Cut) {
        self.cuts[way].pop_front();
        self.counts.cuts += 1;
        self.link(id).end(cut);
    }
}

impl Link {
    fn new(client: TcpStream, server: TcpStream) -> Link {
        for socket in [&client, &server] {
            let _ = socket.set_nodelay(true);
            let _ = socket.set_write_timeout(Some(STUCK));
        }
        Link {
            sockets: [Arc::new(client), Arc::new(server)],
            pipes: Default::default(),
            lost: false,
            end: None,
            threads: 4,
        }
    }

    fn end(&mut self, cut: Cut) {
        self.end = Some(cut);
        for socket in &self.sockets {
            // Any of this may fail, for the other side may have ended the connection before.
            match cut {
                Cut::Reset => {
                    let _ = SockRef::from(&**socket).set_linger(Some(Duration::ZERO));
                    // Sends nothing; it only wakes the reader.
                    let _ = socket.shutdown(Shutdown::Read);
                }
                Cut::Fin => {
                    let _ = socket.shutdown(Shutdown::Write);
                }
            }
        }
    }
}

fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_tcp_mss(SEGMENT)?;
    Ok(socket)
}

/// Takes clients until the proxy is over. Those in a black hole wait with the kernel.
fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for id in 0.. {
        let (client, _) = listener.accept().unwrap();
        let state = shared.wait_while(shared.lock(), |state| state.black_hole && !state.over);
        let (target, over) = (state.target, state.over);
        drop(state);
        if over {
            return;
        }
        let server = socket().and_then(|socket| {
            socket.connect_timeout(&target.into(), PATIENCE)?;
            Ok(TcpStream::from(socket))
        });
        let mut state = shared.lock();
        state.counts.accepted += 1;
        match server {
            Ok(server) => {
                let link = Link::new(client, server);
                start(shared, id, &link.sockets);
                state.links.insert(id, link);
            }
            Err(_) => {
                let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            }
        }
        drop(state);
        shared.changed.notify_all();
    }
}

fn start(shared: &Arc<Shared>, id: u64, sockets: &[Arc<TcpStream>; 2]) {
    type Carry = fn(&Shared, u64, usize, &TcpStream);
    for (way, from, to) in [(UP, 0, 1), (DOWN, 1, 0)] {
        for (carry, socket) in [(read as Carry, from), (write, to)] {
            let (shared, socket) = (Arc::clone(shared), Arc::clone(&sockets[socket]));
            thread::spawn(move || {
                carry(&shared, id, way, &socket);
                drop(socket);
                let mut state = shared.lock();
                state.link(id).threads -= 1;
                if state.link(id).threads == 0 {
                    state.links.remove(&id);
                }
                drop(state);
                shared.changed.notify_all();
            });
        }
    }
}

/// Fills the queue of one way.
fn read(shared: &Shared, id: u64, way: usize, mut from: &TcpStream) {
    let mut buffer = vec![0; CHUNK];
    loop {
        // What is only looked at stays with the kernel, and the sender notices that nobody reads.
        let there = from.peek(&mut [0]);
        let mut state = shared.wait_while(shared.lock(), |state| {
            state.link(id).end.is_none() && !state.may_read(id, way)
        });
        match state.link(id).end {
            Some(Cut::Reset) => return,
            Some(Cut::Fin) => {
                drop(state);
                // With bytes unread, to close would be to reset.
                while matches!(from.read(&mut buffer), Ok(1..)) {}
                return;
            }
            None => {}
        }
        // What there is to look at can be read without waiting.
        let count = match there.and_then(|_| from.read(&mut buffer)) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => {
                state.link(id).end(Cut::Reset);
                shared.changed.notify_all();
                return;
            }
        };
        let pipe = &mut state.link(id).pipes[way];
        pipe.bytes += count;
        pipe.chunks.push_back(Chunk {
            came: Instant::now(),
            bytes: buffer[..count].to_vec(),
        });
        drop(state);
        shared.changed.notify_all();
        if count == 0 {
            return;
        }
    }
}

/// Empties the queue of one way.
fn write(shared: &Shared, id: u64, way: usize, mut to: &TcpStream) {
    let mut state = shared.lock();
    loop {
        match state.todo(id, way, Instant::now()) {
            Todo::Leave => return,
            Todo::Wait(until) => state = shared.wait(state, until),
            Todo::Finish => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Todo::Cut(cut) => state.cut(id, way, cut),
            Todo::Write(piece) => {
                drop(state);
                let written = to.write(&piece);
                state = shared.lock();
                let stuck = |error: &io::Error| {
                    let kind = error.kind();
                    kind == ErrorKind::WouldBlock || kind == ErrorKind::Interrupted
                };
                let gone = written.as_ref().is_err_and(|error| !stuck(error));
                state.wrote(id, way, written.unwrap_or(0), piece.len());
                if gone && state.link(id).end.is_none() {
                    state.link(id).end(Cut::Reset);
                }
            }
        }
        shared.changed.notify_all();
    }
}
