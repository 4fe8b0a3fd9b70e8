//! Validates UTF-8 as it arrives, in pieces cut anywhere (RFC 6455 §8.1).

/// The state of validation.
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    /// The first bytes of an incomplete character.
    held: [u8; 4],
    len: usize,
    /// Number of bytes before it.
    good: u64,
}

impl Utf8 {
    /// Adds the next piece.
    ///
    /// # Errors
    /// The position in the text, in bytes, of the first byte that no valid text can have there.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), u64> {
        // Most text is ASCII, and is checked several times as fast this way.
        if self.len == 0 && is_ascii(piece) {
            self.good += piece.len() as u64;
            return Ok(());
        }
        let rest = self.complete(piece)?;
        match std::str::from_utf8(rest) {
            Ok(_) => self.good += rest.len() as u64,
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                self.good += good.len() as u64;
                if error.error_len().is_some() {
                    return Err(self.good);
                }
                self.held[..bad.len()].copy_from_slice(bad);
                self.len = bad.len();
            }
        }
        Ok(())
    }

    /// Checks that the text may end here.
    ///
    /// # Errors
    /// The position of the incomplete character.
    pub fn finish(&self) -> Result<(), u64> {
        if self.len == 0 {
            Ok(())
        } else {
            Err(self.good)
        }
    }

    /// Takes the bytes that complete the stored character, and returns the rest.
    fn complete<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], u64> {
        let mut rest = piece;
        while self.len > 0 {
            let Some((next, after)) = rest.split_first() else {
                break;
            };
            self.held[self.len] = *next;
            self.len += 1;
            rest = after;
            match std::str::from_utf8(&self.held[..self.len]) {
                Ok(_) => {
                    self.good += self.len as u64;
                    self.len = 0;
                }
                Err(error) if error.error_len().is_some() => return Err(self.good),
                Err(_) => {}
            }
        }
        Ok(rest)
    }
}

/// Whether all of `bytes` is UTF-8.
pub fn is_valid(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// Above this many bytes the standard library is faster, which stops at the first that is not; below
/// it, looking at all of them at once is.
const LONG: usize = 2048;

fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if bytes.len() > LONG {
        return bytes.is_ascii();
    }
    let (words, rest) = bytes.as_chunks::<8>();
    let (mut all, mut last) = (0, 0);
    for word in words {
        all |= u64::from_ne_bytes(*word);
    }
    for byte in rest {
        last |= byte;
    }
    all & HIGH == 0 && last < 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds the text byte by byte; returns the number of bytes before the error.
    fn taken(text: &[u8]) -> usize {
        let mut utf8 = Utf8::default();
        text.iter()
            .position(|byte| utf8.push(&[*byte]).is_err())
            .unwrap_or(text.len())
    }

    #[test]
    fn the_first_invalid_byte_is_reported() {
        for (text, good) in [
            (&b"ab\xffc"[..], 2),
            // A surrogate, and a code point above U+10FFFF: the second byte is the wrong one.
            (b"\xed\xa0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xc0\x80", 0),
            (b"\xce\xba\xe1\x80x", 4),
        ] {
            assert_eq!(taken(text), good, "{text:x?}");
        }
    }

    #[test]
    fn a_text_that_ends_within_a_character_is_cut_off() {
        let mut utf8 = Utf8::default();
        utf8.push("aé€".as_bytes()).unwrap();
        assert_eq!(utf8.finish(), Ok(()));
        utf8.push(b"\xf0\x9f\x98").unwrap();
        assert_eq!(utf8.finish(), Err(6));
        utf8.push(b"\x80").unwrap();
        assert_eq!(utf8.finish(), Ok(()));
    }

    #[test]
    fn in_texts_of_any_length_every_byte_counts() {
        for len in [7, 8, 100, LONG, LONG + 1, 3 * LONG] {
            for at in [0, len / 2, len - 1] {
                let mut text = vec![b'a'; len];
                assert!(is_valid(&text));
                text[at] = 0xff;
                assert!(!is_valid(&text), "{at} of {len}");
            }
            assert!(is_valid("é".repeat(len).as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_validated_like_the_whole(
            text in prop::collection::vec(prop_oneof![Just(b'a'), Just(0xc3), Just(0xa9), Just(0xf0), Just(0x9f), Just(0x98), Just(0x80), any::<u8>()], 0..40),
            cuts in prop::collection::vec(0usize..8, 0..40),
        ) {
            let mut utf8 = Utf8::default();
            let mut rest = &text[..];
            let mut verdict = Ok(());
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, tail) = rest.split_at(cut.min(rest.len()));
                rest = tail;
                verdict = verdict.and_then(|()| utf8.push(piece));
            }
            let verdict = verdict.and_then(|()| utf8.finish());
            let expected = std::str::from_utf8(&text).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
            prop_assert_eq!(is_valid(&text), expected.is_ok());
            prop_assert_eq!(verdict, expected);
        }
    }
}
