//! The jobs of `docs/jobs.md`: every command there, against the server that the page names.
//!
//! `.ci/peers` installs the servers. Where there is none that can be had, the conversation that its
//! documentation shows is played. Commands are taken from the page, so that it cannot drift; those of
//! other pages that belong to a job are, too.

mod agents;
mod browser;
mod elsewhere;
mod played;
mod protocols;
mod queues;
mod scripts;
mod services;
mod stdio;
mod terminals;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::peers::{Peer, peers};
use crate::readme::prints_as_written;
use crate::support::{WIRECAT, output_within};

/// Longer than any job takes on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);

const PAGE: &str = "docs/jobs.md";

/// A section of the page: commands, and what they print.
struct Job {
    page: &'static str,
    title: String,
    steps: Vec<Step>,
    environment: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
}

/// A block marked `sh`, and the one marked `text` that follows it.
#[derive(Default)]
struct Step {
    line: usize,
    script: String,
    prints: String,
}

impl Job {
    /// The section of this title.
    #[track_caller]
    fn of(title: &str) -> Job {
        Job::on_page(PAGE, title)
    }

    /// The section of this title on another page.
    #[track_caller]
    fn on_page(page: &'static str, title: &str) -> Job {
        let steps = steps(&read(page), title);
        assert!(!steps.is_empty(), "{page} has no commands under {title:?}");
        Job {
            page,
            title: title.to_owned(),
            steps,
            environment: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Takes a block away, which then is not run.
    fn take(&mut self, at: usize) -> Step {
        self.steps.remove(at)
    }

    /// Puts what is here in place of what the page shows, in the commands.
    #[track_caller]
    fn at(mut self, shown: &str, here: &str) -> Job {
        let mut seen = false;
        for step in &mut self.steps {
            seen |= step.script.contains(shown);
            step.script = step.script.replace(shown, here);
        }
        assert!(seen, "{}: no command has {shown:?}", self.title);
        self
    }

    /// The same for a server that the page has at a port of localhost.
    #[track_caller]
    fn on(self, shown: u16, here: u16) -> Job {
        self.at(&format!("localhost:{shown}"), &format!("127.0.0.1:{here}"))
    }

    fn env(mut self, name: &'static str, value: impl Into<String>) -> Job {
        self.environment.push((name, value.into()));
        self
    }

    /// Puts a profile of `examples/profiles/` into the folder, with a server here in place of its own.
    #[track_caller]
    fn profile(self, name: &str, shown: u16, here: u16) -> Job {
        let text = read(&format!("examples/profiles/{name}.toml"));
        let shown = format!("localhost:{shown}");
        assert!(text.contains(&shown), "{name} has no {shown}");
        let text = text.replace(&shown, &format!("127.0.0.1:{here}"));
        std::fs::write(self.folder().join(format!("{name}.toml")), text).unwrap();
        self
    }

    /// Gives the commands a program of this name, which is a script of the shell.
    fn program(self, name: &str, script: &str) -> Job {
        let folder = self.folder().join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        make_executable(&path);
        self
    }

    /// The folder in which the commands run.
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the commands; each must print what the page says, on both streams, and exit with 0.
    /// Returns the folder in which they ran.
    #[track_caller]
    fn run(self) -> tempfile::TempDir {
        for step in &self.steps {
            self.run_step(step);
        }
        self.folder
    }

    /// Runs a command that is no block of its own; it must print this.
    #[track_caller]
    fn runs(&self, script: &str, prints: &str) {
        self.run_step(&Step {
            line: 0,
            script: script.to_owned(),
            prints: prints.to_owned(),
        });
    }

    /// A shell that runs this, with what the commands of the page find on their path.
    fn shell(&self, script: &str) -> Command {
        let programs = Path::new(WIRECAT).parent().unwrap().display();
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.folder().join("bin");
        let more = [
            installed("servers/usr/bin"),
            installed("mcp/node_modules/.bin"),
        ];
        let [servers, mcp] = more.each_ref().map(|folder| folder.display());
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .current_dir(&self.folder)
            .env_clear()
            .env(
                "PATH",
                format!("{}:{programs}:{path}:{servers}:{mcp}", own.display()),
            )
            .env("HOME", self.folder())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    #[track_caller]
    fn run_step(&self, step: &Step) {
        let script = format!("exec 2>&1\n{}", step.script);
        let child = self.shell(&script).spawn().unwrap();
        let run = output_within(LONGEST, child);
        let printed = run.stdout_text();
        assert!(
            run.code() == 0 && prints_as_written(&step.prints, &printed),
            "{}, line {}, {}: exit {}\n{}\nthe page says:\n{}\nit prints:\n{printed}",
            self.page,
            step.line,
            self.title,
            run.code(),
            step.script,
            step.prints,
        );
    }
}

fn make_executable(path: &Path) {
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// The commands in the section of this title.
fn steps(page: &str, title: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut here, mut block) = (false, None);
    for (number, line) in page.lines().enumerate() {
        if let Some(mark) = line.strip_prefix("```") {
            block = match block {
                None => Some(mark),
                Some(_) => None,
            };
            if here && block == Some("sh") {
                steps.push(Step {
                    line: number + 2,
                    ..Step::default()
                });
            }
            continue;
        }
        match (block, steps.last_mut()) {
            (None, _) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    here = heading == title;
                }
            }
            (Some("sh"), Some(step)) if here => step.script += &format!("{line}\n"),
            (Some("text"), Some(step)) if here => step.prints += &format!("{line}\n"),
            _ => {}
        }
    }
    steps
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(name: &str) -> String {
    let text = std::fs::read_to_string(root().join(name));
    text.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What `.ci/peers` put into this folder.
fn installed(folder: &str) -> PathBuf {
    std::path::absolute(peers().join(folder)).unwrap()
}

/// A server of `tests/jobs/servers/` on node.
#[track_caller]
fn node(name: &str) -> Peer {
    start(Command::new("node"), &format!("{name}.mjs"))
}

/// A server of `tests/jobs/servers/` on the Python of this folder.
#[track_caller]
fn python(folder: &str, name: &str) -> Peer {
    let python = installed(folder).join("bin/python");
    start(Command::new(python), &format!("{name}.py"))
}

#[track_caller]
fn start(mut command: Command, file: &str) -> Peer {
    command.arg(root().join("tests/jobs/servers").join(file));
    Peer::listening(command.env("WIRECAT_PEERS", peers()))
}

/// The titles of the page's sections that have commands.
fn titles(page: &str) -> Vec<&str> {
    let titles = page.lines().filter_map(|line| line.strip_prefix("## "));
    titles
        .filter(|title| !steps(page, title).is_empty())
        .collect()
}

/// The text of the tests here.
fn sources() -> String {
    let folder = root().join("tests/jobs");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    sources
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_job_is_run() {
    let sources = sources();
    let page = read(PAGE);
    let titles = titles(&page);
    assert!(titles.len() >= 8, "{titles:?}");
    for title in titles {
        let run = format!("Job::of(\"{title}\")");
        assert!(sources.contains(&run), "no test runs {title:?}");
    }
}

/// The versions of servers on the page are those that `.ci/peers` installs.
#[test]
fn the_versions_are_those_that_are_installed() {
    let (page, peers) = (read(PAGE), read(".ci/peers"));
    let servers = page.lines().filter(|line| line.starts_with("Server: "));
    let words = servers.flat_map(|line| line.split([' ', ',']));
    let versions = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let mut seen = 0;
    for version in versions {
        let version = version.trim_end_matches('.');
        assert!(peers.contains(&format!("={version}\n")), "{version}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn commands_are_those_of_their_section() {
    let page = "## One\n```sh\na\n```\nprints\n```text\nb\n```\n## Two\n```\nc\n```\n```sh\nd\n## e\n```\n";
    let one = steps(page, "One");
    assert_eq!(one.len(), 1);
    assert_eq!(
        (one[0].line, &*one[0].script, &*one[0].prints),
        (3, "a\n", "b\n")
    );
    let two = steps(page, "Two");
    assert_eq!(two.len(), 1);
    assert_eq!((&*two[0].script, &*two[0].prints), ("d\n## e\n", ""));
    assert_eq!(titles(page), ["One", "Two"]);
}
