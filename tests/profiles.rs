//! The profiles of `examples/profiles/`: protocols that applications speak over WebSocket. Each one
//! plays the transcripts of its protocol (`tests/transcripts/`): it connects, gets an event, answers or
//! sends what keeps the connection alive, comes back after a lost connection, and says why it is
//! refused. What docs/dialects.md says of it is run too.

mod events;
mod page;
mod refused;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::played::{Played, play};
use crate::support::{Output, wirecat};

/// The exchange that most transcripts begin with.
const EVENT: &str = "an event, the pings and a reconnect";

/// Variables that the profiles read, with what the transcripts expect.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("STOMP_PASSCODE", "s3same"),
    ("HA_TOKEN", "0123456789abcdef"),
    ("OBS_PASSWORD", "supersecretpassword"),
    ("CENTRIFUGO_TOKEN", "0123456789abcdef"),
    ("DISCORD_TOKEN", "0123456789abcdef"),
    ("NOSTR_RELAY", "ws://relay.example/"),
];

/// The files of the profiles, without `.toml`.
fn files() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/profiles");
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .map(|name| name.strip_suffix(".toml").unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The text of a profile's file.
fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/profiles/{file}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes the file of a profile to `folder`, with the server of the test in its URLs.
fn install(file: &str, folder: &Path, played: &Played) {
    let lines = text(file);
    let lines = lines
        .lines()
        .map(|line| match line.strip_prefix("url = \"") {
            Some(url) => {
                let (_, rest) = url.split_once("://").unwrap();
                let at = rest.find(['/', '"']).unwrap();
                format!("url = \"{}{}", played.url(""), &rest[at..])
            }
            None => line.to_owned(),
        });
    let path = folder.join(format!("{file}.toml"));
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// A run of a profile against an exchange of its transcript.
struct Profile<'a> {
    file: &'a str,
    name: &'a str,
    exchange: &'a str,
    variables: Vec<(&'a str, &'a str)>,
}

fn profile(name: &str) -> Profile<'_> {
    Profile {
        file: name,
        name,
        exchange: EVENT,
        variables: Vec::new(),
    }
}

impl<'a> Profile<'a> {
    /// The profile of this name in the same file.
    fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    fn plays(mut self, exchange: &'a str) -> Self {
        self.exchange = exchange;
        self
    }

    fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Runs it with these options. The exchange must go as the transcript says.
    #[track_caller]
    fn run(self, args: &[&str]) -> Output {
        let played = play(&format!("{}.txt", self.file), self.exchange);
        let folder = tempfile::tempdir().unwrap();
        install(self.file, folder.path(), &played);
        let config = folder.path().join(format!("{}.toml", self.file));
        let name = format!("@{}", self.name);
        let mut run = wirecat(["--config", config.to_str().unwrap(), &name]);
        let delay: &[&str] = match self.exchange {
            EVENT => &["--reconnect-delay", "10ms"],
            _ => &[],
        };
        for arg in delay.iter().chain(args) {
            run = run.arg(arg);
        }
        for (name, value) in ENVIRONMENT.iter().chain(&self.variables) {
            run = run.env(name, value);
        }
        let run = run.run();
        played.finish(&run);
        run
    }
}

/// The lines of stdout.
fn lines(run: &Output) -> Vec<String> {
    run.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn there_is_a_transcript_for_each_profile() {
    let files = files();
    assert_eq!(files.len(), 12);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    for file in files {
        assert!(folder.join(format!("{file}.txt")).exists(), "{file}");
        let lines = text(&file).lines().count();
        assert!(lines <= 40, "{file}.toml has {lines} lines");
    }
}
