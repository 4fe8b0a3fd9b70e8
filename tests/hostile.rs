//! A peer that sends anything at all never makes the program end outside its table of exit codes.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wirecat::internals::error::EXITS;

use crate::support::server::{close, frame_of, raw};
use crate::support::wirecat;

#[track_caller]
fn ends_by_the_table(bytes: Vec<u8>) {
    let shown = format!("{:02x?}", &bytes[..bytes.len().min(64)]);
    let server = raw(move |mut wire| {
        wire.handshake_with("", &bytes);
        let _ = wire.0.shutdown(std::net::Shutdown::Write);
        // Not until our Close only: unread bytes would make the end a reset.
        let _ = std::io::copy(&mut wire.0, &mut std::io::sink());
    });
    let code = wirecat(["--close-timeout", "200ms", &server.url("/")])
        .run()
        .code();
    let known = EXITS.iter().any(|(exit, _)| i32::from(exit.code()) == code);
    assert!(known && code != 2, "exit {code} for {shown}");
}

#[test]
fn hostile_bytes_never_end_in_a_code_outside_the_table() {
    for bytes in [
        vec![],
        vec![0; 1000],
        vec![0xff; 1000],
        b"\x81\x7f".to_vec(),
        [&b"\x81\x7e"[..], &[0, 1, b'x']].concat(),
        [&b"\x81\x7f"[..], &[0; 8]].concat(),
        [&b"\x88\x7f"[..], &u64::MAX.to_be_bytes()].concat(),
        [&b"\x89\x7f"[..], &u64::MAX.to_be_bytes()].concat(),
        [&b"\x01\x7f"[..], &i64::MAX.to_be_bytes()].concat(),
        frame_of(0x00, b"").repeat(1000),
        frame_of(0x01, b"").repeat(1000),
        frame_of(0x89, b"").repeat(10_000),
        close(1000, "").repeat(1000),
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
    ] {
        ends_by_the_table(bytes);
    }
}

#[test]
fn random_bytes_never_end_in_a_code_outside_the_table() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let length = random.random_range(1..3000);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
        if seed % 2 == 0 {
            // A first byte that is well formed gets further.
            bytes[0] = [0x81, 0x82, 0x01, 0x88, 0x89][seed as usize / 2 % 5];
            bytes[1 % length] &= 0x7f;
        }
        ends_by_the_table(bytes);
    }
}
