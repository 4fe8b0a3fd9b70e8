//! Servers that PyPI has, each in a folder of its own.

use std::path::Path;
use std::process::Command;

use super::{Component, unpacked, write};

/// A program of the Python in this folder, which finds nothing of the user's.
fn program(folder: &str, name: &str, here: &Path) -> Command {
    let mut command = Command::new(unpacked(folder).join("bin").join(name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("HOME", here).env("PATH", path);
    command.current_dir(here);
    command
}

/// Jupyter's server, whose token is `secret`.
#[track_caller]
pub(crate) fn jupyter() -> Component {
    Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let mut command = program("jupyter", "jupyter-server", here);
        command.args(["--allow-root", "--no-browser", "--ip=127.0.0.1"]);
        command.arg("--ServerApp.port_retries=0");
        command.arg("--IdentityProvider.token=secret");
        command.arg(format!("--port={port}"));
        command
    })
}

/// websockify, in front of a port of this machine.
#[track_caller]
pub(crate) fn websockify(target: u16) -> Component {
    Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let mut command = program("websockify", "websockify", here);
        command.args([format!("127.0.0.1:{port}"), format!("127.0.0.1:{target}")]);
        command
    })
}

/// A relay of Nostr, with these lines in its configuration.
#[track_caller]
pub(crate) fn nostr_relay(more: &str) -> Component {
    Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let text = format!(
            "storage:\n  sqlalchemy.url: sqlite+aiosqlite:///nostr.sqlite3\n  validators:\n  \
             - nostr_relay.validators.is_signed\nverification:\n  nip05_verification: disabled\n\
             gunicorn:\n  bind: 127.0.0.1:{port}\n  workers: 1\nmessage_timeout: 1800\n{more}"
        );
        let path = write(here, "config.yaml", &text);
        let mut command = program("nostr", "nostr-relay", here);
        command.args(["-c", &path, "serve"]);
        command
    })
}

/// A language server for Python, which speaks LSP over WebSocket.
#[track_caller]
pub(crate) fn pylsp() -> Component {
    Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let mut command = program("lsp", "pylsp", here);
        command.args(["--ws", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command
    })
}
