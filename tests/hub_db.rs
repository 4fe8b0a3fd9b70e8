//! `serve --db`: what was acknowledged outlives the server, and a file that cannot be used is refused.

use std::fs;
use std::path::Path;

use crate::support::serving::Serving;
use crate::support::{Output, wirecat};

/// `serve` with this file.
fn serve(db: &Path) -> Serving {
    Serving::start(&["-p", "0", "--db", db.to_str().unwrap()])
}

#[track_caller]
fn refused(db: &str) -> Output {
    let output = wirecat(["serve", "-p", "0", "--db", db]).run();
    output.exits(2).prints("");
    output
}

#[test]
fn messages_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub.db");
    let first = serve(&db);
    let send = r#"{"event":"message","data":{"n":1},"ref":"r"}"#;
    wirecat([&first.url("/events?token=xiao")])
        .arg("-d")
        .arg(send)
        .arg("--until")
        .arg(r#".event == "ack" and .id == 1"#)
        .run()
        .exits(0);
    first.end();
    let second = serve(&db);
    let again = wirecat([&second.url("/events?token=ada&after=0")])
        .arg("--until")
        .arg(r#".event == "message" and .id == 1 and .data == {"n":1}"#)
        .run();
    again.exits(0);
    assert!(
        again.stdout_text().contains(r#""recovered":true"#),
        "{again:?}"
    );
    assert_eq!(second.end().stderr.matches("--db").count(), 0);
}

#[test]
fn a_file_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("hub.db");
    let server = serve(&db);
    refused(db.to_str().unwrap()).complains(&[
        "cannot use --db",
        "hub.db: another process is using it",
        "try: stop that process, or use another file",
    ]);
    server.end();
    serve(&db).end();
}

#[test]
fn a_database_in_memory_needs_no_name() {
    refused(":memory:").complains(&["--db :memory: is no file", "try: leave out --db"]);
}

/// As a user who is not root, whom no mode keeps from anything.
#[cfg(target_os = "linux")]
#[track_caller]
fn refused_to_nobody(db: &Path) -> Output {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const NOBODY: u32 = 65534;
    let mut command = Command::new(crate::support::WIRECAT);
    command.args(["serve", "-p", "0", "--db"]).arg(db);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    Output {
        status: output.status,
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let db = folder.path().join("hub.db");
    mode(folder.path(), 0o555);
    let output = refused_to_nobody(&db);
    output
        .exits(2)
        .complains(&["hub.db: permission denied", "try: a file in a folder"]);
    mode(folder.path(), 0o755);
    serve(&db).end();
    mode(&db, 0o444);
    let output = refused_to_nobody(&db);
    output.exits(2).complains(&[
        "hub.db: it cannot be written",
        "try: a file that you may write to",
    ]);
    // The file may be written, and nothing beside it.
    mode(&db, 0o666);
    mode(folder.path(), 0o555);
    let output = refused_to_nobody(&db);
    output.exits(2).complains(&[
        "hub.db: its WAL, a file beside it, cannot be",
        "try: a folder",
    ]);
    mode(folder.path(), 0o755);
}
