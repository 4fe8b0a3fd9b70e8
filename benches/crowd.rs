//! Very many clients at once in one room of `wirecat serve`, or idle: whether each gets every message once
//! and in order, and what that costs the server in memory and CPU time.
//!
//! `cargo bench --bench crowd -- --clients 5000 --seconds 60 --every 10` puts all clients into one room,
//! where each sends a message every ten seconds. `--idle 20000` only connects. The server is the
//! `wirecat` of the same build, in a process of its own; `--serve OPTION` (repeatable) is passed on to it.
//! `--sigterm 1000` stops it with SIGTERM, and fails unless each client gets Close 1001 within a second.
//! The ids of a room in which all messages are sent follow one another, so a client that misses one, or
//! gets one twice or early, is noticed at once. Linux only, for /proc.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

type Failure = Box<dyn Error>;

/// How many handshakes are under way at once.
const CONNECTING: usize = 64;

/// How long the last messages may take after the last was sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of so many measures how long a message took.
const SAMPLED: usize = 50;

struct Options {
    clients: usize,
    idle: Option<usize>,
    sigterm: Option<usize>,
    seconds: u64,
    every: u64,
    users: usize,
    serve: Vec<String>,
}

impl Options {
    fn read() -> Result<Options, Failure> {
        let mut options = Options {
            clients: 5000,
            idle: None,
            sigterm: None,
            seconds: 60,
            every: 10,
            users: 0,
            serve: Vec::new(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(name) = args.next() {
            // `cargo bench` says so to every benchmark.
            if name == "--bench" {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--clients" => options.clients = value.parse()?,
                "--idle" => options.idle = Some(value.parse()?),
                "--sigterm" => options.sigterm = Some(value.parse()?),
                "--seconds" => options.seconds = value.parse()?,
                "--every" => options.every = value.parse()?,
                "--users" => options.users = value.parse()?,
                "--serve" => options.serve.push(value),
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        if options.users == 0 {
            options.users = options.clients;
        }
        Ok(options)
    }
}

/// `wirecat serve` in a process of its own.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(options: &[String]) -> Result<Server, Failure> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_wirecat"))
            .args(["serve", "--silent", "--max-connections", "0", "--port", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().rsplit("ws://").next().unwrap_or_default();
        Ok(Server {
            address: address.to_owned(),
            process,
        })
    }

    /// Resident, in bytes.
    fn memory(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// CPU time so far.
    fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // Ticks, of which the kernel's interface has 100 a second.
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What all clients together have seen.
#[derive(Default)]
struct Seen {
    joined: Cell<usize>,
    sent: Cell<u64>,
    received: Cell<u64>,
    notices: Cell<u64>,
    lost: Cell<usize>,
    highest: Cell<u64>,
    /// The first few violations of order.
    faults: RefCell<Vec<String>>,
    took: RefCell<Vec<u64>>,
}

fn add(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// A client: its connection, and how far it is.
struct Client {
    number: usize,
    stream: TcpStream,
    /// What has not been parsed.
    rest: Vec<u8>,
    last: Cell<u64>,
    begun: Cell<bool>,
}

impl Client {
    async fn connect(number: usize, address: &str, target: &str) -> Result<Client, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        write_all(&stream, request.as_bytes()).await?;
        let mut rest = Vec::new();
        loop {
            stream.readable().await?;
            match stream.try_read_buf(&mut rest) {
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            let end = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                if !rest.starts_with(b"HTTP/1.1 101 ") {
                    return Err(String::from_utf8_lossy(&rest).into());
                }
                rest.drain(..end + 4);
                break;
            }
        }
        Ok(Client {
            number,
            stream,
            rest,
            last: Cell::new(0),
            begun: Cell::new(false),
        })
    }

    /// Sends a frame masked with zeros.
    async fn send(&self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        write_all(&self.stream, &frame).await
    }

    /// Reads until the connection ends.
    async fn read(&self, rest: Vec<u8>, seen: &Seen, start: Instant) -> io::Result<()> {
        let mut rest = rest;
        let mut block = vec![0; 16 * 1024];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(count) => rest.extend(&block[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let mut at = 0;
            while let Some((opcode, payload)) = frame(&rest[at..]) {
                let data = &rest[at + payload.start..at + payload.end];
                at += payload.end;
                match opcode {
                    1 => self.message(data, seen, start),
                    9 => self.send(10, data).await?,
                    8 => return Ok(()),
                    _ => {}
                }
            }
            rest.drain(..at);
        }
    }

    fn message(&self, text: &[u8], seen: &Seen, start: Instant) {
        let Some(id) = id_of(text) else {
            if text.starts_with(br#"{"event":"join""#) {
                seen.joined.set(seen.joined.get() + 1);
            } else {
                add(&seen.notices);
            }
            return;
        };
        add(&seen.received);
        let last = self.last.replace(id);
        if self.begun.replace(true) && id != last + 1 && seen.faults.borrow().len() < 10 {
            let fault = format!("client {} got {id} after {last}", self.number);
            seen.faults.borrow_mut().push(fault);
        }
        seen.highest.set(seen.highest.get().max(id));
        if self.number.is_multiple_of(SAMPLED)
            && let Some(sent) = number_after(text, br#""at_us":"#)
        {
            let now = start.elapsed().as_micros() as u64;
            seen.took.borrow_mut().push(now.saturating_sub(sent));
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The opcode of a whole frame, and where its payload is.
fn frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (start, len) = match *bytes.get(1)? & 127 {
        126 => (
            4,
            u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]).into(),
        ),
        127 => {
            let len: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (10, u64::from_be_bytes(len) as usize)
        }
        short => (2, short.into()),
    };
    (bytes.len() >= start + len).then(|| (bytes[0] & 15, start..start + len))
}

/// The id of a message of the hub.
fn id_of(text: &[u8]) -> Option<u64> {
    text.starts_with(br#"{"event":"message""#)
        .then(|| number_after(text, br#""id":"#))?
}

fn number_after(text: &[u8], name: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(text, name)? + name.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some(number)
}

/// As many open files as the machine allows; the server inherits it.
fn raise_limit(wanted: usize) -> Result<(), Failure> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted_files = wanted as u64 + 100;
    // More than the hard limit is for root only.
    let higher = hard.max(wanted_files);
    if setrlimit(Resource::RLIMIT_NOFILE, higher, higher).is_ok() {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    if hard < wanted_files {
        return Err(format!("{hard} open files are allowed, too few for {wanted} clients").into());
    }
    Ok(())
}

/// Connects all, some at once.
async fn connect_all(
    count: usize,
    address: &str,
    target: impl Fn(usize) -> String,
) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::with_capacity(count);
    let mut next = 0;
    while next < count {
        let end = count.min(next + CONNECTING);
        let targets: Vec<String> = (next..end).map(&target).collect();
        let batch = targets
            .iter()
            .enumerate()
            .map(|(index, target)| Client::connect(next + index, address, target));
        clients.extend(futures_util::future::try_join_all(batch).await?);
        next = end;
    }
    Ok(clients)
}

/// Reads until the Close, and answers it; its code.
async fn await_close(client: &mut Client) -> Result<u16, Failure> {
    loop {
        while let Some((opcode, payload)) = frame(&client.rest) {
            let data: Vec<u8> = client.rest[payload.clone()].to_vec();
            client.rest.drain(..payload.end);
            match (opcode, &data[..]) {
                (8, [high, low, ..]) => {
                    client.send(8, &data[..2]).await?;
                    return Ok(u16::from_be_bytes([*high, *low]));
                }
                (8, _) => return Err("a Close without a code".into()),
                _ => {}
            }
        }
        client.stream.readable().await?;
        match client.stream.try_read_buf(&mut client.rest) {
            Ok(0) => return Err("the connection ended without a Close".into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Stops the server, to which so many clients are connected.
async fn sigterm(count: usize, mut server: Server) -> Result<(), Failure> {
    let target = |number| format!("/events?token=user-{number}");
    let clients = connect_all(count, &server.address, target).await?;
    // All have been told of all.
    sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    kill(
        Pid::from_raw(server.process.id().try_into()?),
        Signal::SIGTERM,
    )?;
    let closed = clients.into_iter().map(|mut client| async move {
        let code = await_close(&mut client).await?;
        let took = start.elapsed();
        match code {
            1001 => Ok::<_, Failure>(took),
            code => Err(format!("client {} got Close {code}", client.number).into()),
        }
    });
    let took = futures_util::future::try_join_all(closed).await?;
    let last = took.into_iter().max().unwrap_or_default();
    let status = server.process.wait()?;
    println!(
        "{count} clients got Close 1001, the last after {:.0} ms; the server ended after {:.0} ms, {status}",
        last.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3
    );
    let in_time = last <= Duration::from_secs(1);
    in_time
        .then_some(())
        .ok_or_else(|| "a Close came too late".into())
}

async fn idle(count: usize, options: &[String]) -> Result<(), Failure> {
    for (path, name) in [("/echo", "/echo"), ("/events?token=one", "/events")] {
        // One that has served others keeps memory that these would get.
        let server = Server::start(options)?;
        let before = server.memory()?;
        let clients = connect_all(count, &server.address, |_| path.to_owned()).await?;
        let each = server.memory()?.saturating_sub(before) as f64 / count as f64 / 1024.0;
        println!(
            "{} idle clients of {name}: {each:.1} KiB each",
            clients.len()
        );
    }
    Ok(())
}

/// One client's part: joins, waits for the others, sends, and reads all the time.
async fn take_part(mut client: Client, options: Rc<Options>, seen: Rc<Seen>, start: Instant) {
    let rest = std::mem::take(&mut client.rest);
    let sending = async {
        client
            .send(1, br#"{"event":"join","room":"crowd"}"#)
            .await?;
        while seen.joined.get() + seen.lost.get() < options.clients {
            sleep(Duration::from_millis(100)).await;
        }
        let every = Duration::from_secs(options.every);
        // Spread over the whole interval.
        sleep(every.mul_f64(client.number as f64 / options.clients as f64)).await;
        for _ in 0..options.seconds / options.every {
            let now = start.elapsed().as_micros();
            let number = client.number;
            let message = format!(
                r#"{{"event":"message","room":"crowd","data":{{"n":{number},"at_us":{now}}}}}"#
            );
            client.send(1, message.as_bytes()).await?;
            add(&seen.sent);
            sleep(every).await;
        }
        std::future::pending::<io::Result<()>>().await
    };
    let ended = tokio::select! {
        sent = sending => sent,
        read = client.read(rest, &seen, start) => read,
    };
    seen.lost.set(seen.lost.get() + 1);
    if seen.faults.borrow().len() < 10 {
        let fault = format!("client {} was cut off: {ended:?}", client.number);
        seen.faults.borrow_mut().push(fault);
    }
}

/// Waits until all have joined; the time that took.
async fn all_join(options: &Options, seen: &Seen) -> Result<(), Failure> {
    let joined = async {
        while seen.joined.get() < options.clients {
            sleep(Duration::from_millis(100)).await;
        }
    };
    let joined = timeout(PATIENCE * 4, joined).await;
    joined.map_err(|_| format!("only {} clients have joined", seen.joined.get()).into())
}

async fn crowd(options: Options, server: &Server) -> Result<(), Failure> {
    let options = Rc::new(options);
    let seen = Rc::new(Seen::default());
    let (before, start) = (server.memory()?, Instant::now());
    let target = |number| format!("/events?token=user-{}", number % options.users);
    let clients = connect_all(options.clients, &server.address, target).await?;
    for client in clients {
        tokio::task::spawn_local(take_part(
            client,
            Rc::clone(&options),
            Rc::clone(&seen),
            start,
        ));
    }
    all_join(&options, &seen).await?;
    println!(
        "{} clients in one room after {:.1} s and {:.1} s of the server's CPU time",
        options.clients,
        start.elapsed().as_secs_f64(),
        server.cpu()?.as_secs_f64()
    );
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let rounds = options.seconds / options.every;
    let total = rounds * options.clients as u64;
    let length = Duration::from_secs(options.seconds + options.every) + PATIENCE;
    let all = async {
        while seen.received.get() < total * options.clients as u64 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    let complete = timeout(length, all).await.is_ok();
    let (cpu, took) = (server.cpu()?.saturating_sub(cpu), begun.elapsed());
    let each = server.memory()?.saturating_sub(before) as f64 / options.clients as f64 / 1024.0;
    report(&options, &seen, (cpu, took), each);
    let whole = complete && seen.lost.get() == 0 && seen.faults.borrow().is_empty();
    whole
        .then_some(())
        .ok_or_else(|| "messages were lost, doubled or out of order".into())
}

fn report(options: &Options, seen: &Seen, (cpu, took): (Duration, Duration), each: f64) {
    let received = seen.received.get();
    let expected = seen.sent.get() * options.clients as u64;
    println!(
        "sent {}, delivered {received} of {expected}, in {:.1} s",
        seen.sent.get(),
        took.as_secs_f64()
    );
    println!(
        "server: {:.1} s of CPU time, {:.0} ns a delivery, {each:.1} KiB a connection",
        cpu.as_secs_f64(),
        cpu.as_nanos() as f64 / received.max(1) as f64
    );
    let mut took = seen.took.borrow_mut();
    took.sort_unstable();
    if let (Some(median), Some(most)) = (took.get(took.len() / 2), took.get(took.len() * 99 / 100))
    {
        println!(
            "a message took {:.1} ms, 99 of 100 at most {:.1} ms",
            *median as f64 / 1e3,
            *most as f64 / 1e3
        );
    }
    println!(
        "{} notices, {} clients cut off",
        seen.notices.get(),
        seen.lost.get()
    );
    for fault in seen.faults.borrow().iter() {
        println!("  {fault}");
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    let clients = options.idle.or(options.sigterm);
    raise_limit(clients.unwrap_or(options.clients))?;
    let server = Server::start(&options.serve)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let work = async {
        match (options.idle, options.sigterm) {
            (Some(count), _) => idle(count, &options.serve).await,
            (None, Some(count)) => sigterm(count, server).await,
            (None, None) => crowd(options, &server).await,
        }
    };
    LocalSet::new().block_on(&runtime, work)
}
