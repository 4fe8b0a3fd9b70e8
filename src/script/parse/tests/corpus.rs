//! The scripts in `tests/scripts`: good ones, and bad ones with their pinned errors.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Allowed, parse, parse_included};
use super::{ALLOWED, rendered};

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/scripts").join(name)
}

/// The scripts of a folder, by name, if it is there.
fn scripts(name: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder(name)) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "wst"))
        .collect();
    paths.sort();
    paths
}

fn errors_of(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let name = path.file_name().unwrap().to_str().unwrap();
    let errors = match name.starts_with("included") {
        true => parse_included(&text, ALLOWED).err(),
        false => parse(&text, ALLOWED).err(),
    };
    let errors = errors.unwrap_or_else(|| panic!("{name} is right"));
    rendered(name, &text, &errors)
}

/// `UPDATE_SCRIPTS=1` writes them anew.
#[test]
fn the_errors_of_bad_scripts_are_pinned() {
    let updates = std::env::var_os("UPDATE_SCRIPTS").is_some();
    let paths = scripts("bad");
    assert!(paths.len() >= 60, "{}", paths.len());
    for path in paths {
        let errors = errors_of(&path);
        let pinned = path.with_extension("txt");
        if updates {
            fs::write(&pinned, &errors).unwrap();
        }
        let expected = fs::read_to_string(&pinned).unwrap_or_default();
        assert_eq!(errors, expected, "{}", path.display());
    }
}

#[test]
fn good_scripts_are_read() {
    for path in scripts("good") {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        if let Err(errors) = parse(&text, Allowed::default()) {
            panic!("{}", rendered(&name, &text, &errors));
        }
    }
}
