//! The rules. Each takes the sources and returns a line for every place that breaks it: file, line,
//! what is there, and which rule that breaks.

use std::collections::BTreeSet;

use super::graph::{Arrow, arrows, rings};
use super::map::{Map, is_within};
use super::source::{Function, Kind, Source};

pub(super) type Violations = Vec<String>;

/// What the map says of a layer whose modules may not use each other.
const STRANGERS: &str = "know nothing of each other";
/// What the map says of a layer without I/O.
const PURE: &str = "see no socket, file, clock or environment";

/// Paths that mean I/O, or the time or chance of the moment.
const IMPURE: &[&str] = &[
    "hyper::body::Incoming",
    "hyper::client",
    "hyper::server",
    "hyper::upgrade",
    "hyper_util",
    "nix",
    "rand::random",
    "rand::rng",
    "rpassword",
    "signal_hook",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread::Builder",
    "std::thread::park",
    "std::thread::scope",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "tokio",
];

/// What ends the program at a place that ought not to be reached.
const PANICS: &[&[&str]] = &[
    &[".", "unwrap", "("],
    &[".", "expect", "("],
    &["panic", "!"],
    &["todo", "!"],
    &["unimplemented", "!"],
    &["unreachable", "!"],
];

/// Something that stays although it breaks a rule: a file or the beginning of its path, what it does
/// there, and why.
pub(super) type Exception = (&'static str, &'static str, &'static str);

/// Something that only some files may use.
pub(super) struct OnlyIn {
    pub(super) what: What,
    /// Files, or the beginnings of their paths.
    pub(super) files: &'static [&'static str],
}

pub(super) enum What {
    /// The beginning of a path.
    Path(&'static str),
    /// A part of a string or a character, in small letters.
    Text(&'static str),
}

impl OnlyIn {
    pub(super) const fn path(path: &'static str, files: &'static [&'static str]) -> Self {
        let what = What::Path(path);
        OnlyIn { what, files }
    }

    pub(super) const fn text(text: &'static str, files: &'static [&'static str]) -> Self {
        let what = What::Text(text);
        OnlyIn { what, files }
    }

    fn name(&self) -> &'static str {
        match self.what {
            What::Path(name) | What::Text(name) => name,
        }
    }

    /// The lines of `source` with it.
    fn lines(&self, source: &Source) -> BTreeSet<usize> {
        match self.what {
            What::Path(name) => lines_with(source, name),
            What::Text(text) => {
                let literals = source.tokens.iter().filter(|t| t.kind == Kind::Literal);
                literals
                    .filter(|literal| literal.text.to_lowercase().contains(text))
                    .map(|literal| literal.line)
                    .collect()
            }
        }
    }
}

/// The lines of `source` with a path that begins with `name`.
fn lines_with(source: &Source, name: &str) -> BTreeSet<usize> {
    source
        .paths
        .iter()
        .filter(|path| is_within(&path.segments.join("::"), name))
        .map(|path| path.line)
        .collect()
}

fn tell(arrow: &Arrow<'_>, rule: &str) -> String {
    let (file, line, to) = (&arrow.from.file, arrow.line, &arrow.to.file);
    format!("{file}:{line}: uses {to}: {rule}")
}

/// Drops the violations that `exceptions` allow, and complains about exceptions that none needs.
/// A violation is its file, what it does, and its line in the report.
fn without(exceptions: &[Exception], found: Vec<(String, String, String)>) -> Violations {
    let allows = |(file, what, _): &Exception, (in_file, does, _): &(String, String, String)| {
        in_file.starts_with(file) && does == what
    };
    let unused = exceptions
        .iter()
        .filter(|exception| !found.iter().any(|found| allows(exception, found)))
        .map(|(file, what, _)| format!("{file}: {what}: this exception is no longer needed"));
    let left = found
        .iter()
        .filter(|found| !exceptions.iter().any(|exception| allows(exception, found)))
        .map(|(_, _, line)| line.clone());
    left.chain(unused).collect()
}

/// Every module at the root is in the map, and everything in the map is there, once.
pub(super) fn map_is_complete(map: &Map, sources: &[Source]) -> Violations {
    let mut violations = Vec::new();
    let modules: BTreeSet<_> = sources.iter().map(|s| s.module.as_str()).collect();
    let mut named = BTreeSet::new();
    for name in map.layers.iter().flat_map(|layer| &layer.modules) {
        if !modules.contains(name.as_str()) {
            violations.push(format!(
                "src/lib.rs: the map names {name}, which is not there"
            ));
        }
        if !named.insert(name.as_str()) {
            violations.push(format!("src/lib.rs: the map names {name} twice"));
        }
    }
    let at_root = modules.iter().filter(|module| !module.contains("::"));
    for module in at_root.filter(|module| !["", "main"].contains(module)) {
        if !named.contains(module) {
            violations.push(format!("src/lib.rs: the map does not name {module}"));
        }
    }
    violations
}

/// A module uses its own layer and those below; strangers do not use each other.
pub(super) fn upward(map: &Map, sources: &[Source]) -> Violations {
    let mut violations = Vec::new();
    for arrow in arrows(sources) {
        let (from, to) = (map.place(&arrow.from.module), map.place(&arrow.to.module));
        let (Some((from, above)), Some((to, below))) = (from, to) else {
            continue;
        };
        if above > below {
            violations.push(tell(&arrow, &format!("{from} is below {to} in the map")));
        } else if above == below && from != to && map.layers[above].text.contains(STRANGERS) {
            violations.push(tell(&arrow, &format!("{from} and {to} {STRANGERS}")));
        }
    }
    violations
}

/// The layer that the map calls pure is that, and those below it are.
pub(super) fn impure(map: &Map, sources: &[Source], exceptions: &[Exception]) -> Violations {
    let mut found = Vec::new();
    for source in sources {
        let place = map.place(&source.module);
        if place.is_none_or(|(_, number)| !is_pure(map, number)) {
            continue;
        }
        for path in IMPURE {
            for line in lines_with(source, path) {
                let report = format!("{}:{line}: {path}: pure parts {PURE}", source.file);
                found.push((source.file.clone(), (*path).to_owned(), report));
            }
        }
    }
    without(exceptions, found)
}

/// Whether the layer of this number is the pure one or below it.
fn is_pure(map: &Map, number: usize) -> bool {
    let mut layers = map.layers[..=number].iter();
    layers.any(|layer| layer.text.contains(PURE))
}

/// What the map names does not use itself by way of others.
pub(super) fn rings_of_modules(map: &Map, sources: &[Source]) -> Violations {
    let name = |source: &Source| Some(map.place(&source.module)?.0.to_owned());
    let arrows = arrows(sources);
    let named = arrows
        .iter()
        .filter_map(|arrow| Some((name(arrow.from)?, name(arrow.to)?, arrow)));
    rings(&named.collect::<Vec<_>>())
        .into_iter()
        .map(|ring| {
            let (names, places) = (ring.names.join(" → "), ring.places.join(", "));
            format!("{places}: {names}: modules use each other")
        })
        .collect()
}

/// A file does not use itself by way of others. The files of a folder in `exceptions` may.
pub(super) fn rings_of_files(sources: &[Source], exceptions: &[Exception]) -> Violations {
    let arrows = arrows(sources);
    let file = |source: &Source| source.file.clone();
    let named = arrows
        .iter()
        .map(|arrow| (file(arrow.from), file(arrow.to), arrow));
    let found = rings(&named.collect::<Vec<_>>()).into_iter().map(|ring| {
        let (names, places) = (ring.names.join(" → "), ring.places.join(", "));
        let report = format!("{places}: {names}: files use each other");
        (common_folder(&ring.names), "ring".to_owned(), report)
    });
    without(exceptions, found.collect())
}

/// The innermost folder that all `files` are in, with its slash.
fn common_folder(files: &[String]) -> String {
    let folder = |file: &String| file[..=file.rfind('/').unwrap_or(0)].to_owned();
    let shortest = files.iter().map(folder).min_by_key(String::len);
    let mut common = shortest.unwrap_or_default();
    while !files.iter().all(|file| file.starts_with(&common)) {
        common.truncate(
            common
                .trim_end_matches('/')
                .rfind('/')
                .map_or(0, |at| at + 1),
        );
    }
    common
}

/// What may be used in some files only is not used elsewhere.
pub(super) fn only_in(sources: &[Source], rules: &[OnlyIn]) -> Violations {
    let mut violations = Vec::new();
    for source in sources {
        for rule in rules {
            if rule
                .files
                .iter()
                .any(|place| source.file.starts_with(place))
            {
                continue;
            }
            for line in rule.lines(source) {
                let (file, name) = (&source.file, rule.name());
                violations.push(match rule.files {
                    [] => format!("{file}:{line}: {name}: may not be used"),
                    files => format!(
                        "{file}:{line}: {name}: may be used in {} only",
                        files.join(", ")
                    ),
                });
            }
        }
    }
    violations
}

/// Nothing panics on purpose.
pub(super) fn panics(sources: &[Source], exceptions: &[Exception]) -> Violations {
    let mut found = Vec::new();
    for source in sources {
        for signs in PANICS {
            for line in source.lines_of(signs) {
                let (file, what) = (&source.file, signs.concat());
                let report = format!("{file}:{line}: {what}: return an error instead");
                found.push((file.clone(), what, report));
            }
        }
    }
    without(exceptions, found)
}

/// No file has more than `most` lines.
pub(super) fn long_files(sources: &[Source], most: usize, exceptions: &[Exception]) -> Violations {
    let long = sources.iter().filter(|source| source.lines > most);
    let found = long.map(|source| {
        let (file, lines) = (&source.file, source.lines);
        let report = format!("{file}: {lines} lines: a file has at most {most}");
        (file.clone(), "long".to_owned(), report)
    });
    without(exceptions, found.collect())
}

/// No function has more than `most` lines.
pub(super) fn long_functions(
    sources: &[Source],
    most: usize,
    exceptions: &[Exception],
) -> Violations {
    let functions = sources
        .iter()
        .flat_map(|source| source.functions().into_iter().map(move |f| (source, f)));
    let long = functions.filter(|(_, function)| function.lines > most);
    let found = long.map(|(source, Function { name, line, lines })| {
        let file = &source.file;
        let report =
            format!("{file}:{line}: {name} has {lines} lines: a function has at most {most}");
        (file.clone(), name, report)
    });
    without(exceptions, found.collect())
}

/// The number of lines that `part` of all functions do not exceed.
pub(super) fn lines_of_functions(sources: &[Source], part: f64) -> usize {
    let mut lines: Vec<_> = sources
        .iter()
        .flat_map(Source::functions)
        .map(|f| f.lines)
        .collect();
    lines.sort_unstable();
    let at = (lines.len() as f64 * part) as usize;
    lines.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
//! 1. The command line: [`cli`].
//! 2. Front ends, which know nothing of each other: [`pipe`], [`repl`].
//! 3. I/O: [`wire::socket`].
//! 4. Pure parts, which see no socket, file, clock or environment: [`wire`], [`json`].
//! 5. Types: [`event`].
";

    /// The modules of the map, each with nothing in it, but for `texts`.
    fn sources(texts: &[(&str, &str)]) -> Vec<Source> {
        let files = [
            "lib",
            "cli",
            "pipe",
            "repl",
            "wire/mod",
            "wire/socket",
            "wire/mask",
            "json",
            "event",
        ];
        let files = files.map(|name| format!("src/{name}.rs"));
        assert!(
            texts
                .iter()
                .all(|(file, _)| files.iter().any(|name| name == file))
        );
        let text = |file: &String| {
            texts
                .iter()
                .find(|(name, _)| name == file)
                .map_or("", |(_, text)| text)
        };
        files
            .iter()
            .map(|file| Source::new(file, text(file)))
            .collect()
    }

    #[test]
    fn the_map_has_to_name_every_module_once() {
        let complete = |map: &str| map_is_complete(&Map::read(map), &sources(&[]));
        assert!(complete(MAP).is_empty());
        assert_eq!(
            complete(&MAP.replace("[`json`]", "json")),
            ["src/lib.rs: the map does not name json"]
        );
        assert_eq!(
            complete(&MAP.replace("[`json`]", "[`json`], [`pipe`]")),
            ["src/lib.rs: the map names pipe twice"]
        );
        assert_eq!(
            complete(&MAP.replace("[`json`]", "[`json`], [`xml`]")),
            ["src/lib.rs: the map names xml, which is not there"]
        );
    }

    #[test]
    fn arrows_may_not_lead_up_nor_to_a_stranger() {
        for (file, text, told) in [
            ("src/cli.rs", "use crate::{pipe, wire, event};", ""),
            ("src/wire/mod.rs", "use crate::json;", ""),
            ("src/wire/socket.rs", "use super::mask;", ""),
            (
                "src/pipe.rs",
                "\nuse crate::cli::Options;",
                "src/pipe.rs:2: uses src/cli.rs: pipe is below cli in the map",
            ),
            (
                "src/event.rs",
                "fn a() { crate::wire::mask::b() }",
                "src/event.rs:1: uses src/wire/mask.rs: event is below wire in the map",
            ),
            (
                "src/wire/mask.rs",
                "use super::socket;",
                "src/wire/mask.rs:1: uses src/wire/socket.rs: wire is below wire::socket in the map",
            ),
            (
                "src/repl.rs",
                "use crate::pipe;",
                "src/repl.rs:1: uses src/pipe.rs: repl and pipe know nothing of each other",
            ),
        ] {
            let violations = upward(&Map::read(MAP), &sources(&[(file, text)]));
            assert_eq!(violations.join("\n"), told, "{text}");
        }
    }

    #[test]
    fn pure_parts_do_no_io_without_a_reason() {
        let impure = |file, text, exceptions: &[Exception]| {
            impure(&Map::read(MAP), &sources(&[(file, text)]), exceptions).join("\n")
        };
        let told = "src/wire/mask.rs:2: std::time::Instant::now: pure parts see no socket, file, clock or environment";
        for (text, told) in [
            ("use std::time::Instant;\nInstant::now()", told),
            ("use std::time::Instant;", ""),
            ("use std::net::SocketAddr;", ""),
        ] {
            assert_eq!(impure("src/wire/mask.rs", text, &[]), told);
            assert_eq!(impure("src/wire/socket.rs", text, &[]), "");
            let told = told.replace("wire/mask", "event");
            assert_eq!(impure("src/event.rs", text, &[]), told);
        }
        let exception = [("src/json", "tokio", "a reason")];
        assert_eq!(impure("src/json.rs", "use tokio::sync;", &exception), "");
        assert_eq!(
            impure("src/json.rs", "", &exception),
            "src/json: tokio: this exception is no longer needed"
        );
    }

    #[test]
    fn modules_and_files_may_not_use_each_other() {
        let files = |exceptions: &[Exception]| {
            let sources = sources(&[
                ("src/wire/mod.rs", "\nuse mask::Mask;"),
                ("src/wire/mask.rs", "use super::Frame;"),
            ]);
            assert!(rings_of_modules(&Map::read(MAP), &sources).is_empty());
            rings_of_files(&sources, exceptions)
        };
        assert_eq!(
            files(&[]),
            [
                "src/wire/mask.rs:1, src/wire/mod.rs:2: src/wire/mask.rs → src/wire/mod.rs → src/wire/mask.rs: files use each other"
            ]
        );
        assert!(files(&[("src/wire/", "ring", "a reason")]).is_empty());
        assert_eq!(files(&[("src/json/", "ring", "a reason")]).len(), 2);
        let sources = sources(&[
            ("src/wire/mod.rs", "use crate::json;"),
            ("src/json.rs", "use crate::wire::mask;"),
        ]);
        assert!(rings_of_files(&sources, &[]).is_empty());
        assert_eq!(
            rings_of_modules(&Map::read(MAP), &sources),
            ["src/json.rs:1, src/wire/mod.rs:1: json → wire → json: modules use each other"]
        );
    }

    #[test]
    fn what_has_one_place_may_not_be_used_elsewhere() {
        const RULES: &[OnlyIn] = &[
            OnlyIn::path("tungstenite", &["src/wire/socket.rs"]),
            OnlyIn::path("std::process::exit", &[]),
            OnlyIn::text("\\x1b", &["src/json"]),
        ];
        for (file, text, told) in [
            ("src/wire/socket.rs", "use tungstenite::Message;", ""),
            ("src/json.rs", r#"b"\x1B[0m""#, ""),
            ("src/pipe.rs", "// tungstenite::Message \\x1b", ""),
            (
                "src/pipe.rs",
                "use tungstenite as engine;",
                "src/pipe.rs:1: tungstenite: may be used in src/wire/socket.rs only",
            ),
            (
                "src/pipe.rs",
                "use std::process;\nprocess::exit(1)",
                "src/pipe.rs:2: std::process::exit: may not be used",
            ),
            (
                "src/pipe.rs",
                r#"b"\x1B[0m""#,
                "src/pipe.rs:1: \\x1b: may be used in src/json only",
            ),
        ] {
            let violations = only_in(&sources(&[(file, text)]), RULES);
            assert_eq!(violations.join("\n"), told, "{text}");
        }
    }

    #[test]
    fn nothing_may_panic_outside_of_tests() {
        for (text, told) in [
            ("a.unwrap_or(b)", ""),
            ("#[expect(unused)]\nfn a() {}", ""),
            ("#[cfg(test)]\nfn a() { b.unwrap() }", ""),
            (
                "a\n.unwrap()",
                "src/json.rs:2: .unwrap(: return an error instead",
            ),
            (
                "a.expect(\"b\")",
                "src/json.rs:1: .expect(: return an error instead",
            ),
            ("panic!()", "src/json.rs:1: panic!: return an error instead"),
        ] {
            let violations = panics(&sources(&[("src/json.rs", text)]), &[]);
            assert_eq!(violations.join("\n"), told, "{text}");
        }
    }

    #[test]
    fn files_and_functions_may_not_be_long_without_a_reason() {
        let sources = sources(&[("src/json.rs", "fn a() {\n}\n\nfn b() {\n\n}")]);
        assert!(long_files(&sources, 6, &[]).is_empty());
        assert_eq!(
            long_files(&sources, 5, &[]),
            ["src/json.rs: 6 lines: a file has at most 5"]
        );
        assert!(long_files(&sources, 5, &[("src/json.rs", "long", "a reason")]).is_empty());
        assert!(long_functions(&sources, 3, &[]).is_empty());
        assert_eq!(
            long_functions(&sources, 2, &[]),
            ["src/json.rs:4: b has 3 lines: a function has at most 2"]
        );
        assert!(long_functions(&sources, 2, &[("src/json.rs", "b", "a reason")]).is_empty());
        assert_eq!(
            [0.0, 0.5].map(|part| lines_of_functions(&sources, part)),
            [2, 3]
        );
    }
}
