//! What a file and a command line mean together.

mod another_url;

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::example::EXAMPLE;
use crate::cli::args::Cli;
use crate::cli::resolve::{Client, FrontEnd, Job, job};
use crate::cli::world::World;
use crate::cli::{ParseError, read};
use crate::error::Error;
use crate::handshake::request::HeaderLine;
use crate::repl;

/// A world with a configuration file in its default place.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn with(config: &str) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wirecat/config.toml");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(&path, config).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        Home { folder }
    }

    fn world(&self, line: &str, terminal: bool) -> World {
        let config = self.folder.path().to_str().unwrap().to_owned();
        let variables = [
            ("XDG_CONFIG_HOME".to_owned(), config),
            ("TOKEN".to_owned(), "t0ps3cret".to_owned()),
        ];
        World {
            arguments: format!("wirecat {line}")
                .split(' ')
                .map(Into::into)
                .collect(),
            environment: variables.into(),
            stdin_tty: terminal,
            stdout_tty: terminal,
            ..World::default()
        }
    }

    #[track_caller]
    fn cli(&self, line: &str) -> Cli {
        read(&self.world(line, false)).unwrap_or_else(|error| panic!("{line}: {error:?}"))
    }

    fn client(&self, line: &str) -> Result<Client, Error> {
        client(&self.world(line, false))
    }

    #[track_caller]
    fn error(&self, line: &str) -> String {
        match read(&self.world(line, false)) {
            Err(ParseError::Unusable { error, .. }) => error.to_string(),
            other => panic!("{line}: {other:?}"),
        }
    }
}

fn client(world: &World) -> Result<Client, Error> {
    let cli = read(world).unwrap_or_else(|error| panic!("{error:?}"));
    match job(cli, world)? {
        Job::Client(client) | Job::Demo(client) => Ok(*client),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn prompt(world: &World) -> repl::Options {
    match client(world).unwrap().front {
        FrontEnd::Interactive(options) => options,
        FrontEnd::Pipe(_) => panic!("there is a terminal"),
    }
}

const LAYERS: &str = r#"
[defaults]
idle = "7s"
json = true
reconnect = 3
insecure = true
header = ["X-A: defaults", "X-B: defaults", "X-C: defaults"]
ping-interval = 5
token-via = "query"
[profile.p]
url = "ws://h/ws"
idle = 9
format = "hex"
insecure = false
header = ["x-b: profile", "X-D: profile"]
subprotocol = ["a", "b"]
verbose = 2
"#;

#[test]
fn the_command_line_wins_over_the_profile_and_that_over_the_defaults() {
    let home = Home::with(LAYERS);
    let of = |line: &str| home.cli(line).client;
    let seconds = |line: &str| of(line).stop.idle.as_secs();
    assert_eq!(
        [seconds("ws://h"), seconds("@p"), seconds("@p --idle 1")],
        [7, 9, 1]
    );
    // A default that was typed counts as well.
    assert_eq!(seconds("@p --idle 2s"), 2);
    assert!(of("ws://h").output.json && !of("@p").output.json);
    assert!(
        of("@p --json").output.format.is_none(),
        "they exclude each other"
    );
    assert!(of("ws://h").tls.insecure && !of("@p").tls.insecure);
    assert_eq!(of("@p").stay.reconnect, Some(Some(3)));
    assert!(of("@p --no-reconnect").stay.reconnect.is_none());
    assert_eq!(of("@p --reconnect=5").stay.reconnect, Some(Some(5)));
    assert_eq!(of("@p").output.verbose, 2);
    assert_eq!(of("@p -v").output.verbose, 1);
    assert_eq!(of("@p").request.subprotocols, ["a", "b"]);
    assert_eq!(of("@p --subprotocol c").request.subprotocols, ["c"]);
    let demo = home.cli("demo");
    assert!(
        matches!(demo.command, Some(crate::cli::args::Subcommands::Demo(demo)) if demo.args.stop.idle.as_secs() == 7)
    );
    assert_eq!(seconds("ws://h --no-config"), 2);
}

#[test]
fn headers_are_replaced_by_name() {
    let home = Home::with(LAYERS);
    let lines = home.cli("@p -H x-a:typed -H X-D:").client.request.headers;
    assert_eq!(
        lines,
        ["X-C: defaults", "x-b: profile", "x-a:typed", "X-D:"]
    );
}

#[test]
fn only_what_was_typed_is_reported_as_without_effect() {
    let home = Home::with("[defaults]\nrate = 5\nping-timeout = \"1s\"\n");
    assert_eq!(home.client("ws://h").unwrap().notes, Vec::<String>::new());
    let notes = home.client("ws://h --ping-timeout 3s").unwrap().notes;
    assert_eq!(
        notes,
        ["--ping-timeout has no effect without --ping-interval"]
    );
}

#[test]
fn an_option_that_needs_another_waits_for_it() {
    let home = Home::with(LAYERS);
    assert!(home.cli("@p").client.auth.token_via.is_none());
    assert!(
        home.cli("@p --token env:TOKEN")
            .client
            .auth
            .token_via
            .is_some()
    );
    let home = Home::with("[profile.p]\nurl = \"ws://h\"\ntoken = \"env:TOKEN\"\n");
    assert!(
        home.cli("--token-via query @p")
            .client
            .auth
            .token_via
            .is_some()
    );
}

#[test]
fn typed_credentials_replace_those_of_the_file() {
    let home = Home::with(
        "[defaults]\nuser = \"a:env:TOKEN\"\n[profile.p]\nurl = \"ws://h\"\ntoken = \"env:TOKEN\"\n\
         [profile.q]\nurl = \"ws://h\"\ntoken = \"env:TOKEN\"\ntoken-via = \"message\"\n",
    );
    let auth = |line: &str| home.cli(line).client.auth;
    assert_eq!(auth("ws://h").user.as_deref(), Some("a:t0ps3cret"));
    assert!(auth("@p").user.is_none() && auth("@p").token.is_some());
    assert!(auth("@p -u b:c").token.is_none());
    // A token in the first message is no header.
    assert!(auth("@q").user.is_some() && auth("@q").token.is_some());
}

#[test]
fn profiles_by_name_and_by_host() {
    let home = Home::with(
        "[profile.wide]\nmatch = \"*.example.com\"\nidle = 5\n\
         [profile.eu]\nmatch = [\"x\", \"*.eu.example.com\"]\nurl = \"wss://a.eu.example.com/ws?v=1\"\nidle = 6\n",
    );
    let seconds = |line: &str| home.cli(line).client.stop.idle.as_secs();
    let [wide, eu] = ["ws://a.example.com/x", "wss://b.eu.example.com"];
    assert_eq!(
        [seconds(wide), seconds(eu), seconds("ws://x.net")],
        [5, 6, 2]
    );
}

#[test]
fn the_url_of_a_profile() {
    let home = Home::with(
        "[profile.p]\nurl = \"wss://h/ws?v={{v}}\"\n[profile.p.vars]\nv = 1\n[profile.bare]\nidle = 1\n",
    );
    let url = |line: &str| home.client(line).unwrap().plan.target.to_string();
    for (line, expected) in [
        ("@p", "wss://h/ws?v=1"),
        ("@p/a/b?x=2", "wss://h/a/b?v=1&x=2"),
        ("@p?x={{y}} --var y=a&b", "wss://h/ws?v=1&x=a%26b"),
        ("@p/{{room}} --var room=a/b --var v=2", "wss://h/a%2Fb?v=2"),
        ("ws://h/{{other}}?{{v}}", "ws://h/%7B%7Bother%7D%7D?{{v}}"),
    ] {
        assert_eq!(url(line), expected, "{line}");
    }
    let error = home.client("bare").unwrap_err();
    assert_eq!(error.advice[0], "did you mean `wirecat @bare`?");
    for (line, words) in [
        ("@bare", "config.toml:5:10: the profile 'bare' has no url"),
        ("@barr", "did you mean @bare?"),
        ("@something", "the profiles are p, bare"),
    ] {
        let error = home.error(line);
        assert!(error.contains(words), "{line}: {error}");
    }
}

#[test]
fn variables_and_messages_reach_the_prompt() {
    let home = Home::with(
        "[vars]\na = 1\nb = \"x\"\nroom_token = \"env:TOKEN\"\n[messages]\nhi = \"hi {{a}}\"\n\
         [profile.p]\nurl = \"ws://h\"\n[profile.p.vars]\nb = \"y\"\n[profile.p.messages]\nsub = '{}'\n",
    );
    let options = prompt(&home.world("@p --var c=z=", true));
    let shown = |map: &std::collections::BTreeMap<String, String>| {
        map.iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&options.variables),
        ["a=1", "b=y", "c=z=", "room_token=t0ps3cret"]
    );
    assert_eq!(shown(&options.messages), ["hi=hi {{a}}", "sub={}"]);
    assert_eq!(options.profiles, ["p"]);
    let plain = prompt(&home.world("ws://h", true));
    assert_eq!(shown(&plain.variables)[1], "b=x");
    assert_eq!(shown(&plain.messages).len(), 1);
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_shown() {
    for line in [
        "token = \"hunter2\"",
        "token = \"@@hunter2\"",
        "token = \"{{hunter2}}\"",
        "oauth2-bearer = 'hunter2'",
        "user = \"ann:hunter2\"",
        "header = [\"X: y\", \"Authorization: Basic hunter2\"]",
        "header = \"X-Api-Key:hunter2\"",
        "header = [\n \"Cookie: a=hunter2\",\n]",
        "url = \"wss://ann:hunter2@h/\"",
        "url = \"wss://h/?a=b&access_token=hunter2\"",
        "vars = { api_key = \"hunter2\" }",
        "vars.password = \"\"\"\nhunter2\"\"\"",
        "messages = { login_token = '{\"t\":\"hunter2\"}' }",
        "on-open = ['a', '[{\"auth\":{\"accessToken\":\"hunter2\"}}]']",
        "messages.login = '{\"password\":\"hunter2\"}'",
        "answer = ['.a == {}={\"id\":{{ .id }},\"password\":\"hunter2\"}']",
        "on-open = ['after .a[1:]: {\"auth_token\":\"hunter2\"}']",
        "on-open = ['40{\"token\":\"hunter2\"}']",
        "on-open = \"CONNECT\\npasscode:hunter2\\n\\n\\u0000\"",
        "answer = ['startswith(\"0\")=40{\"token\":\"hunter2\"}']",
        "answer = ['.challenge = cmd:sign --password hunter2']",
        "on-open = ['after .hello: cmd:TOKEN=hunter2 ./sign']",
        "then = '{\"token\":\"hunter2\"}'",
        "run = 'curl -u me:hunter2 http://h/'",
        "exec = './agent --token hunter2'",
        "decode = 'gzip+cmd:./decode --password=hunter2'",
        "url = 'cmd:./ticket.sh --api-key hunter2'",
        "token = 'cmd:curl -H \"X-Api-Key: hunter2\" http://h/'",
        "user = 'ann:cmd:./get --password hunter2'",
        "header = 'X-Auth: cmd:./get --password hunter2'",
        "vars.ticket = 'cmd:./get --password hunter2'",
        // Mistakes on a line with a secret.
        "token = \"hunter2",
        "token = hunter2",
        "tokem = \"hunter2\"",
        "token = { a = \"hunter2\" }",
        "password = \"hunter2\"",
        "token = \"env:TOKEN\" \"hunter2\"",
        "user = [\"hunter2\"]",
    ] {
        let home = Home::with(&format!("[profile.p]\n{line}\n"));
        let error = home.error("ws://h");
        assert!(!error.contains("hunter"), "{line}: {error}");
        assert!(error.contains("config.toml:"), "{line}: {error}");
    }
    let error = Home::with("[defaults]\ntoken = \"hunter2\" # x\n").error("ws://h");
    let (_, error) = error.split_once("config.toml").unwrap();
    assert_eq!(
        error,
        ":2:9: 'token' is a secret, and must not be written out in a file\n  \
         2 | token = [redacted] # *\n    |         ^^^^^^^^^^\n  \
         try: token = \"env:VARIABLE\"\n  try: token = \"cmd:COMMAND\"\n  \
         try: token = \"@FILE\"\n  try: token = \"prompt\""
    );
}

#[test]
fn a_secret_by_reference_is_accepted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "from file\n").unwrap();
    let path = file.path().display();
    let home = Home::with(&format!(
        "[profile.p]\nurl = \"wss://ann@h/?token={{{{key}}}}\"\n\
         header = [\"X-Api-Key: env:TOKEN\", \"Cookie: a={{{{key}}}}\", \"X-Auth: cmd:echo from cmd\", \"X-Token: @{path}\"]\n\
         [profile.p.vars]\nkey = \"cmd:printf 'a b'\"\nmode = \"prompt\"\nauth = \"env:NOT_USED_AND_NOT_SET\"\n\
         [profile.p.messages]\nlogin_token = \"{{{{key}}}}\"\n\
         login = '{{\"password\":\"{{{{key}}}}\",\"token\":\"\",\"secret\":7,\"session\":\"new\"}}'\n\
         [profile.u]\nurl = \"ws://h\"\nuser = \"ann:prompt\"\n\
         answer = ['.a == {{}}={{\"id\":{{{{ .id }}}},\"password\":\"<{{{{ .x }}}}>\"}}']\n\
         [profile.b]\nurl = \"ws://h\"\noauth2-bearer = \"cmd:exit 3\"\n"
    ));
    let plan = home.client("@p").unwrap().plan;
    let set = |name: &str, value: &str| HeaderLine::Set(name.to_owned(), value.to_owned());
    let expected = [
        set("X-Api-Key", "t0ps3cret"),
        set("Cookie", "a=a b"),
        set("X-Auth", "from cmd"),
        set("X-Token", "from file"),
    ];
    assert!(
        plan.request.headers == expected,
        "{:?}",
        plan.request.headers
    );
    assert_eq!(plan.target.query.as_deref(), Some("token=a+b"));
    assert_eq!(home.cli("@u").client.auth.user.as_deref(), Some("ann"));
    let error = home.error("@b");
    assert!(
        error.contains("config.toml:17:17: cmd:exit 3: the command failed (exit status: 3)"),
        "{error}"
    );
    // At the prompt every variable may be used.
    let error = client(&home.world("@p", true)).unwrap_err().to_string();
    assert!(
        error.contains(
            "config.toml:7:8: {{auth}}: env:NOT_USED_AND_NOT_SET: there is no such variable"
        ),
        "{error}"
    );
}

#[test]
fn a_leading_tilde_is_the_home() {
    let home = Home::with(
        "[defaults]\ncacert = \"~/ca.pem\"\ncert = '~/me.pem'\ntoken = \"@~/token\"\non-open = ['@~/a', '~/b', '@@~/c']\n[vars]\na = '@~/v'\n",
    );
    let mut world = home.world("ws://h", false);
    world
        .environment
        .insert("HOME".to_owned(), "/home/ann/".to_owned());
    let client = read(&world).unwrap().client;
    assert_eq!(
        client.tls.cacert.unwrap().to_str(),
        Some("/home/ann/ca.pem")
    );
    assert_eq!(client.tls.cert.as_deref(), Some("/home/ann/me.pem"));
    assert_eq!(client.auth.token.as_deref(), Some("@/home/ann/token"));
    assert_eq!(client.send.on_open, ["@/home/ann/a", "~/b", "@@~/c"]);
    world.stdin_tty = true;
    world.stdout_tty = true;
    world.arguments.push("--on-open=".into());
    let error = job(read(&world).unwrap(), &world).unwrap_err();
    assert!(error.message.contains("{{a}}: @/home/ann/v: "), "{error}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (config, expected) in [
        (
            "[defaults]\nidel = 1",
            ":2:1: unknown option 'idel'\n  2 | idel = *\n    | ^^^^\n  try: did you mean 'idle'?",
        ),
        (
            "[defaults]\nedit_mode = 'vi'",
            ":2:1: unknown option 'edit_mode'\n  2 | edit_mode = '**'\n    | ^^^^^^^^^\n  try: did you mean 'edit-mode'?",
        ),
        (
            "idle = 1",
            ":1:1: 'idle' has no place at the top of the file\n",
        ),
        (
            "[defaults]\nidle = true",
            ":2:8: 'idle' takes a value: a string in quotes, or a number\n",
        ),
        (
            "[defaults]\nidle = [1]",
            ":2:8: 'idle' takes one value, not a list\n",
        ),
        (
            "[defaults]\ninsecure = 'yes'",
            ":2:12: 'insecure' is true or false\n",
        ),
        (
            "[defaults]\ncount = 1.5",
            ":2:9: 'count': invalid value '1.5' for '--count <N>': write a whole number\n  2 | count = 1.5\n    |         ^",
        ),
        (
            "[defaults]\ncolor = 'alway'",
            ":2:9: 'color': invalid value 'alway' for '--color <WHEN>' [possible values: auto, always, never]",
        ),
        ("[defaults]\nidle = 1\n\"idle\" = 2", ":3:1: duplicate key"),
        (
            "[defaults]\nprotocol = 'a'\nsubprotocol = 'b'",
            ":3:1: 'subprotocol' is set in line 2 already\n",
        ),
        (
            "[defaults]\ncount = 1\none-message = true",
            ":3:1: 'one-message' cannot be used with 'count' of line 2\n",
        ),
        (
            "[defaults]\nvar = ['a=b']",
            ":2:1: 'var' has no place in a configuration file\n",
        ),
        (
            "[defaults]\nheader = ['X-A']",
            ":2:11: header 'X-A': there is no colon\n",
        ),
        (
            "[defaults]\n[defaults.vars]",
            ":2:11: 'vars' is not a table\n",
        ),
        (
            "[defaults]\nidle = 2020-01-01",
            ":2:8: this must be a string, a number, true, false or a list, and is a date or time\n",
        ),
        ("[profile.'a b']", ":1:10: the name of a profile"),
        ("[profile.p]\nmatch = 'ws://'", ":2:9: match takes a host"),
        (
            "[profile.p]\nmatch = true",
            ":2:9: this must be a string or a list of strings",
        ),
        (
            "[profile.p]\nurl = 'ftp://h'",
            ":2:7: malformed URL 'ftp://h'",
        ),
        ("[vars]\ntoken = 'env:A'", ":2:1: {{token}} is reserved\n"),
        ("[vars]\n'a b' = 1", ":2:1: the name of a variable"),
        (
            "[vars]\na = ['x']",
            ":2:5: this must be a string, and is a list",
        ),
        ("[defaults\n", ":1:10: "),
        ("[defaults]\nx = [1,\n", ":"),
    ] {
        let error = Home::with(config).error("ws://h");
        let (_, error) = error.split_once("config.toml").unwrap();
        assert!(error.starts_with(expected), "{config}: {error}");
    }
}

#[test]
fn an_error_of_a_later_stage_is_placed_too() {
    for (config, expected) in [
        (
            "[defaults]\nuntil = '.a['",
            ":2:9: --until: not a valid jq expression",
        ),
        (
            "[defaults]\n\non-open = ['a', '@/nowhere']",
            ":3:12: --on-open @/nowhere: No such file",
        ),
    ] {
        let error = Home::with(config).client("ws://h").unwrap_err().to_string();
        let (_, error) = error
            .split_once("config.toml")
            .unwrap_or_else(|| panic!("{error}"));
        assert!(error.starts_with(expected), "{error}");
    }
    // The same mistake on the command line is not one of the file.
    let error = Home::with("[defaults]\nuntil = '.a'").client("ws://h --until .a[");
    assert!(error.unwrap_err().message.starts_with("--until: "));
}

#[test]
fn what_var_refuses() {
    let home = Home::with("[vars]\nlast = 1\n");
    for (line, expected) in [
        ("--var x", "--var: it must have the form NAME=VALUE"),
        ("--var n=1", "--var n: {{n}} is reserved"),
        ("--var token=1", "--var token: {{token}} is reserved"),
        ("--var 1a=1", "--var 1a: the name of a variable"),
        (
            "--var last=2 --resume last=.id --reconnect",
            "--var last: --resume defines {{last}} already",
        ),
    ] {
        let error = home.client(&format!("{line} ws://h")).unwrap_err();
        assert!(error.message.starts_with(expected), "{line}: {error}");
    }
    // A variable of the file steps back.
    let client = home
        .client("--resume last=.id --reconnect ws://h/?{{last}}")
        .unwrap();
    assert_eq!(client.plan.target.query.as_deref(), Some("{{last}}"));
}

#[test]
fn the_example_is_a_configuration_once_it_is_uncommented() {
    assert!(EXAMPLE.lines().all(|line| line.starts_with('#')));
    let home = Home::with(EXAMPLE);
    assert!(home.cli("ws://h").client.output.timestamps.is_none());
    let lines = EXAMPLE.lines().map(|line| &line[1..]);
    let home = Home::with(&lines.collect::<Vec<_>>().join("\n"));
    let cli = home.cli("@staging");
    assert_eq!(cli.url.as_deref(), Some("wss://staging.example/ws"));
    assert_eq!(cli.client.send.on_open.len(), 1);
    let options = prompt(&home.world("@staging", true));
    assert_eq!(options.variables["room"], "news");
    assert!(options.messages.contains_key("sub") && options.messages.contains_key("hello"));
    assert_eq!(options.profiles, ["staging", "internal"]);
    let mut world = home.world("wss://eu.internal.example/feed", false);
    world
        .environment
        .insert("INTERNAL_PASSWORD".to_owned(), "p".to_owned());
    let cli = read(&world).unwrap();
    assert_eq!(cli.client.auth.user.as_deref(), Some("ci:p"));
}

proptest! {
    #[test]
    fn no_file_panics_and_every_mistake_has_a_place(
        content in "(\\[|\\]|=|\"|'|,|\\{|\\}|#|\n|\r\n|\t| |é|profile\\.p|defaults|vars|url|match|idle|a|1|\\.){0,40}"
    ) {
        let home = Home::with(&content);
        if let Err(error) = read(&home.world("ws://h", false)) {
            let ParseError::Unusable { error, .. } = error else {
                panic!("{content:?}: {error:?}");
            };
            prop_assert!(error.message.contains("config.toml:"), "{:?}: {}", content, error);
        }
    }
}
