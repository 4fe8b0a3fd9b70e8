//! Servers that speak WebSocket over HTTP/2 (RFC 8441) themselves: hypercorn, and node's `http2`.

use std::path::Path;
use std::process::Command;

use super::{Component, certify, configuration, write};
use crate::peers::peers;
use crate::support::tls::Authority;

/// hypercorn, as ws.example, with the application `echo.py`.
#[track_caller]
pub(crate) fn hypercorn(authority: &Authority) -> Component {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    certify(here, authority, "ws.example");
    write(here, "echo.py", &configuration("echo.py", &[]));
    let python = std::path::absolute(peers().join("hypercorn/bin/python")).unwrap();
    Component::start(folder, |here, port| {
        let places = certificates(here);
        let text = configuration(
            "hypercorn.toml",
            &[
                ("0.0.0.0:443", &format!("127.0.0.1:{port}")),
                ("/etc/ssl/", &places),
            ],
        );
        let path = write(here, "hypercorn.toml", &text);
        let mut command = Command::new(&python);
        command.args(["-m", "hypercorn", "--config", &path, "echo:app"]);
        command.current_dir(here);
        command
    })
}

/// A server on node's `http2`, as ws.example.
#[track_caller]
pub(crate) fn node(authority: &Authority) -> Component {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    certify(here, authority, "ws.example");
    let packages = std::path::absolute(peers().join("node/node_modules")).unwrap();
    std::os::unix::fs::symlink(packages, here.join("node_modules")).unwrap();
    Component::start(folder, |here, port| {
        let places = certificates(here);
        let text = configuration(
            "http2.mjs",
            &[
                ("listen(443)", &format!("listen({port}, \"127.0.0.1\")")),
                ("/etc/ssl/", &places),
            ],
        );
        let mut command = Command::new("node");
        command.arg(write(here, "http2.mjs", &text));
        command
    })
}

fn certificates(folder: &Path) -> String {
    format!("{}/", folder.display())
}
