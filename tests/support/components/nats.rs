//! nats-server: a broker of messages that takes WebSocket clients.

use std::process::Command;

use super::{Component, unpacked, write};

#[track_caller]
pub(crate) fn nats() -> Component {
    let folder = tempfile::tempdir().unwrap();
    Component::start(folder, |here, port| {
        let text = format!(
            "host: 127.0.0.1\nport: -1\n\
             websocket {{ host: 127.0.0.1, port: {port}, no_tls: true }}\n"
        );
        let path = write(here, "nats.conf", &text);
        let mut command = Command::new(unpacked("servers").join("usr/sbin/nats-server"));
        command.env_clear().args(["-c", &path]);
        command
    })
}
