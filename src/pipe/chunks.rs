//! Cuts a stream of bytes into chunks, whatever they contain. Pure.

use crate::message::Kind;

/// The largest chunk where no size was given, in bytes: what one read gives.
const LARGEST: usize = 64 * 1024;

/// The smallest size of a chunk of text, in bytes: the longest character has as many.
pub const SHORTEST_TEXT: usize = 4;

/// How many bytes of `buffer` make the next chunk, or `None` if more input is needed.
///
/// With a `size`, a chunk is held back until it is full, or the input has ended. Without one, nothing is
/// held back. Text is cut between characters: a chunk may be up to three bytes shorter, and the first
/// bytes of a character wait for the others.
pub fn next(buffer: &[u8], size: Option<usize>, kind: Kind, eof: bool) -> Option<usize> {
    let wanted = size.unwrap_or(LARGEST);
    let is_full = buffer.len() >= wanted;
    if buffer.is_empty() || (size.is_some() && !is_full && !eof) {
        return None;
    }
    let end = buffer.len().min(wanted);
    // At the end of the input, half a character is an error that the caller finds.
    if kind == Kind::Binary || (eof && !is_full) {
        return Some(end);
    }
    let end = end - incomplete(&buffer[..end]);
    (end > 0).then_some(end)
}

/// The number of bytes at the end of `text` that begin a character and do not complete it.
fn incomplete(text: &[u8]) -> usize {
    for back in 1..=text.len().min(3) {
        let byte = text[text.len() - back];
        let length = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if length > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The chunks of `input`, which arrives in pieces of `piece` bytes.
    fn chunks(input: &[u8], size: Option<usize>, kind: Kind, piece: usize) -> Vec<Vec<u8>> {
        let (mut buffer, mut out) = (Vec::new(), Vec::new());
        let mut cut = |buffer: &mut Vec<u8>, eof| {
            while let Some(end) = next(buffer, size, kind, eof) {
                out.push(buffer.drain(..end).collect());
            }
        };
        for piece in input.chunks(piece) {
            buffer.extend_from_slice(piece);
            cut(&mut buffer, false);
        }
        cut(&mut buffer, true);
        assert_eq!(buffer, b"");
        out
    }

    #[test]
    fn a_size_is_filled_and_the_last_chunk_is_shorter() {
        for piece in [1, 2, 3, 7, 100] {
            let chunks = chunks(b"abcdefgh", Some(3), Kind::Binary, piece);
            assert_eq!(chunks, [&b"abc"[..], b"def", b"gh"]);
        }
        assert!(chunks(b"", Some(3), Kind::Binary, 1).is_empty());
    }

    #[test]
    fn without_a_size_nothing_is_held_back_and_a_chunk_has_a_limit() {
        let arrived = chunks(b"abcdefgh", None, Kind::Binary, 3);
        assert_eq!(arrived, [&b"abc"[..], b"def", b"gh"]);
        let large = chunks(&[0; LARGEST + 1], None, Kind::Binary, 2 * LARGEST);
        let sizes: Vec<usize> = large.iter().map(Vec::len).collect();
        assert_eq!(sizes, [LARGEST, 1]);
    }

    #[test]
    fn text_is_cut_between_characters() {
        let text = "a\u{e9}\u{20ac}\u{1f600}z";
        let expected = ["a\u{e9}", "\u{20ac}", "\u{1f600}", "z"];
        for piece in 1..12 {
            let chunks = chunks(text.as_bytes(), Some(4), Kind::Text, piece);
            let chunks: Vec<&str> = chunks
                .iter()
                .map(|it| str::from_utf8(it).unwrap())
                .collect();
            assert_eq!(chunks, expected, "{piece}");
        }
        // Half a character at the end is left to the caller.
        assert_eq!(
            chunks(b"a\xe2\x82", None, Kind::Text, 9),
            [&b"a"[..], b"\xe2\x82"]
        );
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_text_stays_text(text in "\\PC{0,60}", size in 4usize..20, given: bool, piece in 1usize..9) {
            let size = given.then_some(size);
            let chunks = chunks(text.as_bytes(), size, Kind::Text, piece);
            prop_assert!(chunks.iter().all(|it| str::from_utf8(it).is_ok()));
            prop_assert!(chunks.iter().all(|it| !it.is_empty()));
            prop_assert_eq!(chunks.concat(), text.into_bytes());
        }

        #[test]
        fn bytes_that_are_no_text_end_too(bytes: Vec<u8>, size in 4usize..9, piece in 1usize..9) {
            for kind in [Kind::Text, Kind::Binary] {
                prop_assert_eq!(chunks(&bytes, Some(size), kind, piece).concat(), bytes.clone());
                prop_assert_eq!(chunks(&bytes, None, kind, piece).concat(), bytes.clone());
            }
        }
    }
}
