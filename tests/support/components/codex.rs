//! codex, whose app server agents and editors talk to. It needs no account for what is asked here.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Component, unpacked};

/// The app server at a port.
#[track_caller]
pub(crate) fn codex() -> Component {
    Component::start(tempfile::tempdir().unwrap(), |here, port| {
        app_server(here, &format!("ws://127.0.0.1:{port}"))
    })
}

/// The app server at a Unix socket, and the socket's path.
#[track_caller]
pub(crate) fn codex_at_socket() -> (Component, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("codex.sock");
    let command = app_server(folder.path(), &format!("unix://{}", socket.display()));
    let component = Component::at_socket(folder, command, &socket);
    (component, socket)
}

fn app_server(here: &Path, listen: &str) -> Command {
    // It makes this folder by itself only in front of a port.
    std::fs::create_dir_all(here.join(".codex")).unwrap();
    let mut command = Command::new(unpacked("codex").join("node_modules/.bin/codex"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("HOME", here).env("PATH", path);
    command
        .current_dir(here)
        .args(["app-server", "--listen", listen]);
    command
}
