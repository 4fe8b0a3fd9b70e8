//! haproxy: HTTP/2 in front of a server that speaks HTTP/1.1.

use std::net::SocketAddr;

use super::{Component, certify, configuration, program, write};
use crate::support::tls::Authority;

/// haproxy, as ws.example, in front of `server`.
#[track_caller]
pub(crate) fn haproxy(authority: &Authority, server: SocketAddr) -> Component {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (certificate, key) = certify(here, authority, "ws.example");
    let both = [certificate, key].map(|path| std::fs::read_to_string(path).unwrap());
    let both = write(here, "both.pem", &both.concat());
    Component::start(folder, |here, port| {
        let text = configuration(
            "haproxy.cfg",
            &[
                ("bind :443", &format!("bind 127.0.0.1:{port}")),
                ("/etc/haproxy/ws.example.pem", &both),
                ("127.0.0.1:8765", &server.to_string()),
            ],
        );
        let path = write(here, "haproxy.cfg", &text);
        let mut command = program("usr/sbin/haproxy");
        command.args(["-db", "-f", &path]);
        command
    })
}
