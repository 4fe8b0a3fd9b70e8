//! The debug server over HTTP/2 with TLS: the echo, the hub and the page, as ALPN and RFC 8441 have it, and
//! clients with certificates.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::support::serving::Serving;
use crate::support::tls::{authority, leaf, valid};
use crate::support::{Output, wirecat};

/// A server with a certificate that it has made, and the file of the authority.
struct SelfSigned {
    server: Serving,
    ca: String,
    _folder: tempfile::TempDir,
}

impl SelfSigned {
    #[track_caller]
    fn start(options: &[&str]) -> SelfSigned {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem").to_str().unwrap().to_owned();
        let own = ["0", "--self-signed", "--ca-file", &ca];
        let server = Serving::start(&[&own, options].concat());
        SelfSigned {
            server,
            ca,
            _folder: folder,
        }
    }

    /// Runs wirecat over HTTP/2 with these options, and this path.
    #[track_caller]
    fn run(&self, path: &str, options: &[&str]) -> Output {
        let url = self.server.url(path);
        let http2 = ["--cacert", &self.ca, "--http2-only", "--json", &url];
        wirecat([&http2, options].concat()).run()
    }
}

/// The messages received, from the events, over HTTP/2.
#[track_caller]
fn messages(run: &Output) -> Vec<String> {
    run.exits(0);
    let text = run.stdout_text();
    let events = text.lines();
    let events: Vec<serde_json::Value> = events
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let open = events.iter().find(|event| event["type"] == "open");
    assert_eq!(open.unwrap()["http"], "2", "{text}");
    let received = events.iter().filter(|event| event["type"] == "receive");
    received
        .map(|event| event["data"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_echo_and_the_hub_work() {
    let server = SelfSigned::start(&[]);
    let echo = server.run("/echo", &["-d", "one", "-d", "two", "--count", "2"]);
    assert_eq!(messages(&echo), ["one", "two"]);
    let message = r#"{"event":"message","data":"hi","ref":1}"#;
    let sent = server.run("/events?token=xiao", &["-d", message, "--count", "3"]);
    let sent = messages(&sent);
    assert!(sent[0].starts_with(r#"{"event":"connected","data":{"user":"xiao""#));
    assert_eq!(sent[1], r#"{"event":"ack","ref":1,"id":1}"#);
    assert!(sent[2].starts_with(r#"{"event":"message","id":1,"from":"xiao","data":"hi""#));
    let resumed = server.run("/events?token=ada&after=0", &["--count", "2"]);
    let resumed = messages(&resumed);
    assert!(resumed[0].contains(r#""recovered":true"#), "{resumed:?}");
    assert_eq!(resumed[1], sent[2]);
    // What a refusal and a Close say.
    let wrong = server.run("/status/503", &[]);
    wrong.exits(22).complains(&["503"]);
    server.run("/close/4001?reason=bye", &[]).exits(112);
}

/// The bodies of these pages over one connection, whose protocol is negotiated by ALPN.
#[track_caller]
fn pages(server: &SelfSigned, paths: &[&str]) -> Vec<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, connection) = h2::client::handshake(over_tls(server).await).await.unwrap();
        tokio::spawn(connection);
        let mut sender = sender.ready().await.unwrap();
        let mut answers = Vec::new();
        for path in paths {
            let uri = format!("https://{}{path}", server.server.address());
            let request = hyper::Request::get(uri).body(()).unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            let response = response.await.unwrap();
            let status = response.status().as_u16();
            let mut stream = response.into_body();
            let mut body = Vec::new();
            while let Some(part) = stream.data().await {
                let part = part.unwrap();
                stream.flow_control().release_capacity(part.len()).unwrap();
                body.extend(part);
            }
            answers.push((status, String::from_utf8(body).unwrap()));
        }
        answers
    })
}

/// A connection on which the server has chosen HTTP/2.
async fn over_tls(server: &SelfSigned) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(&server.ca).unwrap();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = tokio::net::TcpStream::connect(server.server.address());
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream.await.unwrap()).await;
    let stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream
}

#[test]
fn the_page_and_the_lists_come_over_one_connection() {
    let server = SelfSigned::start(&[]);
    let pages = pages(&server, &["/", "/endpoints", "/events/rooms", "/nowhere"]);
    let statuses: Vec<u16> = pages.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 401, 404]);
    assert!(pages[0].1.starts_with("<!doctype html>"));
    let list: serde_json::Value = serde_json::from_str(&pages[1].1).unwrap();
    assert_eq!(list["endpoints"][0]["path"], "/echo");
}

#[test]
fn a_client_with_a_certificate_uses_the_hub() {
    let members = authority();
    let server = SelfSigned::start(&["--client-ca", &members.cacert()]);
    let (certificate, key) = leaf(&["client"], valid, &members.issuer);
    let client = members.write("client.pem", certificate.pem() + &key.serialize_pem());
    let run = server.run("/events?token=ada", &["-E", &client, "-1"]);
    let received = messages(&run);
    assert!(received[0].contains(r#""user":"ada""#), "{received:?}");
    server.run("/events?token=ada", &["-1"]).exits(35);
    let log = server.server.end().stderr;
    let request = "CONNECT /events?token=[redacted] -> 200 (CN=";
    assert!(log.contains(request), "{log}");
    assert!(log.contains("the client has no certificate"), "{log}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn the_page_works_in_a_browser() {
    use crate::support::webdriver::{Browser, ENTER};

    let server = SelfSigned::start(&[]);
    let browser = Browser::start();
    browser.open(&format!("https://{}/", server.server.address()));
    let protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert_eq!(browser.run(protocol, &[]), "h2");
    browser.type_into("#token", &format!("xiao{ENTER}"));
    browser.wait_for("#hub-state", "Connected as xiao");
    browser.type_into("#text", &format!("over HTTP/2{ENTER}"));
    browser.wait_for("#hub-log", "from xiao");
    browser.click("#disconnect");
    browser.wait_for("#hub-end", "1000 normal closure");
    assert_eq!(browser.console(), Vec::<String>::new());
    // A WebSocket that is a stream of HTTP/2 is a CONNECT (RFC 8441).
    let log = server.server.end().stderr;
    assert!(log.contains("CONNECT /events -> 200"), "{log}");
}
