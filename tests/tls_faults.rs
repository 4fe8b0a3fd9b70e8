//! Faults of certificates, ours and the server's, and of TLS itself: each ends the run with its exit
//! code and its own sentence, before a byte of HTTP has reached the server, and is never retried.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CidrSubnet,
    CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, NameConstraints, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use wirecat::internals::handshake::response::accept_for;

use crate::support::server::{close, header, raw, raws};
use crate::support::tls::{
    Authority, Tls, asking, authority, authority_with, client_verifier, clients_of, in_days, leaf,
    openssl, server_config, single, terminate, terminate_with, valid, versions,
};
use crate::support::{Output, wirecat};

/// A plain server behind TLS that counts who comes that far: with HTTP, that is.
struct Inner {
    address: SocketAddr,
    reached: Arc<AtomicUsize>,
}

fn inner() -> Inner {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    Inner { address, reached }
}

/// Checks every fault in the same way.
struct Faults {
    inner: Inner,
    authority: Authority,
    sentences: BTreeSet<String>,
}

impl Faults {
    fn new() -> Self {
        let authority = authority_with(|params| {
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        });
        Faults {
            inner: inner(),
            authority,
            sentences: BTreeSet::new(),
        }
    }

    /// Runs it with `--reconnect`.
    #[track_caller]
    fn fails(&mut self, url: &str, args: &[&str], exit: i32, sentence: &str) -> Output {
        let always = ["--reconnect", "--reconnect-delay=1ms", "-d", "hi"];
        let output = wirecat([&always[..], args, &[url]].concat()).run();
        output.exits(exit).prints("").complains(&[sentence]);
        assert!(
            output.stderr.contains("not retrying: "),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("retry 1"), "{}", output.stderr);
        let reached = self.inner.reached.load(Ordering::SeqCst);
        assert_eq!(reached, 0, "{}", output.stderr);
        let is_new = self.sentences.insert(sentence.to_owned());
        assert!(is_new, "{sentence} is the sentence of two faults");
        output
    }

    /// A server of the authority whose certificate is wrong.
    #[track_caller]
    fn server(&mut self, change: impl FnOnce(&mut CertificateParams), sentence: &str) {
        let server = self
            .authority
            .serve(&["127.0.0.1"], change, self.inner.address);
        self.trusting(&server, &[], 60, sentence);
    }

    /// A server whose chain is wrong.
    #[track_caller]
    fn chain(&mut self, between: &[&dyn Fn(&mut CertificateParams)], sentence: &str) {
        let server = self
            .authority
            .serve_below(between, |_| true, self.inner.address);
        self.trusting(&server, &[], 60, sentence);
    }

    #[track_caller]
    fn trusting(&mut self, server: &Tls, args: &[&str], exit: i32, sentence: &str) -> Output {
        let cacert = self.authority.cacert();
        let args = [&["--cacert", &cacert], args].concat();
        self.fails(&server.url("/echo"), &args, exit, sentence)
    }
}

#[test]
fn a_servers_certificate() {
    let mut faults = Faults::new();
    faults.server(in_days(-3), "it expired 3 days ago");
    faults.server(
        |params| params.not_before = date_time_ymd(4000, 1, 1),
        "it is not valid until 4000-01-01",
    );
    faults.server(
        |params| params.subject_alt_names.clear(),
        "it names no server (no subjectAltName; the common name does not count)",
    );
    faults.server(
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        "it is the certificate of an authority (CA:TRUE), not of a server",
    );
    faults.server(
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        "it is only for clients, not for servers",
    );
    faults.server(
        |params| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(true);
            params.custom_extensions = vec![extension];
        },
        "it has a critical extension that wirecat does not know (1.2.3.4)",
    );
    let other = faults
        .authority
        .serve(&["other.example"], valid, faults.inner.address);
    let sentence = "it is not for '127.0.0.1', but for other.example";
    faults.trusting(&other, &[], 60, sentence);

    let stranger = authority();
    let unknown = stranger.serve(&["127.0.0.1"], valid, faults.inner.address);
    let sentence = "its issuer 'CN=wirecat test root' is not trusted here";
    faults.fails(&unknown.url("/echo"), &[], 60, sentence);
    // It has the name of ours, and another key.
    let sentence = "its signature is not by the key of the issuer that it names";
    faults.trusting(&unknown, &[], 60, sentence);

    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let alone = terminate(
        &params.self_signed(&key).unwrap(),
        &key,
        faults.inner.address,
    );
    faults.trusting(&alone, &[], 60, "it is self-signed");

    let (leaf, _) = leaf(&["127.0.0.1"], valid, &faults.authority.issuer);
    let wrong = KeyPair::generate().unwrap();
    let keyless = terminate(&leaf, &wrong, faults.inner.address);
    let sentence = "the server signed the handshake with another key";
    faults.fails(&keyless.url("/echo"), &["-k"], 60, sentence);
}

#[test]
fn a_servers_chain() {
    let mut faults = Faults::new();
    faults.chain(
        &[&|params| params.is_ca = IsCa::ExplicitNoCa],
        "is not an authority (CA:FALSE), so it may not sign certificates",
    );
    faults.chain(
        &[
            &|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            &valid,
        ],
        "its chain is too long: 'CN=intermediate 1' allows 0 authorities below itself",
    );
    faults.chain(
        &[&in_days(-3)],
        "the certificate of its issuer 'CN=intermediate 1' expired 3 days ago",
    );
    faults.chain(
        &[&|params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(
                    [10, 0, 0, 0],
                    8,
                ))],
                excluded_subtrees: Vec::new(),
            });
        }],
        "may sign only for 10.0.0.0/8, and it is for 127.0.0.1",
    );
    let gap = faults
        .authority
        .serve_below(&[&valid], |_| false, faults.inner.address);
    let sentence = "its issuer 'CN=intermediate 1' is not trusted here, and the server sent no intermediate certificate";
    faults.trusting(&gap, &[], 60, sentence);

    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    for (kind, sentence) in [
        (
            "sha1",
            "it is signed with SHA-1 and ECDSA, which is no longer secure",
        ),
        (
            "rsa1024",
            "is too short: RSA with 1024 bits, and 2048 is the minimum",
        ),
    ] {
        let file = |name: String| format!("{directory}/{name}");
        let chain = vec![CertificateDer::from_pem_file(file(format!("{kind}.pem"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(file("server.key".to_owned())).unwrap();
        let server = terminate_with(single(chain, key), faults.inner.address);
        let root = file(format!("{kind}-root.pem"));
        faults.fails(&server.url("/echo"), &["--cacert", &root], 60, sentence);
    }
}

/// A revocation list of the authority, in PEM form.
fn revocations(authority: &Authority, serials: &[u64], next_update: i32) -> String {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(next_update, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&authority.issuer).unwrap().pem().unwrap()
}

#[test]
fn a_certificate_that_is_revoked() {
    let mut faults = Faults::new();
    let numbered = |params: &mut CertificateParams| params.serial_number = Some(7.into());
    let server = faults
        .authority
        .serve(&["127.0.0.1"], numbered, faults.inner.address);
    let crl = |faults: &Faults, name: &str, serials: &[u64], until| {
        let list = revocations(&faults.authority, serials, until);
        faults.authority.write(name, list)
    };
    let lists = crl(&faults, "revoked.crl", &[6, 7], 4000);
    let output = faults.trusting(&server, &["--crlfile", &lists], 60, "it has been revoked");
    assert!(!output.stderr.contains("try: "), "{}", output.stderr);
    let old = crl(&faults, "old.crl", &[6], 2021);
    let sentence = "the revocation list (CRL) of its issuer expired ";
    faults.trusting(&server, &["--crlfile", &old], 60, sentence);
    let stranger = authority_with(|params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "a stranger");
    });
    let foreign = faults
        .authority
        .write("foreign.crl", revocations(&stranger, &[7], 4000));
    let sentence = "it is not known whether it has been revoked: --crlfile lacks a list of 'CN=wirecat test root'";
    faults.trusting(&server, &["--crlfile", &foreign], 60, sentence);
    // Not the server's own certificate.
    let below: &dyn Fn(&mut CertificateParams) = &|params| params.serial_number = Some(6.into());
    let chain = faults
        .authority
        .serve_below(&[below], |_| true, faults.inner.address);
    let both = std::fs::read_to_string(&lists).unwrap();
    let both = faults.authority.write("both.crl", both);
    let output = wirecat(["--cacert", &faults.authority.cacert(), "--crlfile", &both])
        .arg(&chain.url("/echo"))
        .run();
    output.exits(60);
    // What is no list is a usage error.
    for (content, why) in [
        (&b""[..], "it contains no revocation list in PEM form"),
        (
            b"-----BEGIN X509 CRL-----\n",
            "a revocation list in it is malformed or has no end",
        ),
        (
            b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            "a revocation list in it cannot be used: ",
        ),
    ] {
        let file = faults.authority.write("bad.crl", content);
        let output = wirecat(["-d", "x", "--crlfile", &file, "--cacert"])
            .arg(&faults.authority.cacert())
            .arg(&server.url("/echo"))
            .run();
        output
            .exits(2)
            .complains(&[&format!("wirecat: --crlfile {file}: {why}")]);
    }
}

#[test]
fn a_public_key_that_is_not_pinned() {
    let mut faults = Faults::new();
    let server = faults
        .authority
        .serve(&["127.0.0.1"], valid, faults.inner.address);
    let pin = format!("sha256//{}=", "A".repeat(43));
    let pins = format!("{pin};{pin}");
    let sentence = "the public key of 127.0.0.1 is not the pinned one (--pinnedpubkey)";
    let output = faults.trusting(&server, &["--pinnedpubkey", &pins], 90, sentence);
    output.complains(&["\n  seen: sha256//", &format!("\n  wanted: {pin}\n")]);
    // Also where no certificate is verified.
    let url = server.url("/echo");
    let output = wirecat(["-k", "-d", "x", "--pinnedpubkey", &pin, &url]).run();
    output.exits(90).complains(&[sentence]);
    // Who is not trusted at all is not compared.
    let output = wirecat(["-d", "x", "--pinnedpubkey", &pin, &url]).run();
    output.exits(60);
    assert_eq!(faults.inner.reached.load(Ordering::SeqCst), 0);
}

/// Our own files are read and checked before there is a connection.
#[test]
fn a_client_certificate_that_cannot_be_used() {
    let mut faults = Faults::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let (certificate, key) = leaf(&["client"], valid, &faults.authority.issuer);
    let cert = faults.authority.write("client.pem", certificate.pem());
    let key = faults.authority.write("client.key", key.serialize_pem());
    let other = faults
        .authority
        .write("other.key", KeyPair::generate().unwrap().serialize_pem());
    let missing = faults.authority.path("missing.pem");
    let directory = faults.authority.path("");
    let text = faults.authority.write("text.pem", "hello");
    let cut = faults
        .authority
        .write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let pfx = faults
        .authority
        .write("client.p12", [0x30, 0x82, 9, 9, 2, 1, 3, 0x30]);
    let der = faults.authority.write("client.der", certificate.der());
    let garbage = faults.authority.write(
        "garbage.key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let ssh = faults.authority.write(
        "ssh.key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    let (encrypted, traditional) = (
        faults.authority.path("encrypted.key"),
        faults.authority.path("traditional.key"),
    );
    openssl(&[
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        "-passout",
        "pass:right",
        "-in",
        &key,
        "-out",
        &encrypted,
    ]);
    openssl(&[
        "ec",
        "-aes128",
        "-passout",
        "pass:right",
        "-in",
        &key,
        "-out",
        &traditional,
    ]);
    let with_key = |key: &str, sentence: &str| {
        (
            vec![
                "-E".to_owned(),
                cert.clone(),
                "--key".to_owned(),
                key.to_owned(),
            ],
            sentence.to_owned(),
        )
    };
    let with_cert =
        |cert: &str, sentence: &str| (vec!["-E".to_owned(), cert.to_owned()], sentence.to_owned());
    let mut cases = vec![
        with_cert(
            &missing,
            &format!("wirecat: --cert {missing}: No such file or directory\n"),
        ),
        with_cert(&directory, "Is a directory"),
        with_cert(&text, "text.pem: it contains no certificate in PEM form"),
        with_cert(&cut, "a certificate in it is malformed or has no end"),
        with_cert(
            &pfx,
            "it is a PKCS#12 file, and wirecat reads PEM\n  try: openssl pkcs12 -in ",
        ),
        with_cert(
            &der,
            "it is in DER form, and wirecat reads PEM\n  try: openssl x509 -inform der -in ",
        ),
        with_cert(
            &cert,
            "it contains no private key in PEM form\n  try: --key",
        ),
        with_key(&text, "text.pem: it contains no private key in PEM form"),
        with_key(
            &missing,
            &format!("wirecat: --key {missing}: No such file or directory\n"),
        ),
        with_key(
            &other,
            &format!("its key does not belong to the certificate in {cert}"),
        ),
        with_key(
            &garbage,
            "its key is malformed, or of a kind that is not supported",
        ),
        with_key(
            &ssh,
            "its key is in the form of OpenSSH, which is not supported",
        ),
        with_key(
            &traditional,
            "(Proc-Type: 4,ENCRYPTED), which is weak and not supported\n  try: openssl pkcs8 -topk8 -v2 aes-256-cbc -in ",
        ),
    ];
    let mut wrong = with_key(&encrypted, "the password does not fit its key");
    wrong.0.extend(["--pass".to_owned(), "mistyped".to_owned()]);
    cases.push(wrong);
    // A password that is a word of the sentence.
    let mut word = with_key(&encrypted, ": the password does not fit its key");
    word.0.extend(["--pass".to_owned(), "wrong".to_owned()]);
    cases.push(word);
    for (args, sentence) in &cases {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = faults.fails(&url, &args, 58, sentence);
        assert!(!output.stderr.contains("mistyped"), "{}", output.stderr);
    }
    // Nobody has connected.
    assert!(listener.accept().is_err());
}

#[test]
fn a_client_certificate_that_the_server_refuses() {
    let mut faults = Faults::new();
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let stranger = authority();
    let client =
        |faults: &Faults, name: &str, by: &Authority, change: &dyn Fn(&mut CertificateParams)| {
            let (certificate, key) = leaf(&["client"], change, &by.issuer);
            faults
                .authority
                .write(name, certificate.pem() + &key.serialize_pem())
        };
    let expired = client(&faults, "expired.pem", &faults.authority, &in_days(-3));
    let foreign = client(&faults, "foreign.pem", &stranger, &valid);
    for version in [tls13, tls12] {
        // The sentences are the same for both.
        faults.sentences.clear();
        let server = clients_of(&faults.authority, &[version], faults.inner.address);
        let output = faults.trusting(
            &server,
            &[],
            35,
            "the server sent the alert certificate_required: it requires a client certificate",
        );
        output.complains(&["\n  try: -E FILE authenticates with a client certificate\n"]);
        let sentence = format!(
            "the server does not accept the client certificate in {expired}: our certificate has expired (alert certificate_expired)\n  its subject: CN=the server\n  its issuer: CN=wirecat test root\n  it expires: 2"
        );
        faults.trusting(&server, &["-E", &expired], 58, &sentence);
        let sentence = format!("the server does not accept the client certificate in {foreign}: ");
        faults.trusting(&server, &["-E", &foreign], 58, &sentence);
    }
}

/// Some servers send no alert, and the network may lose it together with the connection.
#[test]
fn a_connection_that_is_reset_after_a_client_certificate_was_asked_for() {
    let mut faults = Faults::new();
    let (certificate, key) = leaf(&["client"], valid, &faults.authority.issuer);
    let own = faults
        .authority
        .write("own.pem", certificate.pem() + &key.serialize_pem());
    let given = format!(
        "the server does not accept the client certificate in {own}: it ended the connection after it got it"
    );
    for (args, exit, sentence) in [
        (
            &[][..],
            35,
            "TLS failed: the server ended the connection after it asked for a client certificate",
        ),
        (&["-E", &own], 58, &given),
    ] {
        let config = Arc::new(asking(&faults.authority));
        let server = raw(move |mut wire| {
            let mut tls = rustls::ServerConnection::new(config).unwrap();
            while tls.is_handshaking() {
                tls.complete_io(&mut wire.0).unwrap();
            }
            wire.reset();
        });
        let cacert = faults.authority.cacert();
        let url = server.url("/").replace("ws:", "wss:");
        faults.fails(
            &url,
            &[&["--cacert", &cacert], args].concat(),
            exit,
            sentence,
        );
        server.result();
    }
}

#[test]
fn a_server_without_our_tls() {
    let mut faults = Faults::new();
    // A ServerHello of TLS 1.1.
    let old = raw(|mut wire| {
        wire.take(5);
        let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0x2f, 0]);
        wire.send(hello);
        wire
    });
    let wss = |url: String| url.replace("ws:", "wss:");
    let sentence = "TLS handshake failed: the server speaks neither TLS 1.2 nor TLS 1.3";
    faults.fails(&wss(old.url("/")), &[], 35, sentence);
    let plain = raw(|mut wire| {
        wire.take(5);
        wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        wire
    });
    let sentence = "TLS handshake failed: the server does not speak TLS on this port";
    faults.fails(&wss(plain.url("/")), &[], 35, sentence);
    for (version, option, value, sentence) in [
        (
            &rustls::version::TLS12,
            "--tlsv1.3",
            None,
            "it speaks no TLS 1.3",
        ),
        (
            &rustls::version::TLS13,
            "--tls-max",
            Some("1.2"),
            "it speaks no TLS 1.2",
        ),
    ] {
        let (certificate, key) = leaf(&["127.0.0.1"], valid, &faults.authority.issuer);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = versions(&[version])
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let server = terminate_with(config, faults.inner.address);
        let args: Vec<&str> = [option].into_iter().chain(value).collect();
        faults.trusting(&server, &args, 35, sentence);
    }
}

#[test]
fn a_server_that_hangs_in_the_handshake() {
    let mut faults = Faults::new();
    let server = raw(|mut wire| {
        wire.take(5);
        let _ = wire.0.read_to_end(&mut Vec::new());
    });
    let url = server.url("/").replace("ws:", "wss:");
    let sentence = "timed out after 2s (waiting for the server in the TLS handshake)";
    faults.fails(&url, &["-k", "--connect-timeout=2s"], 35, sentence);
    server.result();
}

/// It may be busy: it has spoken TLS before.
#[test]
fn a_server_that_hangs_after_a_restart_is_tried_again() {
    let authority = authority();
    let config = Arc::new(authority.certified(server_config().with_no_client_auth()));
    let server = raws(3, move |number, mut wire| match number {
        2 => {
            wire.take(5);
            let _ = wire.0.read_to_end(&mut Vec::new());
        }
        _ => {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut wire.0);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let accept = accept_for(header(&head, "sec-websocket-key").unwrap());
            write!(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").unwrap();
            let code = if number == 1 { 1012 } else { 1000 };
            stream.write_all(&close(code, "")).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let cacert = authority.cacert();
    let url = server.url("/").replace("ws:", "wss:");
    let args = [
        "--cacert",
        &cacert,
        "--reconnect=3",
        "--reconnect-delay=1ms",
        "--connect-timeout=2s",
        "--on-eof=stay",
        "-v",
        &url,
    ];
    let output = wirecat(args).run();
    output
        .exits(0)
        .complains(&["closed by server: 1012", "in the TLS handshake"]);
    server.result();
}

/// With TLS 1.3, our side of the handshake has ended before the server looks at the certificate.
#[test]
fn no_request_leaves_before_the_client_certificate_is_looked_at() {
    let authority = authority();
    let verifier = client_verifier(&authority).build().unwrap();
    let config = versions(&[&rustls::version::TLS13]).with_client_cert_verifier(verifier);
    let config = Arc::new(authority.certified(config));
    let server = raw(move |mut wire| {
        let mut tls = rustls::ServerConnection::new(config).unwrap();
        // A byte at a time: what comes after the certificate stays in the connection.
        let mut slow = Bytewise(wire.0.try_clone().unwrap());
        while tls.complete_io(&mut slow).is_ok() {}
        while tls.wants_write() {
            tls.write_tls(&mut wire.0).unwrap();
        }
        let mut rest = Vec::new();
        let _ = wire.0.read_to_end(&mut rest);
        rest.len()
    });
    let cacert = authority.cacert();
    let url = server.url("/").replace("ws:", "wss:");
    let header = format!("X-Long: {}", "x".repeat(8000));
    wirecat(["--cacert", &cacert, "-H", &header, "-d", "hi", &url])
        .run()
        .exits(35)
        .complains(&["it requires a client certificate"]);
    let rest = server.result();
    assert!(rest < 1000, "{rest} bytes came after the certificate");
}

/// Reads a byte at a time.
struct Bytewise(TcpStream);

impl Read for Bytewise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(&mut buffer[..1])
    }
}

impl Write for Bytewise {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
