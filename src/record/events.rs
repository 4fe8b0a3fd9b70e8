//! A recorded connection as the events of a run, as they happened.

use std::time::Duration;

use super::connection::{Answer, Connection, Moment, What};
use crate::close::Close;
use crate::error::Exit;
use crate::event::{Asked, By, Event, Opened, Origin, Refusal, Timing, Totals};
use crate::secret::Redactor;
use crate::uri;

/// Calls `push` with each event and its time since the beginning of the recording, in order: a header, the
/// answer of the handshake, what happened, and the end. The URL is shown as `redactor` permits; the
/// receiver redacts the rest.
pub fn each(connection: &Connection, redactor: &Redactor, push: impl FnMut(Duration, &Event<'_>)) {
    let mut run = Run {
        conn: 1,
        totals: Totals::default(),
        push,
    };
    let url = match redactor.includes_secrets() {
        true => connection.url.clone(),
        false => redactor
            .redact(&uri::shown_target(&connection.url))
            .into_owned(),
    };
    let header = Event::Header {
        url: &url,
        started: connection.started.unwrap_or_default(),
    };
    (run.push)(Duration::ZERO, &header);
    let opened = opened(connection);
    run.answer(connection, &opened);
    for moment in &connection.moments {
        run.moment(moment, &opened);
    }
    let last = connection.moments.last();
    let (exit, totals) = (Exit::Ok, &run.totals);
    (run.push)(
        last.map_or(Duration::ZERO, |last| last.at),
        &Event::End { exit, totals },
    );
}

struct Run<F> {
    conn: u32,
    totals: Totals,
    push: F,
}

impl<F: FnMut(Duration, &Event<'_>)> Run<F> {
    fn answer(&mut self, connection: &Connection, opened: &Opened) {
        let answer = &connection.answer;
        let conn = self.conn;
        match answer.status {
            Some(status) if is_refusal(status) => {
                let (attempt, refusal) = (1, &refusal(status, answer));
                (self.push)(Duration::ZERO, &Event::Refused { attempt, refusal });
            }
            // A recording that lacks the answer had one, if anything followed.
            _ => {
                self.totals.connections = 1;
                (self.push)(Duration::ZERO, &Event::Open { conn, opened });
            }
        }
    }

    fn moment(&mut self, Moment { at, what }: &Moment, opened: &Opened) {
        match what {
            What::Sent { message, .. } => {
                self.totals.sent += 1;
                self.totals.bytes_sent += message.len() as u64;
            }
            What::Received(message) => {
                self.totals.received += 1;
                self.totals.bytes_received += message.len() as u64;
            }
            What::Reopened => {
                self.conn = self.conn.saturating_add(1);
                self.totals.connections = self.totals.connections.saturating_add(1);
            }
            _ => {}
        }
        of(what, self.conn, opened, |event| (self.push)(*at, event));
    }
}

/// Makes the event of what happened on the connection with the number `conn`, and hands it over.
pub fn of<T>(what: &What, conn: u32, opened: &Opened, take: impl FnOnce(&Event<'_>) -> T) -> T {
    let close = |by, close, clean| Event::Close {
        conn,
        by,
        origin: None,
        close,
        clean,
    };
    let lost = Close::new(1006, "");
    let event = match what {
        What::Sent { message, by_itself } => Event::Send {
            conn,
            message,
            number: None,
            origin: by_itself.then_some(Origin::Heartbeat),
        },
        What::Received(message) => Event::Receive {
            conn,
            message,
            record: None,
        },
        What::SentPing { data, by_itself } => {
            let origin = by_itself.then_some(Origin::Keepalive);
            ping(conn, By::Us, origin, data)
        }
        What::ReceivedPing(data) => ping(conn, By::Peer, None, data),
        What::SentPong { data, by_itself } => {
            let origin = by_itself.then_some(Origin::Auto);
            pong(conn, By::Us, origin, data)
        }
        What::ReceivedPong(data) => pong(conn, By::Peer, None, data),
        What::Closing(by_us) => close(By::Us, by_us, true),
        What::Closed(by_peer) => close(By::Peer, by_peer, true),
        What::Lost => close(By::Peer, &lost, false),
        What::Reopened => Event::Open { conn, opened },
    };
    take(&event)
}

fn ping(conn: u32, by: By, origin: Option<Origin>, data: &[u8]) -> Event<'_> {
    Event::Ping {
        conn,
        by,
        origin,
        data,
    }
}

fn pong(conn: u32, by: By, origin: Option<Origin>, data: &[u8]) -> Event<'_> {
    Event::Pong {
        conn,
        by,
        origin,
        data,
        rtt: None,
        asked: false,
    }
}

/// The answer that opened the connection.
pub fn opened(connection: &Connection) -> Opened {
    let answer = &connection.answer;
    let asked = || Asked {
        method: "GET".to_owned(),
        target: target(&connection.url),
        headers: connection.headers.clone(),
    };
    Opened {
        address: None,
        proxy: None,
        status: answer.status.unwrap_or(101),
        http: if answer.status == Some(200) {
            "2"
        } else {
            "1.1"
        },
        subprotocol: answer.subprotocol.clone(),
        extensions: answer.extensions.clone(),
        compression: None,
        tls: None,
        timing: Timing::default(),
        asked: (!connection.headers.is_empty()).then(asked),
    }
}

/// The answer, with this status, that opened none.
pub fn refusal(status: u16, answer: &Answer) -> Refusal {
    Refusal {
        status,
        reason: String::new(),
        headers: answer.headers.clone(),
        body: Vec::new(),
        truncated: false,
    }
}

/// Whether an answer with this status opened no connection.
pub fn is_refusal(status: u16) -> bool {
    !(101..300).contains(&status)
}

/// The path and the query of a URL.
fn target(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let path = rest.find(['/', '?']).and_then(|at| rest.get(at..));
    uri::shown_target(path.unwrap_or("/"))
}
