//! nginx: TLS in front of servers on a port and on a Unix socket.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use super::{Component, certify, configuration, program, write};
use crate::support::tls::Authority;

/// nginx, whose certificates `authority` issues, in front of `server` and of what listens on `socket`.
/// ws.example admits everyone, members.example those with a certificate of `members`.
#[track_caller]
pub(crate) fn nginx(
    authority: &Authority,
    members: &Authority,
    server: SocketAddr,
    socket: &Path,
) -> Component {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    certify(here, authority, "ws.example");
    certify(here, authority, "members.example");
    std::fs::copy(members.file(), here.join("members.pem")).unwrap();
    let server = server.to_string();
    let places = [
        ("127.0.0.1:8765", server.as_str()),
        ("/run/chat.sock", socket.to_str().unwrap()),
    ];
    start(folder, "nginx.conf", &places)
}

/// nginx, whose certificate `authority` issues, as debug.example in front of a `wirecat serve` on
/// `socket`.
#[track_caller]
pub(crate) fn nginx_for_serve(authority: &Authority, socket: &Path) -> Component {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), authority, "debug.example");
    let places = [("/run/wirecat/serve.sock", socket.to_str().unwrap())];
    start(folder, "nginx-serve.conf", &places)
}

/// nginx with this site, which is changed in these places beside its own.
#[track_caller]
fn start(folder: TempDir, site: &str, places: &[(&str, &str)]) -> Component {
    Component::start(folder, |here, port| {
        let listen = format!("listen 127.0.0.1:{port}");
        let files = format!("{}/", here.display());
        let own = [
            ("listen 443", listen.as_str()),
            ("/etc/nginx/", files.as_str()),
        ];
        let site = configuration(site, &[&own, places].concat());
        write(here, "site.conf", &site);
        let main = write(here, "nginx.conf", &main_configuration(here));
        let mut command = program("usr/sbin/nginx");
        command.args(["-e", "stderr", "-p"]).arg(here);
        command.args(["-c", &main]);
        command
    })
}

/// What Debian's own configuration says around a site, with every file in this folder. The workers
/// of a root stay root, for the folder is private.
fn main_configuration(folder: &Path) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .concat();
    format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {0}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {0}/site.conf;\n}}\n",
        folder.display()
    )
}
