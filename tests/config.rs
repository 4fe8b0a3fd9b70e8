//! The configuration file, profiles and variables, as the server and the user see them.
//! `src/cli/config/tests.rs` has what a file and a command line mean together.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use wirecat::internals::output::sanitize::find_dangerous;

use crate::support::pty::Pty;
use crate::support::server::{Raw, raw, serve, text};
use crate::support::{Wirecat, make_fifo, wirecat};

/// A folder with a configuration file that only its owner can write.
struct Config {
    folder: tempfile::TempDir,
}

impl Config {
    fn new(text: &str) -> Config {
        let config = Config {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(config.folder.path().join("wirecat")).unwrap();
        fs::write(config.path(), text).unwrap();
        config.set_mode(0o600);
        config
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("wirecat/config.toml")
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(self.path(), Permissions::from_mode(mode)).unwrap();
    }

    /// A run that finds the file in its default place.
    fn wirecat(&self, args: &[&str]) -> Wirecat {
        wirecat(args).env("XDG_CONFIG_HOME", self.folder.path().to_str().unwrap())
    }
}

/// A server that gives the request and the first message.
fn listens() -> Raw<(String, String)> {
    raw(|mut wire| {
        let request = wire.handshake();
        let message = String::from_utf8(wire.message()).unwrap();
        wire.send(text("done"));
        wire.answer_close();
        (request, message)
    })
}

#[test]
fn a_profile_is_an_url_with_options_variables_and_secrets() {
    let server = listens();
    let config = Config::new(&format!(
        r#"[defaults]
header = ["X-Team: {{{{team}}}}"]
[vars]
team = "core"
room = "lobby"
[profile.here]
url = "{}"
token = "env:TOKEN"
one-message = true
on-open = ['{{"join":"{{{{room}}}}","key":"{{{{key}}}}"}}']
[profile.here.vars]
room = "a \"b\""
key = "cmd:echo from a command"
"#,
        server.url("/ws?v={{room}}")
    ));
    let run = config.wirecat(&["@here/other/{{team}}?x=1", "-v", "--var", "team=a/b"]);
    let run = run.env("TOKEN", "t0ps3cret").run();
    run.exits(0).prints("done\n");
    assert!(!run.stderr.contains("t0ps3cret"), "{}", run.stderr);
    let (request, message) = server.result();
    for line in [
        "GET /other/a%2Fb?v=a+%22b%22&x=1 HTTP/1.1\r\n",
        "\r\nAuthorization: Bearer t0ps3cret\r\n",
        "\r\nX-Team: a/b\r\n",
    ] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
    assert_eq!(message, r#"{"join":"a \"b\"","key":"from a command"}"#);
}

#[test]
fn the_value_of_a_secret_variable_is_redacted() {
    let server = serve();
    let config = Config::new("[vars]\napi_key = \"env:KEY\"\n");
    let url = server.url("/echo?k={{api_key}}");
    let args = [
        "-H",
        "X-Own: {{api_key}}",
        "-d",
        "{{api_key}}",
        "-v",
        "-1",
        &url,
    ];
    let run = config.wirecat(&args).env("KEY", "0123456789abcdef").run();
    run.exits(0).prints("0123456789abcdef\n");
    assert!(!run.stderr.contains("0123456789abcdef"), "{}", run.stderr);
    run.complains(&["/echo?k=[redacted]", "X-Own: [redacted]"]);
    // Without it, nothing is connected to.
    config.wirecat(&args).run().exits(2).complains(&[
        "config.toml:2:11: {{api_key}}: env:KEY: there is no such variable in the environment",
    ]);
}

#[test]
fn the_value_of_a_variable_that_is_kept_elsewhere_is_redacted_whatever_its_name() {
    let server = serve();
    let text = "[defaults]\non-open = ['{\"op\":2,\"d\":\"{{who}} {{tok}}\"}']\n";
    let text = format!("{text}[vars]\ntok = \"env:TOK\"\nwho = \"env:WHO\"\n");
    let config = Config::new(&text);
    let recording = config.folder.path().join("recording");
    let recording = recording.to_str().unwrap();
    let url = server.url("/echo");
    let args = ["--json", "-v", "-1", "--record", recording, &url];
    let run = config.wirecat(&args).env("TOK", "fed\"cba9876543210");
    let run = run.env("WHO", "a plain word").run();
    run.exits(0);
    let recorded = fs::read_to_string(recording).unwrap();
    for shown in [&run.stdout_text(), &*run.stderr, &recorded] {
        assert!(!shown.contains("cba9876543210"), "{shown}");
    }
    // A short value may be an ordinary word, and stays.
    assert!(recorded.contains("a plain word [redacted]"), "{recorded}");
}

#[test]
fn variables_fill_messages_in_but_no_file_of_d() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page");
    fs::write(&path, "{{a}} {{b}}").unwrap();
    let file = format!("@{}", path.display());
    let url = server.url("/echo");
    for (args, printed) in [
        (vec!["-d", "{{a}} {{b}} {{n}}"], "1 {{b}} {{n}}\n"),
        (
            vec!["-d", r#"{"x":"{{q}}","y":{{a}}}"#],
            "{\"x\":\"\\\"\",\"y\":1}\n",
        ),
        (vec!["-d", &file], "{{a}} {{b}}\n"),
        (vec!["--on-open", &file], "1 {{b}}\n"),
        (vec!["-d", "7b7b617d7d", "--hex", "--text"], "1\n"),
        (vec!["-d", "7b7b617d7d", "--hex"], "{{a}}"),
        (vec!["-d", "{{a}}", "--var", "a={{q}}"], "{{q}}\n"),
    ] {
        let all = [
            vec!["--var", "a=1", "--var", "q=\""],
            args,
            vec!["-1", &url],
        ]
        .concat();
        wirecat(all).run().exits(0).prints(printed).is_quiet();
    }
    wirecat(["--var", "a=x\r\nX: y", "-H", "X-A: {{a}}", "-d", "", &url])
        .run()
        .exits(2)
        .complains(&["header 'X-A': the value of a variable contains a control character"]);
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let server = serve();
    let url = server.url("/echo");
    let config = Config::new("[defaults]\none-message = true\n");
    for (mode, who) in [
        (0o620, "its group (mode 0620)"),
        (0o602, "everybody (mode 0602)"),
        (0o666, "everybody (mode 0666)"),
    ] {
        config.set_mode(mode);
        let advice = format!("try: chmod go-w {}", config.path().display());
        let expected = format!("the configuration file can be written by {who}");
        let run = config.wirecat(&["-d", "x", &url]).run();
        run.exits(2).prints("").complains(&[&expected, &advice]);
    }
    for mode in [0o644, 0o600, 0o444] {
        config.set_mode(mode);
        config
            .wirecat(&["-d", "x", &url])
            .run()
            .exits(0)
            .prints("x\n")
            .is_quiet();
    }
    config.set_mode(0o666);
    config
        .wirecat(&["-d", "x", "--no-config", "-1", &url])
        .run()
        .exits(0)
        .is_quiet();
    config
        .wirecat(&["--generate", "config"])
        .run()
        .exits(0)
        .is_quiet();
}

#[test]
fn a_file_of_another_user_is_refused() {
    let config = Config::new("");
    // Only root can give a file away.
    if std::os::unix::fs::chown(config.path(), Some(12345), None).is_err() {
        return;
    }
    config
        .wirecat(&["ws://localhost:1"])
        .run()
        .exits(2)
        .complains(&[
            "the configuration file belongs to another user (uid 12345)",
            "try: chown ",
        ]);
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    make_fifo(&fifo);
    for path in [folder.path(), &fifo, Path::new("/dev/null")] {
        let path = path.to_str().unwrap();
        wirecat(["--config", path, "ws://localhost:1"])
            .run()
            .exits(2)
            .complains(&["the configuration file is not a regular file"]);
    }
    let config = Config::new("");
    fs::write(config.path(), b"[vars]\na = \"\xff\"\n").unwrap();
    config
        .wirecat(&["ws://localhost:1"])
        .run()
        .exits(2)
        .complains(&["line 2 of the configuration file is not UTF-8"]);
    fs::write(config.path(), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    config
        .wirecat(&["ws://localhost:1"])
        .run()
        .exits(2)
        .complains(&["is larger than 1 MiB"]);
}

#[test]
fn only_the_default_file_may_be_missing() {
    let server = serve();
    let url = server.url("/echo");
    wirecat(["-d", "x", "-1", &url]).run().exits(0).is_quiet();
    wirecat(["--config", "/nonexistent/c.toml", &url])
        .run()
        .exits(2)
        .complains(&[
            "cannot read the configuration file /nonexistent/c.toml: no such file",
            "try: --no-config",
        ]);
    wirecat(["@staging"]).run().exits(2).complains(&[
        "there is no profile 'staging': there is no file /nonexistent/wirecat/config.toml",
        "--generate config",
    ]);
    wirecat(["--no-config", "@a/b"])
        .run()
        .exits(2)
        .complains(&["there is no profile 'a': --no-config reads no configuration file"]);
    wirecat(["--silent", "@a"]).run().exits(2).is_quiet();
}

#[test]
fn home_is_used_without_an_absolute_xdg_config_home() {
    let config = Config::new("[defaults]\ncount = 1.5\n");
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join(".config");
    fs::rename(config.folder.path(), &place).unwrap();
    fs::create_dir(config.folder.path()).unwrap();
    for xdg in ["", "relative"] {
        wirecat(["ws://localhost:1"])
            .env("XDG_CONFIG_HOME", xdg)
            .env("HOME", home.path().to_str().unwrap())
            .run()
            .exits(2)
            .complains(&[".config/wirecat/config.toml:2:9: 'count': invalid value '1.5'"]);
    }
}

#[test]
fn a_profile_that_applies_by_itself_is_named() {
    let server = serve();
    let url = server.url("/echo");
    let one = Config::new("[profile.p]\nmatch = \"127.0.0.*\"\none-message = true\n");
    one.wirecat(&["-d", "x", &url])
        .run()
        .exits(0)
        .prints("x\n")
        .is_quiet();
    let note = "profile p applies: match = \"127.0.0.*\"";
    one.wirecat(&["-d", "x", "-v", &url])
        .run()
        .exits(0)
        .complains(&[note]);
    let two = Config::new(
        "[profile.p]\nmatch = \"127.0.0.*\"\none-message = true\n[profile.q]\nmatch = \"*\"\n",
    );
    let run = two.wirecat(&["-d", "x", &url]).run();
    run.exits(0)
        .complains(&[&format!("{note}; q would fit too")]);
}

#[test]
fn hostile_names_and_values_are_harmless() {
    let hostile = r"\u001b]0;title\u0007\u001b[31m\r\u009b2J\u202e";
    let files = [
        format!("[defaults]\n\"{hostile}\" = 1\n"),
        format!("[defaults]\nformat = \"{hostile}\"\n"),
        format!("[defaults]\nuntil = \"{hostile}\"\n"),
        format!("[defaults]\nheader = [\"{hostile}: a\"]\n"),
        format!("[profile.p]\nmatch = \"{hostile}://x\"\n"),
        format!("[profile.p]\nurl = \"ws://{hostile}\"\n"),
        format!("[profile.\"{hostile}\"]\n"),
        format!("[vars]\na = \"env:{hostile}\"\n"),
        // As they are, after a mistake on the same line.
        "[defaults]\nidle = 1 1 # \u{1b}]0;title\u{7}\u{9b}2J\u{202e}\n".to_owned(),
    ];
    for file in files {
        let config = Config::new(&file);
        let path = config.path();
        let pty = Pty::start(&["--config", path.to_str().unwrap(), "ws://localhost:1/{{a}}"]);
        let shown = pty.exits(2);
        for line in shown.split("\r\n") {
            assert_eq!(find_dangerous(line), None, "{file}: {shown:?}");
        }
        assert!(shown.contains("config.toml:"), "{file}: {shown:?}");
    }
}

#[test]
fn the_prompt_says_which_profile_applies() {
    let server = serve();
    let config = Config::new("[profile.p]\nmatch = \"127.0.0.*\"\n");
    let path = config.path();
    let mut pty = Pty::prompt(&["--config", path.to_str().unwrap()], &server.url("/echo"));
    pty.type_keys("\x04");
    let shown = pty.exits(0);
    assert!(shown.contains("profile p applies"), "{shown:?}");
}

#[test]
fn the_shell_completes_the_names_of_profiles() {
    let config = Config::new(
        "[profile.staging]\nurl = \"ws://a/\"\n[profile.stable]\nurl = \"ws://b/\"\n[profile.other]\nurl = \"ws://c/\"\n",
    );
    config
        .wirecat(&["--generate", "profiles"])
        .run()
        .exits(0)
        .prints("@staging\n@stable\n@other\n");
    let folder = Path::new(crate::support::WIRECAT).parent().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/wirecat.bash");
    let complete = "source \"$0\"; COMP_WORDS=(wirecat @sta); COMP_CWORD=1; \
        _wirecat wirecat @sta wirecat; echo \"${COMPREPLY[@]}\"";
    let path = std::env::var("PATH").unwrap();
    let completed = std::process::Command::new("bash")
        .arg("-c")
        .arg(complete)
        .arg(script)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("XDG_CONFIG_HOME", config.folder.path())
        .output()
        .unwrap();
    let completed = String::from_utf8(completed.stdout).unwrap();
    assert_eq!(completed, "@staging @stable\n");
}
