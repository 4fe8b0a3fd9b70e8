//! Jobs of continuous integration, against a small service.

use super::{Job, node};

#[test]
#[ignore = "needs .ci/peers"]
fn a_check_in_ci() {
    let service = node("service");
    Job::of("A check in CI").on(8000, service.port).run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn subscribe_trigger_assert() {
    let service = node("service");
    Job::of("Subscribe, trigger, assert")
        .on(8000, service.port)
        .run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn a_health_check() {
    let service = node("service");
    Job::of("A health check").on(8000, service.port).run();
}
