//! Jobs with terminals and byte streams behind a WebSocket.

use std::path::Path;

use super::Job;
use crate::support::components::python::{jupyter, websockify};
use crate::support::components::sshd::sshd;

#[test]
#[ignore = "needs .ci/peers"]
fn a_terminal_of_jupyter() {
    let server = jupyter();
    Job::of("A terminal of Jupyter")
        .on(8888, server.port)
        .env("JUPYTER_TOKEN", "secret")
        .run();
}

/// What begins `ssh -o ProxyCommand` here: with a key, and nothing of the user's configuration.
pub(super) fn with_key(key: &Path) -> String {
    let options = [
        "ssh -q -F none -i",
        key.to_str().unwrap(),
        "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ProxyCommand",
    ];
    options.join(" ")
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_tunnel_for_ssh() {
    let server = sshd();
    let tunnel = websockify(server.component.port);
    Job::of("A tunnel for SSH")
        .on(6080, tunnel.port)
        .at("ssh -o ProxyCommand", &with_key(&server.key))
        .run();
}
