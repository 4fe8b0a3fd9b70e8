//! OpenSSH's server, which admits alice with a key of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Component, libraries_in, unpacked, write};

/// The server, and the private key that it accepts.
pub(crate) struct Sshd {
    pub(crate) component: Component,
    pub(crate) key: PathBuf,
    _keys: tempfile::TempDir,
}

/// The server believes that it runs as alice, so that it neither needs to be root nor, where it is,
/// another user and a folder of the system.
#[track_caller]
pub(crate) fn sshd() -> Sshd {
    let keys = tempfile::tempdir().unwrap();
    let (host, key) = (new_key(keys.path(), "host"), new_key(keys.path(), "alice"));
    let component = Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}.pub\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n",
            host.display(),
            key.display()
        );
        let configuration = write(here, "sshd_config", &text);
        let mut command = as_alice(here);
        command.args(["-D", "-e", "-f", &configuration]);
        command
    });
    Sshd {
        component,
        key,
        _keys: keys,
    }
}

fn as_alice(here: &Path) -> Command {
    let folder = unpacked("servers");
    let libraries = libraries_in(&folder);
    let users = format!("alice:x:1000:1000::{}:/bin/sh\n", here.display());
    let wrappers = ["libuid_wrapper.so", "libnss_wrapper.so"].map(|name| libraries.join(name));
    let mut command = Command::new(folder.join("usr/sbin/sshd"));
    command.env_clear().env("LD_LIBRARY_PATH", &libraries);
    command.env("LD_PRELOAD", std::env::join_paths(wrappers).unwrap());
    command.env("UID_WRAPPER", "1");
    command.env("UID_WRAPPER_INITIAL_RUID", "1000");
    command.env("UID_WRAPPER_INITIAL_EUID", "1000");
    command.env("NSS_WRAPPER_PASSWD", write(here, "passwd", &users));
    command.env("NSS_WRAPPER_GROUP", write(here, "group", "alice:x:1000:\n"));
    command
}

/// A new key pair: `NAME` and `NAME.pub`.
#[track_caller]
fn new_key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
    let made = command.arg(&path).status();
    assert!(made.expect("there is ssh-keygen").success());
    path
}
