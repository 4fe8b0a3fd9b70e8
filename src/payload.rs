//! Makes messages of what was typed or piped: plain text, bytes, hex, base64 or text with escapes.
//! Pure.

use bytes::Bytes;

use crate::codec::{decode_base64, decode_escapes, decode_hex};
use crate::message::{Kind, Message};

/// How input encodes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Unchanged.
    #[default]
    Plain,
    Hex,
    Base64,
    /// `\n \r \t \0 \\ \xHH \uHHHH \u{H…}`
    Escapes,
}

/// How a piece of input becomes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputFormat {
    pub encoding: Encoding,
    pub kind: Kind,
}

impl Default for InputFormat {
    fn default() -> Self {
        InputFormat {
            encoding: Encoding::Plain,
            kind: Kind::Text,
        }
    }
}

impl InputFormat {
    /// Makes a message of one piece of input.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the input. The caller prefixes its position.
    pub fn message(&self, input: Bytes) -> Result<Message, String> {
        let data = match self.encoding {
            Encoding::Plain => input,
            Encoding::Hex => Bytes::from(decode_hex(&input)?),
            Encoding::Base64 => Bytes::from(decode_base64(&input)?),
            Encoding::Escapes => Bytes::from(decode_escapes(&input)?),
        };
        // The clone is for the error message; it shares the bytes.
        let bytes = data.clone();
        Message::new(self.kind, data)
            .map_err(|at| format!("byte {} (0x{:02x}) is not UTF-8", at + 1, bytes[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, kind: Kind, input: &[u8]) -> Result<Vec<u8>, String> {
        let message = InputFormat { encoding, kind }.message(Bytes::copy_from_slice(input))?;
        assert_eq!(message.kind(), kind);
        Ok(message.payload().to_vec())
    }

    #[test]
    fn every_encoding() {
        use Encoding::{Base64, Escapes, Hex, Plain};
        for (encoding, input, output) in [
            (Plain, &b"a\\n"[..], &b"a\\n"[..]),
            (Hex, b"00ff 0A:fe", &[0, 255, 10, 254]),
            (Hex, b"0x41", b"A"),
            (Hex, b"", b""),
            (Base64, b"AP8K/g==", &[0, 255, 10, 254]),
            (Base64, b"AP8K_g", &[0, 255, 10, 254]),
            (Base64, b"QQ = =", b"A"),
            (
                Escapes,
                br"a\n\0\x1e\\\u2028\u{1F600}\ud83d\ude00",
                "a\n\0\x1e\\\u{2028}😀😀".as_bytes(),
            ),
        ] {
            assert_eq!(
                decoded(encoding, Kind::Binary, input).as_deref(),
                Ok(output),
                "{input:?}"
            );
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        use Encoding::{Base64, Escapes, Hex, Plain};
        for (encoding, input, word) in [
            (Plain, &b"ab\xff"[..], "byte 3 (0xff) is not UTF-8"),
            (Hex, b"0g", "'g'"),
            (Hex, b"abc", "3 hex digits"),
            (Base64, b"?", "not base64"),
            (Escapes, br"\q", r"'\q'"),
            (Escapes, br"x\", "at the end"),
            (Escapes, br"\x1", "2 hex digits"),
            (Escapes, br"\u{}", "hex digits"),
            (Escapes, br"\u{1234567}", "six"),
            (Escapes, br"\ud800", "U+D800"),
            (Escapes, br"\ud800\u0041", "not a character"),
            (Escapes, br"\ud800\ue000", "not a character"),
            (Escapes, br"\xff", "not UTF-8"),
        ] {
            let error = decoded(encoding, Kind::Text, input).unwrap_err();
            assert!(error.contains(word), "{input:?}: {error}");
        }
    }
}
