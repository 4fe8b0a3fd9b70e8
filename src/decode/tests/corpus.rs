//! Inputs that other programs made, 60 good and 60 broken ones of each form: see `tests/corpus/make.py`,
//! which says how. A good one decodes to the JSON beside it, and a broken one fails with a sentence.

use super::*;

const EACH: usize = 60;

/// The inputs of a file in hex, and the JSON beside each; `None` if it is broken.
#[track_caller]
fn corpus(file: &'static str) -> Vec<(&'static str, Option<&'static str>)> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.map(|line| line.split_once(' ').expect("two parts"));
    let inputs: Vec<_> = lines
        .map(|(hex, json)| (hex, Some(json).filter(|json| *json != "!")))
        .collect();
    let good = inputs.iter().filter(|(_, json)| json.is_some()).count();
    assert_eq!((good, inputs.len() - good), (EACH, EACH));
    inputs
}

fn bytes(hex: &str) -> Vec<u8> {
    codec::decode_hex(hex.as_bytes()).expect("hex")
}

/// Looks at what an input decodes to, or the sentence that says why it does not.
fn difference(hex: &str, json: Option<&str>, decoded: &Result<Message, String>) -> Option<String> {
    match (decoded, json) {
        (Ok(message), Some(json)) if message.as_text() == Some(json) => None,
        (Err(why), None) if why.contains(": ") => None,
        _ => Some(format!("{hex}\n  {json:?}\n  {decoded:?}")),
    }
}

#[track_caller]
fn check(chain: &str, file: &'static str) {
    let inputs = corpus(file).into_iter();
    let wrong: Vec<_> = inputs
        .filter_map(|(hex, json)| difference(hex, json, &decode(chain, &bytes(hex), 1 << 20)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messagepack_of_msgpack() {
    check("msgpack", include_str!("../../../tests/corpus/msgpack.txt"));
}

#[test]
fn cbor_of_cbor2() {
    check("cbor", include_str!("../../../tests/corpus/cbor.txt"));
}

#[test]
fn protocol_buffers_of_google() {
    let typed = "protobuf:test.desc#wirecat.test.All";
    check(typed, include_str!("../../../tests/corpus/protobuf.txt"));
    let untyped = include_str!("../../../tests/corpus/protobuf-untyped.txt");
    check("protobuf", untyped);
}

#[test]
fn gzip_of_python() {
    check("gzip", include_str!("../../../tests/corpus/gzip.txt"));
}

#[test]
fn zstandard_of_its_library() {
    check("zstd", include_str!("../../../tests/corpus/zstd.txt"));
}

#[test]
fn zlib_streams_of_python() {
    let mut wrong = Vec::new();
    for (parts, json) in corpus(include_str!("../../../tests/corpus/zlib-stream.txt")) {
        let mut decoder = decoder("zlib-stream", 1 << 20);
        let decoded: Vec<_> = parts
            .split(',')
            .filter_map(|part| decoder.decode(Message::binary(bytes(part))))
            .map(|it| it.decoded.expect("binary messages decode"))
            .collect();
        let fits = match json {
            Some(json) => {
                let said = decoded.iter().flatten().filter_map(Message::as_text);
                said.eq(json.split('\t')) && decoder.unfinished().is_none()
            }
            None => decoded.iter().any(Result::is_err),
        };
        if !fits {
            wrong.push(format!("{parts}\n  {json:?}\n  {decoded:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What decodes a message must not make much more of it than there is room for.
#[test]
fn no_input_gets_past_a_small_limit() {
    for (chain, file) in [
        ("msgpack", include_str!("../../../tests/corpus/msgpack.txt")),
        ("cbor", include_str!("../../../tests/corpus/cbor.txt")),
        ("gzip", include_str!("../../../tests/corpus/gzip.txt")),
        ("zstd", include_str!("../../../tests/corpus/zstd.txt")),
    ] {
        for (hex, json) in corpus(file) {
            let decoded = decode(chain, &bytes(hex), 16);
            match json {
                Some(json) if json.len() <= 16 && hex.len() <= 32 => assert!(decoded.is_ok()),
                _ => assert!(decoded.is_err(), "{chain} {hex}: {decoded:?}"),
            }
        }
    }
}
