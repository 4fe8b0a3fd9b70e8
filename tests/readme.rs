//! What the README and the changelog say is true.
//!
//! A block marked `console` is a transcript: `sh` runs the lines that begin with `$ `, with this
//! build of wirecat on the path, and each must print what stands below it. Both streams go to one
//! pipe, as in a script. The server at localhost:8765 is a debug server of the test's own. `[..]`
//! stands for any text within a line.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use wirecat::internals::error::EXITS;
use wirecat::internals::payload::Payload;
use wirecat::internals::pipe::framing::{Frame, Framer};
use wirecat::internals::repl::line::{Line, help, parse};

use crate::support::server::{Serve, serve};
use crate::support::{WIRECAT, output};

const README: &str = include_str!("../README.md");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");

/// Options of other programs that the README names.
const OTHERS: &[&str] = &["--include-ignored", "--path", "--release"];

/// Stands before the output of each command.
const MARK: char = '\x1e';

/// A command of a transcript, and what it prints.
struct Step {
    command: String,
    prints: String,
}

/// The transcripts, with the line of the README that each begins in.
fn transcripts() -> Vec<(usize, Vec<Step>)> {
    let mut transcripts: Vec<(usize, Vec<Step>)> = Vec::new();
    let mut inside = false;
    for (number, line) in README.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            if inside {
                transcripts.push((number + 2, Vec::new()));
            }
            continue;
        }
        let Some((_, steps)) = transcripts.last_mut().filter(|_| inside) else {
            continue;
        };
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                prints: String::new(),
            });
        } else {
            let step = steps.last_mut().expect("a transcript begins with `$ `");
            step.prints.push_str(line);
            step.prints.push('\n');
        }
    }
    transcripts
}

/// Runs the commands in one shell, and gives the output of each.
#[track_caller]
fn play(steps: &[Step], server: &Serve) -> Vec<String> {
    let port = server.address.port().to_string();
    let mut script = String::new();
    for step in steps {
        // The mark must not change what `$?` is.
        script.push_str("status=$?; printf '\\036'; (exit $status)\n");
        script.push_str(&step.command.replace("8765", &port));
        script.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(WIRECAT).parent().unwrap().display();
    let path = std::env::var("PATH").unwrap_or_default();
    let child = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", format!("{programs}:{path}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = output(child).stdout_text().replace(&port, "8765");
    printed.split(MARK).skip(1).map(str::to_owned).collect()
}

/// Whether `text` is `pattern` with something in place of each `[..]`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split("[..]");
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

fn prints_as_told(told: &str, printed: &str) -> bool {
    told.lines().count() == printed.lines().count()
        && told
            .lines()
            .zip(printed.lines())
            .all(|(told, printed)| matches(told, printed))
}

#[test]
fn the_transcripts_are_what_happens() {
    let server = serve();
    let transcripts = transcripts();
    assert!(transcripts.len() >= 5, "where are the transcripts?");
    for (line, steps) in transcripts {
        let printed = play(&steps, &server);
        assert_eq!(printed.len(), steps.len(), "README.md, line {line}");
        for (step, printed) in steps.iter().zip(printed) {
            assert!(
                prints_as_told(&step.prints, &printed),
                "README.md, the transcript in line {line}:\n$ {}\nthe README says:\n{}\nit prints:\n{printed}",
                step.command,
                step.prints
            );
        }
    }
}

/// The lines of the blocks marked `language`.
fn lines_of(language: &str) -> Vec<&'static str> {
    let mut inside = false;
    let lines = README.lines().filter(|line| {
        if let Some(mark) = line.strip_prefix("```") {
            inside = mark == language;
            return false;
        }
        inside
    });
    lines.collect()
}

#[test]
fn the_events_and_the_typed_frames_are_understood() {
    let events = lines_of("json");
    let mut framer = Framer::new(Frame::Events, Payload::default());
    let mut items = Vec::new();
    framer
        .buffer()
        .extend_from_slice((events.join("\n") + "\n").as_bytes());
    framer.handle_input(&mut items).unwrap();
    assert!(items.len() >= 8 && items.len() == events.len());
    let typed: Vec<&str> = lines_of("text")
        .into_iter()
        .filter_map(|line| line.strip_prefix("open> /frame"))
        .collect();
    assert!(typed.len() >= 4);
    for line in typed {
        let line = format!("/frame{line}");
        assert!(matches!(parse(&line), Ok(Line::Frame(..))), "{line}");
    }
}

#[test]
fn the_commands_are_those_of_the_prompt() {
    assert!(README.contains(&format!("open> /help\n{}", help())));
}

#[test]
fn holes_match_within_a_line() {
    for (pattern, text, fits) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a[..]", "abc", true),
        ("[..]c", "abc", true),
        ("a[..]c[..]e", "abcde", true),
        ("a[..]d[..]c", "abcd", false),
        ("a[..]a", "a", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
    assert!(!prints_as_told("[..]\n", "a\nb\n"));
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let rows: Vec<String> = EXITS
        .iter()
        .map(|(exit, meaning)| format!("| {} | {meaning} |", exit.code()))
        .collect();
    let told: Vec<&str> = README
        .lines()
        .skip_while(|line| !line.starts_with("| code | meaning |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(told, rows, "the table should be:\n{}", rows.join("\n"));
}

#[test]
fn every_long_option_named_exists() {
    let command = wirecat::internals::cli::command();
    let mut known: BTreeSet<String> = ["--help".into(), "--version".into()].into();
    for command in [&command].into_iter().chain(command.get_subcommands()) {
        for argument in command.get_arguments() {
            let names = argument.get_long_and_visible_aliases().unwrap_or_default();
            known.extend(names.iter().map(|name| format!("--{name}")));
        }
    }
    known.extend(OTHERS.iter().map(|name| (*name).to_owned()));
    for (number, line) in README.lines().enumerate() {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let named = word.len() > 2
                && word.starts_with("--")
                && word[2..].starts_with(|c: char| c.is_ascii_lowercase());
            assert!(
                !named || known.contains(word),
                "README.md:{}: there is no option {word}",
                number + 1
            );
        }
    }
}

#[test]
fn the_changelog_begins_with_this_version() {
    let heading = CHANGELOG
        .lines()
        .find_map(|line| line.strip_prefix("## "))
        .expect("a heading");
    assert_eq!(
        heading.split(' ').next(),
        Some(env!("CARGO_PKG_VERSION")),
        "{heading}"
    );
}
