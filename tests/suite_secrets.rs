//! `wirecat test` leaves secrets out of its reports and recordings, wherever a script has them from.

use std::fs;

use crate::support::serving::Serving;
use crate::support::wirecat;

/// Tests that fail, each with its secrets. The server repeats what it is sent.
const CASES: &[(&str, &[&str])] = &[
    (
        "WEBSOCKET ws://HOST/echo\n> {\"auth\":\"{{token}}\"}\n<(1s) {\"auth\":\"other\"}\n",
        &["gi/v+en", "gi/v+en\\\"1"],
    ),
    // As PHP writes JSON.
    (
        "WEBSOCKET ws://HOST/echo\n> {\"t\":\"gi\\/v+en\\\"1\"}\n<(1s) {\"nothing\":1}\n",
        &["v+en"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\nSec-WebSocket-Protocol: bearer, HSUB1234\nHTTP 101\n\
         <~(1s) {\"nothing\":1}\n",
        &["HSUB1234"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\n[Options]\nsubprotocol: bearer\nsubprotocol: OSUB1234\n\
         HTTP 101\n<~(1s) {\"nothing\":1}\n",
        &["OSUB1234"],
    ),
    (
        "WEBSOCKET ws://HOST/headers?x={{q_token}}\n<~(1s) {\"nothing\":1}\n",
        &["q/uery", "q%2Fuery+1", "%2Fuery"],
    ),
    (
        "WEBSOCKET ws://HOST/status/403?{{p_token}}\n",
        &["p/ath", "p%2Fath"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\n[Options]\ntoken: env:FIRST\nHTTP 101\n<~(1s) {\"nothing\":1}\n",
        &["first-tok"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\n[Options]\ntoken: env:SECOND\ntoken-via: message\nHTTP 101\n\
         <(1s) {\"nothing\":1}\n",
        &["second-tok"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\n[Options]\ntoken: env:THIRD\ntoken-via: subprotocol\n\
         HTTP 101\n<~(1s) {\"nothing\":1}\n",
        &["third-tok"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\n[Options]\nuser: bob:basic-pw\nHTTP 101\n\
         <~(1s) {\"nothing\":1}\n",
        &["basic-pw", "Ym9iOmJhc2ljLXB3"],
    ),
    (
        "WEBSOCKET ws://HOST/headers\n[Options]\noauth2-bearer: bearer-9\nHTTP 101\n\
         <~(1s) {\"nothing\":1}\n",
        &["bearer-9"],
    ),
    (
        "WEBSOCKET ws://bob:url-pw@127.0.0.1:1/x?token=TOK9\n",
        &["url-pw", "TOK9"],
    ),
    ("WEBSOCKET ws://bob:PW@127.0.0.1:1/x\n", &["bob:PW"]),
    (
        "WEBSOCKET ws://HOST/headers\nX-Api-Key: api-key-7\nCookie: sid=cookie-7\nHTTP 101\n\
         <~(1s) {\"nothing\":1}\n",
        &["api-key-7", "cookie-7"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\n> {\"a\":\"capt-1\"}\n<\n[Captures]\naccess_token: .a\n\
         > {\"b\":\"{{access_token}}\"}\n<(1s) {\"nothing\":1}\n",
        &["capt-1"],
    ),
];

/// Scripts that are refused before anything is run, each with its secrets.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "WEBSOCKET ws://HOST/echo\n[Options]\ncert: no-such-file.pem:cert-pass\n",
        &["cert-pass"],
    ),
    (
        "WEBSOCKET ws://bob:S3CRpw@localhost:80800/?token=S3CRq\n",
        &["S3CRpw", "S3CRq"],
    ),
    (
        "WEBSOCKET ws://bob:S3CRpw@localhost:1/?token=S3CRq extra\n",
        &["S3CRpw", "S3CRq"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\n[Options]\ntoken = S3CRo\n",
        &["S3CRo"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\n[Options]\nuser S3CRu\n",
        &["S3CRu"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\nAuthorization Bearer S3CRlong-0123456789-0123456789-0123456789-\
         0123456789-0123456789-0123456789-0123456789-0123456789\n",
        &["S3CRlong"],
    ),
    (
        "WEBSOCKET ws://HOST/echo\n> x\nAuthorization: Bearer S3CRplace\n",
        &["S3CRplace"],
    ),
];

/// Everything that a run of all cases writes: each report and each recording, with its name.
fn written(arguments: &[&str]) -> Vec<(String, String)> {
    let serving = Serving::start(&["127.0.0.1:0"]);
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::new();
    for (number, (steps, _)) in CASES.iter().enumerate() {
        script += &format!("### case {number}\n{steps}\n");
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("all.wst"), script.replace("HOST", serving.address())).unwrap();
    let mut words = vec!["test".to_owned(), path("all.wst")];
    words.extend(["--record".to_owned(), path("records")]);
    words.extend(["--report".to_owned(), "human".to_owned()]);
    for kind in ["tap", "junit", "json"] {
        words.extend(["--report".to_owned(), format!("{kind}={}", path(kind))]);
    }
    for variable in ["token=gi/v+en\"1", "q_token=q/uery 1", "p_token=p/ath"] {
        words.extend(["--var".to_owned(), variable.to_owned()]);
    }
    words.extend(arguments.iter().map(|&it| it.to_owned()));
    fs::create_dir(path("records")).unwrap();
    let mut written = Vec::new();
    for (number, (script, _)) in REFUSED.iter().enumerate() {
        let name = format!("refused-{number}.wst");
        fs::write(path(&name), script.replace("HOST", serving.address())).unwrap();
        let report = format!("json={}", path("refused.json"));
        let mut refused = vec![
            "test".to_owned(),
            path(&name),
            "--report".to_owned(),
            report,
        ];
        refused.extend(arguments.iter().map(|&it| it.to_owned()));
        let refused = wirecat(refused).run();
        refused.exits(2).complains(&["nothing was run"]);
        written.push((name.clone(), refused.stderr));
        written.push((name, fs::read_to_string(path("refused.json")).unwrap()));
    }
    let mut wirecat = wirecat(words);
    for (name, value) in [
        ("FIRST", "first-tok"),
        ("SECOND", "second-tok"),
        ("THIRD", "third-tok"),
    ] {
        wirecat = wirecat.env(name, value);
    }
    let output = wirecat.run();
    let all = output.stdout_text() + &output.stderr;
    assert!(all.contains(&format!("{} tests: ", CASES.len())), "{all}");
    assert!(!all.contains("ok   "), "{all}");
    written.push(("human".to_owned(), all));
    for kind in ["tap", "junit", "json"] {
        written.push((kind.to_owned(), fs::read_to_string(path(kind)).unwrap()));
    }
    for entry in fs::read_dir(path("records")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        written.push((name, fs::read_to_string(entry.path()).unwrap()));
    }
    written
}

#[test]
fn no_report_and_no_recording_has_a_secret() {
    let written = written(&[]);
    assert!(written.len() > CASES.len());
    let secrets = CASES.iter().flat_map(|(_, secrets)| *secrets);
    let refused = REFUSED.iter().flat_map(|(_, secrets)| *secrets);
    for secret in secrets.chain(refused) {
        for (name, text) in &written {
            assert!(!text.contains(secret), "{secret} in {name}: {text}");
        }
    }
    let records = written.iter().filter(|(name, _)| name.ends_with(".jsonl"));
    let lines = records.flat_map(|(_, text)| text.lines());
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn secrets_are_shown_on_request() {
    let written = written(&["--include-secrets"]);
    let secrets = CASES.iter().map(|(_, secrets)| *secrets);
    for secrets in secrets.chain(REFUSED.iter().map(|(_, secrets)| *secrets)) {
        let is_shown = |secret: &&str| written.iter().any(|(_, text)| text.contains(*secret));
        assert!(secrets.iter().any(is_shown), "{secrets:?}");
    }
}

/// A test that captures `first-captured`, and then the steps.
fn capturing(serving: &Serving, steps: &str) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let begins = format!(
        "WEBSOCKET ws://{}/echo\n> {{\"a\":\"first-captured\"}}\n<\n[Captures]\ntoken: .a\n",
        serving.address()
    );
    fs::write(path("a.wst"), begins + steps).unwrap();
    let words = ["test", &path("a.wst"), "--record", &path("records")];
    let words = words.map(str::to_owned).to_vec();
    (folder, words)
}

fn recordings(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join("records")).unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path());
    entries.map(|entry| read(entry).unwrap()).collect()
}

#[test]
fn a_secret_is_not_forgotten_when_many_others_are_captured() {
    let serving = Serving::start(&["127.0.0.1:0"]);
    let (folder, words) = capturing(
        &serving,
        "@repeat 200\n> {\"x\":\"{{$uuid}}\"}\n<\n[Captures]\nsession_token: .x\n@end\n\
         > {\"b\":\"{{token}}\"}\n<(1s) {\"nothing\":1}\n",
    );
    let output = wirecat(words).run();
    output.exits(1);
    let mut written = recordings(&folder);
    assert_eq!(written.len(), 1);
    assert!(written[0].lines().count() > 400, "{}", written[0]);
    written.extend([output.stdout_text(), output.stderr]);
    for text in written {
        assert!(text.contains("[redacted]") || text.is_empty(), "{text}");
        assert!(!text.contains("first-captured"), "{text}");
    }
}

#[test]
fn a_killed_run_leaves_no_captured_secret_behind() {
    let serving = Serving::start(&["127.0.0.1:0"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (folder, words) = capturing(&serving, &format!("WEBSOCKET ws://{address}/\n"));
    let mut child = wirecat(words).spawn();
    // The script has come to its second connection.
    let _accepted = listener.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for text in recordings(&folder) {
        assert!(!text.contains("first-captured"), "{text}");
    }
}

#[test]
fn a_variable_without_a_name_is_not_repeated() {
    for variable in ["token S3CRarg", "token S3CRarg==", "S3CRarg"] {
        let output = wirecat(["test", "a.wst", "--var", "x=1", "--var", variable]).run();
        output.exits(2).complains(&["--var number 2: "]);
        assert!(!output.stderr.contains("S3CRarg"), "{}", output.stderr);
    }
}
