//! The scripts of `examples/`. `tests/jobs/scripts.rs` runs those that need other people's servers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::serving::Serving;
use crate::support::wirecat;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn path(name: &str) -> PathBuf {
    root().join(format!("examples/{name}.wst"))
}

#[track_caller]
fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs a script of `examples/` with these variables. All of its tests must pass, twice: no run leaves
/// something behind in the server that the next one stumbles on.
#[track_caller]
pub(crate) fn passes(name: &str, variables: &[(&str, &str)]) {
    let mut arguments = vec!["test".to_owned(), "--repeat=2".to_owned()];
    for (name, value) in variables {
        arguments.push(format!("--var={name}={value}"));
    }
    arguments.push("--jobs=1".to_owned());
    arguments.push(path(name).display().to_string());
    let output = wirecat(&arguments).run();
    assert_eq!(output.code(), 0, "{}", output.stdout_text());
    output.is_quiet();
}

#[test]
fn hub() {
    let options = ["127.0.0.1:0", "--token=s3cret=ann", "--token=t0ken=ben"];
    let serving = Serving::start(&options);
    let base = &*serving.urls[0];
    let variables = [
        ("base", base),
        ("ann_token", "s3cret"),
        ("ben_token", "t0ken"),
    ];
    passes("hub", &variables);
}

/// The names of the scripts of `examples/`.
fn names() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| Some(name.strip_suffix(".wst")?.to_owned()))
        .collect()
}

#[test]
fn every_example_is_run_and_listed() {
    let names = names();
    assert!(names.len() >= 6, "{names:?}");
    let tests = read("tests/jobs/scripts.rs") + &read("tests/examples.rs");
    let page = read("docs/scripts.md");
    for name in names {
        assert!(tests.contains(&format!("passes(\"{name}\", ")), "{name}");
        let link = format!("](../examples/{name}.wst)");
        assert!(page.contains(&link), "docs/scripts.md has no {link}");
    }
}

#[test]
fn the_example_on_the_page_is_the_file() {
    let shown = format!("```\n{}```\n", read("examples/aiohttp.wst"));
    assert!(read("docs/scripts.md").contains(&shown));
}
