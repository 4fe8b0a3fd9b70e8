//! Decoders: any bytes in any form. What decodes to JSON is JSON within its limits, and what was
//! encoded decodes to the same.

use std::sync::OnceLock;

use wirecat::internals::decode::chain::Chain;
use wirecat::internals::decode::{Decoder, Options, Tally};
use wirecat::internals::encode::Encoder;
use wirecat::internals::message::Message;

/// Largest message that comes out.
const LIMIT: usize = 4096;

/// A type with a field of every kind.
const TYPED: &str = "protobuf:test.desc#wirecat.test.All";
const DESCRIPTOR: &[u8] = include_bytes!("../../tests/decode/test.desc");

/// # Panics
/// Where a decoder does, gives more than it may, or no JSON; or loses something.
fn run(form: &str, input: &[u8]) {
    let mut decoder = decoder(form);
    let message = Message::binary(input.to_vec());
    let Some(decoded) = decoder.decode(message.clone()) else {
        assert_eq!(form, "zlib-stream");
        return;
    };
    assert_eq!(decoded.message, message);
    let Some(Ok(said)) = decoded.decoded else {
        return;
    };
    assert!(said.len() <= LIMIT, "{} bytes", said.len());
    if !matches!(form, "msgpack" | "cbor" | "protobuf" | TYPED) {
        return;
    }
    let text = said.as_text().expect("JSON is text");
    // The parser has a limit of its own, far below that of a decoder.
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else {
        return there_and_back(form, &said);
    };
    assert!(error.to_string().contains("recursion"), "{text}: {error}");
}

fn there_and_back(form: &str, said: &Message) {
    if form == "protobuf" {
        return;
    }
    if form == TYPED {
        // What the type does not have comes back under no name.
        return stays(form, said);
    }
    let encoder = Encoder::new(form, chain(form)).expect("it has an encoder");
    // Some integers are too large for MessagePack.
    let Ok(encoded) = encoder.start().encode(said.clone()) else {
        return;
    };
    let again = decoder(form).decode(encoded).and_then(|it| it.decoded);
    let Some(Ok(again)) = again else {
        return;
    };
    let value = |message: &Message| {
        let text = message.as_text().expect("JSON is text");
        serde_json::from_str::<serde_json::Value>(text).expect("JSON")
    };
    assert_eq!(value(&again), value(said));
}

/// What a text is encoded to says the same: it is encoded to the same again.
///
/// # Panics
/// If it is not.
fn stays(form: &str, said: &Message) {
    let encoder = Encoder::new(form, chain(form)).expect("it has an encoder");
    let encoded = encoder.start().encode(said.clone());
    assert_eq!(encoder.check(said).is_ok(), encoded.is_ok());
    let Ok(encoded) = encoded else {
        return;
    };
    let again = decoder(form).decode(encoded.clone());
    let Some(Ok(again)) = again.and_then(|it| it.decoded) else {
        // More than there is room for.
        assert!(said.len() > LIMIT / 16, "{said:?}: {encoded:?}");
        return;
    };
    if let Message::Text(_) = again {
        assert_eq!(encoder.start().encode(again), Ok(encoded));
    }
}

fn chain(form: &str) -> Chain {
    // Reading the descriptor takes longer than all the rest.
    static TYPED_CHAIN: OnceLock<Chain> = OnceLock::new();
    let mut read = |_: &str| Ok(Some(DESCRIPTOR.to_vec()));
    let mut parse = || Chain::parse("--decode", form, &mut read).expect("a form");
    match form {
        TYPED => TYPED_CHAIN.get_or_init(parse).clone(),
        _ => parse(),
    }
}

fn decoder(form: &str) -> Decoder {
    Decoder::new(&Options {
        chain: chain(form),
        limit: LIMIT,
        tally: Tally::default(),
    })
}

pub fn msgpack(input: &[u8]) {
    run("msgpack", input);
}

pub fn cbor(input: &[u8]) {
    run("cbor", input);
}

pub fn protobuf(input: &[u8]) {
    run("protobuf", input);
}

pub fn protobuf_typed(input: &[u8]) {
    run(TYPED, input);
}

/// The form, and a text to encode.
pub fn encode(input: &[u8]) {
    let Some((form, text)) = input.split_first() else {
        return;
    };
    let forms = [TYPED, "msgpack", "cbor", "zlib-stream", "gzip", "zstd+cbor"];
    if let Ok(text) = std::str::from_utf8(text) {
        stays(
            forms[usize::from(*form) % forms.len()],
            &Message::text(text),
        );
    }
}

pub fn gzip(input: &[u8]) {
    run("gzip", input);
}

pub fn zlib_stream(input: &[u8]) {
    run("zlib-stream", input);
}

pub fn zstd(input: &[u8]) {
    run("zstd", input);
}
