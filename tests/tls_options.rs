//! What the options of TLS change: who is trusted, who we are, which versions, and the file of keys.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use crate::support::pty::Pty;
use crate::support::server::{Serve, serve};
use crate::support::site::{redirect, site};
use crate::support::tls::{
    Authority, Tls, authority, clients_of, leaf, openssl, terminate_with, valid, versions,
};
use crate::support::{fifo, output, reader_of, wirecat};

/// A server that requires a client certificate, and a client that has one, in files.
struct Mutual {
    authority: Authority,
    server: Tls,
    _plain: Serve,
}

fn mutual() -> Mutual {
    let (authority, plain) = (authority(), serve());
    let server = clients_of(&authority, rustls::ALL_VERSIONS, plain.address);
    Mutual {
        authority,
        server,
        _plain: plain,
    }
}

impl Mutual {
    /// A client certificate for this key.
    fn certificate(&self, key: &KeyPair) -> String {
        let mut params = CertificateParams::new(["client".to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.signed_by(key, &self.authority.issuer).unwrap().pem()
    }

    #[track_caller]
    fn echoes(&self, args: &[&str]) {
        let common = ["--cacert", &self.authority.cacert(), "-d", "hi", "-1"];
        let url = self.server.url("/echo");
        let output = wirecat([&common[..], args, &[&url]].concat()).run();
        output.exits(0).prints("hi\n").is_quiet();
    }
}

#[test]
fn a_client_certificate_in_every_form_that_openssl_writes() {
    let mutual = mutual();
    let (pkcs1, rsa) = (
        mutual.authority.path("pkcs1.key"),
        mutual.authority.path("rsa.key"),
    );
    let (sec1, ec) = (
        mutual.authority.path("sec1.key"),
        mutual.authority.path("ec.key"),
    );
    openssl(&["genrsa", "-traditional", "-out", &pkcs1, "2048"]);
    openssl(&["ecparam", "-genkey", "-name", "prime256v1", "-out", &sec1]);
    for (from, to) in [(&pkcs1, &rsa), (&sec1, &ec)] {
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", from, "-out", to]);
    }
    let certificate = |name: &str, key: &str| {
        let key = KeyPair::from_pem(&std::fs::read_to_string(key).unwrap()).unwrap();
        mutual.authority.write(name, mutual.certificate(&key))
    };
    let (of_rsa, of_ec) = (certificate("rsa.pem", &rsa), certificate("ec.pem", &ec));
    for (cert, key) in [
        (&of_rsa, &pkcs1),
        (&of_rsa, &rsa),
        (&of_ec, &sec1),
        (&of_ec, &ec),
    ] {
        mutual.echoes(&["--cert", cert, "--key", key]);
    }
    let encrypted = mutual.authority.path("encrypted.key");
    for how in [
        &["-v2", "aes-256-cbc"][..],
        &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
        &["-scrypt"],
    ] {
        let make = [
            "pkcs8",
            "-topk8",
            "-passout",
            "pass:a:b c",
            "-in",
            &ec,
            "-out",
            &encrypted,
        ];
        openssl(&[&make[..], how].concat());
        mutual.echoes(&["-E", &of_ec, "--key", &encrypted, "--pass", "a:b c"]);
        mutual.echoes(&["-E", &format!("{of_ec}:a:b c"), "--key", &encrypted]);
    }
    // All in one file, after what openssl writes about it, and a colon in its name.
    let one = ["certificate:\n", &std::fs::read_to_string(&of_ec).unwrap()].concat();
    let one = one + &std::fs::read_to_string(&encrypted).unwrap();
    let path = mutual.authority.write("a:b.pem", one);
    mutual.echoes(&["-E", &path, "--pass", "a:b c"]);
    let escaped = path.replace(':', r"\:");
    mutual.echoes(&["-E", &format!("{escaped}:a:b c")]);
}

#[test]
fn the_passphrase_is_asked_for() {
    let mutual = mutual();
    let key = KeyPair::generate().unwrap();
    let cert = mutual
        .authority
        .write("client.pem", mutual.certificate(&key));
    let (plain, encrypted) = (
        mutual.authority.write("plain.key", key.serialize_pem()),
        mutual.authority.path("key"),
    );
    openssl(&[
        "pkcs8",
        "-topk8",
        "-passout",
        "pass:open sesame",
        "-in",
        &plain,
        "-out",
        &encrypted,
    ]);
    let (cacert, url) = (
        mutual.authority.cacert(),
        mutual.server.url("/close/1000?after=1"),
    );
    let args = ["--cacert", &cacert, "-E", &cert, "--key", &encrypted];
    for (typed, exit) in [("open sesame\r", 0), ("guess\r", 58)] {
        let mut pty = Pty::start(&[&args[..], &["-d", "x", &url]].concat());
        pty.expect("Password for ");
        pty.type_keys(typed);
        let written = pty.exits(exit);
        assert!(
            !written.contains("sesame") && !written.contains("guess"),
            "{written}"
        );
        assert_eq!(
            written.contains("the password does not fit its key"),
            exit == 58
        );
    }
    // Once for all connections.
    let again = [
        "--reconnect=1",
        "--reconnect-on=1000",
        "--reconnect-delay=1ms",
    ];
    let mut pty = Pty::start(&[&args[..], &again, &["-d", "x", &url]].concat());
    pty.expect("Password for ");
    pty.type_keys("open sesame\r");
    let written = pty.exits(0);
    assert!(written.contains("retry 1 in 0ms"), "{written}");
    assert_eq!(written.matches("Password for ").count(), 1, "{written}");
}

#[test]
fn capath_trusts_every_certificate_in_a_directory() {
    let (authority, other, plain) = (authority(), authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let (directory, url) = (tempfile::tempdir().unwrap(), server.url("/echo"));
    let path = directory.path().display().to_string();
    let run = |args: &[&str]| wirecat([args, &["-d", "hi", "-1", &url]].concat()).run();
    let why =
        format!("wirecat: --capath {path}: no file in it contains a certificate in PEM form\n");
    run(&["--capath", &path]).exits(2).complains(&[&why]);
    std::fs::write(directory.path().join("README"), "no certificate").unwrap();
    crate::support::make_fifo(&directory.path().join("fifo"));
    std::fs::copy(authority.file(), directory.path().join("any name")).unwrap();
    run(&["--capath", &path]).exits(0).prints("hi\n").is_quiet();
    // Beside --cacert, and instead of the environment's.
    run(&["--capath", &path, "--cacert", &other.cacert()])
        .exits(0)
        .prints("hi\n");
    run(&["--cacert", &other.cacert()]).exits(60);
    let missing = directory.path().join("missing").display().to_string();
    let why = format!("wirecat: --capath {missing}: No such file or directory\n");
    run(&["--capath", &missing]).exits(2).complains(&[&why]);
}

#[test]
fn a_pinned_public_key_is_a_hash_or_a_file() {
    let (authority, plain) = (authority(), serve());
    let (certificate, key) = leaf(&["127.0.0.1"], valid, &authority.issuer);
    let server = crate::support::tls::terminate(&certificate, &key, plain.address);
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (pem, der, cert, hash) = (file("pem"), file("der"), file("cert"), file("hash"));
    std::fs::write(&cert, certificate.pem()).unwrap();
    openssl(&["x509", "-in", &cert, "-noout", "-pubkey", "-out", &pem]);
    openssl(&[
        "pkey", "-pubin", "-in", &pem, "-outform", "der", "-out", &der,
    ]);
    openssl(&["dgst", "-sha256", "-binary", "-out", &hash, &der]);
    use base64::Engine;
    let hash = base64::engine::general_purpose::STANDARD.encode(std::fs::read(&hash).unwrap());
    let pin = format!("sha256//{hash}");
    let other = format!("sha256//{}=;{pin}", "A".repeat(43));
    let url = server.url("/echo");
    for pinned in [&pin, &other, &pem, &der] {
        let args = ["--pinnedpubkey", pinned, "-d", "hi", "-1", &url];
        let output = wirecat(args).arg("--cacert").arg(&authority.cacert()).run();
        output.exits(0).prints("hi\n").is_quiet();
    }
    for (pinned, why) in [
        (
            cert.as_str(),
            "it contains no public key in PEM or DER form",
        ),
        ("/nonexistent", "No such file or directory"),
        (
            "sha256//AAAA",
            "a hash is not sha256// and 32 bytes in base64",
        ),
    ] {
        let output = wirecat(["--pinnedpubkey", pinned, "-k", &url]).run();
        output
            .exits(2)
            .complains(&["wirecat: --pinnedpubkey ", why]);
    }
}

#[test]
fn the_version_of_tls_is_that_of_the_options() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let (file, url) = (authority.cacert(), server.url("/echo"));
    for (args, version) in [
        (&[][..], "TLSv1.3"),
        (&["--tlsv1.2"], "TLSv1.3"),
        (&["--tlsv1.3"], "TLSv1.3"),
        (&["--tls-max", "1.2"], "TLSv1.2"),
        (&["--tlsv1.3", "--tlsv1.2", "--tls-max", "1.2"], "TLSv1.2"),
        (&["--tlsv1.3", "--tls-max", "default"], "TLSv1.3"),
    ] {
        let common = ["--cacert", &file, "-v", "-d", "hi", "-1", &url];
        let output = wirecat([args, &common].concat()).run();
        output.exits(0).complains(&[&format!("* {version}, ")]);
    }
    let old = "has only TLS 1.2 and 1.3, because the earlier versions are not secure (RFC 8996)";
    for (args, why) in [
        (
            &["--tlsv1.3", "--tls-max", "1.2"][..],
            "--tlsv1.3 and --tls-max 1.2 leave no version of TLS",
        ),
        (&["--tls-max", "1.1"], old),
        (&["--tls-max", "2"], "it is 1.2 or 1.3"),
        (&["--tlsv1.1"], old),
        (&["--tlsv1.0"], old),
        (&["--tlsv1"], old),
        (&["--sslv3"], old),
        (
            &["--ciphers", "AES128-SHA"],
            "--ciphers is not supported: wirecat offers the cipher suites of rustls",
        ),
        (
            &["--tls13-ciphers=TLS_AES_128_GCM_SHA256"],
            "--tls13-ciphers is not supported: ",
        ),
    ] {
        let output = wirecat([args, &[&url]].concat()).run();
        output.exits(2).prints("").complains(&[why]);
    }
}

#[test]
fn the_keys_of_a_session_are_appended_to_the_file_of_sslkeylogfile() {
    let (authority, plain) = (authority(), serve());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let run = |version: &'static rustls::SupportedProtocolVersion, log: &Path, args: &[&str]| {
        let (certificate, key) = leaf(&["127.0.0.1"], valid, &authority.issuer);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = versions(&[version])
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let server = terminate_with(config, plain.address);
        let url = server.url("/close/1000");
        let output = wirecat([args, &["--cacert", &authority.cacert(), &url]].concat());
        output
            .env("SSLKEYLOGFILE", &log.display().to_string())
            .run()
    };
    run(&rustls::version::TLS13, &path, &[]).exits(0);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    run(&rustls::version::TLS12, &path, &[]).exits(0);
    let keys = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Vec<&str>> = keys.lines().map(|line| line.split(' ').collect()).collect();
    for label in [
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "CLIENT_RANDOM",
    ] {
        let line = lines.iter().find(|line| line[0] == label).unwrap();
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            line.len() == 3 && line[1].len() == 64 && line[2].len() >= 64,
            "{line:?}"
        );
        assert!(is_hex(line[1]) && is_hex(line[2]), "{line:?}");
    }
    // It is no reason to fail or to wait, and said once in a run.
    let (_directory, nobody_reads) = fifo();
    let output = run(&rustls::version::TLS13, &nobody_reads, &[]);
    output.exits(0).complains(&["SSLKEYLOGFILE"]);
    let (_directory, path) = fifo();
    let reads = File::options().read(true).write(true).open(&path).unwrap();
    fill(&reads);
    let output = run(&rustls::version::TLS13, &path, &[]);
    output.exits(0).complains(&["SSLKEYLOGFILE"]);
    let again = [
        "--reconnect=2",
        "--reconnect-on=1000",
        "--reconnect-delay=1ms",
    ];
    let output = run(&rustls::version::TLS13, directory.path(), &again);
    let warning = format!(
        "wirecat: warning: the keys of the TLS session are not written to SSLKEYLOGFILE {}: Is a directory\n",
        directory.path().display()
    );
    output.exits(113);
    assert_eq!(
        output.stderr.matches(&warning).count(),
        1,
        "{}",
        output.stderr
    );
}

/// Fills a pipe.
fn fill(mut pipe: &File) {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while pipe.write(&[0; 4096]).is_ok() {}
    while pipe.write(&[0]).is_ok() {}
}

#[test]
fn a_password_in_a_configuration_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    for (content, why) in [
        ("cert = 'c.pem:hidden'", "'cert' contains a password"),
        ("cert = 'c.pem'\npass = 'hidden'", "'pass' is a secret"),
    ] {
        std::fs::write(&file, format!("[defaults]\n{content}\n")).unwrap();
        let config = file.display().to_string();
        let output = wirecat(["--config", &config, "ws://127.0.0.1:1"]).run();
        output.exits(2).complains(&[why]);
        assert!(!output.stderr.contains("hidden"), "{}", output.stderr);
    }
}

#[test]
fn a_client_certificate_stays_behind_on_a_redirect_to_another_server() {
    let mutual = mutual();
    let key = KeyPair::generate().unwrap();
    let own = mutual.certificate(&key) + &key.serialize_pem();
    let own = mutual.authority.write("own.pem", own);
    let there = mutual.server.url("/echo");
    let first = site(move |_, _| redirect(302, &there));
    let cacert = mutual.authority.cacert();
    let options = ["-L", "--cacert", &cacert, "-E", &own, "-d", "hi", "-1"];
    let run = |more: &[&str]| wirecat([&options[..], more, &[&first.url("/")]].concat()).run();
    run(&[])
        .exits(35)
        .complains(&["which does not get the client certificate"]);
    run(&["--location-trusted"]).exits(0).prints("hi\n");
}

#[test]
fn roots_are_read_once_whatever_redirects_lead_to() {
    let (authority, plain) = (authority(), serve());
    let server = authority.serve(&["127.0.0.1"], valid, plain.address);
    let there = server.url("/close/1000");
    let first = site(move |_, _| redirect(302, &there));
    let (own, key) = leaf(&["client"], valid, &authority.issuer);
    let file = authority.directory.path().join("own.pem");
    std::fs::write(&file, own.pem() + &key.serialize_pem()).unwrap();
    // What is read from here cannot be read again.
    let (_directory, path) = fifo();
    let options = [
        "-L",
        "-E",
        file.to_str().unwrap(),
        "--cacert",
        path.to_str().unwrap(),
        "--reconnect=2",
        "--reconnect-on=1000",
        "--reconnect-delay=1ms",
        &first.url("/"),
    ];
    let child = wirecat(options).spawn();
    let pem = std::fs::read(authority.file()).unwrap();
    reader_of(&path).write_all(&pem).unwrap();
    output(child)
        .exits(113)
        .complains(&["gave up connecting: closed by server: 1000"]);
}
