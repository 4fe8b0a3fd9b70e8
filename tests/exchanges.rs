//! The exchanges of `tests/exchanges/hub.txt` with the event hub: clients that others wrote get exactly
//! these messages in this order, whatever the store is.

use std::fs;

use crate::peers::Kind;
use crate::support::WIRECAT;

pub(crate) const EXCHANGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exchanges/hub.txt");

/// Runs all of them with this peer and these options of the server.
#[track_caller]
pub(crate) fn run(kind: Kind, store: &[&str]) {
    run_with(kind, store, &[]);
}

/// The same with these variables in the peer's environment.
#[track_caller]
pub(crate) fn run_with(kind: Kind, store: &[&str], environment: &[(&str, &str)]) {
    let mut command = kind.script("exchange");
    command.envs(environment.iter().copied());
    command.args([EXCHANGES, WIRECAT]).args(store);
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    let count = fs::read_to_string(EXCHANGES).unwrap();
    let count = count
        .lines()
        .filter(|line| line.starts_with("### "))
        .count();
    assert!(
        stdout.contains(&format!("{count} of {count} exchanges")),
        "{stdout}"
    );
}

#[test]
fn there_are_enough() {
    let text = fs::read_to_string(EXCHANGES).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert!(names.len() >= 60, "{}", names.len());
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{name} is there twice");
    }
}

#[test]
#[ignore = "needs .ci/peers"]
fn in_memory_with_websockets17() {
    run(Kind::Websockets17, &[]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn in_memory_with_websockets10() {
    run(Kind::Websockets10, &[]);
}

/// Each exchange has a file of its own.
#[track_caller]
fn run_with_sqlite(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub-{n}.db");
    run(kind, &["--db", db.to_str().unwrap()]);
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert!(files >= 60, "{files}");
}

#[test]
#[ignore = "needs .ci/peers"]
fn in_sqlite_with_websockets17() {
    run_with_sqlite(Kind::Websockets17);
}

#[test]
#[ignore = "needs .ci/peers"]
fn in_sqlite_with_ws8() {
    run_with_sqlite(Kind::Ws8);
}

#[test]
#[ignore = "needs .ci/peers"]
fn in_memory_with_ws8() {
    run(Kind::Ws8, &[]);
}
