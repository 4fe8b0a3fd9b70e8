use super::*;
use crate::codec;
use crate::error::Error;

mod corpus;

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

/// What the parts of a zlib stream give, one after another; none where the rest comes later.
fn parts_of_stream(limit: usize, parts: &[&str]) -> (Vec<Option<String>>, Option<String>) {
    let mut decoder = decoder("zlib-stream", limit);
    let parts = parts.iter().map(|hex| {
        let part = codec::decode_hex(hex.as_bytes()).unwrap();
        let decoded = decoder.decode(Message::binary(part))?.decoded?;
        Some(match decoded {
            Ok(message) => message.as_text().unwrap().to_owned(),
            Err(why) => why.to_string(),
        })
    });
    (parts.collect(), decoder.unfinished())
}

const STREAM: [&str; 3] = [
    "78da52cacf4b5502000000ffff", // "one"
    "522a29cf5702000000ffff",     // "two"
    "534acd4b510200254e04a0",     // "end", and the end of the stream
];

#[test]
fn the_end_of_a_zlib_stream_ends_its_last_message() {
    let (said, unfinished) = parts_of_stream(100, &[&STREAM[..], &["00"]].concat());
    let said: Vec<_> = said.iter().flatten().map(String::as_str).collect();
    let more = "zlib-stream: something follows the end of the zlib stream (byte 1)";
    assert_eq!(said, ["\"one\"", "\"two\"", "\"end\"", more]);
    assert_eq!(unfinished, None);
}

#[test]
fn a_message_of_a_zlib_stream_may_come_in_parts_of_any_size() {
    let stream = STREAM[..2].concat();
    for size in 1..stream.len() / 2 {
        let bytes = stream.as_bytes();
        let parts: Vec<&str> = bytes
            .chunks(2 * size)
            .map(|part| std::str::from_utf8(part).unwrap())
            .collect();
        let (said, unfinished) = parts_of_stream(100, &parts);
        let said: Vec<_> = said.into_iter().flatten().collect();
        let both = ["\"one\"", "\"two\""];
        // Where the end of a message is not that of a part, it comes with the next one.
        let expected = match said.as_slice() {
            [_] => vec![both.concat()],
            _ => both.map(str::to_owned).to_vec(),
        };
        assert_eq!((said, unfinished), (expected, None), "{size}");
    }
}

#[test]
fn what_is_unfinished_in_a_zlib_stream_is_told() {
    let (said, unfinished) = parts_of_stream(100, &[STREAM[0], &STREAM[1][..12]]);
    assert_eq!(said, [Some("\"one\"".to_owned()), None]);
    let unfinished = unfinished.unwrap();
    assert!(
        unfinished.contains("6 bytes of it, 5 bytes when inflated"),
        "{unfinished}"
    );
    let (_, unfinished) = parts_of_stream(100, &[STREAM[0], ""]);
    assert_eq!(unfinished, None);
}

#[test]
fn a_zlib_stream_ends_with_a_part_that_is_too_large() {
    let (said, unfinished) = parts_of_stream(12, &[STREAM[0], STREAM[1]]);
    let too_large = "zlib-stream: it decodes to more than 12 bytes (--max-message-size)";
    let broken = "zlib-stream: an earlier message has broken the stream";
    let said: Vec<_> = said.iter().flatten().map(String::as_str).collect();
    assert_eq!(said, [too_large, broken]);
    assert_eq!(unfinished, None);
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
