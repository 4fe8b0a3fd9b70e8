//! Jobs with terminals and byte streams behind a WebSocket.

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

#[test]
#[ignore = "needs .ci/peers"]
fn a_tunnel_for_ssh() {
    let server = sshd();
    let tunnel = websockify(server.component.port);
    let options = [
        "ssh -q -F none -i",
        server.key.to_str().unwrap(),
        "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ProxyCommand",
    ];
    Job::of("A tunnel for SSH")
        .on(6080, tunnel.port)
        .at("ssh -o ProxyCommand", &options.join(" "))
        .run();
}
