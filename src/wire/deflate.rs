//! Compression and decompression of messages (RFC 7692 §7.2), bounded and resumable.
//!
//! A message is compressed with a sync flush, whose last four bytes are left out on the wire and put
//! back before inflating.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The end of every sync flush (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An empty message: an empty block, without the tail (RFC 7692 §7.2.3.6).
const EMPTY: u8 = 0x00;

/// The smallest window that zlib can do; RFC 7692 goes down to 8 bits.
pub const MIN_WINDOW_BITS: u8 = 9;

/// Compressed bytes made at a time.
const STEP: usize = 8 * 1024;

/// Compresses messages, one after another.
#[derive(Debug)]
pub struct Deflater {
    zlib: Compress,
    /// Forget each message before the next.
    reset: bool,
    /// Whether the present message is empty so far.
    empty: bool,
    /// What zlib writes to: a Vec's spare capacity would have to be zeroed every time.
    step: Box<[u8]>,
}

impl Deflater {
    /// A compressor at `level` (0 to 9) whose window is 2^`bits` bytes, and which keeps it from
    /// message to message if `takeover`. `None` for a window that zlib cannot do.
    pub fn new(level: u8, bits: u8, takeover: bool) -> Option<Self> {
        (bits >= MIN_WINDOW_BITS).then(|| Deflater {
            zlib: Compress::new_with_window_bits(Compression::new(level.into()), false, bits),
            reset: !takeover,
            empty: true,
            step: vec![0; STEP].into_boxed_slice(),
        })
    }

    /// Compresses a part of a message to the end of `out`.
    pub fn push(&mut self, part: &[u8], out: &mut Vec<u8>) {
        self.empty &= part.is_empty();
        self.run(part, FlushCompress::None, out);
    }

    /// Ends the message.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.empty {
            // After a flush another one gives nothing at all.
            out.push(EMPTY);
        } else {
            self.run(&[], FlushCompress::Sync, out);
            debug_assert!(out.ends_with(&TAIL));
            out.truncate(out.len() - TAIL.len());
            if self.reset {
                self.zlib.reset();
            }
        }
        self.empty = true;
    }

    fn run(&mut self, part: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        let mut rest = part;
        loop {
            let (before, made) = (self.zlib.total_in(), self.zlib.total_out());
            // An error here could only be a misuse of the state, which is ours alone.
            let status = self.zlib.compress(rest, &mut self.step, flush);
            debug_assert!(
                matches!(status, Ok(Status::Ok | Status::BufError)),
                "{status:?}"
            );
            let made = (self.zlib.total_out() - made) as usize;
            out.extend_from_slice(&self.step[..made]);
            rest = &rest[(self.zlib.total_in() - before) as usize..];
            // Room to spare means that all of it is out.
            if rest.is_empty() && made < self.step.len() {
                return;
            }
        }
    }
}

/// The data does not inflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Bytes of output that the call made before.
    pub made: usize,
}

/// What one step of inflating did, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflated {
    pub took: usize,
    pub made: usize,
}

/// Decompresses messages, one after another.
#[derive(Debug)]
pub struct Inflater {
    zlib: Decompress,
    /// Forget each message before the next.
    reset: bool,
    /// A final block has just ended (RFC 7692 §7.2.3.4), and nothing followed.
    ended: bool,
    /// Nothing of the present message has come.
    empty: bool,
}

impl Inflater {
    /// A decompressor for a peer whose window is 2^`bits` bytes, kept from message to message if
    /// `takeover`.
    pub fn new(bits: u8, takeover: bool) -> Self {
        Inflater {
            zlib: Decompress::new_with_window_bits(false, bits.max(MIN_WINDOW_BITS)),
            reset: !takeover,
            ended: false,
            empty: true,
        }
    }

    /// Inflates from `input` into `out`, as far as either goes. What zlib still holds comes with the
    /// next call.
    ///
    /// # Errors
    /// The input is not what a compressor gives.
    pub fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<Inflated, Garbage> {
        let (before, made) = (self.zlib.total_in(), self.zlib.total_out());
        let status = self.zlib.decompress(input, out, FlushDecompress::Sync);
        let inflated = Inflated {
            took: (self.zlib.total_in() - before) as usize,
            made: (self.zlib.total_out() - made) as usize,
        };
        let garbage = Garbage {
            made: inflated.made,
        };
        let status = status.map_err(|_| garbage)?;
        if inflated.took > 0 {
            self.ended = false;
            self.empty = false;
        }
        if status == Status::StreamEnd {
            self.zlib.reset(false);
            self.ended = true;
        } else if inflated == Inflated::default() && !input.is_empty() && !out.is_empty() {
            return Err(garbage);
        }
        Ok(inflated)
    }

    /// Ends the message, once all of it has been inflated and `out` was not filled by it.
    ///
    /// # Errors
    /// The message is cut off: what must end its last block was taken for data of it.
    pub fn finish(&mut self) -> Result<(), Garbage> {
        // A sender that ends its message with a final block and nothing else has no flush to mend,
        // nor has one that sends nothing at all for an empty message, as zlib left alone does.
        let mut tail = match self.ended || self.empty {
            true => &[][..],
            false => &TAIL,
        };
        while !tail.is_empty() {
            match self.inflate(tail, &mut [0; TAIL.len()]) {
                Ok(Inflated { took, made: 0 }) => tail = &tail[took..],
                _ => return Err(Garbage { made: 0 }),
            }
        }
        self.ended = false;
        self.empty = true;
        if self.reset {
            self.zlib.reset(false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GARBAGE: Garbage = Garbage { made: 0 };

    fn compress(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        deflater.push(message, &mut out);
        deflater.finish(&mut out);
        out
    }

    /// Inflates in steps of `room` bytes.
    fn inflate_in(inflater: &mut Inflater, wire: &[u8], room: usize) -> Result<Vec<u8>, Garbage> {
        let mut plain = Vec::new();
        let mut out = vec![0; room];
        let mut rest = wire;
        loop {
            let inflated = inflater.inflate(rest, &mut out).map_err(|_| GARBAGE)?;
            let Inflated { took, made } = inflated;
            rest = &rest[took..];
            plain.extend_from_slice(&out[..made]);
            if rest.is_empty() && made < room {
                break;
            }
            assert!(took > 0 || made > 0, "no progress");
        }
        inflater.finish()?;
        Ok(plain)
    }

    fn inflate(inflater: &mut Inflater, wire: &[u8]) -> Result<Vec<u8>, Garbage> {
        inflate_in(inflater, wire, 64 * 1024)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7692 §7.2.3.1, .2 (shared window), .3 (no compression), .4 (final block), .5 (two blocks)
        let mut inflater = Inflater::new(15, true);
        for wire in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
            // A final block alone.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(
                inflate(&mut inflater, wire),
                Ok(b"Hello".to_vec()),
                "{wire:x?}"
            );
        }
        // An empty message, as it should be and as some send it; neither disturbs what follows.
        for wire in [&[0x00][..], &[], &[0x00]] {
            assert_eq!(inflate(&mut inflater, wire), Ok(Vec::new()));
        }
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut inflater, &hello), Ok(b"Hello".to_vec()));
    }

    #[test]
    fn the_first_message_is_that_of_the_rfc() {
        let mut deflater = Deflater::new(6, 15, true).unwrap();
        assert_eq!(
            compress(&mut deflater, b"Hello"),
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        );
        assert_eq!(
            compress(&mut deflater, b"Hello"),
            [0xf2, 0x00, 0x11, 0x00, 0x00]
        );
        assert_eq!(compress(&mut deflater, b""), [0x00]);
        let mut forgetful = Deflater::new(6, 15, false).unwrap();
        assert_eq!(
            compress(&mut forgetful, b"Hello"),
            compress(&mut forgetful, b"Hello")
        );
    }

    #[test]
    fn garbage_is_noticed() {
        assert_eq!(
            inflate(&mut Inflater::new(15, true), b"\xff\xff\xff\xff"),
            Err(GARBAGE)
        );
    }

    #[test]
    fn a_message_that_is_cut_off_is_not_taken_for_whole() {
        let plain = b"some text that is here, and some text that is not";
        let whole = compress(&mut Deflater::new(6, 15, true).unwrap(), plain);
        // All of the text is in what comes before the last bytes: those end its block.
        for cut in 1..whole.len() - 2 {
            let cut_off = inflate(&mut Inflater::new(15, true), &whole[..cut]);
            assert_eq!(cut_off, Err(GARBAGE), "{cut} of {}", whole.len());
        }
        let stored = b"\x00\x05\x00\xfa\xffHel";
        assert_eq!(inflate(&mut Inflater::new(15, true), stored), Err(GARBAGE));
    }

    #[test]
    fn eight_bits_are_not_for_sending() {
        assert!(Deflater::new(1, 8, true).is_none());
    }

    proptest! {
        #[test]
        fn what_is_compressed_inflates(
            level in 0u8..10, bits in 9u8..=15, takeover: bool, room in 1usize..5000,
            messages in prop::collection::vec(prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 0..3), 0..6),
        ) {
            let mut deflater = Deflater::new(level, bits, takeover).unwrap();
            let mut inflater = Inflater::new(bits, takeover);
            for parts in messages {
                let mut wire = Vec::new();
                for part in &parts {
                    deflater.push(part, &mut wire);
                }
                deflater.finish(&mut wire);
                prop_assert_eq!(inflate_in(&mut inflater, &wire, room), Ok(parts.concat()));
            }
        }
    }
}
