//! Jobs with terminals and byte streams behind a WebSocket.

use super::Job;
use crate::support::components::python::jupyter;

#[test]
#[ignore = "needs .ci/peers"]
fn a_terminal_of_jupyter() {
    let server = jupyter();
    Job::of("A terminal of Jupyter")
        .on(8888, server.port)
        .env("JUPYTER_TOKEN", "secret")
        .run();
}
