//! What is made from the command line's definition: completions, the manual, the help.

use std::path::Path;

use clap::ValueEnum as _;
use wirecat::cli::args::Generate;
use wirecat::cli::generate::{COMPLETIONS, generate};
use wirecat::cli::{ENVIRONMENT, EXAMPLES};
use wirecat::error::EXITS;

use crate::support::wirecat;

#[test]
fn the_completions_are_those_of_this_command_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for &(kind, file) in COMPLETIONS {
        let name = kind.to_possible_value().unwrap();
        let kept = std::fs::read(folder.join(file)).unwrap_or_default();
        assert!(
            kept == generate(kind),
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
            .prints(generate(kind))
            .is_quiet();
    }
}

/// The manual with roff's escapes undone.
fn manual() -> String {
    String::from_utf8(generate(Generate::Man))
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
fn the_manual_says_something_about_every_option() {
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
fn no_arguments_show_the_help() {
    wirecat::<&str>([])
        .run()
        .exits(2)
        .prints("")
        .complains(&["Examples:", "Usage: wirecat [OPTIONS] URL"]);
}

#[test]
fn a_subcommand_after_the_options_is_told_where_it_belongs() {
    wirecat(["-v", "demo"]).run().exits(2).complains(&[
        "'demo' must come before the options",
        "wirecat demo [OPTIONS]",
    ]);
}
