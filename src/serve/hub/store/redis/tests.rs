//! Several processes of a hub on one real Redis server, which is killed, suspended and emptied.

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

#[path = "../../../../../tests/support/redis.rs"]
mod server;

const PATIENCE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(2);

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
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let options = Options {
            url: RedisUrl::parse(&server.url()).unwrap(),
            retention,
            lease: LEASE,
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

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn two_processes_see_the_same_in_the_same_order() {
    let server = RedisServer::start(&[]);
    let mut here = Process::start(&server).await;
    let mut there = Process::start(&server).await;
    let welcome = here.arrive(1, "xiao", None).await;
    assert_eq!((welcome.clients, welcome.last), (1, 0));
    assert_eq!(here.change().await, online("xiao", 1));
    assert_eq!(there.change().await, online("xiao", 1));
    // The same user at another process comes online once.
    let welcome = there.arrive(1, "xiao", None).await;
    assert_eq!(welcome.clients, 2);
    // Both send at once.
    const COUNT: usize = 300;
    for number in 0..COUNT {
        here.ask(Request::Append(everyone(&format!("{number}"))));
        there.ask(Request::Append(everyone(&format!("-{number}"))));
    }
    let mut seen = [Vec::new(), Vec::new()];
    for (process, seen) in [&mut here, &mut there].into_iter().zip(&mut seen) {
        for id in 1..=2 * COUNT as Id {
            match process.change().await {
                Change::Message(message) => {
                    assert_eq!(message.id, id);
                    seen.push(message.draft.data.to_string());
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(seen[0], seen[1]);
    let own: Vec<&String> = seen[0]
        .iter()
        .filter(|data| !data.starts_with('-'))
        .collect();
    assert!(
        own.iter()
            .enumerate()
            .all(|(n, data)| **data == n.to_string())
    );
    // The end of one is not the end of the user.
    let depart = Request::Depart {
        conn: Conn(1),
        code: 1000,
        reason: "bye".into(),
        delivered: 0,
    };
    here.ask(depart.clone());
    assert_eq!(there.change().await, closed("xiao", 1000, "bye"));
    there.ask(depart);
    assert_eq!(there.change().await, closed("xiao", 1000, "bye"));
    assert_eq!(there.change().await, offline("xiao", 0));
    here.close().await;
    there.close().await;
    assert_eq!(server.cli(&["hlen", "wirecat:{hub}:processes"]).trim(), "0");
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn rooms_views_and_what_was_forgotten() {
    let server = RedisServer::start(&[]);
    let retention = Retention {
        count: Some(4),
        age: None,
    };
    let mut hub = Process::with(&server, retention).await;
    let epoch = hub.arrive(1, "xiao", None).await.epoch;
    let news = || Recipient::Room("news".into());
    hub.append(draft("bo", news(), "0")).await;
    let join = |user: &str| Request::Join {
        user: user.into(),
        room: "news".into(),
    };
    assert_eq!(hub.answer(join("xiao")).await, Answer::Joined);
    assert_eq!(hub.answer(join("xiao")).await, Answer::Joined);
    let joined = |change: &&Change| matches!(change, Change::Joined { .. });
    assert_eq!(hub.passed.iter().filter(joined).count(), 1);
    assert_eq!(hub.append(draft("bo", news(), "1")).await, 2);
    let mut silent = draft("xiao", news(), "2");
    silent.echo = false;
    hub.append(silent).await;
    hub.append(direct("bo", "xiao")).await;
    // What was sent before joining, and without echo, is left out; the room has all of it.
    let page = hub.page(user_view("xiao", 0, 0), 10).await;
    assert_eq!(page, (vec![2, 4], Some(4)));
    assert_eq!(hub.page(user_view("xiao", 0, 0), 1).await, (vec![2], None));
    assert_eq!(hub.page(user_view("xiao", 4, 0), 10).await.0, [2]);
    assert_eq!(hub.page(user_view("bo", 0, 0), 10).await.0, [4]);
    let room = |after| View::Room {
        room: "news".into(),
        after,
    };
    assert_eq!(hub.page(room(0), 2).await, (vec![1, 2], None));
    assert_eq!(hub.page(room(1), 2).await, (vec![2, 3], Some(4)));
    // Two more, and the first two are gone.
    hub.append(direct("bo", "xiao")).await;
    hub.append(everyone("3")).await;
    assert_eq!(hub.page(room(0), 9).await.0, [3]);
    // Without members and messages, there is no room.
    assert_eq!(
        hub.answer(Request::Rooms).await,
        Answer::Rooms(vec!["news".into()])
    );
    let leave = Request::Leave {
        user: "xiao".into(),
        room: "news".into(),
    };
    assert_eq!(hub.answer(leave).await, Answer::Left);
    hub.append(everyone("4")).await;
    assert_eq!(hub.answer(Request::Rooms).await, Answer::Rooms(Vec::new()));
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_client_that_comes_back_is_told_whether_all_is_there() {
    let server = RedisServer::start(&[]);
    let retention = Retention {
        count: Some(4),
        age: None,
    };
    let mut hub = Process::with(&server, retention).await;
    let epoch = hub.arrive(1, "xiao", None).await.epoch;
    hub.append(draft("bo", Recipient::Room("news".into()), "0"))
        .await;
    hub.answer(Request::Join {
        user: "xiao".into(),
        room: "news".into(),
    })
    .await;
    hub.append(draft("bo", Recipient::Room("news".into()), "1"))
        .await;
    let mut silent = draft("xiao", Recipient::Room("news".into()), "2");
    silent.echo = false;
    hub.append(silent).await;
    for _ in 0..2 {
        hub.append(direct("bo", "xiao")).await;
    }
    hub.append(everyone("3")).await;
    let after = |id, epoch: Option<&str>| {
        Some(After {
            id,
            epoch: epoch.map(Into::into),
        })
    };
    for (number, (after, recovered)) in [
        (after(1, None), Recovered::No { oldest: 4 }),
        (after(2, Some(&epoch)), Recovered::Yes),
        (after(6, None), Recovered::Yes),
        (after(7, None), Recovered::No { oldest: 4 }),
        (after(5, Some("another")), Recovered::No { oldest: 4 }),
    ]
    .into_iter()
    .enumerate()
    {
        let welcome = hub.arrive(10 + number as u64, "xiao", after.clone()).await;
        assert_eq!(welcome.recovered, Some(recovered), "{after:?}");
        assert_eq!(welcome.rooms, [Name::from("news")]);
        assert_eq!(welcome.first_pending, Some(4));
    }
    // Someone who was never written to has lost nothing of a room that he is no member of.
    let welcome = hub.arrive(20, "new", after(0, None)).await;
    assert_eq!(welcome.recovered, Some(Recovered::Yes));
    hub.ask(Request::Delivered {
        user: "xiao".into(),
        id: 4,
    });
    let welcome = hub.arrive(21, "xiao", None).await;
    assert_eq!((welcome.delivered, welcome.first_pending), (4, Some(5)));
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn age_forgets_too() {
    let server = RedisServer::start(&[]);
    let retention = Retention {
        count: None,
        age: Some(1000),
    };
    let mut hub = Process::with(&server, retention).await;
    const COUNT: u64 = 1200;
    for at in 0..COUNT {
        let mut draft = everyone("1");
        draft.at = at as i64;
        hub.ask(Request::Append(draft));
    }
    hub.ask(Request::Prune { now: 2100 });
    // More than one step of the script.
    let start = Instant::now();
    loop {
        let (ids, complete) = hub.page(user_view("bo", 0, 0), 2000).await;
        assert_eq!(complete, Some(COUNT));
        if ids == (1101..=COUNT).collect::<Vec<_>>() {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{} are left", ids.len());
    }
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn redis_is_killed_and_comes_back_and_nothing_is_lost_or_doubled() {
    let mut server = RedisServer::start(&[]);
    let mut here = Process::start(&server).await;
    let mut there = Process::start(&server).await;
    here.arrive(1, "xiao", None).await;
    assert_eq!(there.change().await, online("xiao", 1));
    const COUNT: usize = 600;
    for round in 0..3 {
        for number in 0..COUNT / 2 {
            here.ask(Request::Append(everyone(&format!("{round}.{number}"))));
        }
        // Some are done, some on the way, some not sent.
        tokio::time::sleep(Duration::from_millis(3)).await;
        server.kill();
        for number in COUNT / 2..COUNT {
            here.ask(Request::Append(everyone(&format!("{round}.{number}"))));
        }
        server.restart();
        for number in 0..COUNT {
            match there.change().await {
                Change::Message(message) => {
                    assert_eq!(message.id, (round * COUNT + number + 1) as Id);
                    assert_eq!(&*message.draft.data, &format!("{round}.{number}"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let welcome = here.arrive(2, "xiao", None).await;
    assert_eq!(welcome.last, 3 * COUNT as Id);
    assert_eq!(welcome.clients, 2);
    for process in [&here, &there] {
        let outages = process.logged("reconnecting");
        assert!((1..=3).contains(&outages), "{:?}", process.log);
        assert_eq!(process.logged("connected again after"), outages);
    }
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn without_redis_senders_are_told_and_ends_are_kept() {
    let mut server = RedisServer::start(&[]);
    let mut here = Process::start(&server).await;
    let mut there = Process::start(&server).await;
    here.arrive(1, "xiao", None).await;
    assert_eq!(here.change().await, online("xiao", 1));
    assert_eq!(there.change().await, online("xiao", 1));
    server.kill();
    while here.logged("reconnecting") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    let asked = here.ask(Request::Append(everyone("1")));
    here.ask(Request::Depart {
        conn: Conn(1),
        code: 1001,
        reason: "".into(),
        delivered: 0,
    });
    let failed = Answer::Failed("the hub's store cannot be reached; try again".into());
    assert_eq!(here.output().await, Output::Answer(failed, asked));
    let waited = start.elapsed();
    assert!(
        waited > Duration::from_secs(4) && waited < Duration::from_secs(8),
        "{waited:?}"
    );
    server.restart();
    assert_eq!(there.change().await, closed("xiao", 1001, ""));
    assert_eq!(there.change().await, offline("xiao", 0));
    assert_eq!(there.append(everyone("2")).await, 1);
    assert_eq!(here.logged("reconnecting"), 1);
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_process_that_dies_is_offline_when_its_lease_is_over() {
    let server = RedisServer::start(&[]);
    let mut here = Process::start(&server).await;
    // It loses its runtime, and so says no word more.
    let url = RedisUrl::parse(&server.url()).unwrap();
    let mut options = Options::new(url, Retention::default(), Arc::new(|_| {}));
    options.lease = LEASE;
    let life = async move {
        let mut store = RedisStore::open(options).await.unwrap();
        let arrive = Request::Arrive {
            conn: Conn(1),
            user: "dead".into(),
            after: None,
        };
        store.request(Ticket(1), arrive);
        poll_fn(|cx| store.poll_output(cx)).await;
        store
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let thread = std::thread::spawn(move || (runtime.block_on(life), runtime));
    let (store, runtime) = thread.join().unwrap();
    let died = Instant::now();
    runtime.shutdown_background();
    assert_eq!(here.change().await, online("dead", 1));
    assert_eq!(here.change().await, closed("dead", 1006, ""));
    assert_eq!(here.change().await, offline("dead", 0));
    assert!(died.elapsed() < LEASE * 3, "{:?}", died.elapsed());
    drop(store);
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_process_that_was_taken_for_dead_begins_anew() {
    let server = RedisServer::start(&[]);
    let mut here = Process::start(&server).await;
    let mut there = Process::start(&server).await;
    here.arrive(1, "xiao", None).await;
    here.change().await;
    let names = server.cli(&["hkeys", "wirecat:{hub}:processes"]);
    let owner = names.lines().find(|name| {
        server
            .cli(&["exists", &format!("wirecat:{{hub}}:conns:{name}")])
            .trim()
            == "1"
    });
    let owner = owner.unwrap();
    // Exactly what the other process would do after the lease.
    server.cli(&["hdel", "wirecat:{hub}:processes", owner]);
    let asked = here.ask(Request::Append(everyone("1")));
    loop {
        match here.output().await {
            Output::Reset => break,
            Output::Answer(_, ticket) => assert_ne!(ticket, asked),
            Output::Change(_, ticket) => assert_ne!(ticket, Some(asked)),
        }
    }
    assert_eq!(here.logged("clients of this process must reconnect"), 1);
    // Its old connection is over, and it works again.
    assert_eq!(there.change().await, online("xiao", 1));
    assert_eq!(there.change().await, closed("xiao", 1006, ""));
    assert_eq!(there.change().await, offline("xiao", 0));
    assert_eq!(here.arrive(2, "xiao", None).await.clients, 1);
    assert_eq!(there.change().await, online("xiao", 1));
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_redis_that_lost_everything_starts_another_epoch() {
    let mut server = RedisServer::start(&[]);
    let mut hub = Process::start(&server).await;
    let before = hub.arrive(1, "xiao", None).await;
    hub.append(everyone("1")).await;
    server.kill();
    server.erase();
    server.restart();
    loop {
        if hub.output().await == Output::Reset {
            break;
        }
    }
    let after = Some(After {
        id: 1,
        epoch: Some(before.epoch.clone()),
    });
    let welcome = hub.arrive(1, "xiao", after).await;
    assert_ne!(welcome.epoch, before.epoch);
    assert_eq!(welcome.recovered, Some(Recovered::No { oldest: 1 }));
    assert_eq!(hub.append(everyone("2")).await, 1);
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_full_redis_refuses_messages_and_takes_ends() {
    let server = RedisServer::start(&[]);
    let mut hub = Process::start(&server).await;
    hub.arrive(1, "xiao", None).await;
    assert_eq!(hub.change().await, online("xiao", 1));
    server.cli(&["config", "set", "maxmemory", "1"]);
    let asked = hub.ask(Request::Append(everyone("1")));
    let failed = Answer::Failed("the hub's store refused it; try again".into());
    assert_eq!(hub.output().await, Output::Answer(failed, asked));
    assert_eq!(hub.logged("OOM"), 1);
    hub.ask(Request::Depart {
        conn: Conn(1),
        code: 1000,
        reason: "".into(),
        delivered: 0,
    });
    assert_eq!(hub.change().await, closed("xiao", 1000, ""));
    server.cli(&["config", "set", "maxmemory", "0"]);
    assert_eq!(hub.change().await, offline("xiao", 0));
    assert_eq!(hub.append(everyone("2")).await, 1);
}

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn what_cannot_be_used_is_said_at_the_start() {
    let mut server = RedisServer::start(&["--requirepass", "topsecret"]);
    let open = |url: String| async move {
        let url = RedisUrl::parse(&url).unwrap();
        let options = Options::new(url, Retention::default(), Arc::new(|_| {}));
        RedisStore::open(options).await.err()
    };
    let at = format!("127.0.0.1:{}", server.port());
    assert_eq!(open(format!("redis://:topsecret@{at}/2")).await, None);
    for (user, words) in [(":wrongsecret@", "WRONGPASS"), ("", "NOAUTH")] {
        let error = open(format!("redis://{user}{at}")).await.unwrap();
        assert_eq!(error.exit.code(), 2);
        let shown = error.to_string();
        assert!(
            shown.contains(&at) && !shown.contains("wrongsecret"),
            "{shown}"
        );
        let _ = words;
    }
    server.kill();
    let error = open(format!("redis://:topsecret@{at}")).await.unwrap();
    assert_eq!(error.exit.code(), 7);
    let shown = error.to_string();
    assert!(
        shown.contains("refused") && !shown.contains("topsecret"),
        "{shown}"
    );
}
