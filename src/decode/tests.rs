use super::*;
use crate::codec;
use crate::error::Error;

/// The lines of a file of `tests/decode`: an input in hex, and its JSON; `!` where it is broken.
fn vectors(lines: &'static str) -> impl Iterator<Item = (Vec<u8>, Option<&'static str>)> {
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (input, json) = line.split_once(' ').expect("two parts");
        let input = codec::decode_hex(input.as_bytes()).expect("hex");
        (input, Some(json).filter(|json| *json != "!"))
    })
}

fn read_file(path: &str) -> Result<Option<Vec<u8>>, Error> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode");
    Ok(Some(
        std::fs::read(folder.join(path)).expect("a descriptor"),
    ))
}

fn decoder(chain: &str, limit: usize) -> Decoder {
    Decoder::new(&Options {
        chain: Chain::parse("--decode", chain, &mut read_file).unwrap(),
        limit,
        tally: Tally::default(),
    })
}

/// What a message decodes to, or why it does not.
fn decode(chain: &str, input: &[u8], limit: usize) -> Result<Message, String> {
    let message = Message::binary(input.to_vec());
    let decoded = decoder(chain, limit)
        .decode(message.clone())
        .expect("whole");
    assert_eq!(decoded.message, message, "nothing is lost");
    let result = decoded.decoded.expect("binary messages decode");
    result.map_err(|undecoded| undecoded.to_string())
}

#[track_caller]
fn check(chain: &str, lines: &'static str) {
    let (mut good, mut broken, mut wrong) = (0, 0, Vec::new());
    for (input, json) in vectors(lines) {
        let decoded = decode(chain, &input, 1 << 20);
        let counter = if json.is_some() {
            &mut good
        } else {
            &mut broken
        };
        *counter += 1;
        match (&decoded, json) {
            (Ok(Message::Text(text)), Some(json)) if &**text == json => {
                assert!(crate::json::grammar::is_value(text), "{text}");
            }
            (Err(_), None) => {}
            _ => wrong.push(format!(
                "{}\n  {json:?}\n  {decoded:?}",
                codec::hex(&input, "")
            )),
        }
        // The limit holds, whatever it is.
        if let (Some(json), true) = (json, wrong.is_empty()) {
            let small = decode(chain, &input, json.len() - 1);
            let small = small.unwrap_err();
            assert!(small.contains("--max-message-size"), "{small}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 60 && broken >= 60, "{good} and {broken}");
}

#[test]
fn cbor_decodes_as_its_specification_says() {
    check("cbor", include_str!("../../tests/decode/cbor.txt"));
}

#[test]
fn messagepack_decodes_as_its_specification_says() {
    check("msgpack", include_str!("../../tests/decode/msgpack.txt"));
}

#[test]
fn compressed_messages_inflate() {
    check("gzip", include_str!("../../tests/decode/gzip.txt"));
    check("zlib", include_str!("../../tests/decode/zlib.txt"));
    check("zstd", include_str!("../../tests/decode/zstd.txt"));
}

#[test]
fn protocol_buffers_decode_as_their_json_mapping_says() {
    let chain = "protobuf:test.desc#wirecat.test.All";
    check(chain, include_str!("../../tests/decode/protobuf.txt"));
}

#[test]
fn an_unknown_message_is_guessed() {
    for (hex, json) in [
        ("", "{}"),
        ("08 96 01", r#"{"1":150}"#),
        ("12 07 74 65 73 74 69 6e 67", r#"{"2":"testing"}"#),
        ("1a 03 08 96 01", r#"{"3":{"1":150}}"#),
        ("08 01 08 02 10 03", r#"{"1":[1,2],"2":3}"#),
        ("0d 00 00 c0 3f", r#"{"1":1.5}"#),
        ("0d 07 00 00 00", r#"{"1":7}"#),
        ("09 00 00 00 00 00 00 f8 3f", r#"{"1":1.5}"#),
        ("09 05 00 00 00 00 00 00 00", r#"{"1":5}"#),
        ("0a 03 ff fe fd", r#"{"1":"//79"}"#),
        ("0a 00", r#"{"1":""}"#),
        ("0b 10 01 0c", r#"{"1":{"2":1}}"#),
    ] {
        let input = codec::decode_hex(hex.as_bytes()).unwrap();
        let decoded = decode("protobuf", &input, 1000).unwrap();
        assert_eq!(decoded, Message::text(json), "{hex}");
    }
}

#[test]
fn nesting_has_a_limit() {
    for (chain, open) in [("cbor", 0x81), ("msgpack", 0x91), ("cbor", 0x9f)] {
        for (levels, fits) in [(1000, true), (1001, false), (1 << 20, false)] {
            let mut input = vec![open; levels];
            input.push(1);
            input.extend(vec![0xff; if open == 0x9f { levels } else { 0 }]);
            let decoded = decode(chain, &input, 1 << 22);
            assert_eq!(decoded.is_ok(), fits, "{chain} {levels}: {decoded:?}");
        }
    }
}

#[test]
fn an_error_says_which_step_failed_and_where() {
    for (chain, input, error) in [
        (
            "cbor",
            &b"\x82\x01"[..],
            "cbor: the message is cut off (byte 3)",
        ),
        (
            "msgpack",
            b"\x92\x01\xc1",
            "msgpack: 0xc1 is never used in MessagePack (byte 3)",
        ),
        ("gzip+cbor", &[0x82; 20], "gzip: it is not gzip data"),
        ("cbor", b"", "cbor: the message is empty"),
        ("zstd", b"abcd", "zstd: it is not Zstandard data (byte 1)"),
    ] {
        assert_eq!(decode(chain, input, 100).unwrap_err(), error);
    }
}
