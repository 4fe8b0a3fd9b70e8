//! tinyproxy: an HTTP proxy with a password, for one port.

use super::{Component, configuration, program, write};

/// tinyproxy, which alice may use with the password `wonderland`, to `target` alone.
#[track_caller]
pub(crate) fn tinyproxy(target: u16) -> Component {
    let folder = tempfile::tempdir().unwrap();
    Component::start(folder, |here, port| {
        let text = configuration(
            "tinyproxy.conf",
            &[
                ("Port 8888", &format!("Port {port}\nListen 127.0.0.1")),
                ("ConnectPort 443", &format!("ConnectPort {target}")),
            ],
        );
        let path = write(here, "tinyproxy.conf", &text);
        let mut command = program("usr/bin/tinyproxy");
        command.args(["-d", "-c", &path]);
        command
    })
}
