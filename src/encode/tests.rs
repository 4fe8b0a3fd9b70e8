use super::*;
use crate::codec;
use crate::decode::{Decoder, Options, Tally};

fn chain(typed: &str) -> Chain {
    Chain::parse("--encode", typed, &mut |_| Ok(None)).unwrap()
}

fn encoded(typed: &str, text: &str) -> Result<Message, String> {
    let encoder = Encoder::new(typed, chain(typed)).unwrap();
    encoder.encode(Message::text(text))
}

fn decoded(typed: &str, message: Message) -> Message {
    let mut decoder = Decoder::new(&Options {
        chain: chain(typed),
        limit: 1 << 20,
        tally: Tally::default(),
    });
    decoder.decode(message).unwrap().decoded.unwrap().unwrap()
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
    for typed in ["zlib-stream", "protobuf", "gzip+protobuf"] {
        assert!(Encoder::new(typed, chain(typed)).is_err(), "{typed}");
    }
}

#[test]
fn a_binary_message_stays_what_it_is() {
    let message = Message::binary(&b"\x00\x01"[..]);
    let encoder = Encoder::new("cbor", chain("cbor")).unwrap();
    assert_eq!(encoder.encode(message.clone()), Ok(message));
}
