//! The ledger for those who do not speak WebSocket: GET shows it page by page, DELETE empties it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};

use super::store::LedgerStore;
use super::{Cursor, Emptied, Format};
use crate::serve::response::{self, Answer};
use crate::serve::shared::lock;

/// The answer to a request that is no WebSocket handshake.
pub(crate) fn answer(method: &Method, format: Format, store: &Arc<Mutex<LedgerStore>>) -> Answer {
    match *method {
        Method::GET => show(LedgerBody::new(store, format), format),
        Method::DELETE => match lock(store).clear() {
            Ok(()) => response::status(StatusCode::NO_CONTENT),
            Err(why) => response::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("The ledger cannot be emptied: {why}\n"),
            ),
        },
        _ => response::wrong_method(
            "The ledger can be read (GET), emptied (DELETE) and written to (WebSocket).\n",
            "GET, DELETE",
        ),
    }
}

/// One page has a length; more of them are made as they are read.
fn show(mut body: LedgerBody, format: Format) -> Answer {
    let mut answer = match body.next() {
        Some(Ok(page)) if body.is_over => response::text(StatusCode::OK, page),
        Some(Ok(first)) => response::stream(body.after(first)),
        _ => response::text(StatusCode::OK, ""),
    };
    if format == Format::Json {
        response::insert(&mut answer, CONTENT_TYPE, "application/x-ndjson");
    }
    answer
}

/// The ledger, page by page.
struct LedgerBody {
    store: Arc<Mutex<LedgerStore>>,
    cursor: Cursor,
    /// A page that was looked at and put back.
    first: Option<Bytes>,
    is_over: bool,
}

impl LedgerBody {
    fn new(store: &Arc<Mutex<LedgerStore>>, format: Format) -> Self {
        LedgerBody {
            cursor: lock(store).cursor(format),
            store: Arc::clone(store),
            first: None,
            is_over: false,
        }
    }

    /// Puts a page back.
    fn after(mut self, first: Bytes) -> Self {
        self.first = Some(first);
        self
    }
}

impl Iterator for LedgerBody {
    type Item = Result<Bytes, Emptied>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.is_over {
            return None;
        }
        let mut page = Vec::new();
        let more = lock(&self.store).page(&mut self.cursor, &mut page);
        self.is_over = more != Ok(true);
        Some(more.map(|_| page.into()))
    }
}

impl Body for LedgerBody {
    type Data = Bytes;
    type Error = Emptied;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Emptied>>> {
        Poll::Ready(self.next().map(|page| page.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_and_emptied_without_an_upgrade() {
        let store = Arc::default();
        let has = |answer: &Answer, name, value| {
            assert_eq!(answer.headers().get(name).unwrap(), value);
        };
        let ask = |method, format, status| {
            let answer = answer(&method, format, &store);
            assert_eq!(answer.status(), status);
            answer
        };
        let text = ask(Method::GET, Format::Line, 200);
        has(&text, "content-type", "text/plain; charset=utf-8");
        let json = ask(Method::GET, Format::Json, 200);
        has(&json, "content-type", "application/x-ndjson");
        ask(Method::DELETE, Format::Line, 204);
        let posted = ask(Method::POST, Format::Line, 405);
        has(&posted, "allow", "GET, DELETE");
    }
}
