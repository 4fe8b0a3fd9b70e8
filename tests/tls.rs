//! wss: whose certificate is trusted, what is said where it is not, and what goes over it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::pty::Pty;
use crate::support::server::{close, raw, serve, text};
use crate::support::tls::{
    Authority, Tls, authority, authority_with, clients_of, in_days, leaf, single, terminate,
    terminate_with, valid,
};
use crate::support::{Output, fifo, output, reader_of, wait, wirecat};

#[track_caller]
fn untrusted(output: &Output, why: &str) {
    output.exits(60).prints("");
    let first = format!("wirecat: the certificate of 127.0.0.1 is not trusted: {why}");
    let (shown, _) = output.stderr.split_once('\n').unwrap();
    assert_eq!(shown, first, "{}", output.stderr);
    output.complains(&[
        "\n  subject: CN=the server\n  issuer: CN=wirecat test root\n  valid for: ",
        "\n  try: --cacert FILE trusts its issuer; -k connects without verifying it\n",
    ]);
}

/// The same for a server whose certificate follows from another issuer.
#[track_caller]
fn refused(output: &Output, why: &str) {
    output.exits(60).prints("");
    let (shown, _) = output.stderr.split_once('\n').unwrap();
    let first = format!("wirecat: the certificate of 127.0.0.1 is not trusted: {why}");
    assert_eq!(shown, first, "{}", output.stderr);
}

/// What `-k` says.
const NOT_VERIFIED: &str = "wirecat: warning: the certificate of 127.0.0.1 is not verified (-k)\n";

#[test]
fn cacert_trusts_an_authority() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let url = server.url("/echo");
    let file = authority.cacert();
    let echoes = |options: &[&str]| wirecat([options, &["-d", "hi", "-1", &url]].concat());
    untrusted(
        &echoes(&[]).run(),
        "its issuer 'CN=wirecat test root' is not trusted here, and the server sent no intermediate certificate",
    );
    echoes(&["--cacert", &file])
        .run()
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    // At every connection.
    let output = echoes(&["-k"]).run();
    output.exits(0).prints("hi\n");
    assert_eq!(output.stderr, NOT_VERIFIED);
    let silent = echoes(&["-k", "-s"]).run();
    silent.exits(0).prints("hi\n").is_quiet();
    echoes(&[])
        .env("SSL_CERT_FILE", &file)
        .run()
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    // Instead of the others, not beside them.
    let other = self::authority();
    let named = echoes(&["--cacert", &other.cacert()])
        .env("SSL_CERT_FILE", &file)
        .run();
    untrusted(
        &named,
        "its signature is not by the key of the issuer that it names",
    );
    // A folder cannot be read, and a device has no end.
    for path in ["/nonexistent", "/tmp", "/dev/zero"] {
        let none = echoes(&[]).env("SSL_CERT_FILE", path).run();
        none.exits(60).complains(&[
            &format!("SSL_CERT_FILE {path}: no root certificates there to verify the server with"),
            "--cacert",
        ]);
    }
}

#[test]
fn roots_are_read_once_a_run() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    // What is read from here cannot be read again.
    let (_directory, path) = fifo();
    let args = [
        "--reconnect=2",
        "--reconnect-on=1000",
        "--reconnect-delay=1ms",
    ];
    let (file, url) = (path.display().to_string(), server.url("/close/1000"));
    let child = wirecat([&args[..], &["--cacert", &file, &url]].concat()).spawn();
    let pem = std::fs::read(authority.file()).unwrap();
    reader_of(&path).write_all(&pem).unwrap();
    output(child)
        .exits(113)
        .complains(&["retry 2 in ", "gave up connecting: closed by server: 1000"]);
}

#[test]
fn late_roots_are_used_by_a_later_attempt() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let (_directory, path) = fifo();
    let args = [
        "--reconnect",
        "--reconnect-delay=1ms",
        "--reconnect-max-delay=1ms",
        "--connect-timeout=500ms",
    ];
    let (file, url) = (path.display().to_string(), server.url("/close/1000"));
    let mut child = wirecat([&args[..], &["--cacert", &file, &url]].concat()).spawn();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    // Some attempts have been given up, and there is one read all the same.
    while !seen.contains("retry 4") {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    let pem = std::fs::read(authority.file()).unwrap();
    reader_of(&path).write_all(&pem).unwrap();
    assert_eq!(wait(&mut child).unwrap().code(), Some(0));
}

#[test]
fn a_certificate_error_names_its_cause() {
    let (authority, plain) = (authority(), serve());
    let file = authority.cacert();
    let run = |server: &Tls| wirecat(["--cacert", &file, &server.url("/echo")]).run();
    let server = authority.serve(&["127.0.0.1"], in_days(-3), plain.address);
    let output = run(&server);
    let (why, date) = output.stderr.split_once(", on ").unwrap();
    assert!(
        why.ends_with("is not trusted: it expired 3 days ago"),
        "{why}"
    );
    output.exits(60).prints("");
    // The date is the same one as in the description of the certificate.
    let (date, rest) = date.split_once('\n').unwrap();
    assert!(rest.contains(&format!("\n  expires: {date}\n")), "{rest}");
    let server = authority.serve(
        &["127.0.0.1"],
        |params| params.not_before = date_time_ymd(4000, 1, 1),
        plain.address,
    );
    run(&server).exits(60).complains(&[
        "it is not valid until 4000-01-01T00:00:00Z, for another ",
        " days\n",
        "\n  try: check the system clock, which says 2",
    ]);
    let server = authority.serve(&["other.example", "10.0.0.1"], valid, plain.address);
    let output = run(&server);
    untrusted(
        &output,
        "it is not for '127.0.0.1', but for other.example, 10.0.0.1",
    );
    output.complains(&["\n  valid for: other.example, 10.0.0.1\n"]);
    // None of it matters to -k.
    wirecat(["-k", "-d", "hi", "-1", &server.url("/echo")])
        .run()
        .exits(0)
        .prints("hi\n");
}

/// What `openssl req -x509` makes is an authority at once, which webpki takes for no server's.
#[test]
fn cacert_trusts_a_self_signed_certificate() {
    let plain = serve();
    for authority in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("self.pem");
        let run = |name: &str, change: &dyn Fn(&mut CertificateParams)| {
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.is_ca = authority;
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            std::fs::write(&file, certificate.pem()).unwrap();
            let server = terminate(&certificate, &key, plain.address);
            let file = file.display().to_string();
            let url = server.url("/echo");
            if name == "untrusted" {
                return wirecat([&url]).run();
            }
            wirecat(["--cacert", &file, "-d", "hi", "-1", &url]).run()
        };
        run("127.0.0.1", &valid).exits(0).prints("hi\n").is_quiet();
        run("untrusted", &valid).exits(60).complains(&[
            "wirecat: the certificate of 127.0.0.1 is not trusted: it is self-signed\n",
        ]);
        run("other.example", &valid)
            .exits(60)
            .complains(&["it is not for '127.0.0.1'"]);
        run("127.0.0.1", &in_days(-3))
            .exits(60)
            .complains(&["it expired 3 days ago"]);
    }
}

#[test]
fn v_shows_the_negotiated_parameters() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let file = authority.cacert();
    let show = |trust: &[&str]| {
        wirecat([trust, &["-v", "-d", "x", "-1", &server.url("/echo")]].concat()).run()
    };
    let known = "* TLSv1.3, TLS_AES_256_GCM_SHA384\n* ALPN: none\n* subject: CN=the server\n* issuer: CN=wirecat test root\n* expires: 4096-01-01T00:00:00Z\n";
    let output = show(&["--cacert", &file]);
    output.exits(0).complains(&[known]);
    assert!(!output.stderr.contains("not verified"), "{}", output.stderr);
    show(&["-k"])
        .exits(0)
        .complains(&[known, "* certificate not verified (--insecure)\n"]);
}

#[test]
fn the_prompt_shows_the_negotiated_parameters() {
    let (authority, plain) = (authority(), serve());
    let file = authority.cacert();
    for (chosen, shown) in [(&b"http/1.1"[..], "http/1.1"), (b"", "none")] {
        let (leaf, key) = leaf(&["127.0.0.1"], valid, &authority.issuer);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = single(vec![leaf.der().clone()], key);
        if !chosen.is_empty() {
            config.alpn_protocols = vec![chosen.to_vec()];
        }
        let server = terminate_with(config, plain.address);
        let mut pty = Pty::prompt(&["--cacert", &file], &server.url("/echo"));
        pty.type_keys("/tls\r");
        for line in [
            "version: TLSv1.3",
            "cipher: TLS_AES_256_GCM_SHA384",
            &format!("ALPN: {shown}"),
            "subject: CN=the server",
            "issuer: CN=wirecat test root",
            "expires: 4096-01-01T00:00:00Z",
            "verified: yes",
        ] {
            pty.until(line, |look| look.rows.iter().any(|row| row == line));
        }
        pty.type_keys("\x04");
        pty.exits(0);
    }
}

#[test]
fn a_file_without_a_certificate_is_a_usage_error() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let missing = directory.path().join("missing.pem");
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    for (path, why) in [
        (missing, "No such file or directory"),
        (
            file("empty.pem", ""),
            "it contains no certificate in PEM form",
        ),
        (
            file("text.pem", "hello"),
            "it contains no certificate in PEM form",
        ),
        (file("broken.pem", broken), ""),
    ] {
        let path = path.display().to_string();
        let output = wirecat(["--cacert", &path, &server.url("/echo")]).run();
        let complaint = format!("wirecat: --cacert {path}: {why}");
        output.exits(2).prints("").complains(&[&complaint]);
    }
}

#[test]
fn a_plain_server_under_wss_is_exit_35() {
    let server = serve();
    let url = server.url("/echo").replace("ws:", "wss:");
    let output = wirecat([url]).run();
    output.exits(35).prints("");
    assert_eq!(
        output.stderr,
        "wirecat: TLS handshake failed: the server does not speak TLS on this port\n  try: ws:// instead of wss://\n"
    );
    let server = raw(drop);
    let output = wirecat([server.url("/").replace("ws:", "wss:")]).run();
    output
        .exits(35)
        .complains(&["wirecat: TLS handshake failed: "]);
}

#[test]
fn frames_that_arrive_with_the_101_are_not_lost() {
    let authority = authority();
    let plain = raw(|mut wire| {
        wire.handshake_with("", &[text("early"), text("bird"), close(1000, "")].concat());
        wire.until_close()
    });
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    wirecat(["-k", &server.url("/")])
        .run()
        .exits(0)
        .prints("early\nbird\n");
    assert_eq!(plain.result().unwrap().close_code(), Some(1000));
}

#[test]
fn large_messages_pass_both_ways() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let message = "0123456789abcdef".repeat(1 << 16) + "\n";
    wirecat(["-k", "-1", &server.url("/echo")])
        .stdin(&message)
        .run()
        .exits(0)
        .prints(&message);
}

#[test]
fn a_name_with_an_escape_in_it_is_harmless_on_a_terminal() {
    let (authority, plain) = (authority(), serve());
    let evil = |params: &mut CertificateParams| {
        params
            .distinguished_name
            .push(DnType::OrganizationName, "a\u{1b}]0;owned\u{7}\nb\u{202e}c");
    };
    let server = authority.serve(&["127.0.0.1"], evil, plain.address);
    for options in [&["-v"][..], &["-k", "-v"]] {
        let url = server.url("/close/1000");
        let pty = Pty::start(&[options, &[&url]].concat());
        let (_, written) = pty.end();
        let written = String::from_utf8_lossy(&written);
        assert!(written.contains("\\x1b]0;owned\\x07"), "{written:?}");
        assert!(
            !written.contains("\u{1b}]0;owned") && !written.contains('\u{202e}'),
            "{written:?}"
        );
    }
}

#[test]
fn an_untrusted_certificate_is_not_retried() {
    let server = serve();
    let tls = authority().serve(&["127.0.0.1"], |_| {}, server.address);
    let run = wirecat(["--reconnect", "-d", "x", &tls.url("/echo")]).run();
    run.exits(60).complains(&["not retrying: "]);
    assert!(!run.stderr.contains("retry 1"), "{}", run.stderr);
}

#[test]
fn ten_of_twelve_names_are_shown() {
    let (authority, plain) = (authority(), serve());
    let names: Vec<String> = (1..=12).map(|n| format!("n{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = authority.serve(&names, valid, plain.address);
    let shown = format!("{} and 2 more", names[..10].join(", "));
    let output = wirecat(["--cacert", &authority.cacert(), &server.url("/")]).run();
    untrusted(
        &output,
        &format!("it is not for '127.0.0.1', but for {shown}"),
    );
    output.complains(&[&format!("\n  valid for: {shown}\n")]);
    let server = authority.serve(&[], valid, plain.address);
    let output = wirecat(["--cacert", &authority.cacert(), &server.url("/")]).run();
    untrusted(
        &output,
        "it is not for '127.0.0.1': it names no server (no subjectAltName; the common name does not count)",
    );
}

#[test]
fn a_certificate_for_another_purpose_is_reported_as_such() {
    let (authority, plain) = (authority(), serve());
    let run = |change: &dyn Fn(&mut CertificateParams)| {
        let server = authority.serve(&["127.0.0.1"], change, plain.address);
        wirecat(["--cacert", &authority.cacert(), &server.url("/")]).run()
    };
    let purposes = |purposes: &[ExtendedKeyUsagePurpose]| {
        let purposes = purposes.to_vec();
        run(&move |params| params.extended_key_usages = purposes.clone())
    };
    untrusted(
        &run(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        "it is the certificate of an authority (CA:TRUE), not of a server",
    );
    use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, Other};
    untrusted(
        &purposes(&[ClientAuth]),
        "it is only for clients, not for servers",
    );
    untrusted(
        &purposes(&[CodeSigning, Other(vec![1, 2, 3])]),
        "it is only for code signing, the purpose 1.2.3, not for servers",
    );
    untrusted(
        &run(&|params| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(true);
            params.custom_extensions = vec![extension];
        }),
        "it has a critical extension that wirecat does not know (1.2.3.4)",
    );
}

#[test]
fn an_error_further_up_the_chain_names_the_issuer() {
    let (root, plain) = (authority(), serve());
    let run = |root: &Authority, between: &[&dyn Fn(&mut CertificateParams)]| {
        let server = root.serve_below(between, |_| true, plain.address);
        wirecat([
            "--cacert",
            &root.cacert(),
            "-d",
            "hi",
            "-1",
            &server.url("/echo"),
        ])
        .run()
    };
    run(&root, &[&valid]).exits(0).prints("hi\n");
    refused(
        &run(&root, &[&|params| params.is_ca = IsCa::ExplicitNoCa]),
        "its issuer 'CN=intermediate 1' is not an authority (CA:FALSE), so it may not sign certificates",
    );
    let childless: &dyn Fn(&mut CertificateParams) =
        &|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    refused(
        &run(&root, &[childless, &valid]),
        "its chain is too long: 'CN=intermediate 1' allows 0 authorities below itself, and there is 1",
    );
    let output = run(&root, &[&in_days(-3)]);
    let why = "is not trusted: the certificate of its issuer 'CN=intermediate 1' expired 3 days ago, on 2";
    output.exits(60).complains(&[why]);
    let constrained = authority_with(|params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![
                GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
                GeneralSubtree::DnsName("inside.example".to_owned()),
            ],
            excluded_subtrees: Vec::new(),
        });
    });
    for between in [&[][..], &[&valid as &dyn Fn(&mut CertificateParams)]] {
        refused(
            &run(&constrained, between),
            "its issuer 'CN=wirecat test root' may sign only for 10.0.0.0/8, inside.example, and it is for 127.0.0.1",
        );
    }
}

#[test]
fn a_gap_in_the_chain_is_located() {
    let (root, plain) = (authority(), serve());
    let run = |between: &[&dyn Fn(&mut CertificateParams)],
               sent: &dyn Fn(usize) -> bool,
               trust: &[&str]| {
        let server = root.serve_below(between, sent, plain.address);
        wirecat([trust, &[&server.url("/")]].concat()).run()
    };
    let file = root.cacert();
    let named = ["--cacert", file.as_str()];
    let output = run(&[&valid], &|_| false, &named);
    refused(
        &output,
        "its issuer 'CN=intermediate 1' is not trusted here, and the server sent no intermediate certificate",
    );
    output.complains(&[
        "\n  try: if 'CN=intermediate 1' is an intermediate authority, the server must send its certificate too (the full chain)\n",
    ]);
    // The wrong one was sent.
    refused(
        &run(&[&valid, &valid], &|place| place == 0, &named),
        "its issuer 'CN=intermediate 2' is not trusted here, and the other certificate that the server sent is not that issuer's",
    );
    refused(
        &run(&[&valid, &valid], &|place| place == 1, &named),
        "its chain ends in 'CN=intermediate 1', which is not trusted here",
    );
    refused(
        &run(&[&valid], &|_| true, &[]),
        "its chain ends in 'CN=wirecat test root', which is not trusted here",
    );
}

/// See `tests/certificates`: rcgen makes neither.
#[test]
fn insecure_signatures_are_reported() {
    let plain = serve();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    for (kind, why) in [
        (
            "sha1",
            "it is signed with SHA-1 and ECDSA, which is no longer secure",
        ),
        (
            "rsa1024",
            "the key of its issuer 'CN=wirecat rsa1024 root' is too short: RSA with 1024 bits, and 2048 is the minimum",
        ),
    ] {
        let file = |name: String| format!("{directory}/{name}");
        let chain = vec![CertificateDer::from_pem_file(file(format!("{kind}.pem"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(file("server.key".to_owned())).unwrap();
        let server = terminate_with(single(chain, key), plain.address);
        let root = file(format!("{kind}-root.pem"));
        refused(&wirecat(["--cacert", &root, &server.url("/")]).run(), why);
        wirecat(["-k", "-d", "hi", "-1", &server.url("/echo")])
            .run()
            .exits(0)
            .prints("hi\n");
    }
}

/// With TLS 1.3 the server looks at the client's certificate when the handshake is over for us.
#[test]
fn a_server_that_requires_a_client_certificate_is_exit_35() {
    let (authority, plain) = (authority(), serve());
    let server = clients_of(&authority, rustls::ALL_VERSIONS, plain.address);
    let output = wirecat(["--cacert", &authority.cacert(), &server.url("/echo")]).run();
    output.exits(35).prints("");
    assert_eq!(
        output.stderr,
        "wirecat: TLS failed: the server sent the alert certificate_required: it requires a client certificate\n  try: -E FILE authenticates with a client certificate\n"
    );
}

#[test]
fn an_alert_in_the_handshake_is_named_and_explained() {
    // A fatal alert in a TLS 1.2 record.
    for (code, said) in [
        (112, "unrecognized_name: it does not know this host name"),
        (
            70,
            "protocol_version: it speaks neither TLS 1.2 nor TLS 1.3",
        ),
        (200, "200, which has no name"),
    ] {
        let server = raw(move |mut wire| {
            wire.take(5);
            wire.send([0x15, 3, 3, 0, 2, 2, code]);
            wire
        });
        let output = wirecat([server.url("/").replace("ws:", "wss:")]).run();
        output.exits(35).prints("");
        let expected = format!("wirecat: TLS handshake failed: the server sent the alert {said}\n");
        assert_eq!(output.stderr, expected);
    }
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_not_trusted_and_k_does_not_help() {
    let (authority, plain) = (authority(), serve());
    let (leaf, _) = leaf(&["127.0.0.1"], valid, &authority.issuer);
    let key = KeyPair::generate().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = terminate_with(single(vec![leaf.der().clone()], key), plain.address);
    for trust in [&["--cacert", &authority.cacert()][..], &["-k"]] {
        let output = wirecat([trust, &[&server.url("/")]].concat()).run();
        output.exits(60).complains(&[
            "wirecat: the certificate of 127.0.0.1 cannot be used: the server signed the handshake with another key\n",
        ]);
        assert!(!output.stderr.contains("-k"), "{}", output.stderr);
    }
}

/// Many servers leave the close_notify out; what rustls says of it is of use to nobody.
#[test]
fn the_end_of_tcp_within_tls_is_the_end_of_tcp() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    // The proxy in between ends TCP after a while, and TLS nowhere.
    let cut = raw(move |wire| {
        let mut client = wire.0;
        let mut server = TcpStream::connect(server.address).unwrap();
        let upstream = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let copying = std::thread::spawn(move || {
            let (mut client, mut server) = upstream;
            let _ = std::io::copy(&mut client, &mut server);
        });
        // The answer to the handshake, tickets and a message are less than this.
        let mut buffer = [0; 16 << 10];
        let mut passed = 0;
        while let Ok(count @ 1..) = server.read(&mut buffer) {
            client.write_all(&buffer[..count]).unwrap();
            passed += count;
            if passed > 100_000 {
                break;
            }
        }
        client.shutdown(Shutdown::Both).unwrap();
        copying.join().unwrap();
        drop(server);
    });
    let message = "x".repeat(1 << 20);
    let url = cut.url("/echo").replace("ws:", "wss:");
    let output = wirecat(["-k", "--no-compress", &url]).stdin(&message).run();
    output.exits(56).prints("").complains(&[
        "wirecat: connection lost without a Close frame (1006): the server ended the TCP connection",
    ]);
    assert!(!output.stderr.contains("close_notify"), "{}", output.stderr);
}
