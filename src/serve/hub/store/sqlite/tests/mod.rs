//! The store on disk: what every store does, and what only a file can do.

mod failing;
mod killed;
mod refused;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::serve::hub::store::tests::cases;
use crate::serve::hub::store::tests::script::Script;
use crate::serve::hub::store::{Draft, Recipient, View};

const ALL: Retention = Retention {
    count: None,
    age: None,
};

const fn last(count: u64) -> Retention {
    Retention {
        count: Some(count),
        age: None,
    }
}

fn script(path: &Path, retention: Retention) -> Script {
    Script::new(open(path, retention, None).unwrap())
}

#[tokio::test]
async fn it_does_what_every_store_does() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU64::new(0);
    let open = async |retention| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        open(&folder.path().join(number.to_string()), retention, None).unwrap()
    };
    cases::run_all(open).await;
}

#[tokio::test]
async fn the_next_store_goes_on_where_the_last_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut first = script(&path, ALL);
    first
        .run(
            "
join xiao news
  1 joined xiao news
  1 joins
append ada #news 1
  2 message 1 ada>#news 1 0
append ada @xiao 2
  3 message 2 ada>@xiao 2 0
append ada @xiao 3
  4 message 3 ada>@xiao 3 0
arrive 1 xiao
  5 welcome 1 last 3 in news pending 2
  5 online xiao 1
delivered xiao 2
",
        )
        .await;
    let epoch = first.epoch.take();
    first.store.close().await;
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
    let files: Vec<_> = folder.path().read_dir().unwrap().map(name).collect();
    assert_eq!(files, ["db"], "all is in one file");

    let mut second = script(&path, ALL);
    second
        .run(
            "
clients
  1 clients 0: 
arrive 1 xiao after 2
  2 welcome 1 last 3 in news delivered 2 pending 3 recovered
  2 online xiao 1
page xiao 2 0 10
  3 page [1 ada>#news 1 0, 3 ada>@xiao 3 0] complete 3
append ada * 4
  4 message 4 ada>* 4 0
",
        )
        .await;
    assert_eq!(second.epoch, epoch);
    second.store.close().await;

    let mut third = script(&path, last(0));
    third
        .run(
            "
arrive 1 xiao after 3
  1 welcome 1 last 4 in news delivered 2 oldest 5
  1 online xiao 1
rooms
  2 rooms: news
append ada * 5
  3 message 5 ada>* 5 0
",
        )
        .await;
    third.store.close().await;
    let mut fourth = script(&path, ALL);
    fourth
        .run("append ada * 6\n  1 message 6 ada>* 6 0\n")
        .await;
    fourth.store.close().await;
}

#[tokio::test]
async fn a_store_that_is_closed_has_done_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut store = script(&path, ALL);
    for _ in 0..2000 {
        store.ask("append ada * 1");
    }
    store.store.close().await;
    let mut store = script(&path, ALL);
    store
        .run("room none 0 0\n  1 page [] complete 2000\n")
        .await;
}

#[tokio::test]
async fn much_is_forgotten_in_parts_and_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let young = Retention {
        count: None,
        age: Some(1),
    };
    let mut store = script(&path, young);
    for _ in 0..3 * database::MAX_FORGOTTEN + 1 {
        store.ask("append ada * 1");
    }
    store.outputs().await;
    store.ask("now 2");
    store.ask("prune");
    // The rest is forgotten when nothing else waits, so this ends.
    loop {
        store.ask("page bob 0 0 1");
        if store.outputs().await.concat().contains("page [] complete") {
            break;
        }
    }
}

#[test]
fn a_page_of_large_messages_ends_early() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(&folder.path().join("db"), ALL).unwrap();
    let big = "x".repeat(1 << 20);
    let append = |to| {
        Request::Append(Draft {
            from: "ada".into(),
            to,
            data: big.clone().into(),
            at: 0,
            echo: true,
        })
    };
    let appends: Vec<_> = (0..9)
        .flat_map(|_| [Recipient::Everyone, Recipient::Room("news".into())])
        .map(append)
        .collect();
    let step = |request| database::Step {
        request,
        cursor: None,
    };
    let steps: Vec<_> = appends.iter().map(step).collect();
    let mut cursors = database::Cursors::new();
    database.perform(&steps, &mut cursors, true).unwrap();
    let of_user = View::User {
        user: "xiao".into(),
        direct_after: 0,
        other_after: 0,
    };
    let of_room = View::Room {
        room: "news".into(),
        after: 0,
    };
    for view in [of_user, of_room] {
        let request = &Request::Page { view, limit: 100 };
        let cursor = None;
        let steps = [database::Step { request, cursor }];
        let done = database.perform(&steps, &mut cursors, false).unwrap();
        let [database::Done::Page(page)] = &done[..] else {
            panic!("{done:?}");
        };
        assert_eq!((page.messages.len(), page.complete), (4, None));
    }
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let _store = open(&path, ALL, None).unwrap();
    let mut names = Vec::new();
    for file in folder.path().read_dir().unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
        names.push(file.file_name());
    }
    names.sort();
    assert_eq!(names, ["db", "db-wal"]);
}
