//! Secrets and the commands of a run: while they run, every process is looked at. A secret must be in no
//! command line, and in no environment that the user has not put it into.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use nix::sys::signal::Signal;

use crate::programs::lines_of;
use crate::support::server::serve;
use crate::support::{output, send, wirecat};

/// In files and in what commands print, and nowhere else.
const SECRET: &str = "t0ken-that-no-process-shows";

/// A folder with the secret in a file, and a command that says that it runs.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), format!("{SECRET}\n")).unwrap();
        Scene { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self) -> String {
        format!("@{}", self.path("token").display())
    }

    /// A command that stays until it is ended.
    fn staying(&self) -> String {
        format!("echo on >> {}; sleep 600", self.path("runs").display())
    }

    /// Looks at all processes when the command of `child` runs, and ends it.
    #[track_caller]
    fn look(&self, child: Child) {
        lines_of(&self.path("runs"), 1);
        let found = secrets(child.id());
        send(Signal::SIGTERM, &child);
        let ended = output(child);
        assert_eq!(found, Vec::<String>::new());
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
}

/// Every process with the secret in its command line, and every one that descends from `ancestor` with it
/// in its environment.
#[track_caller]
fn secrets(ancestor: u32) -> Vec<String> {
    let processes = processes();
    let is_ours = |id: &u32| {
        let mut above = Some(*id);
        while let Some(id) = above {
            if id == ancestor {
                return true;
            }
            above = processes.get(&id).copied();
        }
        false
    };
    let ours: Vec<u32> = processes.keys().copied().filter(is_ours).collect();
    assert!(ours.len() >= 2, "no command runs: {ours:?}");
    let has = |id: u32, file: &str| {
        let content = fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        memchr::memmem::find(&content, SECRET.as_bytes()).is_some()
    };
    let shown = processes.keys().filter(|id| has(**id, "cmdline"));
    let shown = shown.map(|id| format!("{id} shows it"));
    let given = ours.iter().filter(|id| has(**id, "environ"));
    shown
        .chain(given.map(|id| format!("{id} is given it")))
        .collect()
}

/// All processes, and their parents.
fn processes() -> HashMap<u32, u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u32| Some((id, parent(id)?))).collect()
}

fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_secret_that_stands_in_a_command_line_is_found() {
    let mut shown = std::process::Command::new("sh")
        .args(["-c", "sleep 600; :", SECRET])
        .env("GIVEN", SECRET)
        .spawn()
        .unwrap();
    let given = shown.id();
    // Until the shell has started its child.
    let start = std::time::Instant::now();
    while !processes().values().any(|parent| *parent == given) {
        assert!(start.elapsed() < crate::support::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let found = secrets(given);
    let children = processes();
    let child = children.iter().find(|(_, parent)| **parent == given);
    let child = *child.unwrap().0;
    shown.kill().unwrap();
    shown.wait().unwrap();
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(child).unwrap()),
        Signal::SIGKILL,
    );
    assert!(found.contains(&format!("{given} shows it")), "{found:?}");
    assert!(found.contains(&format!("{given} is given it")), "{found:?}");
    assert!(found.contains(&format!("{child} is given it")), "{found:?}");
}

#[test]
fn the_commands_of_a_run_see_no_token() {
    let server = serve();
    let url = server.url("/echo");
    for source in ["file", "command"] {
        for via in ["header", "query", "message"] {
            let scene = Scene::new();
            let token = match source {
                "file" => scene.token(),
                _ => format!("cmd:cat {}", scene.path("token").display()),
            };
            let command = scene.staying();
            let option = if via == "query" { "--exec" } else { "--run" };
            let token = ["--token", &token, "--token-via", via, "--on-eof=stay"];
            let child = wirecat([&token[..], &[option, &command, &url]].concat()).spawn();
            scene.look(child);
        }
    }
}

#[test]
fn the_command_of_an_answer_sees_no_token() {
    let server = serve();
    let url = server.url("/echo");
    let scene = Scene::new();
    let answer = format!(".ask=cmd:{}", scene.staying());
    let ask = ["-d", r#"{"ask":1}"#, "--on-eof=stay"];
    let options = ["--token", &scene.token(), "--answer", &answer];
    let child = wirecat([&ask[..], &options, &[&url]].concat()).spawn();
    scene.look(child);
}

#[test]
fn a_computed_url_and_what_runs_beside_it_show_no_ticket() {
    let server = serve();
    let scene = Scene::new();
    let script = scene.path("ticket.sh");
    let address = server.url("/echo").replace("ws://", "");
    let first = format!("echo on >> {}; sleep 600", scene.path("runs").display());
    for body in [&*first, ""] {
        let _ = fs::remove_file(scene.path("runs"));
        let token = scene.path("token");
        let lines = format!(
            "t=$(cat {0})\n{body}\necho \"ws://me:$t@{address}?ticket=$t\"\n",
            token.display()
        );
        fs::write(&script, lines).unwrap();
        let url = format!("cmd:sh {}", script.display());
        let command = scene.staying();
        let options = ["--connect-timeout=60s", "--on-eof=stay", "-vvv"];
        let child = wirecat([&options[..], &["--run", &command, &url]].concat()).spawn();
        scene.look(child);
    }
}

#[test]
fn a_profile_gives_its_secrets_to_no_command() {
    let server = serve();
    let scene = Scene::new();
    let file = scene.path("config.toml");
    let token = scene.token();
    let text = format!(
        "[profile.p]\nurl = \"{}\"\nuser = \"ann:{token}\"\nheader = \"X-Api-Key: {token}\"\n\
         on-open = '{{\"password\":\"{{{{secret}}}}\"}}'\nrun = '{}'\non-eof = \"stay\"\n\
         [profile.p.vars]\nsecret = \"{token}\"\n",
        server.url("/echo"),
        scene.staying()
    );
    fs::write(&file, text).unwrap();
    let child = wirecat([
        "--config",
        file.to_str().unwrap(),
        "-s",
        "--format=hex",
        "@p",
    ])
    .spawn();
    scene.look(child);
}

#[test]
fn the_program_of_a_client_sees_neither_the_servers_token_nor_the_clients() {
    let scene = Scene::new();
    let token = scene.token();
    let (server, url) = crate::programs_listen::listen(&["--token", &token], &scene.staying());
    for client in [&["--token-via=header"][..], &["--token-via=query"]] {
        let _ = fs::remove_file(scene.path("runs"));
        let options = ["--token", &token, "--on-eof=stay"];
        let client = wirecat([&options[..], client, &[&url]].concat()).spawn();
        lines_of(&scene.path("runs"), 1);
        let found = secrets(server.id());
        send(Signal::SIGTERM, &client);
        output(client);
        assert_eq!(found, Vec::<String>::new());
    }
    send(Signal::SIGTERM, &server);
    let ended = output(server);
    assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
}

#[test]
fn a_secret_is_not_written_out_in_the_command_of_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let shown = Path::new(&file).to_str().unwrap();
    for (line, what) in [
        (
            "run = 'curl -u me:hunter2 http://h/'",
            "the password of '-u'",
        ),
        ("exec = './agent --token hunter2'", "the value of '--token'"),
        ("then = '{\"token\":\"hunter2\"}'", "the member 'token'"),
        (
            "answer = '.a=40{\"token\":\"hunter2\"}'",
            "the member 'token'",
        ),
    ] {
        fs::write(&file, format!("[profile.p]\nurl = 'ws://h/'\n{line}\n")).unwrap();
        let output = wirecat(["--config", shown, "@p"]).run();
        output
            .exits(2)
            .complains(&["config.toml:3:", what, "must not be written out"]);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}
