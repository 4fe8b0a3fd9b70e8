//! Jobs of continuous integration, against a small service.

use super::{Job, node};

#[test]
#[ignore = "needs .ci/peers"]
fn a_check_in_ci() {
    let service = node("service");
    Job::of("A check in CI").on(8000, service.port).run();
}
