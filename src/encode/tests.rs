use proptest::prelude::*;

use super::*;
use crate::codec;
use crate::decode::{Decoder, Options, Tally};

mod protobuf;

fn chain(typed: &str) -> Chain {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut read = |path: &str| {
        Ok(Some(
            std::fs::read(folder.join(path)).expect("a descriptor"),
        ))
    };
    Chain::parse("--encode", typed, &mut read).unwrap()
}

fn decoder(typed: &str) -> Decoder {
    Decoder::new(&Options {
        chain: chain(typed),
        limit: 1 << 20,
        tally: Tally::default(),
    })
}

fn encoded(typed: &str, text: &str) -> Result<Message, String> {
    let encoder = Encoder::new(typed, chain(typed)).unwrap();
    let message = Message::text(text);
    let encoded = encoder.start().encode(message.clone());
    assert_eq!(encoder.check(&message), encoded.clone().map(drop));
    encoded
}

fn decoded(typed: &str, message: Message) -> Message {
    let decoded = decoder(typed).decode(message).unwrap();
    decoded.decoded.unwrap().unwrap()
}

#[test]
fn each_value_has_its_shortest_form() {
    for (typed, json, hex) in [
        (
            "msgpack",
            r#"{"compact":true,"schema":0}"#,
            "82a7636f6d70616374c3a6736368656d6100",
        ),
        ("msgpack", "[127,128,256,65536,4294967296]", "957fccc8"),
        (
            "msgpack",
            "[-32,-33,-129,-32769,-2147483649]",
            "95e0d0dfd1ff7fd2ffff7fffd3ffffffff7fffffff",
        ),
        ("msgpack", "18446744073709551615", "cfffffffffffffffff"),
        ("msgpack", "1.5", "cb3ff8000000000000"),
        (
            "cbor",
            "[23,24,256,65536,4294967296]",
            "85171818190100 1a00010000 1b0000000100000000",
        ),
        (
            "cbor",
            "[-1,-25,-18446744073709551616]",
            "83 20 3818 3bffffffffffffffff",
        ),
        ("cbor", "18446744073709551616", "c249010000000000000000"),
        ("cbor", "-18446744073709551617", "c349010000000000000000"),
        ("cbor", "[1.5,0.1]", "82fa3fc00000fb3fb999999999999a"),
        ("cbor", r#"{"a":[null,false]}"#, "a1616182f6f4"),
    ] {
        let Message::Binary(bytes) = encoded(typed, json).unwrap() else {
            panic!("{typed} is binary");
        };
        let hex = match hex {
            "957fccc8" => "957fcc80cd0100ce00010000cf0000000100000000".to_owned(),
            hex => hex.replace(' ', ""),
        };
        assert_eq!(codec::hex(&bytes, ""), hex, "{json}");
    }
}

#[test]
fn what_was_encoded_decodes_to_the_same() {
    for typed in [
        "msgpack",
        "cbor",
        "gzip",
        "zlib",
        "zstd",
        "gzip+cbor",
        "zstd+gzip+msgpack",
    ] {
        for json in [
            "0",
            "-9223372036854775808",
            r#"{"a":[1,-2.5,null,true,"é\n",{}],"":{"b":[]}}"#,
            &format!("[{}0]", "[1,\"x\"],".repeat(70_000)),
            &format!("\"{}\"", "long ".repeat(20_000)),
        ] {
            let message = encoded(typed, json).unwrap();
            assert_eq!(decoded(typed, message), Message::text(json), "{typed}");
        }
    }
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    for (typed, text, why) in [
        ("msgpack", "{", "not JSON: EOF while parsing an object"),
        ("cbor", "hello", "not JSON: expected value"),
        ("cbor", "notjson", "not JSON: expected value"),
        ("cbor", "", "not JSON: EOF while parsing a value"),
        (
            "msgpack",
            "18446744073709551616",
            "MessagePack has no integer as large as 18446744073709551616",
        ),
        ("cbor", "1e999", "the number 1e999 is too large"),
    ] {
        let error = encoded(typed, text).unwrap_err();
        assert_eq!(error.replace("1e+999", "1e999"), why);
    }
    for typed in ["protobuf", "gzip+protobuf"] {
        assert!(Encoder::new(typed, chain(typed)).is_err(), "{typed}");
    }
}

#[test]
fn a_binary_message_stays_what_it_is() {
    let message = Message::binary(&b"\x00\x01"[..]);
    let encoder = Encoder::new("cbor", chain("cbor")).unwrap();
    assert_eq!(encoder.start().encode(message.clone()), Ok(message));
}

/// Any value of JSON with the numbers that all forms have.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000..1000_i64).prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |it| it.is_finite().then(|| Value::from(it))),
        any::<f32>().prop_filter_map("finite", |it| it
            .is_finite()
            .then(|| Value::from(f64::from(it)))),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_back(value in json()) {
        let text = value.to_string();
        for typed in ["msgpack", "cbor", "gzip", "zlib", "zstd", "zlib-stream+zstd+cbor"] {
            let back = decoded(typed, encoded(typed, &text).unwrap());
            let back: Value = serde_json::from_str(back.as_text().unwrap()).unwrap();
            prop_assert_eq!(&back, &value, "{}", typed);
        }
    }

    #[test]
    fn any_messages_come_back_from_a_zlib_stream(
        messages in prop::collection::vec(
            prop_oneof![
                any::<String>(),
                Just(String::new()),
                ("[a-c]{0,4}", 0..20_000_usize).prop_map(|(text, times)| text.repeat(times)),
            ],
            0..12,
        ),
    ) {
        for typed in ["zlib-stream", "gzip+zlib-stream", "zlib-stream+zstd"] {
            let encoder = Encoder::new(typed, chain(typed)).unwrap();
            let (mut encoding, mut decoder) = (encoder.start(), decoder(typed));
            for message in messages.iter().map(|it| Message::text(it.as_str())) {
                let part = encoding.encode(message.clone()).unwrap();
                let back = decoder.decode(part).unwrap().decoded.unwrap();
                prop_assert_eq!(back, Ok(message), "{}", typed);
            }
        }
    }
}

/// A message that fills the buffer of the compressor to its end must be flushed all the same.
#[test]
fn messages_of_every_size_are_flushed() {
    let encoder = Encoder::new("zlib-stream", chain("zlib-stream")).unwrap();
    let (mut encoding, mut decoder) = (encoder.start(), decoder("zlib-stream"));
    let mut noise = 1_u32;
    for len in (16_300..16_420).chain([0, 0, 1, 0, 100_000]) {
        let text: String = (0..len)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b' ' + (noise >> 24) as u8 % 90)
            })
            .collect();
        let part = encoding.encode(Message::text(text.as_str())).unwrap();
        assert!(part.payload().ends_with(&[0, 0, 0xff, 0xff]));
        let back = decoder.decode(part).expect("whole").decoded;
        assert_eq!(back, Some(Ok(Message::text(text))), "{len}");
    }
}
