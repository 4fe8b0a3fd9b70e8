//! Several processes of a hub on one real Redis server.

mod outages;
mod together;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use self::server::RedisServer;
use super::super::{
    After, Answer, Change, Conn, Draft, Id, Name, Output, Page, Recipient, Recovered, Request,
    Retention, Store, Ticket, View, Welcome,
};
use super::{Options, RedisStore, RedisUrl};

#[path = "../../../../../../tests/support/redis.rs"]
mod server;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a process may take to connect again, so that nobody is taken for dead by chance.
const LEASE: Duration = Duration::from_secs(10);
/// For those that are to be taken for dead.
const SHORT_LEASE: Duration = Duration::from_secs(2);

/// A process of the hub.
struct Process {
    store: Option<Box<dyn Store>>,
    tickets: u64,
    log: Arc<Mutex<Vec<String>>>,
    /// What came while an answer was waited for.
    passed: Vec<Change>,
}

impl Process {
    async fn start(server: &RedisServer) -> Process {
        Process::with(server, Retention::default()).await
    }

    async fn with(server: &RedisServer, retention: Retention) -> Process {
        Process::leased(server, retention, LEASE).await
    }

    async fn leased(server: &RedisServer, retention: Retention, lease: Duration) -> Process {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let options = Options {
            url: RedisUrl::parse(&server.url()).unwrap(),
            retention,
            lease,
            log: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
        };
        Process {
            store: Some(Box::new(RedisStore::open(options).await.unwrap())),
            tickets: 0,
            log,
            passed: Vec::new(),
        }
    }

    fn ask(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.store.as_mut().unwrap().request(ticket, request);
        ticket
    }

    async fn output(&mut self) -> Output {
        let store = self.store.as_mut().unwrap();
        let next = poll_fn(|cx| store.poll_output(cx));
        timeout(PATIENCE, next).await.expect("nothing came")
    }

    async fn change(&mut self) -> Change {
        match self.output().await {
            Output::Change(change, _) => change,
            other => panic!("{other:?}"),
        }
    }

    /// The answer to a request; what comes before it is kept.
    async fn answer(&mut self, request: Request) -> Answer {
        let asked = self.ask(request);
        loop {
            match self.output().await {
                Output::Answer(answer, ticket) => {
                    assert_eq!(ticket, asked);
                    return answer;
                }
                Output::Change(change, _) => self.passed.push(change),
                Output::Reset => panic!("reset"),
            }
        }
    }

    async fn arrive(&mut self, conn: u64, user: &str, after: Option<After>) -> Welcome {
        let arrive = Request::Arrive {
            conn: Conn(conn),
            user: user.into(),
            after,
        };
        match self.answer(arrive).await {
            Answer::Welcome(welcome) => *welcome,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a message, and waits until the log has it.
    async fn append(&mut self, draft: Draft) -> Id {
        let asked = self.ask(Request::Append(draft));
        loop {
            match self.output().await {
                Output::Change(Change::Message(message), Some(ticket)) if ticket == asked => {
                    return message.id;
                }
                Output::Change(change, _) => self.passed.push(change),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn page(&mut self, view: View, limit: usize) -> (Vec<Id>, Option<Id>) {
        match self.answer(Request::Page { view, limit }).await {
            Answer::Page(Page { messages, complete }) => (
                messages.iter().map(|message| message.id).collect(),
                complete,
            ),
            other => panic!("{other:?}"),
        }
    }

    async fn close(&mut self) {
        self.store.take().unwrap().close().await;
    }

    fn logged(&self, words: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(words)).count()
    }
}

fn draft(from: &str, to: Recipient, data: &str) -> Draft {
    Draft {
        from: from.into(),
        to,
        data: data.into(),
        at: 1_700_000_000_000,
        echo: true,
    }
}

fn everyone(data: &str) -> Draft {
    draft("xiao", Recipient::Everyone, data)
}

fn direct(from: &str, to: &str) -> Draft {
    draft(from, Recipient::User(to.into()), "1")
}

fn user_view(user: &str, direct_after: Id, other_after: Id) -> View {
    View::User {
        user: user.into(),
        direct_after,
        other_after,
    }
}

fn online(user: &str, clients: u64) -> Change {
    Change::Online {
        user: user.into(),
        clients,
    }
}

fn offline(user: &str, clients: u64) -> Change {
    Change::Offline {
        user: user.into(),
        clients,
    }
}

fn closed(user: &str, code: u16, reason: &str) -> Change {
    Change::Closed {
        user: user.into(),
        code,
        reason: reason.into(),
    }
}
