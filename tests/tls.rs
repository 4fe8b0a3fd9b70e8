//! wss: whose certificate is trusted, what is said where it is not, and what goes over it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::support::pty::Pty;
use crate::support::server::{close, raw, serve, text};
use crate::support::{Output, wirecat};

const DAY: u64 = 86_400;

/// A certificate authority that exists for one test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "wirecat test root");
    let key = KeyPair::generate().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    std::fs::write(directory.path().join("root.pem"), pem).unwrap();
    Authority {
        issuer: Issuer::new(params, key),
        directory,
    }
}

impl Authority {
    fn file(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    fn cacert(&self) -> String {
        self.file().display().to_string()
    }

    /// Serves TLS in front of `inner` with a certificate for these names.
    fn serve(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        inner: SocketAddr,
    ) -> Tls {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "the server");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        terminate(&certificate, &key, inner)
    }
}

/// TLS in front of a plain server, for as long as it is held.
struct Tls {
    address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Tls {
    fn url(&self, path: &str) -> String {
        format!("wss://{}{path}", self.address)
    }
}

fn terminate(certificate: &Certificate, key: &KeyPair, inner: SocketAddr) -> Tls {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let forward = async {
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        // A client that trusts nobody goes away here.
                        let Ok(mut tls) = acceptor.accept(tcp).await else {
                            return;
                        };
                        let mut plain = tokio::net::TcpStream::connect(inner).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                    });
                }
            };
            tokio::select! {
                () = forward => {}
                _ = stopped => {}
            }
        });
    });
    Tls {
        address,
        _stop: stop,
    }
}

fn valid(_: &mut CertificateParams) {}

/// How many days from now, as the certificate's calendar has it.
fn in_days(days: i64) -> impl Fn(&mut CertificateParams) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // An hour of grace: the whole day must be over.
    let end = now.checked_add_signed(days * DAY as i64 - 3600).unwrap();
    move |params| params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end)
}

#[track_caller]
fn untrusted(output: &Output, why: &str) {
    output.exits(60).prints("");
    let first = format!("wirecat: the certificate of 127.0.0.1 is not trusted: {why}\n");
    output.complains(&[&first]);
    output.complains(&[
        "\n  subject: CN=the server\n  issuer: CN=wirecat test root\n  valid for: ",
        "\n  try: --cacert FILE trusts its issuer; -k connects without checking\n",
    ]);
}

#[test]
fn an_authority_is_trusted_when_it_is_named() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let url = server.url("/echo");
    let file = authority.cacert();
    let echoes = |options: &[&str]| wirecat([options, &["-d", "hi", "-1", &url]].concat());
    untrusted(
        &echoes(&[]).run(),
        "it is signed by nobody this system trusts",
    );
    echoes(&["--cacert", &file])
        .run()
        .exits(0)
        .prints("hi\n")
        .is_quiet();
    echoes(&["-k"]).run().exits(0).prints("hi\n").is_quiet();
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
    let none = echoes(&[]).env("SSL_CERT_FILE", "/nonexistent").run();
    none.exits(60).complains(&[
        "this system has no root certificates to check the server with",
        "--cacert",
    ]);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let (authority, plain) = (authority(), serve());
    let file = authority.cacert();
    let run = |server: &Tls| wirecat(["--cacert", &file, &server.url("/echo")]).run();
    let server = authority.serve(&["127.0.0.1"], in_days(-3), plain.address);
    untrusted(&run(&server), "it expired 3 days ago");
    let server = authority.serve(
        &["127.0.0.1"],
        |params| params.not_before = date_time_ymd(4000, 1, 1),
        plain.address,
    );
    run(&server)
        .exits(60)
        .complains(&["it is not valid for another ", " days\n"]);
    let server = authority.serve(&["other.example", "10.0.0.1"], valid, plain.address);
    let output = run(&server);
    untrusted(&output, "it is not for '127.0.0.1'");
    output.complains(&["\n  valid for: other.example, 10.0.0.1\n"]);
    // None of it matters to -k.
    wirecat(["-k", "-d", "hi", "-1", &server.url("/echo")])
        .run()
        .exits(0)
        .prints("hi\n");
}

/// What `openssl req -x509` makes is an authority at once, which webpki takes for no server's.
#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_named() {
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
            "wirecat: the certificate of 127.0.0.1 is not trusted: it is signed by itself\n",
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
fn v_shows_what_was_agreed() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let file = authority.cacert();
    let show = |trust: &[&str]| {
        wirecat([trust, &["-v", "-d", "x", "-1", &server.url("/echo")]].concat()).run()
    };
    let known = "* TLSv1.3, TLS13_AES_256_GCM_SHA384\n* subject: CN=the server\n* issuer: CN=wirecat test root\n* expires: 4096-01-01T00:00:00Z\n";
    let output = show(&["--cacert", &file]);
    output.exits(0).complains(&[known]);
    assert!(!output.stderr.contains("not verified"), "{}", output.stderr);
    show(&["-k"])
        .exits(0)
        .complains(&[known, "* certificate not verified (--insecure)\n"]);
}

#[test]
fn a_file_that_holds_no_certificate_is_a_usage_error() {
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
        (file("empty.pem", ""), "it holds no certificate in PEM form"),
        (
            file("text.pem", "hello"),
            "it holds no certificate in PEM form",
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
fn frames_that_come_with_the_101_are_not_lost() {
    let authority = authority();
    let plain = raw(|mut wire| {
        wire.handshake_with("", &[text("early"), text("bird"), close(1000, "")].concat());
        wire.until_close()
    });
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    wirecat(["-k", &server.url("/")])
        .run()
        .exits(0)
        .prints("early\nbird\n")
        .is_quiet();
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
fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let server = serve();
    let tls = authority().serve(&["127.0.0.1"], |_| {}, server.address);
    let run = wirecat(["--reconnect", "-d", "x", &tls.url("/echo")]).run();
    run.exits(60).complains(&["not retrying: "]);
    assert!(!run.stderr.contains("retry 1"), "{}", run.stderr);
}
