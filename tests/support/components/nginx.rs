//! nginx: TLS in front of servers on a port and on a Unix socket.

use std::net::SocketAddr;
use std::path::Path;

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
    Component::start(folder, |here, port| {
        let site = configuration(
            "nginx.conf",
            &[
                ("listen 443", &format!("listen 127.0.0.1:{port}")),
                ("/etc/nginx/", &format!("{}/", here.display())),
                ("127.0.0.1:8765", &server.to_string()),
                ("/run/chat.sock", socket.to_str().unwrap()),
            ],
        );
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
