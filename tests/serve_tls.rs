//! The debug server over TLS: its certificates, those of clients, HTTP/2, and who comes to the wrong port.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::serving::Serving;
use crate::support::tls::{Authority, authority, leaf, valid};
use crate::support::{PATIENCE, wirecat};

/// The files of a certificate for 127.0.0.1 and localhost.
fn certificate(authority: &Authority) -> [String; 2] {
    let (certificate, key) = leaf(&["127.0.0.1", "localhost"], valid, &authority.issuer);
    [
        authority.write("server.pem", certificate.pem()),
        authority.write("server.key", key.serialize_pem()),
    ]
}

#[track_caller]
fn start(authority: &Authority, options: &[&str]) -> Serving {
    let [certificate, key] = certificate(authority);
    let tls = ["0", "--cert", &certificate, "--key", &key];
    Serving::start(&[&tls, options].concat())
}

/// An echo of `hi`, by a client with these options.
#[track_caller]
fn echoes(url: &str, options: &[&str]) {
    let echo = ["-d", "hi", "-1", url];
    wirecat([options, &echo].concat())
        .run()
        .exits(0)
        .prints("hi\n");
}

#[test]
fn a_certificate_of_files_is_served_with_either_version_of_tls_and_http() {
    let authority = authority();
    let server = start(&authority, &["--log", "json"]);
    assert!(server.urls[0].starts_with("wss://127.0.0.1:"));
    let cacert = authority.cacert();
    let url = server.url("/echo");
    for (options, version) in [
        (&["--tlsv1.3"][..], "TLSv1.3"),
        (&["--tls-max", "1.2"], "TLSv1.2"),
        (&["--http2-only"], "TLSv1.3"),
    ] {
        let trust = ["--cacert", &cacert, "-v"];
        let shown = wirecat([&trust, options, &["-d", "hi", "-1", &url]].concat()).run();
        shown.exits(0).prints("hi\n").complains(&[version]);
    }
    let log = server.end().stderr;
    let versions = log.lines().filter_map(|line| {
        let object: Value = serde_json::from_str(line).unwrap();
        let closed = object["event"] == "closed";
        closed.then(|| object["tls"]["version"].as_str().unwrap().to_owned())
    });
    assert!(versions.eq(["TLSv1.3", "TLSv1.2", "TLSv1.3"]), "{log}");
}

#[test]
fn a_reset_over_tls_is_a_reset() {
    let authority = authority();
    let server = start(&authority, &[]);
    let url = server.url("/drop?how=rst");
    wirecat(["--cacert", &authority.cacert(), &url])
        .run()
        .exits(56)
        .complains(&["reset"]);
    let log = server.end().stderr;
    assert!(
        log.contains("reset by the server, as this endpoint does"),
        "{log}"
    );
}

#[test]
fn the_authority_of_a_self_signed_certificate_is_written_or_printed() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let server = Serving::start(&["0", "--self-signed", "--ca-file", ca]);
    let (_, port) = server.address().rsplit_once(':').unwrap();
    for host in ["localhost", "127.0.0.1"] {
        echoes(&format!("wss://{host}:{port}/echo"), &["--cacert", ca]);
    }
    let told = format!("try: wirecat --cacert {ca} wss://localhost:{port}/echo\n");
    let stderr = server.end().stderr;
    assert!(stderr.starts_with(&told), "{stderr}");

    let server = Serving::start(&["0", "--self-signed", "--silent"]);
    let url = server.url("/echo");
    wirecat([&*url]).run().exits(60);
    let stderr = server.end().stderr;
    let (pem, told) = stderr.split_once("try: ").unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{stderr}");
    assert!(
        told.contains(&url.replace("127.0.0.1", "localhost")),
        "{stderr}"
    );
}

#[test]
fn only_clients_with_a_certificate_are_admitted_and_their_subject_is_logged() {
    let (authority, members) = (authority(), authority());
    let server = start(&authority, &["--client-ca", &members.cacert()]);
    let url = server.url("/echo");
    let cacert = authority.cacert();
    let member = |issuer: &Authority| {
        let (certificate, key) = leaf(&["client"], valid, &issuer.issuer);
        issuer.write("client.pem", certificate.pem() + &key.serialize_pem())
    };
    echoes(&url, &["--cacert", &cacert, "-E", &member(&members)]);
    let strangers = crate::support::tls::authority();
    let stranger = member(&strangers);
    for (options, code) in [(&[][..], 35), (&["-E", &stranger], 58)] {
        let trust = ["--cacert", &*cacert, "-1", &*url];
        wirecat([options, &trust].concat()).run().exits(code);
    }
    let log = server.end().stderr;
    for words in [
        "GET /echo -> 101 (CN=the server)",
        "TLS: the client has no certificate",
        "TLS: the client's certificate is not accepted",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
}

#[test]
fn an_encrypted_key_takes_its_password() {
    let authority = authority();
    let [certificate, key] = certificate(&authority);
    let encrypted = authority.path("encrypted.key");
    let done = std::process::Command::new("openssl")
        .args([
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-passout",
            "pass:secret",
        ])
        .args(["-in", &key, "-out", &encrypted])
        .status();
    assert!(done.unwrap().success());
    let tls = ["0", "--cert", &certificate, "--key", &encrypted];
    let server = Serving::start(&[&tls[..], &["--pass", "secret"]].concat());
    echoes(&server.url("/echo"), &["--cacert", &authority.cacert()]);
    for (options, words) in [
        (
            &["--pass", "wrong"][..],
            "the password does not fit its key",
        ),
        (&[], "its key is encrypted, and there is no password"),
    ] {
        wirecat([&["serve"], &tls[..], options].concat())
            .run()
            .exits(58)
            .complains(&[words]);
    }
}

#[test]
fn files_that_cannot_be_used_are_found_at_the_start() {
    let authority = authority();
    let [certificate, key] = certificate(&authority);
    let nothing = authority.write("nothing.pem", "");
    for (options, code, words) in [
        (
            &["--cert", &*nothing][..],
            58,
            "it contains no certificate in PEM form",
        ),
        (
            &["--cert", &*certificate],
            58,
            "it contains no private key in PEM form",
        ),
        (
            &[
                "--cert",
                &*certificate,
                "--key",
                &*key,
                "--client-ca",
                &*nothing,
            ],
            2,
            "--client-ca",
        ),
        (&["--client-ca", &*certificate], 2, "--client-ca needs TLS"),
        (
            &["--self-signed", "--ca-file", "/nonexistent/ca"],
            2,
            "--ca-file",
        ),
    ] {
        wirecat([&["serve", "0"], options].concat())
            .run()
            .exits(code)
            .complains(&[words]);
    }
}

/// What comes back for these bytes.
#[track_caller]
fn answer_to(server: &Serving, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn who_comes_to_the_wrong_port_is_told_so() {
    let authority = authority();
    let server = start(&authority, &[]);
    let answer = answer_to(&server, b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("\r\n\r\nThis port speaks TLS: use wss:// or https://.\n"),
        "{answer}"
    );
    let plain = server.url("/echo").replace("wss:", "ws:");
    wirecat([&*plain])
        .run()
        .exits(22)
        .complains(&["This port speaks TLS", "try: wss:// instead of ws://"]);
    let log = server.end().stderr;
    assert_eq!(
        log.matches(" a request without TLS came, and this port speaks TLS\n")
            .count(),
        2
    );

    let server = Serving::start(&["0"]);
    let url = server.url("/echo").replace("ws:", "wss:");
    wirecat([&*url])
        .run()
        .exits(35)
        .complains(&["the server does not speak TLS on this port"]);
    let log = server.end().stderr;
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines.len() == 1
            && lines[0].ends_with(" a TLS handshake came, and this port does not speak TLS"),
        "{log}"
    );
}
