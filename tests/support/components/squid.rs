//! squid: an HTTP proxy with passwords.

use std::cell::Cell;

use super::{Component, certify, configuration, debian, free_port, libraries, program, write};
use crate::support::tls::Authority;

/// `wonderland`, as htpasswd writes it.
const PASSWORDS: &str = "alice:$apr1$wirecat$knPLRvG7Y0yEQcO3Xgixg0\n";

/// squid, which alice may use with the password `wonderland`, and its port for TLS, where it is
/// localhost.
#[track_caller]
pub(crate) fn squid(authority: &Authority) -> (Component, u16) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let passwords = write(here, "passwords", PASSWORDS);
    let (certificate, key) = certify(here, authority, "localhost");
    let tls = Cell::new(0);
    let helpers = format!("{}/usr/lib/squid/", debian().display());
    let component = Component::start(folder, |here, port| {
        tls.set(free_port());
        let text = configuration(
            "squid.conf",
            &[
                ("http_port 3128", &format!("http_port 127.0.0.1:{port}")),
                (
                    "https_port 3129",
                    &format!("https_port 127.0.0.1:{}", tls.get()),
                ),
                ("/etc/squid/proxy.pem", &certificate),
                ("/etc/squid/proxy.key", &key),
                ("/usr/lib/squid/", &helpers),
                ("/etc/squid/passwords", &passwords),
            ],
        );
        let path = write(here, "squid.conf", &(text + &places()));
        let mut command = program("usr/sbin/squid");
        // The name keeps it from what another squid shares between its processes.
        command.args(["-N", "-f", &path, "-n", &format!("wirecat{port}")]);
        if nix::unistd::geteuid().is_root() {
            // It refuses to be root, and another user could not read the folder.
            command.env("UID_WRAPPER", "1");
            command.env("LD_PRELOAD", libraries().join("libuid_wrapper.so"));
        }
        command.current_dir(here);
        command
    });
    (component, tls.get())
}

/// Where things are that Debian's squid looks for in the places of the system.
fn places() -> String {
    let debian = debian();
    let debian = debian.display();
    format!(
        "pid_filename none\ncache_log /dev/stderr\naccess_log none\nnetdb_filename none\n\
         error_directory {debian}/usr/share/squid-langpack/en\nerr_page_stylesheet none\n\
         mime_table {debian}/usr/share/squid/mime.conf\n\
         icon_directory {debian}/usr/share/squid/icons\n\
         unlinkd_program {debian}/usr/lib/squid/unlinkd\npinger_enable off\n"
    )
}
