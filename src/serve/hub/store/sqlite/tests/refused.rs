//! Files that are not used, and what is said of them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::error::Exit;

/// The error, and that the file is as it was before.
#[track_caller]
fn refusal(path: &Path) -> String {
    let before = fs::read(path).ok();
    let said = refused(path);
    assert_eq!(fs::read(path).ok(), before, "changed");
    said
}

#[track_caller]
fn refused(path: &Path) -> String {
    let error = open(path, ALL, None).err().unwrap();
    assert_eq!(error.exit, Exit::Usage);
    assert_eq!(error.advice.len(), 1, "{error}");
    let start = format!("cannot use --db {}: ", path.display());
    error.message.strip_prefix(&start).unwrap().to_owned()
}

/// A file of ours with some messages in it.
async fn filled(path: &Path, size: usize) {
    let mut store = script(path, ALL);
    for _ in 0..100 {
        store.ask(&format!("append ada * {}", "x".repeat(size)));
    }
    store.outputs().await;
    store.store.close().await;
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    fs::write(&path, "Dear diary, ".repeat(100)).unwrap();
    assert_eq!(refusal(&path), "it is not an SQLite database");
    let files = folder.path().read_dir().unwrap().count();
    assert_eq!(files, 1, "nothing is left beside it");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("tables", "CREATE TABLE bookmarks(url)"),
        ("id", "PRAGMA application_id = 7"),
        ("version", "PRAGMA user_version = 1"),
        (
            "wal",
            "PRAGMA journal_mode = WAL; CREATE TABLE bookmarks(url)",
        ),
    ] {
        let path = folder.path().join(name);
        sql(&path, text);
        assert_eq!(
            refusal(&path),
            "it is a database of another program",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_database_of_another_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    filled(&path, 10).await;
    sql(&path, "PRAGMA user_version = 9");
    assert_eq!(
        refusal(&path),
        "its format is version 9, and this wirecat has 1"
    );
}

#[tokio::test]
async fn a_database_that_another_server_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut store = script(&path, ALL);
    let error = open(&path, ALL, None).err().unwrap();
    let said = error.to_string();
    assert!(said.contains("another process is using it"), "{said}");
    // The one that has it goes on.
    store.run("append ada * 1\n  1 message 1 ada>* 1 0\n").await;
    store.store.close().await;
    drop(open(&path, ALL, None).unwrap());
}

#[test]
fn what_cannot_be_a_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(refusal(path), "it is not a regular file");
    assert_eq!(refusal(&path.join("none/db")), "no such file or directory");
    // What stands where the WAL must be.
    fs::create_dir(path.join("db-wal")).unwrap();
    assert_eq!(refused(&path.join("db")), "disk I/O error");
}

#[test]
fn a_name_is_no_uri() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file:db?mode=memory");
    drop(open(&path, ALL, None).unwrap());
    assert!(path.is_file());
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    filled(&path, 1000).await;
    let whole = fs::read(&path).unwrap();
    // Every page in turn, but the first, which says that it is a database.
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..][..64].fill(0xaa);
        fs::write(&path, &damaged).unwrap();
        let said = open(&path, ALL, None).err().unwrap().to_string();
        assert!(said.contains("it is damaged ("), "page {page}: {said}");
        assert!(said.contains(".recover"), "{said}");
    }
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2);
    fs::write(&path, &torn).unwrap();
    let said = open(&path, ALL, None).err().unwrap().to_string();
    assert!(said.contains("it is damaged ("), "{said}");
    fs::write(&path, &whole).unwrap();
    drop(open(&path, ALL, None).unwrap());
}
