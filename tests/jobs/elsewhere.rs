//! Commands of jobs that stand on other pages, each as it is there.

use std::fs;

use super::Job;
use super::played::recognize;
use super::protocols::{KEY, checks_signatures};
use super::terminals::with_key;
use crate::support::components::python::websockify;
use crate::support::components::sshd::sshd;
use crate::support::server::{header, raw, raws, serve, text};

#[test]
#[ignore = "needs .ci/peers"]
fn a_tunnel() {
    let server = sshd();
    let tunnel = websockify(server.component.port);
    let gateway = format!("ws://127.0.0.1:{}", tunnel.port);
    Job::on_page("docs/streams.md", "A tunnel")
        .at("wss://gateway.example/ssh", &gateway)
        .at("ssh -o ProxyCommand", &with_key(&server.key))
        .at(" host\n", " alice@127.0.0.1 'test \"$SSH_CONNECTION\"'\n")
        .run();
}

#[test]
fn audio_at_a_pace() {
    let server = raw(recognize);
    let job = Job::on_page("docs/streams.md", "Audio at a pace, and a text at the end");
    fs::write(job.folder().join("samples"), [7; 16_001]).unwrap();
    let decoder = r#"test "$*" = "-i speech.ogg -ar 16000 -ac 1 -f s16le -" && cat samples"#;
    job.program("ffmpeg", decoder)
        .at("ws://localhost:2700", &server.url("/"))
        .run();
    let speech = server.result();
    assert_eq!(speech.sizes, [8000, 8000, 1]);
    assert_eq!(speech.audio, [7; 16_001]);
}

/// The region is the one of the host's name, which is signed too.
#[test]
#[ignore = "needs .ci/peers"]
fn signatures_for_aws() {
    let mut server = checks_signatures(&KEY[..2]);
    let here = format!("wirecat --connect-to ::127.0.0.1:{} --aws", server.port);
    let job = Job::on_page("docs/requests.md", "Signatures for AWS")
        .at("wirecat --aws", &here)
        .at("wss://…", "wss://a1b2")
        .at("wss:", "ws:");
    let variables = KEY[..2].iter();
    variables
        .fold(job, |job, (name, value)| job.env(name, *value))
        .run();
    for service in [
        "execute-api abc123.execute-api.eu-west-1",
        "iotdevicegateway a1b2-ats.iot.eu-west-1",
    ] {
        let line = format!("eu-west-1 {service}.amazonaws.com");
        assert_eq!(server.line(), line);
    }
}

/// Slack: a request gives a URL that is good for one connection.
#[test]
#[ignore = "needs .ci/peers"]
fn a_url_that_is_computed() {
    let server = raws(2, |number, mut wire| {
        if number == 1 {
            let request = wire.request();
            let host = header(&request, "host").unwrap();
            let body = format!(r#"{{"ok":true,"url":"ws://{host}/link/?ticket=one"}}"#);
            let length = body.len();
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ));
            return request;
        }
        let request = wire.handshake();
        wire.send(text(r#"{"type":"hello"}"#));
        wire.answer_close();
        request
    });
    let mut job = Job::on_page("docs/requests.md", "A URL that is computed")
        .at("https://slack.com", &server.url("").replace("ws:", "http:"))
        .env("SLACK_APP_TOKEN", "xapp-1");
    let ticket = job.take(0).script;
    fs::write(job.folder().join("ticket.sh"), ticket).unwrap();
    job.runs(
        "wirecat -1 --on-eof stay 'cmd:sh ticket.sh'",
        "{\"type\":\"hello\"}\n",
    );
    let [asks, connects] = &server.result()[..] else {
        panic!("two requests");
    };
    assert!(asks.starts_with("POST /api/apps.connections.open HTTP"));
    assert_eq!(header(asks, "authorization"), Some("Bearer xapp-1"));
    assert!(connects.starts_with("GET /link/?ticket=one HTTP"));
}

#[test]
fn a_request_from_a_browser() {
    let server = serve();
    let job = Job::on_page("docs/requests.md", "Copy as cURL");
    let host = server.address;
    let copied = format!(
        "curl 'ws://{host}/echo' \\\n  -H 'Origin: http://{host}' \\\n  -H 'Cookie: a=b' --compressed\n"
    );
    fs::write(job.folder().join("request.txt"), copied).unwrap();
    job.run();
}

/// The pages that go with the jobs have no section whose commands nobody runs.
#[test]
fn every_section_is_run() {
    let sources = super::sources();
    let mut seen = 0;
    for page in ["docs/programs.md", "docs/requests.md", "docs/streams.md"] {
        let text = super::read(page);
        for title in super::titles(&text) {
            let run = format!("Job::on_page(\"{page}\", \"{title}\")");
            assert!(sources.contains(&run), "no test runs {title:?} of {page}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn a_deployment_that_waits_for_its_subscription() {
    let server = raw(|mut wire| {
        wire.handshake();
        let subscribes = wire.message();
        wire.send(text(r#"{"op":"subscribed"}"#));
        wire.send(text(r#"{"state":"done"}"#));
        wire.answer_close();
        subscribes
    });
    let job = Job::on_page("docs/programs.md", "Subscribe, trigger, assert");
    let deploy = job.folder().join("deploy.sh");
    fs::write(&deploy, "#!/bin/sh\necho deploying >deployed\n").unwrap();
    super::make_executable(&deploy);
    let folder = job.at("URL", &server.url("/")).run();
    assert_eq!(server.result(), br#"{"op":"subscribe"}"#);
    let deployed = fs::read_to_string(folder.path().join("deployed"));
    assert_eq!(deployed.unwrap(), "deploying\n");
}
