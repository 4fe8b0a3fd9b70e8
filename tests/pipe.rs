//! Messages from stdin or `-d` to the server, replies to stdout.

use crate::support::server::serve;
use crate::support::wirecat;

#[test]
fn all_replies_come_whatever_the_delay() {
    for delay in ["0", "500ms", "1s"] {
        let server = serve();
        wirecat([server.url(&format!("/echo?delay={delay}"))])
            .stdin("one\ntwo\nthree\n")
            .run()
            .exits(0)
            .prints("one\ntwo\nthree\n")
            .is_quiet();
    }
}
