//! RabbitMQ: a broker that takes STOMP over WebSocket, at `/ws`. It is a program of Erlang, whose
//! port mapper would otherwise go on by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Component, free_port, unpacked, write};

/// It takes ten seconds to start, and a multiple of that on a busy machine.
const SLOW: Duration = Duration::from_secs(180);

/// RabbitMQ, and the port mapper that it needs.
pub(crate) struct RabbitMq {
    pub(crate) broker: Component,
    _mapper: Component,
}

#[track_caller]
pub(crate) fn rabbitmq() -> RabbitMq {
    let mapper = Component::start(tempfile::tempdir().unwrap(), |here, port| {
        let mut command = Command::new(erlang().join("bin/epmd"));
        command.env_clear().env("HOME", here);
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.args(["-port", &port.to_string()]);
        command
    });
    let broker = Component::start_within(SLOW, tempfile::tempdir().unwrap(), |here, port| {
        broker(here, port, mapper.port)
    });
    RabbitMq {
        broker,
        _mapper: mapper,
    }
}

fn erlang() -> PathBuf {
    unpacked("servers").join("usr/lib/erlang")
}

/// The broker, with all that it writes in a folder of its own below `here`.
fn broker(here: &Path, port: u16, mapper: u16) -> Command {
    let here = &here.join(port.to_string());
    std::fs::create_dir_all(here).unwrap();
    write(here, "plugins", "[rabbitmq_web_stomp].\n");
    write(here, "rabbitmq.conf", &configuration(port));
    let home = home();
    let mut command = Command::new(home.join("sbin/rabbitmq-server"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env_clear().env("HOME", here);
    command.env("PATH", format!("{}:{path}", programs(here).display()));
    command.env("ERL_EPMD_PORT", mapper.to_string());
    command.env("RABBITMQ_HOME", &home);
    command.env("RABBITMQ_PLUGINS_DIR", home.join("plugins"));
    command.env("RABBITMQ_ENABLED_PLUGINS_FILE", here.join("plugins"));
    command.env("RABBITMQ_CONFIG_FILE", here.join("rabbitmq.conf"));
    command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    command.env("RABBITMQ_MNESIA_BASE", here.join("mnesia"));
    command.env("RABBITMQ_LOG_BASE", here.join("log"));
    command.env("RABBITMQ_LOGS", "-");
    command.env("RABBITMQ_NODENAME", format!("wirecat{port}@localhost"));
    command.env("RABBITMQ_DIST_PORT", free_port().to_string());
    command
}

/// Listeners for WebSocket, and for the protocols that cannot be left out.
fn configuration(port: u16) -> String {
    let (amqp, stomp) = (free_port(), free_port());
    format!(
        "listeners.tcp.local = 127.0.0.1:{amqp}\nstomp.listeners.tcp.1 = 127.0.0.1:{stomp}\n\
         web_stomp.tcp.ip = 127.0.0.1\nweb_stomp.tcp.port = {port}\n"
    )
}

/// The folder of this version.
fn home() -> PathBuf {
    let versions = unpacked("servers").join("usr/lib/rabbitmq/lib");
    only_entry(&versions, "rabbitmq_server-")
}

fn only_entry(folder: &Path, prefix: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(prefix))
    };
    paths.find(wanted).expect("there is one version")
}

/// A folder with Erlang's `erl`, which looks for Erlang where it was unpacked.
fn programs(here: &Path) -> PathBuf {
    let root = erlang();
    let runtime = only_entry(&root, "erts-").join("bin");
    let text = format!(
        "#!/bin/sh\nexport ROOTDIR='{}' BINDIR='{}' EMU=beam PROGNAME=erl\nexec \"$BINDIR/erlexec\" \"$@\"\n",
        root.display(),
        runtime.display()
    );
    let folder = here.join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = write(&folder, "erl", &text);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, executable).unwrap();
    folder
}
