//! The manual page and the shell completions, made from the same definition as `--help`; the example
//! of a configuration file; and what other programs and agents read.

use std::io;

use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::args::Generate;
use super::config::example::EXAMPLE;
use super::skill;
use crate::error::EXITS;
use crate::record::json_schema;
use crate::serve::endpoints;

/// Every kind with its file in `completions/`; the manual page has no file.
#[cfg(feature = "internals")]
pub const COMPLETIONS: &[(Generate, &str)] = &[
    (Generate::CompleteBash, "wirecat.bash"),
    (Generate::CompleteZsh, "_wirecat"),
    (Generate::CompleteFish, "wirecat.fish"),
    (Generate::CompletePowershell, "_wirecat.ps1"),
    (Generate::CompleteElvish, "wirecat.elv"),
];

/// Generates the text of one kind; `profiles` are the names of those in the configuration file.
pub fn generate(kind: Generate, profiles: &[String]) -> Vec<u8> {
    let shell = match kind {
        Generate::Config => return EXAMPLE.as_bytes().to_vec(),
        Generate::Profiles => return names(profiles).into_bytes(),
        Generate::Man => return manual(),
        Generate::Schema => return json_schema::text().into_bytes(),
        Generate::Skill => return skill::text().into_bytes(),
        Generate::CompleteBash => Shell::Bash,
        Generate::CompleteZsh => Shell::Zsh,
        Generate::CompleteFish => Shell::Fish,
        Generate::CompletePowershell => Shell::PowerShell,
        Generate::CompleteElvish => Shell::Elvish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "wirecat", &mut text);
    let text = String::from_utf8_lossy(&text);
    with_profiles(kind, &text).into_bytes()
}

/// The profiles as they are typed, one a line.
fn names(profiles: &[String]) -> String {
    profiles.iter().map(|name| format!("@{name}\n")).collect()
}

/// Lets the completion of a shell offer the profiles after `@`: clap_complete knows only fixed words.
fn with_profiles(kind: Generate, text: &str) -> String {
    match kind {
        Generate::CompleteBash => text.replacen(
            "    prev=\"$3\"\n",
            "    prev=\"$3\"
    if [[ ${cur} == @* ]]; then
        COMPREPLY=( $(compgen -W \"$(\"$1\" --generate profiles 2>/dev/null)\" -- \"${cur}\") )
        return 0
    fi
",
            1,
        ),
        Generate::CompleteZsh => text
            .replacen(
                "_wirecat() {\n",
                "_wirecat_url() {
    local -a profiles
    profiles=(${(f)\"$(wirecat --generate profiles 2>/dev/null)\"})
    compadd -a profiles
    _default
}

_wirecat() {
",
                1,
            )
            .lines()
            .map(|line| match line.strip_prefix("'::url -- ") {
                Some(_) => line.replacen(":_default'", ":_wirecat_url'", 1) + "\n",
                None => format!("{line}\n"),
            })
            .collect(),
        Generate::CompleteFish => format!(
            "{text}complete -c wirecat -n \"__fish_wirecat_needs_command\" -a \"(wirecat --generate profiles 2>/dev/null)\"\n"
        ),
        _ => text.to_owned(),
    }
}

fn manual() -> Vec<u8> {
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = write_manual(&mut page);
    page
}

fn write_manual(page: &mut Vec<u8>) -> io::Result<()> {
    // clap_mangen prints no text for options that the short help hides.
    let command = super::command().mut_args(|arg| {
        let arg = arg.hide_short_help(false);
        // clap_mangen capitalizes headings, and units must not change; DESCRIPTION explains them.
        match arg.get_help_heading() {
            Some(heading) if heading.starts_with("Time ") => arg.help_heading("Time"),
            _ => arg,
        }
    });
    let serve = command.find_subcommand("serve").cloned();
    let man = Man::new(command);
    man.render_title(page)?;
    man.render_name_section(page)?;
    // clap_mangen's synopsis is a list of every option.
    section("SYNOPSIS")
        .text([bold("wirecat"), roman(" [options] "), italic("URL")])
        .control("br", [])
        .text([
            bold("wirecat"),
            roman(" [options] "),
            italic("@PROFILE[/PATH]"),
        ])
        .control("br", [])
        .text([bold("wirecat demo"), roman(" [options]")])
        .control("br", [])
        .text([
            bold("wirecat serve"),
            roman(" [options] ["),
            italic("ADDRESS"),
            roman("]"),
        ])
        .control("br", [])
        .text([
            bold("wirecat listen"),
            roman(" [options] ["),
            italic("ADDRESS"),
            roman("]"),
        ])
        .control("br", [])
        .text([
            bold("wirecat test"),
            roman(" [options] "),
            italic("FILE"),
            roman("..."),
        ])
        .to_writer(page)?;
    section("DESCRIPTION")
        .text([roman(DESCRIPTION)])
        .control("PP", [])
        .text([roman(UNITS)])
        .to_writer(page)?;
    list("EXAMPLES", super::EXAMPLES.iter().copied()).to_writer(page)?;
    man.render_options_section(page)?;
    if let Some(serve) = serve {
        serve_section(&serve).to_writer(page)?;
    }
    listen_section().to_writer(page)?;
    test_section().to_writer(page)?;
    events_section().to_writer(page)?;
    let exits: Vec<(String, &str)> = EXITS
        .iter()
        .map(|(exit, meaning)| (exit.code().to_string(), *meaning))
        .collect();
    list(
        "EXIT STATUS",
        exits
            .iter()
            .map(|(code, meaning)| (code.as_str(), *meaning)),
    )
    .to_writer(page)?;
    list("ENVIRONMENT", super::ENVIRONMENT.iter().copied()).to_writer(page)?;
    list("FILES", FILES.iter().copied()).to_writer(page)
}

const DESCRIPTION: &str = "With a terminal on stdin and stdout, wirecat is a prompt: a line is a \
message, and received messages appear above the line being typed; /help lists the commands. \
Otherwise it is a pipe: stdin is cut into messages, stdout gets the payload of received messages and \
nothing else, and everything else goes to stderr. With -d it sends those messages and does not read \
stdin. wirecat demo starts the debug server on a free port and connects to it.";

const UNITS: &str = "A time T is a number of seconds, or a number with a unit: 500ms, 2s, 1m, 1h. A \
SIZE is a number of bytes, or a number with a unit: 64KiB, 1MB.";

/// The files that wirecat reads without being told to.
const FILES: &[(&str, &str)] = &[(
    "~/.config/wirecat/config.toml",
    "defaults, profiles, variables and messages; wirecat --generate config prints an example. It is \
     refused if others can write it.",
)];

/// Examples of the events that `--frame events` accepts.
const EVENTS: &[&str] = &[
    r#"{"type":"send","data":"text"}"#,
    r#"{"type":"send","encoding":"hex","data":"00 ff"}"#,
    r#"{"type":"ping","data":"at most 125 bytes"}"#,
    r#"{"type":"frame","fin":false,"opcode":"text","data":"hel"}"#,
    r#"{"type":"frame","opcode":"continuation","data":"lo"}"#,
    r#"{"type":"frame","rsv1":true,"opcode":3,"mask":false,"length":70000,"length_bits":64}"#,
    r#"{"type":"frame","opcode":"close","code":1005,"reason":"must not be sent"}"#,
    r#"{"type":"close","code":1000,"reason":"done"}"#,
];

fn events_section() -> Roff {
    let mut roff = section("EVENTS");
    roff.text([roman(
        "--frame events reads one JSON object from each line of stdin, in the form that --json \
         prints:",
    )]);
    roff.control("nf", []);
    for event in EVENTS {
        roff.text([roman(*event)]);
    }
    roff.control("fi", []);
    roff.text([roman(
        "A frame is sent as it stands and may break any rule. opcode is 0 to 15 or a name. mask is \
         true (a random key), false, or a key of 8 hex digits. length is the length to declare in \
         place of the real one, and length_bits (7, 16 or 64) its form. encoding is hex or base64. \
         Every member but type has a default. Events that a client does not send are skipped, and so \
         are events with an origin: wirecat sent those by itself.",
    )]);
    roff
}

fn section(name: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    roff
}

fn list<'a>(name: &str, items: impl Iterator<Item = (&'a str, &'a str)>) -> Roff {
    let mut roff = section(name);
    for (term, meaning) in items {
        roff.control("TP", [])
            .text([bold(term)])
            .text([roman(meaning)]);
    }
    roff
}

fn serve_section(serve: &clap::Command) -> Roff {
    let mut roff = section("DEBUG SERVER");
    roff.text([
        bold("wirecat serve"),
        roman(
            " listens on 127.0.0.1:8765 and logs to stderr. The path of the URL selects what it does:",
        ),
    ]);
    roff.control("nf", []);
    for line in endpoints::help().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    for option in serve.get_arguments() {
        let help = option.get_long_help().or_else(|| option.get_help());
        let help = help.map(ToString::to_string);
        roff.control("TP", [])
            .text(option_names(option))
            .text([roman(help.unwrap_or_default())]);
    }
    roff
}

/// What `wirecat listen` has besides the options of a client.
fn listen_section() -> Roff {
    let mut roff = section("PLAYING THE SERVER");
    roff.text([
        bold("wirecat listen"),
        roman(
            " waits for clients on 127.0.0.1:8765 and is their server, at the prompt or in a pipe. It has \
             the options of a client but those about connecting, and these:",
        ),
    ]);
    push_options(
        "listen",
        |it| it.get_help_heading() == Some("Clients"),
        &mut roff,
    );
    roff
}

/// Scripts, and the options of `wirecat test`.
fn test_section() -> Roff {
    let mut roff = section("SCRIPTS");
    roff.text([
        bold("wirecat test"),
        roman(" runs scripts, which say what is sent and what must come:"),
    ]);
    roff.control("nf", []);
    for line in super::SCRIPT.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.text([roman(
        "It ends with 0 if all tests pass, 1 if an expectation does not come true, 2 if a script does \
         not parse (then nothing is run), otherwise with the code of the first connection that failed.",
    )]);
    push_options("test", |it| it.get_id() != "help", &mut roff);
    roff
}

/// Appends those options of a subcommand for which `is_one` is true.
fn push_options(subcommand: &str, is_one: impl Fn(&clap::Arg) -> bool, roff: &mut Roff) {
    let mut command = super::command();
    command.build();
    let found = command.find_subcommand(subcommand);
    let options = found.into_iter().flat_map(clap::Command::get_arguments);
    for option in options.filter(|it| is_one(it)) {
        let help = option.get_help().map(ToString::to_string);
        roff.control("TP", [])
            .text(option_names(option))
            .text([roman(help.unwrap_or_default())]);
    }
}

/// `-p, --port <PORT>`, like the sections that clap_mangen writes.
fn option_names(option: &clap::Arg) -> Vec<Inline> {
    let value = option.get_value_names().and_then(<[_]>::first);
    let Some(long) = option.get_long() else {
        return vec![bold(value.map_or("", |name| name.as_str()))];
    };
    let mut names = Vec::new();
    if let Some(short) = option.get_short() {
        names.extend([bold(format!("-{short}")), roman(", ")]);
    }
    names.push(bold(format!("--{long}")));
    if option.get_action().takes_values()
        && let Some(value) = value
    {
        names.extend([roman(" "), italic(format!("<{value}>"))]);
    }
    names
}
