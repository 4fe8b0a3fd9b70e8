//! Options that were typed but have no effect in this mode. Each is named once on stderr, because
//! the user expects an effect. Pure.
//!
//! Only options on the command line with a value other than their default count. Options that are
//! harmless to set always are not named: TLS options with `ws://`, colours, limits, and `--idle`
//! where a variable decides `--on-eof`.

use std::collections::BTreeSet;

use super::mode::Mode;
use crate::auth::sources::Via;
use crate::cli::args::Typed;
use crate::event::Peer;
use crate::output::Format;
use crate::session::reconnect::When;

/// Options that have no effect under a condition.
struct Rule {
    options: &'static [&'static str],
    when: fn(&Mode<'_>) -> bool,
    /// The text after "has no effect".
    why: &'static str,
}

/// The first rule that matches an option names it.
const RULES: &[Rule] = &[
    Rule {
        options: &["edit-mode", "no-history", "scrollback", "plain"],
        when: |mode| !mode.interactive,
        why: "in a pipe",
    },
    Rule {
        options: &["rate", "lockstep", "on-eof", "idle", "frame", "then"],
        when: |mode| mode.interactive,
        why: "at the prompt",
    },
    Rule {
        options: &[
            "frame", "rate", "lockstep", "binary", "hex", "base64", "escapes",
        ],
        when: |mode| !mode.interactive && mode.args.wire.mirror && mode.args.send.data.is_empty(),
        why: "with --mirror, which does not read stdin",
    },
    Rule {
        options: &["on-eof", "idle"],
        when: |mode| mode.args.wire.mirror,
        why: "with --mirror, which stays until the server closes",
    },
    Rule {
        options: &["on-eof", "idle", "filter"],
        when: |mode| mode.args.stop.is_check(),
        why: "with --count 0, which shows no message",
    },
    Rule {
        options: &["frame", "rate", "binary", "hex", "base64", "escapes"],
        when: |mode| mode.args.stop.is_check() && mode.args.send.data.is_empty(),
        why: "with --count 0, which does not read stdin",
    },
    Rule {
        options: &["answer"],
        when: |mode| mode.args.stop.is_check() && !mode.awaits_before_check(),
        why: "with --count 0, which waits for no message",
    },
    Rule {
        options: &["record"],
        when: |mode| mode.peer == Peer::Client && mode.args.programs.exec.is_some(),
        why: "with listen --exec, where each client has a conversation of its own",
    },
    Rule {
        options: &["exec-header"],
        when: |mode| mode.peer == Peer::Server,
        why: "here, as a server sends no request",
    },
    Rule {
        options: &["frame"],
        when: |mode| !mode.args.send.data.is_empty(),
        why: "with -d, as stdin is not read",
    },
    Rule {
        options: &[
            "reconnect-delay",
            "reconnect-max-delay",
            "reconnect-jitter",
            "reconnect-max-time",
            "reconnect-on",
            "no-reconnect-on",
        ],
        when: |mode| mode.forbids_reconnect(),
        why: "with --no-reconnect or --reconnect=0",
    },
    Rule {
        options: &[
            "reconnect-delay",
            "reconnect-max-delay",
            "reconnect-jitter",
            "reconnect-max-time",
            "no-reconnect-on",
        ],
        when: |mode| mode.reconnects == When::Never,
        why: "without --reconnect",
    },
    Rule {
        options: &["outbox"],
        when: |mode| !mode.interactive && !mode.confirms,
        why: "without --confirm",
    },
    Rule {
        options: &["ping-timeout"],
        when: |mode| mode.ping_interval.is_none(),
        why: "without --ping-interval",
    },
    Rule {
        options: &["resume"],
        when: |mode| {
            let stay = &mode.args.stay;
            mode.reconnects == When::Never
                && stay.state.is_none()
                && stay.keepalive.heartbeat.is_none()
        },
        why: "without --reconnect, --state or --heartbeat",
    },
    Rule {
        options: &[
            "ipv4",
            "ipv6",
            "resolve",
            "connect-to",
            "interface",
            "local-port",
            "happy-eyeballs-timeout-ms",
            "proxy",
            "proxy-user",
            "proxy-header",
            "proxy-cacert",
            "proxy-insecure",
            "noproxy",
            "socks4",
            "socks4a",
            "socks5",
            "socks5-hostname",
        ],
        when: |mode| {
            let network = &mode.args.network;
            network.unix_socket.is_some() || network.abstract_unix_socket.is_some()
        },
        why: "with a Unix socket",
    },
    Rule {
        options: &["max-redirs"],
        when: |mode| !mode.args.cookies.location && !mode.args.cookies.location_trusted,
        why: "without -L",
    },
    Rule {
        options: &["token-name"],
        when: |mode| mode.token_via == Via::Message,
        why: "with a token in the first message",
    },
    Rule {
        options: &["token-message"],
        when: |mode| mode.token_via != Via::Message,
        why: "without --token-via message",
    },
    Rule {
        options: &["timestamps"],
        when: |mode| mode.format == Format::Json && !mode.args.output.show_ping_pong,
        why: "on events, which have their own times",
    },
    Rule {
        options: &["filter"],
        when: |mode| matches!(mode.format, Format::Hex | Format::Base64),
        why: "on bytes: --format hex or base64 encodes its results, and leaves out what is not JSON",
    },
];

/// One line for each option of `typed` that has no effect.
pub(super) fn lines(typed: &Typed, mode: &Mode<'_>) -> Vec<String> {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut lines = Vec::new();
    for rule in RULES.iter().filter(|rule| (rule.when)(mode)) {
        for option in rule.options {
            if typed.contains(*option) && named.insert(option) {
                lines.push(format!("--{option} has no effect {}", rule.why));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::world::World;
    use crate::cli::{command, parse};

    /// Options that have an effect in every mode, or that users set for all modes.
    const ALWAYS: &[&str] = &[
        "header",
        "origin",
        "user-agent",
        "subprotocol",
        // Scripts pass them whether the URL is ws:// or wss://.
        "http1.1",
        "http2",
        "http2-only",
        "http2-prior-knowledge",
        "user",
        "aws-sigv4",
        "aws-sigv4-query",
        "oauth2-bearer",
        "token",
        "token-via",
        // Scripts pass them whether the URL is ws:// or wss://.
        "insecure",
        "cacert",
        "capath",
        "cert",
        "key",
        "pass",
        "tlsv1.2",
        "tlsv1.3",
        "tls-max",
        "pinnedpubkey",
        "crlfile",
        "unix-socket",
        "abstract-unix-socket",
        "location",
        "location-trusted",
        "cookie",
        "cookie-jar",
        "netrc",
        "netrc-file",
        "netrc-optional",
        "connect-timeout",
        "close-timeout",
        "max-time",
        "reconnect",
        "no-reconnect",
        "confirm",
        // clap requires --resume.
        "state",
        "ping-interval",
        "no-auto-pong",
        "split",
        "decode",
        "encode",
        "heartbeat",
        // clap requires --heartbeat.
        "heartbeat-interval",
        "data",
        "on-open",
        // The default, whatever else is given.
        "text",
        "count",
        "until",
        "one-message",
        "format",
        "json",
        "show-ping-pong",
        "color",
        "output",
        "run",
        "run-after",
        "run-each",
        "exec",
        "verbose",
        "silent",
        "stats",
        "include-secrets",
        "var",
        "config",
        "no-config",
        "max-message-size",
        // clap refuses --no-compress together with an option of compression.
        "no-compress",
        "deflate-level",
        "client-max-window-bits",
        "server-max-window-bits",
        "client-no-context-takeover",
        "server-no-context-takeover",
        "fragment",
        "mirror",
        // Not an option of the client.
        "generate",
        "from-curl",
        "dry-run",
        "to-curl",
        "help",
        "version",
    ];

    #[track_caller]
    fn named(line: &str, interactive: bool) -> Vec<String> {
        let arguments = format!("wirecat {line} ws://h/");
        let arguments: Vec<_> = arguments.split_whitespace().map(Into::into).collect();
        let cli = parse(&arguments).unwrap();
        let world = World {
            stdin_tty: interactive,
            stdout_tty: interactive,
            ..World::default()
        };
        let mode = Mode::new(&cli.client, &world, Peer::Server);
        assert_eq!(mode.interactive, interactive, "{line}");
        lines(&cli.typed, &mode)
    }

    #[test]
    fn every_option_is_in_one_of_the_two_tables() {
        let ruled: BTreeSet<&str> = RULES
            .iter()
            .flat_map(|rule| rule.options)
            .copied()
            .collect();
        let always: BTreeSet<&str> = ALWAYS.iter().copied().collect();
        assert!(ruled.is_disjoint(&always), "{ruled:?}");
        let mut all = BTreeSet::new();
        let mut command = command();
        command.build();
        for argument in command.get_arguments() {
            all.extend(argument.get_long().map(str::to_owned));
        }
        let known: BTreeSet<String> = ruled
            .union(&always)
            .map(|name| (*name).to_owned())
            .collect();
        let missing: Vec<_> = all.symmetric_difference(&known).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_option_without_effect_is_reported_with_the_reason() {
        let pipe = false;
        let prompt = true;
        for (line, interactive, expected) in [
            (
                "--rate 5",
                prompt,
                &["--rate has no effect at the prompt"][..],
            ),
            (
                "--lockstep",
                prompt,
                &["--lockstep has no effect at the prompt"],
            ),
            (
                "--on-eof close",
                prompt,
                &["--on-eof has no effect at the prompt"],
            ),
            ("--idle 9s", prompt, &["--idle has no effect at the prompt"]),
            (
                "--unix-socket s -4 -x p:1",
                pipe,
                &[
                    "--ipv4 has no effect with a Unix socket",
                    "--proxy has no effect with a Unix socket",
                ],
            ),
            (
                "--frame json",
                prompt,
                &["--frame has no effect at the prompt"],
            ),
            (
                "-d x --frame events",
                pipe,
                &["--frame has no effect with -d, as stdin is not read"],
            ),
            (
                "--mirror --frame nul --rate 1 --hex --idle 1s",
                pipe,
                &[
                    "--frame has no effect with --mirror, which does not read stdin",
                    "--rate has no effect with --mirror, which does not read stdin",
                    "--hex has no effect with --mirror, which does not read stdin",
                    "--idle has no effect with --mirror, which stays until the server closes",
                ],
            ),
            (
                "--mirror -d x --rate 1 --on-eof close",
                pipe,
                &["--on-eof has no effect with --mirror, which stays until the server closes"],
            ),
            (
                "--reconnect-delay 1s --reconnect-max-delay 2s --reconnect-jitter none --reconnect-max-time 1m --no-reconnect-on 1006",
                pipe,
                &[
                    "--reconnect-delay has no effect without --reconnect",
                    "--reconnect-max-delay has no effect without --reconnect",
                    "--reconnect-jitter has no effect without --reconnect",
                    "--reconnect-max-time has no effect without --reconnect",
                    "--no-reconnect-on has no effect without --reconnect",
                ],
            ),
            (
                "--no-reconnect --reconnect-on 1000 --reconnect-delay 1s",
                prompt,
                &[
                    "--reconnect-delay has no effect with --no-reconnect or --reconnect=0",
                    "--reconnect-on has no effect with --no-reconnect or --reconnect=0",
                ],
            ),
            (
                "--reconnect=0 --reconnect-max-time 9s",
                pipe,
                &["--reconnect-max-time has no effect with --no-reconnect or --reconnect=0"],
            ),
            (
                "--count 0 --idle 1s --filter .x --frame nul",
                pipe,
                &[
                    "--idle has no effect with --count 0, which shows no message",
                    "--filter has no effect with --count 0, which shows no message",
                    "--frame has no effect with --count 0, which does not read stdin",
                ],
            ),
            (
                "--count 0 --answer .a=b",
                pipe,
                &["--answer has no effect with --count 0, which waits for no message"],
            ),
            (
                "--outbox 1MB",
                pipe,
                &["--outbox has no effect without --confirm"],
            ),
            (
                "--ping-timeout 1s",
                pipe,
                &["--ping-timeout has no effect without --ping-interval"],
            ),
            (
                "--ping-interval 0 --ping-timeout 1s",
                prompt,
                &["--ping-timeout has no effect without --ping-interval"],
            ),
            (
                "--resume id=.id --on-open {{id}}",
                pipe,
                &["--resume has no effect without --reconnect, --state or --heartbeat"],
            ),
            (
                "--token t --token-message {{token}} --token-name x",
                pipe,
                &["--token-name has no effect with a token in the first message"],
            ),
            (
                "--token t --token-via query --token-message {{token}}",
                pipe,
                &["--token-message has no effect without --token-via message"],
            ),
            (
                "--json -t",
                pipe,
                &["--timestamps has no effect on events, which have their own times"],
            ),
            (
                "--filter . --format hex",
                pipe,
                &[
                    "--filter has no effect on bytes: --format hex or base64 encodes its results, and leaves out what is not JSON",
                ],
            ),
        ] {
            assert_eq!(named(line, interactive), expected, "{line}");
        }
    }

    #[test]
    fn an_option_with_an_effect_is_not_reported() {
        let (pipe, prompt) = (false, true);
        for (line, interactive) in [
            ("", pipe),
            ("", prompt),
            ("--rate 5 --lockstep --on-eof close --frame json", pipe),
            ("-d x --rate 5 --on-eof stay --binary", pipe),
            ("--mirror --binary --hex", prompt),
            ("--idle 5s --count 3", pipe),
            ("--count 0 --answer .a=b --run true", pipe),
            ("--idle 5s --on-eof stay", pipe),
            (
                "--reconnect --reconnect-delay 1s --no-reconnect-on 1006",
                pipe,
            ),
            ("--reconnect-on 1000 --reconnect-delay 1s", pipe),
            ("--reconnect-delay 1s", prompt),
            ("--outbox 1MB --confirm", pipe),
            ("--outbox 1MB", prompt),
            ("--ping-timeout 1s --ping-interval 1s", pipe),
            ("--ping-timeout 1s", prompt),
            ("--resume id=.id --heartbeat {{id}}", pipe),
            ("--resume id=.id --state f", pipe),
            ("--resume id=.id", prompt),
            ("--token t --token-name x", pipe),
            (
                "--token t --token-via message --token-message {{token}}",
                pipe,
            ),
            ("--json -t --show-ping-pong", pipe),
            ("--filter . --format line", pipe),
            ("-k --cacert f --color never", pipe),
        ] {
            assert_eq!(named(line, interactive), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_typed_default_is_not_reported() {
        let line = "--frame line --on-eof drain --idle 2s";
        assert_eq!(named(line, true), Vec::<String>::new());
        let line = "-d x --frame line --reconnect-delay 500ms --outbox=16MiB";
        assert_eq!(named(line, false), Vec::<String>::new());
    }
}
