//! The connection as far as the person has been shown it: its state, what has passed over it, and the
//! words for that in `/status`, `/tls` and the last line. Pure: what it returns may hold a peer's
//! words, and the caller makes it safe to print.

use std::time::{Duration, Instant};

use crate::event::{Event, Heads, Opened, TlsInfo, Totals, Volume};
use crate::output::{brief, describe_round_trips};
use crate::session::frontend::Snapshot;
use crate::session::rtt::Rtts;
use crate::units::{counted, grouped};

/// The connection, as far as has been shown.
#[derive(Clone, Debug)]
pub enum Link {
    Connecting,
    Open(Box<Opened>, Instant),
    /// Lost; when the next attempt is due, and why there is one.
    Down(Instant, String),
}

/// Messages in one direction, and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub messages: u64,
    pub bytes: u64,
}

impl Amount {
    pub fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// What has been shown of the connection.
#[derive(Debug)]
pub struct Connection {
    pub url: String,
    /// The proxy that it goes through, as it is shown.
    pub proxy: Option<String>,
    pub link: Link,
    pub opened_once: bool,
    /// Nothing more can be sent over this connection.
    pub closing: bool,
    pub heads: Heads,
    sent: Amount,
    received: Amount,
    round_trips: Rtts,
    last_round_trip: Option<Duration>,
    /// When the first connection was opened.
    since: Option<Instant>,
    /// The code of the last Close, while no connection is open.
    closed: Option<u16>,
    /// What the session has in hand.
    snapshot: Snapshot,
}

impl Connection {
    /// Nothing has been shown yet of the connection to `url`.
    pub fn new(url: String) -> Self {
        Connection {
            url,
            proxy: None,
            link: Link::Connecting,
            opened_once: false,
            closing: false,
            heads: Heads::default(),
            sent: Amount::default(),
            received: Amount::default(),
            round_trips: Rtts::default(),
            last_round_trip: None,
            since: None,
            closed: None,
            snapshot: Snapshot::default(),
        }
    }

    /// Takes note of an event. Returns whether the state of the connection changed.
    pub fn learn(&mut self, now: Instant, event: &Event<'_>) -> bool {
        match event {
            Event::Heads(heads) => self.heads = (*heads).clone(),
            Event::Route { proxy, .. } => self.proxy = proxy.map(str::to_owned),
            Event::Connecting { .. } => return self.set_link(Link::Connecting),
            Event::Open { opened, .. } => {
                self.opened_once = true;
                self.proxy.clone_from(&opened.proxy);
                self.closed = None;
                self.since.get_or_insert(now);
                return self.set_link(Link::Open(Box::new((*opened).clone()), now));
            }
            Event::Retry { delay, why, .. } => {
                let due = now.checked_add(*delay).unwrap_or(now);
                return self.set_link(Link::Down(due, why.to_string()));
            }
            Event::Send { message, .. } => self.sent.add(message.len()),
            Event::Close { close, .. } => self.closed = Some(close.reported_code()),
            Event::Pong { rtt: Some(rtt), .. } => {
                self.round_trips.push(*rtt);
                self.last_round_trip = Some(*rtt);
            }
            _ => {}
        }
        false
    }

    fn set_link(&mut self, link: Link) -> bool {
        self.closing = false;
        self.link = link;
        true
    }

    /// Whether a Close has been received since the connection was opened.
    pub fn has_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// A data message of `bytes` bytes was received.
    pub fn handle_received(&mut self, bytes: usize) {
        self.received.add(bytes);
    }

    /// The session says what it has in hand.
    pub fn handle_snapshot(&mut self, snapshot: &Snapshot) {
        self.snapshot = *snapshot;
    }

    /// The browser's name for the state.
    fn ready_state(&self) -> &'static str {
        match self.link {
            Link::Open(..) if self.closing => "CLOSING",
            Link::Open(..) => "OPEN",
            Link::Connecting => "CONNECTING",
            Link::Down(..) => "CLOSED",
        }
    }

    /// The lines of `/status` about the connection, with `queued` messages that wait.
    pub fn status(&self, queued: usize, now: Instant) -> String {
        let mut text = format!("readyState: {}\n", self.ready_state());
        match &self.link {
            Link::Open(..) if self.closing => push(&mut text, "closing", &self.url),
            Link::Connecting => push(&mut text, "connecting", &self.url),
            Link::Open(opened, since) => {
                let open = describe_open(&self.url, opened, now.saturating_duration_since(*since));
                push(&mut text, "open", &open);
            }
            Link::Down(due, why) => {
                let left = brief(due.saturating_duration_since(now));
                let down = format!("{}, next try in {left} ({why})", self.url);
                push(&mut text, "down", &down);
            }
        }
        push(&mut text, "proxy", self.proxy.as_deref().unwrap_or("none"));
        if let Link::Open(opened, _) = &self.link
            && !self.closing
        {
            push_negotiated(opened, &mut text);
        }
        self.push_amounts(queued, &mut text);
        self.push_round_trips(&mut text);
        text
    }

    fn push_amounts(&self, queued: usize, text: &mut String) {
        let (sent, received) = (self.sent, self.received);
        let kept = match queued {
            0 => String::new(),
            some => format!(", {some} kept"),
        };
        let count = format!("{} sent, {} received", sent.messages, received.messages);
        push(text, "messages", &format!("{count}{kept}"));
        let count = format!("{} sent, {} received", sent.bytes, received.bytes);
        push(text, "bytes", &count);
        let (sent, received) = self.snapshot.compressed;
        for (label, volume) in [("compressed sent", sent), ("compressed received", received)] {
            if volume.wire > 0 {
                push(text, label, &ratio(volume));
            }
        }
        if self.is_open() {
            push(text, "bufferedAmount", &self.snapshot.buffered.to_string());
        }
        if self.snapshot.unconfirmed > 0 {
            push(
                text,
                "unconfirmed",
                &counted(self.snapshot.unconfirmed, "message"),
            );
        }
    }

    fn push_round_trips(&self, text: &mut String) {
        if let (Some(last), Some(times)) = (self.last_round_trip, self.round_trips.summary()) {
            let last = last.as_secs_f64() * 1000.0;
            let times = describe_round_trips(times);
            push(text, "last round trip", &format!("{last:.1} ms, {times}"));
        }
    }

    /// Whether a connection is open.
    pub fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(..))
    }

    /// What `/tls` prints.
    ///
    /// # Errors
    /// There is no TLS connection.
    pub fn tls(&self) -> Result<String, String> {
        match &self.link {
            Link::Open(opened, _) => match &opened.tls {
                Some(tls) => Ok(describe_tls(tls)),
                None => Err("this connection is not encrypted: it is ws://, not wss://".to_owned()),
            },
            _ => Err("there is no connection; /status shows its state".to_owned()),
        }
    }

    /// The seconds until the next attempt, rounded up, while there is no connection.
    pub fn seconds_down(&self, now: Instant) -> Option<u64> {
        let Link::Down(due, _) = &self.link else {
            return None;
        };
        let left = due.saturating_duration_since(now);
        Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// When [`Connection::seconds_down`] changes next.
    pub fn next_second(&self, now: Instant) -> Option<Instant> {
        let seconds = self.seconds_down(now)?.checked_sub(1)?;
        let Link::Down(due, _) = &self.link else {
            return None;
        };
        due.checked_sub(Duration::from_secs(seconds))
    }

    /// The last line of a run that had a connection, which ended with `totals`.
    pub fn summary(&self, totals: &Totals, now: Instant) -> Option<String> {
        let after = span(now.saturating_duration_since(self.since?));
        let how = match self.closed {
            Some(code) => format!("closed {code}"),
            None => "ended".to_owned(),
        };
        let (received, sent) = (grouped(totals.received), grouped(totals.sent));
        Some(format!(
            "{how} after {after}: {received} received ({}), {sent} sent ({})\n",
            size(totals.bytes_received),
            size(totals.bytes_sent)
        ))
    }
}

fn describe_open(url: &str, opened: &Opened, time: Duration) -> String {
    let address = opened.address.as_ref().map(|address| match opened.proxy {
        Some(_) => format!(" (through {address})"),
        None => format!(" ({address})"),
    });
    let address = address.unwrap_or_default();
    format!("{url}{address} for {} s", time.as_secs())
}

/// What the handshakes have agreed on.
fn push_negotiated(opened: &Opened, text: &mut String) {
    if let Some(tls) = &opened.tls {
        push(text, "TLS", &format!("{}, {}", tls.version, tls.cipher));
    }
    for (label, value) in [
        ("subprotocol", &opened.subprotocol),
        ("extensions", &opened.extensions),
        ("compression", &opened.compression),
    ] {
        if let Some(value) = value {
            push(text, label, value);
        }
    }
}

fn push(text: &mut String, label: &str, value: &str) {
    text.push_str(label);
    text.push_str(": ");
    text.push_str(value);
    text.push('\n');
}

fn ratio(volume: Volume) -> String {
    let Volume { wire, plain } = volume;
    let ratio = wire as f64 / plain.max(1) as f64;
    format!("{} as {}, ratio {ratio:.3}", size(plain), size(wire))
}

fn describe_tls(tls: &TlsInfo) -> String {
    let mut text = String::new();
    let verified = match tls.verified {
        true => "yes",
        false => "no (--insecure)",
    };
    for (label, value) in [
        ("version", &*tls.version),
        ("cipher", &tls.cipher),
        ("ALPN", tls.alpn.as_deref().unwrap_or("none")),
        ("subject", &tls.subject),
        ("issuer", &tls.issuer),
        ("expires", &tls.expires),
        ("verified", verified),
    ] {
        push(&mut text, label, value);
    }
    text
}

/// A number of bytes for people, with three digits: `0 B`, `4.1 kB`, `1.2 MB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    for unit in ["kB", "MB", "GB", "TB"] {
        value /= 1000.0;
        // What would be rounded up to 1000 belongs to the next unit.
        if value < 9.95 {
            return format!("{value:.1} {unit}");
        }
        if value < 999.5 {
            return format!("{value:.0} {unit}");
        }
    }
    format!("{value:.0} TB")
}

/// A duration for people: `0.4 s`, `12 s`, `12 m`, `3.5 h`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} m", seconds / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::Close;
    use crate::event::{By, Cause, Timing};
    use crate::message::Message;

    fn opened(tls: Option<TlsInfo>) -> Opened {
        Opened {
            asked: None,
            proxy: None,
            address: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 80)).into()),
            status: 101,
            http: "1.1",
            subprotocol: Some("chat.v1".to_owned()),
            extensions: Some("permessage-deflate".to_owned()),
            compression: Some("on".to_owned()),
            tls,
            timing: Timing::default(),
        }
    }

    /// A connection that has sent and received something, open since `now`.
    fn open(now: Instant, tls: Option<TlsInfo>) -> Connection {
        let mut connection = Connection::new("ws://host/".to_owned());
        let opened = &opened(tls);
        assert!(connection.learn(now, &Event::Open { conn: 1, opened }));
        let event = Event::Send {
            conn: 1,
            message: &Message::text("hello"),
            number: Some(1),
            origin: None,
        };
        assert!(!connection.learn(now, &event));
        connection.handle_received(7);
        connection
    }

    #[test]
    fn the_status_of_an_open_connection() {
        let now = Instant::now();
        let mut connection = open(now, None);
        connection.handle_snapshot(&Snapshot {
            buffered: 12,
            unconfirmed: 1,
            compressed: (
                Volume {
                    wire: 30,
                    plain: 100,
                },
                Volume::default(),
            ),
        });
        let text = "readyState: OPEN\n\
            open: ws://host/ (127.0.0.1:80) for 9 s\n\
            proxy: none\n\
            subprotocol: chat.v1\n\
            extensions: permessage-deflate\n\
            compression: on\n\
            messages: 1 sent, 1 received, 2 kept\n\
            bytes: 5 sent, 7 received\n\
            compressed sent: 100 B as 30 B, ratio 0.300\n\
            bufferedAmount: 12\n\
            unconfirmed: 1 message\n";
        assert_eq!(connection.status(2, now + Duration::from_secs(9)), text);
        connection.closing = true;
        connection.proxy = Some("http://proxy:3128".to_owned());
        let text = connection.status(0, now);
        let closing =
            "readyState: CLOSING\nclosing: ws://host/\nproxy: http://proxy:3128\nmessages: ";
        assert!(text.starts_with(closing), "{text}");
    }

    #[test]
    fn the_seconds_until_the_next_attempt_are_rounded_up() {
        let now = Instant::now();
        let mut connection = open(now, None);
        assert_eq!(connection.seconds_down(now), None);
        let retry = Event::Retry {
            attempt: 2,
            delay: Duration::from_millis(2500),
            why: &Cause::Lost("reset".to_owned()),
        };
        connection.learn(now, &retry);
        let text = connection.status(0, now);
        let down = "readyState: CLOSED\n\
            down: ws://host/, next try in 2.5s (connection lost: reset)\nproxy: none\n";
        assert!(text.starts_with(down), "{text}");
        for (millis, seconds, next) in [
            (0, 3, Some(500)),
            (499, 3, Some(500)),
            (500, 2, Some(1500)),
            (1500, 1, Some(2500)),
            (2500, 0, None),
            (9000, 0, None),
        ] {
            let then = now + Duration::from_millis(millis);
            assert_eq!(connection.seconds_down(then), Some(seconds));
            let next = next.map(|millis| now + Duration::from_millis(millis));
            assert_eq!(connection.next_second(then), next);
        }
    }

    #[test]
    fn tls_is_described_where_there_is_any() {
        let now = Instant::now();
        let why = open(now, None).tls().unwrap_err();
        assert!(why.contains("not encrypted"), "{why}");
        let tls = TlsInfo {
            version: "TLSv1.3".to_owned(),
            cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
            alpn: Some("http/1.1".to_owned()),
            subject: "CN=host".to_owned(),
            issuer: "CN=root".to_owned(),
            expires: "2030-01-01T00:00:00Z".to_owned(),
            verified: false,
        };
        let text = "version: TLSv1.3\ncipher: TLS_AES_256_GCM_SHA384\nALPN: http/1.1\n\
            subject: CN=host\nissuer: CN=root\nexpires: 2030-01-01T00:00:00Z\nverified: no (--insecure)\n";
        let connection = open(now, Some(tls));
        assert_eq!(connection.tls().as_deref(), Ok(text));
        let status = connection.status(0, now);
        let row = "\nproxy: none\nTLS: TLSv1.3, TLS_AES_256_GCM_SHA384\n";
        assert!(status.contains(row), "{status}");
    }

    #[test]
    fn the_last_line_sums_the_run_up() {
        let now = Instant::now();
        let totals = Totals {
            received: 1204,
            bytes_received: 1_234_567,
            sent: 31,
            bytes_sent: 4100,
            ..Totals::default()
        };
        let never = Connection::new("ws://host/".to_owned());
        assert_eq!(never.summary(&totals, now), None);
        let mut connection = open(now, None);
        let then = now + Duration::from_secs(725);
        let counts = "after 12 m: 1,204 received (1.2 MB), 31 sent (4.1 kB)\n";
        let ended = connection.summary(&totals, then);
        assert_eq!(ended, Some(format!("ended {counts}")));
        let event = Event::Close {
            conn: 1,
            by: By::Us,
            origin: None,
            close: &Close::normal(),
            clean: true,
        };
        connection.learn(now, &event);
        let closed = connection.summary(&totals, then);
        assert_eq!(closed, Some(format!("closed 1000 {counts}")));
    }

    #[test]
    fn sizes_and_spans_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9949, "9.9 kB"),
            (9950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (5_000_000_000_000_000, "5000 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (millis, text) in [
            (400, "0.4 s"),
            (12_000, "12 s"),
            (720_000, "12 m"),
            (12_600_000, "3.5 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }
}
