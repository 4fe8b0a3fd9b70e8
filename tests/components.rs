//! wirecat and the servers and proxies that stand between it and a server in practice: nginx, squid,
//! tinyproxy, dante, haproxy, hypercorn, node. `.ci/peers` installs them.
//!
//! Each is configured as `docs/tls-and-proxies.md` shows it.

mod http2;
mod nginx;
mod proxies;

use crate::support::components::Component;
use crate::support::tls::Authority;
use crate::support::{Output, wirecat};

/// Runs wirecat; names that end in `.example` lead to `component`.
#[track_caller]
fn run(component: &Component, authority: &Authority, options: &[&str]) -> Output {
    let [here, members] =
        ["ws", "members"].map(|name| format!("{name}.example:{}:127.0.0.1", component.port));
    let cacert = authority.cacert();
    let common = [
        "--resolve",
        &here,
        "--resolve",
        &members,
        "--cacert",
        &cacert,
    ];
    wirecat(common.iter().chain(options)).run()
}

/// A message that is too large for a command line, and for one frame.
struct Large {
    text: String,
    /// The file that holds it, as `-d` takes it.
    argument: String,
    _file: tempfile::NamedTempFile,
}

impl Large {
    fn new() -> Large {
        let lines: Vec<String> = (0..100_000).map(|n| format!("line {n}")).collect();
        let text = lines.join("\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, &text).unwrap();
        Large {
            text,
            argument: format!("@{}", file.path().display()),
            _file: file,
        }
    }
}
