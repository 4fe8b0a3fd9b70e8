//! A Redis server that is killed, emptied or full, and processes that die or are taken for dead.

use super::*;

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
    let mut here = Process::leased(&server, Retention::default(), SHORT_LEASE).await;
    // It loses its runtime, and so says no word more.
    let url = RedisUrl::parse(&server.url()).unwrap();
    let mut options = Options::new(url, Retention::default(), Arc::new(|_| {}));
    options.lease = SHORT_LEASE;
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
    assert!(died.elapsed() < SHORT_LEASE * 3, "{:?}", died.elapsed());
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
    while hub.output().await != Output::Reset {}
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
async fn a_redis_that_lost_its_end_gives_no_id_twice() {
    let server = RedisServer::start(&[]);
    let mut hub = Process::start(&server).await;
    let before = hub.arrive(1, "xiao", None).await;
    assert_eq!(hub.append(everyone("1")).await, 1);
    assert_eq!(hub.append(everyone("2")).await, 2);
    // The first change was that the user came.
    server.cli(&["xdel", "wirecat:{hub}:log", "3-0"]);
    server.cli(&["xsetid", "wirecat:{hub}:log", "2-0"]);
    server.cli(&["set", "wirecat:{hub}:position", "2"]);
    server.cli(&["set", "wirecat:{hub}:id", "1"]);
    server.cli(&["client", "kill", "type", "normal"]);
    while hub.output().await != Output::Reset {}
    assert_eq!(hub.logged("the log is not the one that was read"), 1);
    let welcome = hub.arrive(2, "xiao", None).await;
    assert_eq!((welcome.epoch, welcome.last), (before.epoch, 2));
    assert_eq!(hub.append(everyone("3")).await, 3);
}
