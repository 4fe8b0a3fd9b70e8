//! What is made from the command line's definition: completions, the manual, the help.

use std::path::Path;

use clap::ValueEnum as _;
use wirecat::internals::cli::args::Generate;
use wirecat::internals::cli::generate::{COMPLETIONS, generate};
use wirecat::internals::cli::{ENVIRONMENT, EXAMPLES};
use wirecat::internals::error::EXITS;
use wirecat::internals::serve::endpoints::help;

use crate::support::wirecat;

#[test]
fn the_completions_are_those_of_this_command_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for &(kind, file) in COMPLETIONS {
        let name = kind.to_possible_value().unwrap();
        let kept = std::fs::read(folder.join(file)).unwrap_or_default();
        assert!(
            kept == generate(kind, &[]),
            "completions/{file} is not what the program makes; write it anew with:\n\
             cargo run -- --generate {} > completions/{file}",
            name.get_name()
        );
    }
}

#[test]
fn the_program_prints_what_the_library_makes() {
    for &(kind, _) in COMPLETIONS {
        let name = kind.to_possible_value().unwrap();
        wirecat(["--generate", name.get_name()])
            .run()
            .exits(0)
            .prints(generate(kind, &[]))
            .is_quiet();
    }
}

/// The manual with roff's escapes undone.
fn manual() -> String {
    String::from_utf8(generate(Generate::Man, &[]))
        .unwrap()
        .replace("\\-", "-")
        .replace("\\*(Aq", "'")
        .replace("\\fB", "")
        .replace("\\fR", "")
}

/// The lines of one section of the manual.
#[track_caller]
fn section<'a>(manual: &'a str, name: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = manual
        .lines()
        .skip_while(|line| {
            line.strip_prefix(".SH ").map(|name| name.trim_matches('"')) != Some(name)
        })
        .skip(1)
        .take_while(|line| !line.starts_with(".SH "))
        .collect();
    assert!(!lines.is_empty(), "no section {name}");
    lines
}

#[test]
fn the_manual_has_every_exit_code_variable_and_example() {
    let manual = manual();
    let exits = section(&manual, "EXIT STATUS").join("\n");
    for (exit, meaning) in EXITS {
        let item = format!(".TP\n{}\n{meaning}", exit.code());
        assert!(exits.contains(&item), "no {item:?} in:\n{exits}");
    }
    let environment = section(&manual, "ENVIRONMENT").join("\n");
    for (names, meaning) in ENVIRONMENT {
        assert!(
            environment.contains(&format!("{names}\n{meaning}")),
            "{names}"
        );
    }
    let examples = section(&manual, "EXAMPLES").join("\n");
    for (command, meaning) in EXAMPLES {
        let command = command.replace('\\', "\\e");
        assert!(
            examples.contains(&format!("{command}\n{meaning}")),
            "{command}"
        );
    }
}

#[test]
fn the_manual_describes_every_option() {
    let manual = manual();
    let lines: Vec<&str> = manual.lines().collect();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with('-'))
    {
        assert!(!lines[at + 1].trim().is_empty(), "nothing about {line}");
    }
}

#[test]
fn the_short_help_is_short_and_both_begin_with_examples() {
    let short = wirecat(["-h"]).run().exits(0).stdout_text();
    let long = wirecat(["--help"]).run().exits(0).stdout_text();
    for help in [&short, &long] {
        assert!(help.starts_with("Examples:\n  wirecat demo "), "{help}");
    }
    assert!(
        short.lines().count() * 2 < long.lines().count(),
        "-h has {} lines, --help {}",
        short.lines().count(),
        long.lines().count()
    );
    for (exit, meaning) in EXITS {
        let row = format!("  {:>3}  {meaning}\n", exit.code());
        assert!(long.contains(&row), "no {row:?} in --help");
    }
    for (names, _) in ENVIRONMENT {
        assert!(long.contains(names), "no {names} in --help");
    }
}

#[test]
fn the_short_help_of_the_server_has_the_common_options() {
    let short = wirecat(["serve", "-h"]).run().exits(0).stdout_text();
    let long = wirecat(["serve", "--help"]).run().exits(0).stdout_text();
    for text in [&short, &long] {
        assert!(text.starts_with("Examples:\n  wirecat serve "), "{text}");
        assert!(text.contains("--self-signed") && text.contains("/echo"));
    }
    let lines = short.lines().count();
    assert!(lines < 85, "{lines} lines:\n{short}");
    for (option, row) in [
        ("--max-head-size", "\n  /chat?echo       "),
        ("--trust-proxy", "\n  /events?token=T"),
    ] {
        assert!(!short.contains(option) && long.contains(option), "{option}");
        assert!(!short.contains(row) && long.contains(row), "{row}");
    }
    // No row of the table is broken at the width of a page.
    for row in help().lines().filter(|row| !row.is_empty()) {
        assert!(long.contains(&format!("\n  {row}\n")), "{row}");
    }
    let listen = wirecat(["listen", "-h"]).run().exits(0).stdout_text();
    assert!(
        listen.starts_with("Examples:\n  wirecat listen "),
        "{listen}"
    );
}

/// Someone who knows one subcommand, or wscat, tries its options elsewhere.
#[test]
fn an_option_of_another_subcommand_says_where_it_belongs() {
    for (line, words) in [
        ("-l 8080", "`wirecat listen PORT` waits for clients"),
        (
            "listen --unix x",
            "listen has no Unix sockets and no event hub",
        ),
        ("listen -L", "-L is about connecting"),
        ("listen -p 0 --host 0.0.0.0", "0.0.0.0"),
        ("serve --json", "--json is an option of the client"),
        (
            "serve --bind nowhere",
            "write an IP address of this machine",
        ),
        (
            "serve --unix x --self-signed",
            "a Unix socket speaks no TLS",
        ),
        (
            "serve --token a=b --token a=c",
            "each token once; a user may have several",
        ),
        ("serve --log-file /nowhere/x 0", "a folder that exists"),
        ("serve --ledger /nowhere/x 0", "a folder that exists"),
    ] {
        wirecat(line.split(' ')).run().exits(2).complains(&[words]);
    }
}

#[test]
fn no_arguments_show_the_help() {
    wirecat::<&str>([])
        .run()
        .exits(2)
        .prints("")
        .complains(&["Examples:", "Usage: wirecat [OPTIONS] URL"]);
}

#[test]
fn a_subcommand_after_the_options_gets_advice() {
    wirecat(["-v", "demo"]).run().exits(2).complains(&[
        "'demo' must come before the options",
        "wirecat demo [OPTIONS]",
    ]);
}

/// The `Debug` form of a value is for programmers: a message needs words, whatever the value is.
/// `tests/tls.rs` and the tests beside `transport::tls::explain` hold those of libraries to it.
#[test]
fn no_message_contains_the_debug_form_of_a_value() {
    /// Implementations of `Debug` themselves, names of errors that become words, and an assertion.
    const ALLOWED: &[&str] = &[
        "src/uri.rs",
        "src/wire/deflate.rs",
        "src/handshake/request.rs",
        "src/transport/tls/explain.rs",
        "src/transport/tls/explain/certificates.rs",
        "src/transport/tls/explain/words.rs",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Tests may show what they like, and stand at the end or in a file of their own.
            let tests = name.ends_with("/tests.rs") || name.contains("/tests/");
            if tests || ALLOWED.contains(&name.as_str()) {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for (number, line) in code.lines().enumerate() {
                let debug = line.contains(":?}") || line.contains(":#?}");
                assert!(!debug, "{name}:{}: {line}", number + 1);
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}
