//! The seeds of the fuzz targets, run once each: what fuzzing found stays found.

#[path = "../fuzz/src/lib.rs"]
pub mod fuzz;

use std::path::Path;

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
fn inflate() {
    run_all("inflate", fuzz::inflate::run);
}

#[test]
fn roundtrip() {
    run_all("roundtrip", fuzz::roundtrip::run);
}
