//! Jobs whose servers cannot be had on a machine of the tests: what their documentation shows is
//! played, from `tests/transcripts/jobs.txt`.

use std::fs;

use super::Job;
use crate::support::played::{Played, play};
use crate::support::server::{Wire, raw, text};

/// Runs a job against an exchange, which must go as the transcript says.
#[track_caller]
fn run(job: Job, shown: &str, played: Played) {
    job.at(shown, &played.url("")).run();
    if let Err(mismatch) = played.result() {
        panic!("{mismatch}");
    }
}

#[test]
fn a_models_answer() {
    let job = Job::of("A model's answer while it is written").env("API_KEY", "0123456789abcdef");
    run(job, "wss://api.openai.com", play("jobs.txt", "responses"));
}

#[test]
fn prices_of_an_exchange() {
    let job = Job::of("Prices of an exchange");
    run(
        job,
        "wss://stream.binance.com:9443",
        play("jobs.txt", "exchange"),
    );
}

#[test]
fn a_firehose() {
    let job = Job::of("A firehose that goes on where it was");
    run(job, "wss://jetstream.example", play("jobs.txt", "firehose"));
}

#[test]
fn a_firehose_in_cbor() {
    let job = Job::of("A firehose in CBOR");
    run(job, "wss://relay.example", play("jobs.txt", "repositories"));
}

#[test]
fn a_shell_in_a_pod_of_kubernetes() {
    let job = Job::of("A shell in a pod of Kubernetes").env("KUBE_TOKEN", "0123456789abcdef");
    run(
        job,
        "wss://kubernetes.example:6443",
        play("jobs.txt", "pod"),
    );
}

/// What came before the end of the audio.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Speech {
    /// A text that came first, if any.
    pub(super) config: String,
    pub(super) audio: Vec<u8>,
    pub(super) sizes: Vec<usize>,
}

/// vosk-server: it answers each piece, and compares the last message with a string.
pub(super) fn recognize(mut wire: Wire) -> Speech {
    wire.handshake();
    let mut speech = Speech::default();
    loop {
        let frame = wire.frame().unwrap();
        if frame.opcode == 2 {
            speech.sizes.push(frame.payload.len());
            speech.audio.extend(frame.payload);
            wire.send(text(r#"{"partial":"one"}"#));
            continue;
        }
        assert_eq!(frame.opcode, 1);
        if frame.payload == br#"{"eof" : 1}"# {
            break;
        }
        assert!(speech.config.is_empty() && speech.sizes.is_empty());
        speech.config = String::from_utf8(frame.payload).unwrap();
    }
    wire.send(text(r#"{"text":"one two three"}"#));
    wire.close(1000, "");
    speech
}

#[test]
fn speech_to_text() {
    let audio: Vec<u8> = (0..20_001_u32).map(|n| n as u8).collect();
    let server = raw(recognize);
    let job = Job::of("Speech to text");
    fs::write(job.folder().join("speech.wav"), &audio).unwrap();
    job.at("ws://localhost:2700/", &server.url("/")).run();
    let speech = server.result();
    assert_eq!(speech.config, r#"{"config":{"sample_rate":16000}}"#);
    assert_eq!(speech.sizes, [8000, 8000, 4001]);
    assert!(speech.audio == audio);
}
