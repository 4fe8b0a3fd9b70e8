//! dante: a SOCKS proxy with passwords.

use super::{Component, configuration, libraries, program, write};

const USERS: &str = "root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\nalice:x:1000:1000::/:/bin/false\n";

/// `wonderland`, as /etc/shadow has it.
const PASSWORDS: &str = "alice:$6$wirecat$bxzKoMMUQLtTzppdrSXfwIQkVUSRwt5mpew3lKKWbNNyZs3PrsqPjdNMaNYOaClraYdyhN94oKFWQA4UBHcAG0:20000:0:99999:7:::\n";

/// dante, which alice may use with the password `wonderland`. It asks the system for users, and so
/// has a system of its own.
#[track_caller]
pub(crate) fn dante() -> Component {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let users = write(here, "passwd", USERS);
    let passwords = write(here, "shadow", PASSWORDS);
    Component::start(folder, |here, port| {
        let text = configuration(
            "dante.conf",
            &[
                ("0.0.0.0 port = 1080", &format!("127.0.0.1 port = {port}")),
                ("eth0", "127.0.0.1"),
                ("syslog", "stderr"),
            ],
        );
        let path = write(here, "danted.conf", &text);
        let mut command = program("usr/sbin/danted");
        command.args(["-f", &path, "-p"]).arg(here.join("pid"));
        command.env("LD_PRELOAD", libraries().join("libnss_wrapper.so"));
        command.env("NSS_WRAPPER_PASSWD", &users);
        command.env("NSS_WRAPPER_GROUP", "/etc/group");
        command.env("NSS_WRAPPER_SHADOW", &passwords);
        command
    })
}
