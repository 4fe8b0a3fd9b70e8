//! Jobs of message brokers, whose protocols are not JSON.

use super::{Job, node};
use crate::support::components::nats::nats;
use crate::support::components::rabbitmq::rabbitmq;

#[test]
#[ignore = "needs .ci/peers"]
fn nats_in_lines() {
    let broker = nats();
    Job::of("NATS").on(8080, broker.port).run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn mqtt_in_packets() {
    let broker = node("aedes");
    Job::of("MQTT").on(8888, broker.port).run();
}

#[test]
#[ignore = "needs .ci/peers"]
fn stomp_in_frames() {
    let server = rabbitmq();
    Job::of("STOMP")
        .profile("stomp", 15674, server.broker.port)
        .on(15674, server.broker.port)
        .run();
}
