//! What the README, the pages in `docs/`, CONTRIBUTING and the changelog say is true.
//!
//! A block marked `console` is a transcript: `sh` runs the lines that begin with `$ `, with this
//! build of wirecat on the path, and each must print what stands below it. Both streams go to one
//! pipe, as in a script. The server at localhost:8765 is a debug server of the test's own. `[..]`
//! stands for any text within a line. A block marked `json` holds lines for `--frame events`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wirecat::internals::cli::args::Generate;
use wirecat::internals::cli::generate::generate;
use wirecat::internals::error::EXITS;
use wirecat::internals::payload::InputFormat;
use wirecat::internals::pipe::framing::{Framer, Framing};
use wirecat::internals::repl::commands::{frame, help};

use crate::support::server::{Serve, serve};
use crate::support::{WIRECAT, output};

/// Options of other programs that the pages name.
const OTHERS: &[&str] = &[
    // /sendfile --lines
    "--lines",
    // Chromium
    "--headless",
    "--remote-debugging-port",
    // pylsp
    "--ws",
    // HEALTHCHECK
    "--interval",
    "--retries",
    "--timeout",
    // websocat
    "--no-close",
    "--all-targets",
    // protoc --include_imports --descriptor_set_out
    "--include",
    "--descriptor",
    "--baseline",
    "--bench",
    "--clients",
    "--every",
    "--idle",
    "--seconds",
    "--sigterm",
    "--ignored",
    "--include-ignored",
    "--lib",
    "--locked",
    "--path",
    "--release",
    "--summary",
    "--test",
];

/// A page of the documentation.
struct Page {
    /// Its path from the root of the repository.
    name: String,
    text: String,
}

impl Page {
    fn read(name: &str) -> Page {
        let text = std::fs::read_to_string(root().join(name));
        Page {
            name: name.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    }

    /// The lines of the blocks marked `language`, each with its number.
    fn blocks(&self, language: &str) -> Vec<(usize, &str)> {
        let mut inside = false;
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            if let Some(mark) = line.strip_prefix("```") {
                inside = mark == language;
                return false;
            }
            inside
        });
        lines.map(|(number, line)| (number + 1, line)).collect()
    }

    /// The lines outside of all blocks, each with its number.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut inside = false;
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            let fence = line.starts_with("```");
            inside ^= fence;
            !fence && !inside
        });
        lines.map(|(number, line)| (number + 1, line)).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that is written for readers: those at the top, and those in `docs/`.
fn pages() -> Vec<Page> {
    let mut names: Vec<String> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .map(str::to_owned)
        .into();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name();
        names.push(format!("docs/{}", name.to_str().unwrap()));
    }
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

/// Stands before the output of each command.
const MARK: char = '\x1e';

/// A command of a transcript, and what it prints.
struct Step {
    command: String,
    prints: String,
}

/// The transcripts of a page, each with the number of its first line.
fn transcripts(page: &Page) -> Vec<(usize, Vec<Step>)> {
    let mut transcripts: Vec<(usize, Vec<Step>)> = Vec::new();
    let mut last = 0;
    for (number, line) in page.blocks("console") {
        if number != last + 1 {
            transcripts.push((number, Vec::new()));
        }
        last = number;
        let (_, steps) = transcripts.last_mut().expect("one was just begun");
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
    // The descriptor of docs/decoding.md.
    let descriptor = root().join("tests/decode/test.desc");
    std::fs::copy(descriptor, folder.path().join("test.desc")).unwrap();
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

pub(crate) fn prints_as_written(written: &str, printed: &str) -> bool {
    written.lines().count() == printed.lines().count()
        && written
            .lines()
            .zip(printed.lines())
            .all(|(written, printed)| matches(written, printed))
}

/// Runs the transcripts of a page against a server of their own.
#[track_caller]
fn check_transcripts(name: &str) {
    check_transcripts_of(&Page::read(name));
}

#[track_caller]
fn check_transcripts_of(page: &Page) {
    let name = &page.name;
    let server = serve();
    let transcripts = transcripts(page);
    assert!(
        !transcripts.is_empty(),
        "{name}: where are the transcripts?"
    );
    for (line, steps) in transcripts {
        let printed = play(&steps, &server);
        assert_eq!(printed.len(), steps.len(), "{name}, line {line}");
        for (step, printed) in steps.iter().zip(printed) {
            assert!(
                prints_as_written(&step.prints, &printed),
                "{name}, the transcript in line {line}:\n$ {}\nthe page says:\n{}\nit prints:\n{printed}",
                step.command,
                step.prints
            );
        }
    }
}

/// A test for each page that has transcripts.
macro_rules! transcripts_are_what_happens {
    ($($test:ident: $page:literal,)*) => {
        const WITH_TRANSCRIPTS: &[&str] = &[$($page),*];

        mod transcripts_are_what_happens {
            $(#[test]
            fn $test() {
                super::check_transcripts($page);
            })*
        }
    };
}

transcripts_are_what_happens! {
    answers: "docs/answers.md",
    authentication: "docs/authentication.md",
    ci: "docs/ci.md",
    debug_server: "docs/debug-server.md",
    decoding: "docs/decoding.md",
    events: "docs/events.md",
    exit_codes: "docs/exit-codes.md",
    for_editors: "docs/for-editors.md",
    frames: "docs/frames.md",
    hub: "docs/hub.md",
    listen: "docs/listen.md",
    pipes: "docs/pipes.md",
    profiles: "docs/profiles.md",
    programs: "docs/programs.md",
    converting: "docs/converting.md",
    requests: "docs/requests.md",
    readme: "README.md",
    recordings: "docs/recordings.md",
    streams: "docs/streams.md",
    staying_connected: "docs/staying-connected.md",
    tls_and_proxies: "docs/tls-and-proxies.md",
}

/// Pages whose transcripts other tests run, against other servers.
const RUN_ELSEWHERE: &[&str] = &["docs/dialects.md"];

#[test]
fn the_recipes_for_agents_are_what_happens() {
    let text = String::from_utf8(generate(Generate::Skill, &[])).unwrap();
    let name = "--generate skill".to_owned();
    let page = Page { name, text };
    assert_eq!(transcripts(&page).len(), 10);
    for (exit, meaning) in EXITS {
        let row = format!("| {} | {meaning} |", exit.code());
        assert!(page.text.contains(&row), "{row}");
    }
    check_transcripts_of(&page);
}

#[test]
fn no_page_with_transcripts_is_left_out() {
    for page in pages() {
        let has = !page.blocks("console").is_empty();
        let name = page.name.as_str();
        let run = WITH_TRANSCRIPTS.contains(&name) || RUN_ELSEWHERE.contains(&name);
        assert_eq!(has, run, "{}", page.name);
    }
}

#[test]
fn the_readme_can_be_read_in_two_minutes() {
    let lines = Page::read("README.md").text.lines().count();
    assert!(lines <= 250, "README.md has {lines} lines");
}

/// Where the links and pictures of a page lead, each with the number of its line.
fn links(page: &Page) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in page.prose() {
        for after in line.split("](").skip(1) {
            let (target, _) = after.split_once(')').expect("a link ends in its line");
            links.push((number, target));
        }
    }
    links
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &Page) -> BTreeSet<String> {
    let headings = page.prose().into_iter().filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        heading.strip_prefix(' ').filter(|_| line.starts_with('#'))
    });
    let anchors = headings.map(|heading| {
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    });
    anchors.collect()
}

#[test]
fn links_between_pages_are_valid() {
    let mut seen = 0;
    for page in pages() {
        for (number, target) in links(&page) {
            if target.starts_with("https://") {
                continue;
            }
            seen += 1;
            let here = format!("{}:{number}: {target}", page.name);
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => PathBuf::from(&page.name),
                file => Path::new(&page.name).with_file_name(file),
            };
            assert!(root().join(&path).exists(), "{here}: there is no such file");
            if !anchor.is_empty() {
                let there = anchors(&Page::read(path.to_str().unwrap()));
                assert!(there.contains(anchor), "{here}: there are {there:?}");
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_readme_links_to_every_page() {
    let readme = Page::read("README.md");
    let linked: Vec<&str> = links(&readme).iter().map(|(_, target)| *target).collect();
    for page in pages() {
        let is_there = page.name == readme.name || linked.contains(&page.name.as_str());
        assert!(is_there, "{} is not linked", page.name);
    }
}

/// What stands in backquotes on a line.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Paths begin at the root of the repository. In a row of the map, names of files are those in the
/// folder that the row names, or that an earlier row named where it names none.
#[test]
fn the_files_that_the_architecture_names_exist() {
    let page = Page::read("docs/architecture.md");
    let mut folders = BTreeSet::new();
    let mut seen = 0;
    for (number, line) in page.prose() {
        for name in code_spans(line) {
            let is_folder = name.starts_with("src/") && name.ends_with('/');
            if is_folder && line.starts_with('|') {
                folders.insert((number, name));
            }
            let is_path = name.contains('/')
                && ["src", "tests", "benches", "fuzz", "docs"]
                    .iter()
                    .any(|top| name.split('/').next() == Some(top));
            let path = match () {
                () if is_path => root().join(name),
                () if name.ends_with(".rs") => {
                    let (_, folder) = folders.last().expect("a folder comes first");
                    root().join(folder).join(name)
                }
                () => continue,
            };
            assert!(path.exists(), "{}:{number}: there is no {name}", page.name);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_map_names_every_file() {
    let page = Page::read("docs/architecture.md").text;
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_test = name.starts_with("tests");
            if path.is_dir() && !is_test {
                folders.push(path);
                continue;
            }
            let named = is_test || name == "mod.rs" || page.contains(&format!("`{name}`"));
            assert!(
                named,
                "docs/architecture.md does not name {}",
                path.display()
            );
        }
    }
}

/// The lines of the blocks marked `language` on all pages.
fn lines_of(language: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for page in pages() {
        lines.extend(
            page.blocks(language)
                .iter()
                .map(|(_, line)| (*line).to_owned()),
        );
    }
    lines
}

#[test]
fn the_documented_events_and_frames_are_parsed() {
    let events = lines_of("json");
    let mut framer = Framer::new(Framing::Events, InputFormat::default());
    let mut items = Vec::new();
    framer
        .buffer()
        .extend_from_slice((events.join("\n") + "\n").as_bytes());
    framer.handle_input(&mut items).unwrap();
    assert!(items.len() >= 8 && items.len() == events.len());
    let text = lines_of("text");
    let typed: Vec<&str> = text
        .iter()
        .filter_map(|line| line.strip_prefix("open> /frame "))
        .collect();
    assert!(typed.len() >= 4);
    for line in typed {
        assert!(frame::parse(line).is_ok(), "{line}");
    }
}

#[test]
fn the_commands_are_those_of_the_prompt() {
    let prompt = Page::read("docs/prompt.md").text;
    assert!(prompt.contains(&format!("open> /help\n{}```", help(false))));
    let frames = Page::read("docs/frames.md").text;
    assert!(frames.contains(&format!("open> /frame\n{}```", frame::HELP)));
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
    assert!(!prints_as_written("[..]\n", "a\nb\n"));
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let rows: Vec<String> = EXITS
        .iter()
        .map(|(exit, meaning)| format!("| {} | {meaning} |", exit.code()))
        .collect();
    let page = Page::read("docs/exit-codes.md").text;
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| code | meaning |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(listed, rows, "the table should be:\n{}", rows.join("\n"));
}

#[test]
fn every_long_option_named_exists() {
    let mut command = wirecat::internals::cli::command();
    // Some subcommands define their options only then.
    command.build();
    let mut known: BTreeSet<String> = ["--help".into(), "--version".into()].into();
    for command in [&command].into_iter().chain(command.get_subcommands()) {
        for argument in command.get_arguments() {
            let names = argument.get_long_and_visible_aliases().unwrap_or_default();
            known.extend(names.iter().map(|name| format!("--{name}")));
        }
    }
    known.extend(OTHERS.iter().map(|name| (*name).to_owned()));
    for page in pages() {
        for (number, line) in page.text.lines().enumerate() {
            for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')))
            {
                // `--tlsv1.3`, and the end of a sentence.
                let word = word.trim_end_matches('.');
                let named = word.len() > 2
                    && word.starts_with("--")
                    && word[2..].starts_with(|c: char| c.is_ascii_lowercase());
                assert!(
                    !named || known.contains(word),
                    "{}:{}: there is no option {word}",
                    page.name,
                    number + 1
                );
            }
        }
    }
}

#[test]
fn the_changelog_begins_with_this_version() {
    let changelog = Page::read("CHANGELOG.md").text;
    let heading = changelog
        .lines()
        .find_map(|line| line.strip_prefix("## "))
        .expect("a heading");
    assert_eq!(
        heading.split(' ').next(),
        Some(env!("CARGO_PKG_VERSION")),
        "{heading}"
    );
}
