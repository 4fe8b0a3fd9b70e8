//! Jobs of application protocols whose messages are JSON.

use std::fs;
use std::process::Command;

use super::{Job, installed, node, python, root, start};
use crate::peers::Peer;
use crate::support::components::python::nostr_relay;
use crate::support::wirecat;

#[test]
#[ignore = "needs .ci/peers"]
fn blocks_of_an_ethereum_node() {
    let node = node("ganache");
    Job::of("Blocks of an Ethereum node")
        .on(8545, node.port)
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_graphql_subscription() {
    let server = node("graphql");
    Job::of("A GraphQL subscription")
        .profile("graphql", 4000, server.port)
        .on(4000, server.port)
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn notes_of_a_nostr_relay() {
    let relay = nostr_relay("");
    let url = format!("ws://127.0.0.1:{}/", relay.port);
    let notes = fs::read_to_string(root().join("tests/jobs/servers/notes.jsonl")).unwrap();
    let stored = wirecat(["--lockstep", "--count", "3", "--filter", ".[2]", &url]);
    let stored = stored.stdin(notes).run();
    stored.exits(0).prints("true\ntrue\ntrue\n");
    Job::of("Notes of a Nostr relay").on(6969, relay.port).run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn socket_io() {
    let server = node("socketio");
    Job::of("socket.io")
        .profile("socketio", 3000, server.port)
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_charge_point() {
    let mut server = python("ocpp", "central_system");
    Job::of("A charge point")
        .profile("ocpp", 9000, server.port)
        .run();
    assert_eq!(server.line(), "reset Accepted");
}

/// A key of AWS, and the token that a temporary one has.
pub(super) const KEY: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    ),
    ("AWS_SESSION_TOKEN", "session/token+with=signs"),
];

/// A server that admits requests which are signed with all of this key. It writes the region, the
/// service and the host of each.
#[track_caller]
pub(super) fn checks_signatures(key: &[(&'static str, &str)]) -> Peer {
    let mut command = Command::new(installed("botocore").join("bin/python"));
    command.envs(key.iter().copied());
    start(command, "signed.py")
}

#[track_caller]
fn signed(key: &[(&'static str, &str)]) {
    let server = checks_signatures(key);
    let here = format!("ws://127.0.0.1:{}/prod", server.port);
    let job = Job::of("A request that is signed for AWS").at(
        "wss://abc123.execute-api.eu-west-1.amazonaws.com/prod",
        &here,
    );
    key.iter()
        .fold(job, |job, (name, value)| job.env(name, *value))
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_request_that_is_signed_for_aws() {
    signed(&KEY[..2]);
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_request_that_is_signed_with_a_temporary_key() {
    signed(&KEY);
}

/// `nak` is not in a registry of the peers; what stands for it takes its arguments, and signs like it.
#[test]
#[ignore = "needs .ci/peers"]
fn a_nostr_relay_that_asks_who_it_is() {
    let relay = node("nostr_auth");
    let signer = root().join("tests/jobs/servers/nak.mjs");
    Job::of("A Nostr relay that asks who it is")
        .profile("nostr", 7447, relay.port)
        .on(7447, relay.port)
        .program("nak", &format!("exec node '{}' \"$@\"", signer.display()))
        .env("WIRECAT_PEERS", installed("").to_str().unwrap())
        .env("NOSTR_SECRET_KEY", "1".repeat(64))
        .run();
}
