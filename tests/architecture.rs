//! What `src/lib.rs` says of the architecture, checked against the text of the sources: which module
//! uses which, what is used in one place only, and how long things get.

mod graph;
mod map;
mod rules;
mod source;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use map::Map;
use rules::{Exception, OnlyIn, Violations};
use source::Source;

/// What has one place, or none.
const ONLY_IN: &[OnlyIn] = &[
    OnlyIn::path("tokio_tungstenite", &["src/wire/socket.rs"]),
    OnlyIn::path("tungstenite", &["src/wire/socket.rs"]),
    OnlyIn::path("clap", &["src/cli/"]),
    OnlyIn::path("clap_complete", &["src/cli/"]),
    OnlyIn::path("clap_mangen", &["src/cli/"]),
    OnlyIn::path("rustyline", &["src/repl/editor/"]),
    OnlyIn::path("h2", &["src/handshake/", "src/serve/http2.rs"]),
    OnlyIn::path("colored", &["src/output/"]),
    OnlyIn::text("\\x1b", &["src/output/"]),
    OnlyIn::text("\\u{1b}", &["src/output/"]),
    OnlyIn::path("jaq_core", &["src/json/jq"]),
    OnlyIn::path("jaq_json", &["src/json/jq"]),
    OnlyIn::path("jaq_std", &["src/json/jq"]),
    OnlyIn::path("jsonschema", &["src/script/schema.rs"]),
    OnlyIn::path("quick_junit", &["src/script/report/junit.rs"]),
    OnlyIn::path("redis", &["src/serve/hub/store/redis/"]),
    OnlyIn::path("std::env", &["src/cli/world.rs", "src/main.rs"]),
    OnlyIn::path("std::process::exit", &[]),
    OnlyIn::path("std::process::abort", &[]),
];

const RINGS: &[Exception] = &[(
    "src/session/conn/",
    "ring",
    "one connection: each file has a part of its state, and what is done with that and the rest",
)];

const IMPURE: &[Exception] = &[
    (
        "src/session/frontend.rs",
        "tokio",
        "the answer to a question is awaited; a channel is no I/O",
    ),
    (
        "src/json/jq/meter.rs",
        "std::thread::Builder",
        "an expression may need more stack, and be interrupted",
    ),
    (
        "src/json/jq/meter.rs",
        "std::time::Instant::now",
        "an evaluation has a limit of time, whatever happens in it",
    ),
    (
        "src/script/schema.rs",
        "std::thread::Builder",
        "a schema may need more stack to be read",
    ),
];

const PANICS: &[Exception] = &[];
const LONG_FILES: &[Exception] = &[];
const LONG_FUNCTIONS: &[Exception] = &[(
    "src/record/write.rs",
    "push",
    "a table: the fields of each event",
)];

/// The sources, without tests and without what names modules for tests.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let mut sources = files();
    sources.retain(|source| !is_test(source) && source.module != "internals");
    assert!(sources.len() > 100, "the sources are elsewhere");
    sources
});

static MAP: LazyLock<Map> = LazyLock::new(|| {
    let root = package().join("src/lib.rs");
    Map::read(&fs::read_to_string(root).unwrap())
});

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_test(source: &Source) -> bool {
    source.module.split("::").any(|part| part == "tests")
}

/// Every file below `src`.
fn files() -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![package().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(package()).unwrap().to_str().unwrap();
                let name = name.replace('\\', "/");
                files.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    files
}

#[track_caller]
fn assert_none(violations: Violations) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn the_map_names_every_module_once() {
    assert_none(rules::map_is_complete(&MAP, &SOURCES));
}

#[test]
fn no_module_uses_one_of_a_layer_above() {
    assert_none(rules::upward(&MAP, &SOURCES));
}

#[test]
fn no_modules_use_each_other() {
    assert_none(rules::rings_of_modules(&MAP, &SOURCES));
}

#[test]
fn no_files_use_each_other() {
    assert_none(rules::rings_of_files(&SOURCES, RINGS));
}

#[test]
fn pure_parts_do_no_io() {
    assert_none(rules::impure(&MAP, &SOURCES, IMPURE));
}

#[test]
fn what_has_one_place_is_not_used_elsewhere() {
    assert_none(rules::only_in(&SOURCES, ONLY_IN));
}

#[test]
fn nothing_panics_on_purpose() {
    assert_none(rules::panics(&SOURCES, PANICS));
}

#[test]
fn no_file_is_long() {
    assert_none(rules::long_files(&files(), 600, LONG_FILES));
}

#[test]
fn functions_are_short() {
    assert_none(rules::long_functions(&SOURCES, 80, LONG_FUNCTIONS));
    let [half, most] = [0.5, 0.9].map(|part| rules::lines_of_functions(&SOURCES, part));
    assert!(half <= 8 && most <= 25, "{half} and {most} lines");
}
