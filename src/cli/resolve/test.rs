//! The options of `wirecat test`: which scripts, with which variables, and the reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::script::{Rights, option_names};
use crate::cli::args::TestArgs;
use crate::cli::world::World;
use crate::error::{Error, plain_words};
use crate::io::saved_file;
use crate::json::jq::Interrupt;
use crate::output::style;
use crate::script::report;
use crate::script::schema::Schema;
use crate::secret::Redactor;
use crate::{suite, template};

/// The largest file of variables, in bytes.
const MAX_VARIABLES: u64 = 16 << 20;

/// The endings of scripts in a folder.
const ENDING: &str = "wst";

/// Folders below folders, at most.
const MAX_DEPTH: usize = 64;

/// A report, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub kind: report::Kind,
    /// `None` is stdout.
    pub file: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Test {
    /// In the order given; those of a folder by their names.
    pub files: Vec<PathBuf>,
    pub options: suite::Options,
    pub rights: Rights,
    /// Long names of the options that scripts may have.
    pub option_names: Vec<String>,
    pub file_root: Option<PathBuf>,
    /// `--env`
    pub environment: Option<String>,
    pub jobs: usize,
    pub repeat: u64,
    pub reports: Vec<Destination>,
    /// Whether the report on stdout is coloured.
    pub color: bool,
    /// Whether the state of the run is shown on stderr while it goes on.
    pub shows_progress: bool,
    pub include_secrets: bool,
}

pub(super) fn test(args: &TestArgs, world: &World) -> Result<Test, Error> {
    let redactor = Redactor::new(args.report.include_secrets);
    let variables = variables(args)?;
    suite::hide_variables(&variables, &redactor);
    redactor.keep();
    let reports = reports(&args.report.report)?;
    let files = files(&args.files)?;
    for Destination { kind, file } in &reports {
        let Some(place) = file else { continue };
        let read = files.iter().chain(&args.variables.files);
        let read = read.chain(&args.report.schema).map(PathBuf::as_path);
        let option = format!("--report {}=FILE", kind.name());
        saved_file::check_is_no_source((&option, place), read)?;
    }
    let environment = |name: &str| world.variable(name);
    let color = style::decide(args.report.color.into(), &environment, world.stdout_tty);
    let file_root = match &args.safety.file_root {
        Some(root) => Some(real_folder("--file-root", root)?),
        None => None,
    };
    if let Some(folder) = &args.report.record {
        fs::create_dir_all(folder).map_err(|error| wrong("--record", folder, &error))?;
    }
    let schema = match &args.report.schema {
        Some(path) => Some(Arc::new(schema(path)?)),
        None => None,
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.run.jobs.and_then(|jobs| usize::try_from(jobs).ok());
    Ok(Test {
        files,
        options: suite::Options {
            variables,
            only: args.run.only.clone(),
            retry: args.run.retry,
            schema,
            fail_fast: args.run.fail_fast,
            record: args.report.record.clone(),
            redactor,
            interrupt: Interrupt::default(),
        },
        rights: Rights {
            commands: args.safety.allow_commands,
        },
        option_names: option_names(),
        file_root,
        environment: args.variables.environment.clone(),
        jobs: jobs.unwrap_or(processors).max(1),
        repeat: args.run.repeat,
        shows_progress: world.stderr_tty,
        color,
        reports,
        include_secrets: args.report.include_secrets,
    })
}

fn wrong(option: &str, path: &Path, error: &std::io::Error) -> Error {
    let text = format!("{option} {}: {}", path.display(), plain_words(error));
    Error::usage(text.trim_start())
}

fn real_folder(option: &str, path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(|error| wrong(option, path, &error))
}

fn schema(path: &Path) -> Result<Schema, Error> {
    let text = fs::read_to_string(path).map_err(|error| wrong("--schema", path, &error))?;
    Schema::compile(&text)
        .map_err(|why| Error::usage(format!("--schema {}: {why}", path.display())))
}

fn reports(given: &[String]) -> Result<Vec<Destination>, Error> {
    let mut reports = Vec::new();
    for text in given {
        let (kind, file) = match text.split_once('=') {
            // As elsewhere, it is stdout.
            Some((kind, "-")) => (kind, None),
            Some((kind, file)) if !file.is_empty() => (kind, Some(PathBuf::from(file))),
            Some((kind, _)) => {
                let message = format!("--report {kind}=: the name of a file is missing");
                return Err(Error::usage(message).advice(format!("--report {kind}=FILE")));
            }
            None => (text.as_str(), None),
        };
        let kind = report::Kind::parse(kind)
            .map_err(|why| Error::usage(format!("--report {text}: {why}")))?;
        let report = Destination { kind, file };
        if report.file.is_some()
            && reports
                .iter()
                .any(|it: &Destination| it.file == report.file)
        {
            let message = format!("--report {text}: another report goes to this file already");
            return Err(Error::usage(message));
        }
        if report.file.is_none() && reports.iter().any(|it: &Destination| it.file.is_none()) {
            let message = format!("--report {text}: another report goes to stdout already");
            return Err(Error::usage(message).advice(format!("--report {text}=FILE")));
        }
        reports.push(report);
    }
    // What a person sees, unless stdout is for something else.
    if reports.iter().all(|it| it.file.is_some()) {
        reports.insert(
            0,
            Destination {
                kind: report::Kind::Human,
                file: None,
            },
        );
    }
    Ok(reports)
}

fn variables(args: &TestArgs) -> Result<BTreeMap<String, String>, Error> {
    let mut variables = BTreeMap::new();
    for path in &args.variables.files {
        let bytes = suite::read_given(path, MAX_VARIABLES);
        let text = bytes
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "this is not UTF-8".to_owned()));
        let read = text.and_then(|text| variables_of(&text));
        let read = read.map_err(|why| Error::usage(format!("--vars {}: {why}", path.display())))?;
        variables.extend(read);
    }
    for (number, text) in (1..).zip(&args.variables.vars) {
        // No part of it is shown: any may be the secret.
        let number = match args.variables.vars.len() {
            1 => String::new(),
            _ => format!(" number {number}"),
        };
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Error::usage(format!("--var{number}: there is no = in it")).advice("--var NAME=VALUE")
        })?;
        check_name(name).map_err(|why| Error::usage(format!("--var{number}: {why}")))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// Every name is allowed that a capture may have. What is none is not repeated: it may be a secret.
fn check_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    match begins && template::is_name(name) {
        true => Ok(()),
        false => Err(
            "a name has letters, digits, and _ - . and begins with none of these signs".to_owned(),
        ),
    }
}

/// The variables of a file: a JSON object, or lines of `NAME=VALUE`.
fn variables_of(text: &str) -> Result<BTreeMap<String, String>, String> {
    use serde_json::{Map, Value};

    let mut variables = BTreeMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (name, value) in object {
            check_name(&name).map_err(|why| format!("'{name}': {why}"))?;
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            variables.insert(name, value);
        }
        return Ok(variables);
    }
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = number + 1;
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("line {number}: there is no =; write NAME=VALUE"))?;
        let name = name.trim();
        check_name(name).map_err(|why| format!("line {number}: {why}"))?;
        variables.insert(name.to_owned(), value.trim().to_owned());
    }
    Ok(variables)
}

/// The scripts: files as they are, those of folders, and what patterns find.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in given {
        let before = files.len();
        if path.is_dir() {
            collect(path, 0, &mut files).map_err(|error| wrong("", path, &error))?;
            if files.len() == before {
                return Err(Error::usage(format!(
                    "{}: there is no .wst file in this folder",
                    path.display()
                )));
            }
        } else if path.exists() || path == Path::new(suite::STDIN) {
            files.push(path.clone());
        } else {
            matching(path, &mut files)?;
        }
    }
    Ok(files)
}

/// Appends the scripts in a folder and in those below it, by their names. Links to folders are not
/// followed: they may lead in circles.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|it| it == ENDING) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Appends the files that a pattern finds.
fn matching(pattern: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let text = pattern.to_string_lossy();
    let missing = || Error::usage(format!("{text}: there is no such file"));
    if !text.contains(['*', '?', '[']) {
        return Err(missing());
    }
    let paths = glob::glob(&text).map_err(|error| Error::usage(format!("{text}: {error}")))?;
    let before = files.len();
    // A link to a folder above leads in circles.
    let mut found = BTreeSet::new();
    for path in paths {
        let path = path.map_err(|error| wrong("", error.path(), error.error()))?;
        if path.is_file() && path.canonicalize().is_ok_and(|real| found.insert(real)) {
            files.push(path);
        }
    }
    match files.len() > before {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "{text}: no file matches this pattern"
        ))),
    }
}
