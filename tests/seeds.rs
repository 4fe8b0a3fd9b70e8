//! The seeds of the fuzz targets, run once each: what fuzzing found stays found.

#[path = "../fuzz/src/lib.rs"]
pub mod fuzz;

use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

#[track_caller]
fn run_all(target: &str, run: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for seed in seeds.read_dir().expect("seeds") {
        let seed = seed.unwrap().path();
        eprintln!("{}", seed.display()); // seen where it fails
        run(&std::fs::read(&seed).unwrap());
        count += 1;
    }
    assert!(count > 0, "no seeds for {target}");
}

#[test]
fn inbound() {
    run_all("inbound", fuzz::inbound::run);
}

#[test]
fn msgpack() {
    run_all("msgpack", fuzz::decode::msgpack);
}

#[test]
fn cbor() {
    run_all("cbor", fuzz::decode::cbor);
}

#[test]
fn protobuf() {
    run_all("protobuf", fuzz::decode::protobuf);
}

#[test]
fn protobuf_typed() {
    run_all("protobuf_typed", fuzz::decode::protobuf_typed);
}

#[test]
fn encode() {
    run_all("encode", fuzz::decode::encode);
}

#[test]
fn gzip() {
    run_all("gzip", fuzz::decode::gzip);
}

#[test]
fn zlib_stream() {
    run_all("zlib_stream", fuzz::decode::zlib_stream);
}

#[test]
fn zstd() {
    run_all("zstd", fuzz::decode::zstd);
}

#[test]
fn http() {
    run_all("http", fuzz::http::run);
}

#[test]
fn har() {
    run_all("har", fuzz::files::har);
}

#[test]
fn http_file() {
    run_all("http_file", fuzz::files::http_file);
}

#[test]
fn recording() {
    run_all("recording", fuzz::files::recording);
}

#[test]
fn hub() {
    run_all("hub", fuzz::hub::run);
}

#[test]
fn script() {
    run_all("script", fuzz::script::run);
}

#[test]
fn inflate() {
    run_all("inflate", fuzz::inflate::run);
}

#[test]
fn roundtrip() {
    run_all("roundtrip", fuzz::roundtrip::run);
}

/// How many inputs are made of each target by [`run_random`].
const RUNS: u64 = 200_000;

/// The same where one takes long: what was read is written in every form, or has expressions.
const FEWER_RUNS: u64 = 20_000;

/// Runs inputs made by chance, and by changes of the seeds; the same ones each time.
#[track_caller]
fn run_random(target: &str, run: fn(&[u8])) {
    run_some(RUNS, target, run);
}

/// The same, so many times.
#[track_caller]
fn run_some(runs: u64, target: &str, run: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut seeds: Vec<_> = seeds
        .read_dir()
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    seeds.sort();
    let seeds: Vec<_> = seeds.iter().map(|it| std::fs::read(it).unwrap()).collect();
    let runs = std::env::var("WIRECAT_FUZZ_RUNS").map_or(runs, |runs| runs.parse().unwrap());
    let start = std::env::var("WIRECAT_FUZZ_START").map_or(0, |start| start.parse().unwrap());
    for number in start..start + runs {
        let mut rng = StdRng::seed_from_u64(number);
        let input = random_input(&seeds, &mut rng);
        let failed = std::panic::catch_unwind(|| run(&input)).is_err();
        assert!(!failed, "input {number}: {}", input.escape_ascii());
    }
    println!("{target}: {runs} executions");
}

fn random_input(seeds: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let seed = &seeds[rng.random_range(0..seeds.len())];
    let mut input = if rng.random_bool(0.7) {
        seed.clone()
    } else {
        let len = rng.random_range(0..200);
        (0..len).map(|_| rng.random()).collect()
    };
    for _ in 0..rng.random_range(0..8) {
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..4) {
            0 => input.insert(at, rng.random()),
            1 => input.truncate(at.max(1)),
            2 => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                input.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = rng.random();
                }
            }
        }
    }
    input
}

#[test]
#[ignore = "slow: a minute"]
fn har_of_chance() {
    run_random("har", fuzz::files::har);
}

#[test]
#[ignore = "slow: a minute"]
fn http_file_of_chance() {
    run_random("http_file", fuzz::files::http_file);
}

#[test]
#[ignore = "slow: a minute"]
fn recording_of_chance() {
    run_some(FEWER_RUNS, "recording", fuzz::files::recording);
}

#[test]
#[ignore = "slow: a minute"]
fn msgpack_of_chance() {
    run_random("msgpack", fuzz::decode::msgpack);
}

#[test]
#[ignore = "slow: a minute"]
fn cbor_of_chance() {
    run_random("cbor", fuzz::decode::cbor);
}

#[test]
#[ignore = "slow: a minute"]
fn protobuf_of_chance() {
    run_random("protobuf", fuzz::decode::protobuf);
}

#[test]
#[ignore = "slow: a minute"]
fn protobuf_typed_of_chance() {
    run_random("protobuf_typed", fuzz::decode::protobuf_typed);
}

#[test]
#[ignore = "slow: a minute"]
fn encode_of_chance() {
    run_random("encode", fuzz::decode::encode);
}

#[test]
#[ignore = "slow: a minute"]
fn gzip_of_chance() {
    run_random("gzip", fuzz::decode::gzip);
}

#[test]
#[ignore = "slow: a minute"]
fn zlib_stream_of_chance() {
    run_random("zlib_stream", fuzz::decode::zlib_stream);
}

#[test]
#[ignore = "slow: a minute"]
fn zstd_of_chance() {
    run_random("zstd", fuzz::decode::zstd);
}

#[test]
#[ignore = "slow: a minute"]
fn hub_of_chance() {
    run_random("hub", fuzz::hub::run);
}

#[test]
#[ignore = "slow: a minute"]
fn http_of_chance() {
    run_random("http", fuzz::http::run);
}

#[test]
#[ignore = "slow: a minute"]
fn script_of_chance() {
    run_some(FEWER_RUNS, "script", fuzz::script::run);
}
