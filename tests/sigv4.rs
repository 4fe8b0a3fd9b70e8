//! `--aws-sigv4`: a request that is signed for AWS. The server here checks signatures by itself, from what
//! AWS's documentation says; the published vectors are in `src/auth/sigv4/tests.rs`.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::server::{Raw, Wire, header, raws};
use crate::support::site::{Answer, redirect, site};
use crate::support::{Wirecat, wirecat};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "session/token+with=signs";

/// A run with these keys in its environment.
fn signed(args: &[&str], token: bool) -> Wirecat {
    let mut run = wirecat(args)
        .env("AWS_ACCESS_KEY_ID", ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "eu-north-1");
    if token {
        run = run.env("AWS_SESSION_TOKEN", TOKEN);
    }
    run
}

/// A server for so many connections that gives their requests, and breaks off all but the last.
fn requests(connections: usize) -> Raw<Vec<String>> {
    raws(connections, move |number, mut wire: Wire| {
        let request = wire.handshake();
        if number == connections {
            wire.close(1000, "");
        }
        request
    })
}

/// The HMAC as OpenSSL computes it, in hex; the key is in hex too.
fn hmac(key: &str, text: &str) -> String {
    let script = "printf %s \"$2\" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$1";
    openssl(script, &[key, text])
}

fn openssl(script: &str, args: &[&str]) -> String {
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let line = String::from_utf8(output.stdout).unwrap();
    line.rsplit(' ').next().unwrap().trim().to_owned()
}

/// The signature of a canonical request.
fn signature(canonical: &str, stamp: &str, region: &str, service: &str) -> String {
    let date = &stamp[..8];
    let digest = openssl("printf %s \"$1\" | openssl dgst -sha256", &[canonical]);
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}");
    let key: String = format!("AWS4{SECRET}")
        .bytes()
        .map(|it| format!("{it:02x}"))
        .collect();
    let key = [date, region, service, "aws4_request"]
        .iter()
        .fold(key, |key, part| hmac(&key, part));
    hmac(&key, &text)
}

const NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Seconds since the epoch of `20150830T123600Z`.
fn seconds(stamp: &str) -> i64 {
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
        .as_second()
}

#[track_caller]
fn is_now(stamp: &str) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    assert!((now - seconds(stamp)).abs() < 120, "{stamp}");
}

#[test]
fn the_signature_in_the_header_is_what_aws_computes() {
    let server = requests(1);
    let url = server.url("/prod/a?b=c%20d&A=1");
    signed(
        &[
            "--aws-sigv4",
            "aws:amz",
            "-H",
            "X-Amz-Extra:  a   b ",
            "-H",
            "X-Other: 1",
            &url,
        ],
        true,
    )
    .run()
    .exits(0);
    let host = server.address.to_string();
    let request = server.result().remove(0);
    let stamp = header(&request, "x-amz-date").unwrap();
    is_now(stamp);
    assert_eq!(header(&request, "x-amz-security-token"), Some(TOKEN));
    let names = "host;x-amz-date;x-amz-extra;x-amz-security-token";
    let canonical = format!(
        "GET\n/prod/a\nA=1&b=c%20d\nhost:{host}\nx-amz-date:{stamp}\nx-amz-extra:a b\nx-amz-security-token:{TOKEN}\n\n{names}\n{NO_BODY}"
    );
    let expected = signature(&canonical, stamp, "eu-north-1", "execute-api");
    assert_eq!(
        header(&request, "authorization").unwrap(),
        format!(
            "AWS4-HMAC-SHA256 Credential={ID}/{}/eu-north-1/execute-api/aws4_request, SignedHeaders={names}, Signature={expected}",
            &stamp[..8]
        )
    );
}

#[test]
fn the_signature_in_the_query_is_what_aws_computes() {
    let server = requests(1);
    let url = server.url("/prod?x=1");
    signed(
        &[
            "--aws-sigv4",
            "aws:amz:us-east-1:appsync",
            "--aws-sigv4-query",
            &url,
        ],
        false,
    )
    .run()
    .exits(0);
    let host = server.address.to_string();
    let request = server.result().remove(0);
    assert_eq!(header(&request, "authorization"), None);
    let target = request.split(' ').nth(1).unwrap();
    let (before, got) = target.split_once("&X-Amz-Signature=").unwrap();
    let (_, query) = before.split_once("?x=1&").unwrap();
    let stamp = query
        .split("X-Amz-Date=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    is_now(stamp);
    assert_eq!(
        query,
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ID}%2F{}%2Fus-east-1%2Fappsync%2Faws4_request&X-Amz-Date={stamp}&X-Amz-Expires=300&X-Amz-SignedHeaders=host",
            &stamp[..8]
        )
    );
    let canonical = format!("GET\n/prod\n{query}&x=1\nhost:{host}\n\nhost\n{NO_BODY}");
    assert_eq!(got, signature(&canonical, stamp, "us-east-1", "appsync"));
}

#[test]
fn every_connection_is_signed_anew_and_nothing_of_it_is_shown() {
    for query in [&[][..], &["--aws-sigv4-query"]] {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record.jsonl");
        let record = record.to_str().unwrap();
        let server = requests(2);
        let url = server.url("/");
        let args = [
            "--aws-sigv4",
            "aws:amz",
            "--reconnect=2",
            "--reconnect-delay",
            "1500ms",
            "--reconnect-jitter",
            "none",
            "-vvv",
            "--record",
            record,
            &url,
        ];
        let output = signed(&[&args, query].concat(), true).run();
        output.exits(0);
        let signatures: Vec<String> = server
            .result()
            .iter()
            .map(|it| it.split("Signature=").nth(1).unwrap()[..64].to_owned())
            .collect();
        assert_ne!(signatures[0], signatures[1]);
        let shown = std::fs::read_to_string(record).unwrap() + &output.stderr;
        let encoded = TOKEN
            .replace('/', "%2F")
            .replace('+', "%2B")
            .replace('=', "%3D");
        for secret in [&*signatures[0], &signatures[1], ID, SECRET, TOKEN, &encoded] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("[redacted]"), "{shown}");
    }
}

#[test]
fn another_server_gets_no_signature() {
    let other = site(|_, _| Answer::Open(""));
    let there = other.url("/there");
    let first = site(move |_, number| match number {
        1 => redirect(302, "/here"),
        _ => redirect(302, &there),
    });
    let output = signed(&["-L", "--aws-sigv4", "aws:amz", &first.url("/")], true).run();
    output.exits(0).complains(&["the signature of AWS"]);
    for request in first.requests() {
        assert!(request.contains("AWS4-HMAC-SHA256"), "{request}");
    }
    for request in other.requests() {
        assert!(!request.to_lowercase().contains("amz"), "{request}");
        assert_eq!(header(&request, "authorization"), None);
    }
}

#[test]
fn keys_are_those_of_the_user_option_too_and_a_login_of_netrc_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let netrc = folder.path().join("netrc");
    std::fs::write(&netrc, "default login ann password s3cret\n").unwrap();
    let server = requests(1);
    let args = [
        "--aws-sigv4",
        "aws:amz:eu-west-1",
        "-u",
        "AKIDOTHER:s/x:y",
        "--netrc-file",
        netrc.to_str().unwrap(),
        &server.url("/"),
    ];
    wirecat(args).run().exits(0);
    let request = server.result().remove(0);
    let lines = request
        .lines()
        .filter(|it| it.to_lowercase().starts_with("authorization"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{request}");
    assert!(lines[0].contains("Credential=AKIDOTHER/"), "{request}");
}

#[test]
fn what_cannot_be_signed_is_refused_before_anything_is_sent() {
    let url = "ws://127.0.0.1:9/";
    for (args, why) in [
        (&["--aws-sigv4", "osc:osc"][..], "aws:amz:REGION"),
        (
            &["--aws-sigv4", "aws:amz", "-u", "ID"],
            "-u has no secret key",
        ),
        (&["--aws-sigv4", "aws:amz"], "AWS_ACCESS_KEY_ID is not set"),
        (
            &["--aws-sigv4", "aws:amz", "-u", "a:b"],
            "the region of 127.0.0.1 is not known",
        ),
        (
            &[
                "--aws-sigv4",
                "aws:amz:r",
                "-u",
                "a:b",
                "--oauth2-bearer",
                "x",
            ],
            "Authorization",
        ),
        (
            &["--aws-sigv4", "aws:amz:r", "-u", "a:b", "--token", "x"],
            "Authorization",
        ),
        (
            &[
                "--aws-sigv4=aws:amz:r",
                "-u",
                "a:b",
                "-H",
                "authorization: x",
            ],
            "and -H both set",
        ),
        (
            &["--aws-sigv4", "aws:amz:r", "-u", "a:b", "--http2"],
            "RFC 8441",
        ),
        (&["--aws-sigv4-query"], "--aws-sigv4"),
        (
            &[
                "--to-curl",
                "--aws-sigv4=aws:amz:r",
                "--aws-sigv4-query",
                "-u",
                "a:b",
            ],
            "--to-curl: curl puts no signature into the query",
        ),
    ] {
        let output = wirecat([args, &[url]].concat()).run();
        output.exits(2).complains(&[why]);
    }
    let output = wirecat([
        "--aws-sigv4",
        "aws:amz:r",
        "-u",
        "a:b",
        "ws://u:p@127.0.0.1:9/",
    ])
    .run();
    output.exits(2).complains(&["the user of the URL"]);
    let args = [
        "--dry-run",
        "--aws-sigv4",
        "aws:amz:r",
        "-u",
        "AKIDEXAMPLE:secret",
        url,
    ];
    let output = wirecat(args).run();
    output.exits(0);
    let shown = output.stdout_text();
    assert!(
        shown.contains("Authorization: AWS4-HMAC-SHA256 [redacted]"),
        "{shown}"
    );
}

#[test]
fn curl_signs_for_itself_both_ways() {
    let host = "wss://abc123.execute-api.eu-west-1.amazonaws.com/prod";
    let printed = wirecat(["--to-curl", "--aws-sigv4", "aws:amz", host])
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
        .env("AWS_SESSION_TOKEN", "AQoDYXdzEPT")
        .run();
    printed.exits(0).is_quiet();
    let printed = printed.stdout_text();
    for part in [
        "--aws-sigv4 aws:amz:eu-west-1:execute-api ",
        "--user 'AKIDEXAMPLE:[redacted]' ",
        "--header 'X-Amz-Security-Token: [redacted]' ",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    for part in ["Authorization", "X-Amz-Date", "wJalr", "AQoD"] {
        assert!(!printed.contains(part), "{part}: {printed}");
    }
    let typed = "curl --aws-sigv4 aws:amz:eu-west-1:iot -u AKIDEXAMPLE:secret http://127.0.0.1:9/";
    let read = wirecat(["--from-curl", typed, "--dry-run"]).run();
    read.exits(0);
    let read = read.stdout_text();
    assert!(read.contains("Authorization: AWS4-HMAC-SHA256"), "{read}");
}
