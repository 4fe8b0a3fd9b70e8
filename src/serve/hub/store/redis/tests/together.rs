//! What processes of a hub see of each other, and what the hub remembers.

use super::*;
use crate::serve::hub::store::tests::cases;

/// What every store must do; each case begins with a hub that is empty.
#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn the_contract() {
    let server = RedisServer::start(&[]);
    cases::run_all(async |retention| {
        server.cli(&["flushall"]);
        Process::with(&server, retention).await.store.unwrap()
    })
    .await;
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

/// Otherwise one client could make Redis and the hub hold a thousand of the largest messages.
#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_page_of_large_messages_is_cut() {
    let server = RedisServer::start(&[]);
    let mut hub = Process::start(&server).await;
    hub.arrive(1, "xiao", None).await;
    let large = format!("\"{}\"", "x".repeat(3 << 20));
    for id in 1..=3 {
        assert_eq!(hub.append(everyone(&large)).await, id);
    }
    let page = async |hub: &mut Process, after| hub.page(user_view("xiao", 0, after), 10).await;
    assert_eq!(page(&mut hub, 0).await, (vec![1, 2], None));
    assert_eq!(page(&mut hub, 2).await, (vec![3], Some(3)));
    assert_eq!(hub.page(user_view("xiao", 0, 0), 1).await, (vec![1], None));
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
    hub.arrive(1, "xiao", None).await;
    let news = || Recipient::Room("news".into());
    hub.append(draft("bo", news(), "0")).await;
    let join = |user: &str| Request::Join {
        user: user.into(),
        room: "news".into(),
        most: None,
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
        most: None,
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
async fn what_cannot_be_used_is_said_at_the_start() {
    let mut server = RedisServer::start(&["--requirepass", "topsecret"]);
    let open = |url: String| async move {
        let url = RedisUrl::parse(&url).unwrap();
        let options = Options::new(url, Retention::default(), Arc::new(|_| {}));
        RedisStore::open(options).await.err()
    };
    let at = format!("127.0.0.1:{}", server.port());
    assert_eq!(open(format!("redis://:topsecret@{at}/2")).await, None);
    for (user, words) in [
        (":wrongsecret@", "does not accept this user and password"),
        ("", "wants a password"),
    ] {
        let error = open(format!("redis://{user}{at}")).await.unwrap();
        assert_eq!(error.exit.code(), 2);
        let shown = error.to_string();
        assert!(shown.contains(&at) && shown.contains(words), "{shown}");
        assert!(!shown.contains("wrongsecret"), "{shown}");
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

#[tokio::test]
#[ignore = "needs .ci/peers"]
async fn a_unix_socket_and_another_database() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let socket = socket.to_str().unwrap();
    let server = RedisServer::start(&["--unixsocket", socket]);
    let url = RedisUrl::parse(&format!("redis+unix://{socket}?db=3")).unwrap();
    let options = Options::new(url, Retention::default(), Arc::new(|_| {}));
    let store = RedisStore::open(options).await.unwrap();
    let processes = ["hlen", "wirecat:{hub}:processes"];
    assert_eq!(server.cli(&processes).trim(), "0");
    let there = server.cli(&[&["-n", "3"], &processes[..]].concat());
    assert_eq!(there.trim(), "1");
    Box::new(store).close().await;
}
