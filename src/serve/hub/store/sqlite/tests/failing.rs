//! A file that fails while it is used: who asked gets an error, the log says it once, and it goes on when
//! it can.

use std::fs;
use std::sync::{Arc, Mutex};

use super::*;
use crate::serve::hub::store::{Change, Conn};

/// A worker without its thread, and what it logs.
struct Bench {
    worker: Worker,
    outputs: tokio_mpsc::UnboundedReceiver<Vec<Output>>,
    log: Arc<Mutex<Vec<String>>>,
    tickets: u64,
}

impl Bench {
    fn new(database: Database) -> Bench {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let logger: Log = Arc::new(move |line| lines.lock().unwrap().push(line.to_owned()));
        let (told, outputs) = tokio_mpsc::unbounded_channel();
        let trouble = Trouble::new("db".to_owned(), Some(logger));
        Bench {
            worker: Worker::new(database, trouble, told),
            outputs,
            log,
            tickets: 0,
        }
    }

    /// What came of a batch, in a word each.
    fn serve(&mut self, requests: Vec<Request>) -> Vec<String> {
        let batch = requests.into_iter().map(|request| {
            self.tickets += 1;
            (Ticket(self.tickets), request)
        });
        let batch: Vec<_> = batch.collect();
        self.worker.serve(&batch);
        let outputs = self.outputs.try_recv().unwrap();
        let word = |output| match output {
            Output::Change(Change::Message(stored), _) => format!("{}", stored.id),
            Output::Change(..) => "change".to_owned(),
            Output::Answer(Answer::Failed(why), _) => why.to_string(),
            Output::Answer(Answer::Page(page), _) => format!("{} messages", page.messages.len()),
            _ => "answer".to_owned(),
        };
        outputs.into_iter().map(word).collect()
    }

    fn logged(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn append(size: usize) -> Request {
    Request::Append(Draft {
        from: "ada".into(),
        to: Recipient::Everyone,
        data: "x".repeat(size).into(),
        at: 0,
        echo: true,
    })
}

fn everything() -> Request {
    let view = View::User {
        user: "xiao".into(),
        direct_after: 0,
        other_after: 0,
    };
    Request::Page { view, limit: 100 }
}

#[test]
fn a_full_disk_is_an_error_to_those_it_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let database = Database::open(&path, ALL).unwrap();
    database.limit_pages(40);
    let mut bench = Bench::new(database);
    let full = "the server's disk is full";
    let batch = vec![append(10), append(200_000), append(10), everything()];
    assert_eq!(bench.serve(batch), ["1", full, "2", "2 messages"]);
    assert_eq!(
        bench.logged(),
        [
            "--db db: the server's disk is full (database or disk is full)",
            "--db db: messages are stored again",
        ]
    );
    // Nothing fits any more, and what is there can be read. One line is enough.
    assert_eq!(bench.serve(vec![append(120_000)]), ["3"]);
    for _ in 0..10 {
        let batch = vec![append(20_000), everything(), append(20_000)];
        assert_eq!(bench.serve(batch), [full, "3 messages", full]);
    }
    assert_eq!(bench.logged(), [""; 0]);
    // There is room again.
    bench.worker.limit_pages(1000);
    assert_eq!(bench.serve(vec![append(200_000)]), ["4"]);
    drop(bench);
    let mut bench = Bench::new(Database::open(&path, ALL).unwrap());
    assert_eq!(
        bench.serve(vec![everything(), append(1)]),
        ["4 messages", "5"]
    );
}

#[test]
fn a_connection_ends_though_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("db"), ALL).unwrap();
    database.limit_pages(1);
    let mut bench = Bench::new(database);
    let arrive = Request::Arrive {
        conn: Conn(1),
        user: "xiao".into(),
        after: None,
    };
    let depart = Request::Depart {
        conn: Conn(1),
        code: 1000,
        reason: "".into(),
        delivered: 7,
    };
    let batch = vec![arrive, append(20_000), depart];
    let outputs = bench.serve(batch);
    let full = "the server's disk is full";
    assert_eq!(outputs, ["answer", "change", full, "change", "change"]);
}

#[tokio::test]
async fn damage_that_is_met_later_is_an_error_to_those_it_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut store = script(&path, ALL);
    store.ask("append ada #good precious");
    store.ask("append ada #bad treasure");
    store.outputs().await;
    store.store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|part| part == b"treasure");
    // No structure is hurt, so it is not found before.
    bytes[at.unwrap()] = 0xff;
    fs::write(&path, bytes).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let logger: Log = Arc::new(move |line| lines.lock().unwrap().push(line.to_owned()));
    let mut store = Script::new(open(&path, ALL, Some(logger)).unwrap());
    store
        .run(
            "
room bad 0 5
  1 failed: the server's history is damaged
room bad 0 5
  2 failed: the server's history is damaged
room good 0 5
  3 page [1 ada>#good precious 0] complete 2
append ada #bad 3
  4 message 3 ada>#bad 3 0
room bad 2 5
  5 page [3 ada>#bad 3 0] complete 3
",
        )
        .await;
    store.store.close().await;
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log[0].contains("the server's history is damaged ("),
        "{log:?}"
    );
}
