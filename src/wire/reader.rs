//! Splits a byte stream into frames without checking them: a header as soon as it is complete,
//! payload as it arrives.

use crate::wire::frame::{FrameHeader, MAX_HEADER};

/// The next element of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A frame begins.
    Header(FrameHeader),
    /// This many bytes of its payload follow in the input; never more than the input has, never
    /// zero.
    Payload(usize),
}

/// The position in the stream of frames.
#[derive(Clone, Debug, Default)]
pub struct FrameReader {
    held: [u8; MAX_HEADER],
    held_len: usize,
    /// Payload bytes of the current frame that have not arrived.
    left: u64,
}

impl FrameReader {
    /// Whether the next byte is the first of a frame.
    pub fn at_start(&self) -> bool {
        self.left == 0 && self.held_len == 0
    }

    /// Payload bytes of the current frame that have not arrived; 0 at its end.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes the next element from `bytes`, which must not be empty, and returns it with the number
    /// of bytes taken. `None` takes all of them, because the header is not complete yet.
    pub fn next(&mut self, bytes: &[u8]) -> (Option<Piece>, usize) {
        if self.left > 0 {
            let step = self.left.min(bytes.len() as u64);
            self.left -= step;
            return (Some(Piece::Payload(step as usize)), step as usize);
        }
        if self.held_len == 0
            && let Some(header) = FrameHeader::parse(bytes)
        {
            self.left = header.len;
            return (Some(Piece::Header(header)), header.size());
        }
        // Continued within a header: byte by byte, because the header ends as soon as it can be
        // parsed.
        for (n, byte) in bytes.iter().enumerate() {
            self.held[self.held_len] = *byte;
            self.held_len += 1;
            if let Some(header) = FrameHeader::parse(&self.held[..self.held_len]) {
                self.held_len = 0;
                self.left = header.len;
                return (Some(Piece::Header(header)), n + 1);
            }
        }
        (None, bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_frames(
            frames in prop::collection::vec((any::<bool>(), 0u8..16, any::<Option<[u8; 4]>>(), 0u64..300), 0..6),
            cuts in prop::collection::vec(1usize..40, 0..60),
        ) {
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (fin, opcode, mask, len) in frames {
                let header = FrameHeader { mask, ..FrameHeader::plain(fin, opcode, len) };
                header.write(&mut stream);
                stream.resize(stream.len() + len as usize, 0xaa);
                expected.push((header, len as usize));
            }
            let mut cutter = FrameReader::default();
            let mut found: Vec<(FrameHeader, usize)> = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (mut piece, tail) = rest.split_at(cut.min(rest.len()));
                rest = tail;
                while !piece.is_empty() {
                    let (what, took) = cutter.next(piece);
                    match what {
                        Some(Piece::Header(header)) => found.push((header, 0)),
                        Some(Piece::Payload(len)) => found.last_mut().unwrap().1 += len,
                        None => {}
                    }
                    piece = &piece[took..];
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert!(cutter.at_start());
        }
    }
}
