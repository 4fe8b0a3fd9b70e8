//! SIGKILL while messages are stored: a message that was told is there afterwards, and no id is used twice.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;
use crate::serve::hub::store::Change;

const PATH: &str = "WIRECAT_TEST_DB";

/// How many messages are kept, so that some are forgotten too.
const KEPT: u64 = 500;

/// How many requests wait at any time.
const WINDOW: u64 = 40;

#[test]
#[ignore = "the process that the other tests kill"]
fn child() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(append_without_end(path.as_ref()));
}

/// Writes `told ID DATA` of each message.
async fn append_without_end(path: &Path) {
    let mut store = script(path, last(KEPT));
    let mut stdout = std::io::stdout();
    let process = std::process::id();
    for number in 0.. {
        store.ask(&format!("append ada @xiao {process}/{number}"));
        if number < WINDOW {
            continue;
        }
        if let Output::Change(Change::Message(stored), _) = store.next().await {
            let line = format!("told {} {}\n", stored.id, stored.draft.data);
            stdout.write_all(line.as_bytes()).unwrap();
            stdout.flush().unwrap();
        }
    }
}

/// Starts this program as the process that stores.
fn start(path: &Path) -> (Child, BufReader<ChildStdout>) {
    let name = "serve::hub::store::sqlite::tests::killed::child";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

/// Kills it once it has told of some messages. All that it told.
fn kill_after(path: &Path, count: usize) -> Vec<(u64, String)> {
    let (mut child, stdout) = start(path);
    let mut told = Vec::new();
    for line in stdout.lines() {
        // The last line may be torn; what follows it is nothing.
        let line = line.unwrap_or_default();
        let mut words = line.split(' ');
        if words.next() == Some("told")
            && let (Some(id), Some(data)) = (words.next(), words.next())
        {
            told.push((id.parse().unwrap(), data.to_owned()));
        }
        if told.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(told.len() >= count, "it ended by itself: {told:?}");
    // Its data may be torn though its id is not.
    told.pop();
    told
}

async fn kill(times: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut highest = 0;
    for time in 0..times {
        let told = kill_after(&path, 1 + time * 37 % 400);
        for pair in told.windows(2) {
            assert_eq!(pair[0].0 + 1, pair[1].0);
        }
        assert!(
            told.first().is_none_or(|first| first.0 > highest),
            "{highest}: {told:?}"
        );
        let mut store = script(&path, last(KEPT));
        store.ask("page xiao 0 0 1000");
        let page = store.outputs().await.concat();
        let (_, end) = page.rsplit_once("] complete ").unwrap();
        let stored: u64 = end.parse().unwrap();
        for (id, data) in told.iter().filter(|(id, _)| id + KEPT > stored) {
            let message = format!("{id} ada>@xiao {data} 0");
            assert!(page.contains(&message), "{message} in {page}");
        }
        // One more, whose id is new too.
        store.ask("append ada @xiao last");
        let Output::Change(Change::Message(stored), _) = store.next().await else {
            panic!();
        };
        let last_told = told.last().map_or(highest, |last| last.0);
        assert!(stored.id > last_told);
        highest = stored.id;
        store.store.close().await;
    }
}

#[tokio::test]
async fn ten_kills_lose_nothing_that_was_told() {
    kill(10).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn a_hundred_kills_lose_nothing_that_was_told() {
    kill(100).await;
}
