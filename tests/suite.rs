//! `wirecat test`: the corpus of scripts against the debug server, what failing ones report, and the
//! options of a run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::support::serving::Serving;
use crate::support::{Output, Wirecat, send, wirecat};

/// The variables that the scripts of the corpus use.
const VARIABLES: &[&str] = &[
    "word=tide",
    "number=3",
    "time=5s",
    "short=5ms",
    "bytes=00ff",
    "code=1000",
    "secret=s3cret-of-ann",
    "token=t0ken-that-is-secret",
];

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scripts")
        .join(folder)
}

fn serving() -> Serving {
    Serving::start(
        &[
            "serve",
            "127.0.0.1:0",
            "--token",
            "s3cret-of-ann=ann",
            "--token",
            "b0b=bob",
        ][1..],
    )
}

fn test(serving: &Serving, arguments: &[&str]) -> Wirecat {
    let base = format!("base={}", serving.urls[0]);
    let mut all = vec!["test", "--var", &base];
    for variable in VARIABLES {
        all.extend(["--var", variable]);
    }
    wirecat(all.iter().chain(arguments))
}

/// The scripts of a folder of the corpus.
fn scripts(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "wst"));
    paths.sort();
    paths
}

#[test]
fn the_good_scripts_pass() {
    let serving = serving();
    for script in scripts("good") {
        let output = test(&serving, &[script.to_str().unwrap()]).run();
        output.exits(0).is_quiet();
    }
}

/// What differs from run to run is replaced.
fn pinned(report: &str, serving: &Serving) -> String {
    let report = report.replace(serving.address(), "HOST");
    let folder = corpus("failing");
    let report = report.replace(&format!("{}/", folder.display()), "");
    let mut out = String::new();
    for line in report.lines() {
        out.push_str(&without_times(line));
        out.push('\n');
    }
    out
}

/// The line with a T in place of every time.
fn without_times(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        let is_time = (after.starts_with(" ms)") || after.starts_with(" s)"))
            || before.ends_with("time=\"")
            || before.ends_with("duration_ms: ")
            || after.starts_with(" ms, and should");
        out.push_str(before);
        out.push_str(if is_time { "T" } else { digits });
        rest = after;
    }
    let out = out + rest;
    match (out.find("timestamp=\""), out.find("uuid=\"")) {
        (Some(at), _) => {
            let end = out[at + 11..].find('"').unwrap() + at + 11;
            format!("{}T{}", &out[..at + 11], &out[end..])
        }
        _ => out,
    }
}

/// `UPDATE_SCRIPTS=1` writes what is reported, to be looked at before it is committed.
/// What does not depend on a server's answer is an error before the first connection.
#[test]
fn what_cannot_work_is_an_error_before_anything_is_run() {
    let serving = serving();
    let mut wrong = Vec::new();
    for script in scripts("unusable") {
        let output = test(&serving, &[script.to_str().unwrap()]).run();
        output.exits(2).prints("");
        output.complains(&["nothing was run"]);
        let folder = format!("{}/", corpus("unusable").display());
        let report = pinned(&output.stderr.replace(&folder, ""), &serving);
        let pin = script.with_extension("txt");
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            fs::write(&pin, &report).unwrap();
        }
        let known = fs::read_to_string(&pin).unwrap_or_default();
        if known != report {
            wrong.push(format!("{}:\n{report}--- pinned\n{known}", pin.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!Path::new("/tmp/wirecat-was-here").exists());
}

/// A value that a server will choose is not known before, and tests that are not selected are not run.
#[test]
fn what_is_captured_or_not_selected_is_not_checked_before() {
    let text =
        format!("{ECHO}> 3\n<\n[Captures]\ntimes: .\n{ECHO}[Options]\nreconnect: {{{{times}}}}\n");
    run(&text, &["--var", "times=often"]).exits(0);
    let text = format!("### good\n{ECHO}> x\n### bad\n{ECHO}[Options]\nreconnect: often\n");
    run(&text, &["--only", "good"]).exits(0);
    run(&text, &[]).exits(2);
}

#[test]
fn a_script_may_come_from_a_pipe() {
    let serving = serving();
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().to_str().unwrap();
    let text = format!("### piped\n{ECHO}> x\n< x\n");
    let output = test(&serving, &["-", "--record", records]);
    let output = output.stdin(&text).run();
    output.exits(0);
    let report = output.stdout_text();
    assert!(report.starts_with("ok   -: piped ("), "{report}");
    assert!(folder.path().join("stdin-1-1.jsonl").exists());
    // As `<(COMMAND)` of a shell.
    let output = test(&serving, &["/dev/stdin"]).stdin(&text).run();
    output.exits(0);
    let output = test(&serving, &["-"]).stdin("WEBSOCKET\n").run();
    output.exits(2).complains(&["-:1:1: "]);
}

#[test]
fn failing_scripts_report_what_is_pinned() {
    let serving = serving();
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for script in scripts("failing") {
        let file = |ending: &str| folder.path().join(format!("report.{ending}"));
        let report = |kind: &str| format!("{kind}={}", file(kind).display());
        let output = test(
            &serving,
            &[
                "--report",
                "human",
                "--report",
                &report("tap"),
                "--report",
                &report("junit"),
                "--report",
                &report("json"),
                script.to_str().unwrap(),
            ],
        )
        .run();
        assert!(output.code() > 0, "{}: {output:?}", script.display());
        let human = format!("{}exit {}\n", output.stdout_text(), output.code());
        let json = fs::read_to_string(file("json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
        for (ending, report) in [
            ("txt", human),
            ("tap", fs::read_to_string(file("tap")).unwrap()),
            ("xml", fs::read_to_string(file("junit")).unwrap()),
        ] {
            let report = pinned(&report, &serving);
            assert!(!report.contains("t0ken"), "{report}");
            assert!(
                !report.contains(['\u{1b}', '\u{7}', '\u{202e}']),
                "{report}"
            );
            let pin = script.with_extension(ending);
            if std::env::var_os("UPDATE_SCRIPTS").is_some() {
                fs::write(&pin, &report).unwrap();
            }
            let known = fs::read_to_string(&pin).unwrap_or_default();
            if known != report {
                wrong.push(format!("{}:\n{report}--- pinned\n{known}", pin.display()));
            }
        }
        assert!(!Path::new("/tmp/wirecat-was-here").exists());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_is_run_in_the_order_of_its_names() {
    let serving = serving();
    let folder = corpus("good");
    let output = test(&serving, &["--jobs", "4", folder.to_str().unwrap()]).run();
    output.exits(0);
    let stdout = output.stdout_text();
    let files: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.split(".wst").next())
        .filter(|line| line.starts_with("ok"))
        .collect();
    let mut sorted = files.clone();
    sorted.sort_unstable();
    assert_eq!(files, sorted);
}

/// A script in a folder of its own.
fn script(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wst");
    fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

const ECHO: &str = "WEBSOCKET {{base}}/echo\n";

fn run(text: &str, arguments: &[&str]) -> Output {
    let serving = serving();
    let (_folder, path) = script(text);
    let mut all = arguments.to_vec();
    all.push(&path);
    test(&serving, &all).run()
}

#[test]
fn nothing_is_run_if_a_script_does_not_parse() {
    let serving = serving();
    let (folder, good) = script(&format!("{ECHO}> x\n< x\n"));
    let bad = folder.path().join("y.wst");
    fs::write(&bad, "WEBSOCKET {{base}}/echo\n>pnig x\n<(2x) y\n").unwrap();
    let output = test(&serving, &[&good, bad.to_str().unwrap()]).run();
    output.exits(2);
    output.prints("");
    output.complains(&["y.wst:2:"]);
    output.complains(&["y.wst:3:"]);
    output.complains(&["nothing was run"]);
}

#[test]
fn a_variable_that_nothing_defines_is_an_error_before_anything_is_run() {
    let output = run(&format!("{ECHO}> {{{{nothing}}}}\n"), &[]);
    output.exits(2);
    output.complains(&["there is no variable nothing"]);
    output.complains(&["--var nothing=VALUE"]);
}

#[test]
fn variables_come_from_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    fs::write(&lines, "# comment\n a = one \nb=two\n").unwrap();
    let json = folder.path().join("json");
    fs::write(&json, r#"{"b": "three", "c": 4}"#).unwrap();
    let text = format!("{ECHO}> {{{{a}}}} {{{{b}}}} {{{{c}}}}\n< one three 4\n");
    let vars = [
        "--vars",
        lines.to_str().unwrap(),
        "--vars",
        json.to_str().unwrap(),
    ];
    let output = run(&text, &vars);
    output.exits(0);
}

#[test]
fn only_selects_tests_by_their_names() {
    let text = format!("### one\n{ECHO}> x\n< x\n### two\n{ECHO}> x\n< x\n### three\n{ECHO}");
    let output = run(&text, &["--only", "T*"]);
    output.exits(0);
    assert!(!output.stdout_text().contains(": one"), "{output:?}");
    assert!(output.stdout_text().contains(": two"), "{output:?}");
    assert!(
        output.stdout_text().contains("2 tests: 2 passed"),
        "{output:?}"
    );
}

#[test]
fn the_first_failure_can_end_the_run() {
    let text = format!("### one\n{ECHO}<(50ms) x\n### two\n{ECHO}");
    let output = run(&text, &["--fail-fast"]);
    output.exits(1);
    let skipped = output.stdout_text();
    let skipped = skipped.lines().find(|line| line.contains(": two"));
    assert!(
        skipped.is_some_and(|it| it.starts_with("skip")),
        "{output:?}"
    );
}

#[test]
fn a_test_that_fails_can_be_run_again() {
    // Refused once, as if the server were still starting.
    let text = "### flaky\nWEBSOCKET {{base}}/flaky?fail=1&key=again\n> x\n< x\n";
    let output = run(text, &["--retry", "2"]);
    output.exits(0);
    // What went wrong first is not kept silent.
    let report = output.stdout_text();
    assert!(report.contains("attempt 2)\n  attempt 1: "), "{report}");
    let output = run(text, &[]);
    output.exits(22);
}

#[test]
fn all_of_it_can_be_repeated() {
    let text = format!("### again\n{ECHO}> x\n< x\n");
    let output = run(&text, &["--repeat", "3"]);
    output.exits(0);
    assert!(
        output.stdout_text().contains("3 tests: 3 passed"),
        "{output:?}"
    );
}

/// What was not begun is neither run nor reported, however much that is.
#[test]
fn very_many_repetitions_end_at_once() {
    let serving = serving();
    let (folder, path) = script(&format!("{ECHO}> x\n< x\n"));
    let report = folder.path().join("report.json");
    let kind = format!("json={}", report.display());
    let arguments = ["--repeat", "9000000000000", "--report", &kind, &path];
    let mut child = test(&serving, &arguments).spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // The first round has ended.
    stdout.read_line(&mut String::new()).unwrap();
    send(Signal::SIGTERM, &child);
    stdout.read_to_string(&mut String::new()).unwrap();
    let status = child.wait().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(15));
    let text = fs::read_to_string(&report).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["exit"], 143);

    fs::write(&path, format!("{ECHO}<(10ms) x\n")).unwrap();
    let arguments = ["--repeat", "9000000000000", "--fail-fast", &path];
    let output = test(&serving, &arguments).run();
    output.exits(1);
    assert!(output.stdout_text().contains(" failed"), "{output:?}");
}

#[test]
fn nothing_is_written_over_what_is_read() {
    let serving = serving();
    let (folder, path) = script(&format!("{ECHO}> x\n< x\n"));
    let before = fs::read_to_string(&path).unwrap();
    for report in ["json", "human"] {
        let output = test(&serving, &[&path, "--report", &format!("{report}={path}")]).run();
        output.exits(2).complains(&["it is a file that is read"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
    let vars = folder.path().join("vars");
    fs::write(&vars, "\u{feff}a=1\n").unwrap();
    let vars = vars.to_str().unwrap();
    let report = format!("tap={vars}");
    let output = test(&serving, &[&path, "--vars", vars, "--report", &report]).run();
    output.exits(2).complains(&["it is a file that is read"]);
    test(&serving, &[&path, "--vars", vars]).run().exits(0);
}

/// The report of an earlier run must not stay as if it were that of this one.
#[test]
fn a_script_with_errors_is_in_the_reports_for_programs() {
    let serving = serving();
    let (folder, path) = script("WEBSOCKET {{base}}/echo\n>pnig x\n");
    let report = |kind: &str| format!("{kind}={}", folder.path().join(kind).display());
    let (junit, json, tap) = (report("junit"), report("json"), report("tap"));
    let reports = ["--report", &junit, "--report", &json, "--report", &tap];
    let output = test(&serving, &[&reports[..], &[&path]].concat()).run();
    output.exits(2).prints("");
    let read = |kind: &str| fs::read_to_string(folder.path().join(kind)).unwrap();
    assert!(read("junit").contains("<error message="));
    assert!(read("tap").contains("not ok 1"));
    let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(json["exit"], 2);
    let message = json["files"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains(":2:2: 'pnig'"), "{message}");
    let output = test(&serving, &[&path, "--report", "json"]).run();
    output.exits(2);
    assert!(output.stdout_text().contains("\"unreadable\": 1"));
}

#[test]
fn a_pattern_does_not_follow_links_in_circles() {
    let serving = serving();
    let (folder, _) = script(&format!("{ECHO}> x\n< x\n"));
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    let pattern = format!("{}/**/*.wst", folder.path().display());
    let output = test(&serving, &[&pattern]).run();
    output.exits(0);
    assert!(
        output.stdout_text().contains("1 test: 1 passed"),
        "{output:?}"
    );
}

#[test]
fn every_connection_can_be_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("records");
    let text =
        format!("### one\n{ECHO}> x\n< x\n### two\nWEBSOCKET ann {{{{base}}}}/echo\n> y\n< y\n");
    let output = run(&text, &["--record", record.to_str().unwrap()]);
    output.exits(0);
    let names: Vec<String> = {
        let mut names: Vec<String> = fs::read_dir(&record)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names, ["x-1-1.jsonl", "x-2-1-ann.jsonl"]);
    let one = fs::read_to_string(record.join("x-1-1.jsonl")).unwrap();
    assert!(one.starts_with(r#"{"type":"header""#), "{one}");
    assert!(one.contains(r#""type":"receive""#), "{one}");
}

#[test]
fn the_exit_code_is_that_of_the_first_connection_that_failed() {
    let text = "### a\nWEBSOCKET ws://127.0.0.1:1/\n";
    run(text, &[]).exits(7);
    let both = format!("{text}### b\n{ECHO}<(20ms) x\n");
    run(&both, &[]).exits(1);
}

#[test]
fn options_that_are_no_use_are_explained() {
    for (arguments, word) in [
        (&["test"][..], "FILE"),
        (&["test", "/nonexistent.wst"], "there is no such file"),
        (&["test", "/nonexistent*.wst"], "no file matches"),
        (&["test", "--report", "xml", "x"], "human"),
        (
            &["test", "--report", "tap", "--report", "json", "x"],
            "stdout already",
        ),
        (&["test", "--var", "x", "y"], "NAME=VALUE"),
    ] {
        let output = wirecat(arguments).run();
        output.exits(2).complains(&[word]);
    }
}

#[test]
fn an_interruption_closes_connections_and_reports_what_there_is() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::io::{BufRead as _, BufReader};

    let serving = serving();
    let text =
        format!("### done\n{ECHO}> x\n< x\n### waits\nWEBSOCKET {{{{base}}}}/silent\n<(60s) x\n");
    let (folder, first) = script(&format!("### before\n{ECHO}"));
    let second = folder.path().join("z.wst");
    fs::write(&second, text).unwrap();
    let tap = folder.path().join("tap");
    let report = format!("tap={}", tap.display());
    let mut child = test(
        &serving,
        &[
            "--jobs",
            "1",
            "--report",
            "human",
            "--report",
            &report,
            &first,
            second.to_str().unwrap(),
        ],
    )
    .spawn();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("before"), "{line}");
    let id = Pid::from_raw(child.id() as i32);
    kill(id, Signal::SIGINT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(2)
    );
    let tap = fs::read_to_string(tap).unwrap();
    assert!(tap.contains("ok 1 - "), "{tap}");
    assert!(tap.contains("Bail out!"), "{tap}");
}

#[test]
fn a_selection_without_a_test_is_an_error() {
    let text = format!("### one\n{ECHO}");
    let output = run(&text, &["--only", "another"]);
    output
        .exits(2)
        .complains(&["no test has a name that --only selects"]);
    wirecat(["test", "--repeat", "0", "x"])
        .run()
        .exits(2)
        .complains(&["from 1"]);
}

#[test]
fn scripts_of_the_same_name_have_recordings_of_their_own() {
    let serving = serving();
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("records");
    for (name, word) in [("a", "one"), ("b", "two")] {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("x.wst"), format!("{ECHO}> {word}\n< {word}\n")).unwrap();
    }
    let paths = ["a", "b"].map(|name| folder.path().join(name).display().to_string());
    let record_to = record.display().to_string();
    let arguments = [
        "--record", &record_to, "--repeat", "2", &paths[0], &paths[1],
    ];
    test(&serving, &arguments).run().exits(0);
    let mut names: Vec<String> = fs::read_dir(&record)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "x-1-1.jsonl",
        "x-1-run2-1.jsonl",
        "x~2-1-1.jsonl",
        "x~2-1-run2-1.jsonl",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_server_does_not_choose_what_is_read_from_this_machine() {
    for (message, option) in [
        ("env:HOME", "token: {{got}}"),
        ("@x.wst", "token: {{got}}"),
        ("@x.wst", "on-open: {{got}}"),
        ("cmd:id", "answer: .a={{got}}"),
        ("=@x.wst", "answer: .a{{got}}"),
    ] {
        let text = format!(
            "{ECHO}> {message}\n<\n[Captures]\ngot: body\nWEBSOCKET {{{{base}}}}/headers\n[Options]\n{option}\n"
        );
        let output = run(&text, &["--allow-commands"]);
        output.exits(2);
        let said = output.stdout_text();
        assert!(said.contains("a captured value stands here for"), "{said}");
        assert!(said.contains("x.wst:8:1"), "{said}");
    }
}

#[test]
fn options_that_have_no_place_in_a_script_are_found_before_anything_is_run() {
    let text = format!("### one\n{ECHO}### two\n{ECHO}[Options]\ncount: 3\n");
    let output = run(&text, &[]);
    output.exits(2).prints("").complains(&[
        "'count' has no place in a script",
        "`<(x3)`",
        "x.wst:6:1",
    ]);
}

#[test]
fn a_limit_is_kept_while_messages_never_stop() {
    let text = "WEBSOCKET {{base}}/burst?count=5000000&size=100\n<(500ms) never\n";
    let output = run(text, &[]);
    output.exits(1);
    assert!(output.stdout_text().contains("within 500ms"), "{output:?}");
}

#[test]
fn every_message_can_be_held_against_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.json");
    fs::write(&schema, r#"{"type":"object","required":["id"]}"#).unwrap();
    let option = ["--schema", schema.to_str().unwrap()];
    let good = format!("{ECHO}> {{\"id\":1}}\n<\n");
    run(&good, &option).exits(0);
    // Every message, those too that no step takes.
    let unread = format!("{ECHO}> {{\"n\":2}}\n!<(100ms) other\n");
    run(&unread, &option).exits(1);
    let closed = "WEBSOCKET {{base}}/close/1000?after=1\n> {\"n\":2}\n<close 1000\n";
    run(closed, &option).exits(1);
    let bad = format!("{ECHO}> {{\"id\":1}}\n> {{\"n\":2}}\n<~ {{\"n\":2}}\n<\n");
    let output = run(&bad, &option);
    output.exits(1);
    assert!(
        output
            .stdout_text()
            .contains("\"id\" is a required property"),
        "{output:?}"
    );
}
