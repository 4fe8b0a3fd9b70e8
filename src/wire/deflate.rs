//! Compression and decompression of messages (RFC 7692 §7.2), bounded and resumable.
//!
//! A message is compressed with a sync flush, whose last four bytes are left out on the wire and put
//! back before inflating.
//!
//! What zlib needs for it is made with the first message. Between messages it is left where other
//! connections of the thread may take it: a compressor then begins with an empty window, and a
//! decompressor is made anew from the window, the only thing that it must know of what came before.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::wire::shelf::{Kept, Shelf};

/// The end of every sync flush (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An empty message: an empty block, without the tail (RFC 7692 §7.2.3.6).
const EMPTY: u8 = 0x00;

/// The smallest window that zlib can do; RFC 7692 goes down to 8 bits.
pub const MIN_WINDOW_BITS: u8 = 9;

/// The largest one.
const MAX_WINDOW_BITS: u8 = 15;

/// Compressed bytes made at a time.
const STEP: usize = 8 * 1024;

/// A larger window than this, in bytes, is compressed while nothing happens.
const PACKED: usize = 4 * 1024;

thread_local! {
    static COMPRESSORS: RefCell<Shelf<Compressor>> = const { RefCell::new(Shelf::new()) };
    static DECOMPRESSORS: RefCell<Shelf<Decompress>> = const { RefCell::new(Shelf::new()) };
}

/// Compresses messages, one after another.
#[derive(Debug)]
pub struct Deflater {
    level: u8,
    bits: u8,
    /// Forget each message before the next.
    reset: bool,
    /// Whether the present message is empty so far.
    empty: bool,
    kept: Kept<Compressor>,
}

impl Deflater {
    /// A compressor at `level` (0 to 9) whose window is 2^`bits` bytes, and which keeps it from
    /// message to message if `takeover`. `None` for a window that zlib cannot do.
    pub fn new(level: u8, bits: u8, takeover: bool) -> Option<Self> {
        (bits >= MIN_WINDOW_BITS).then_some(Deflater {
            level,
            bits,
            reset: !takeover,
            empty: true,
            kept: Kept::new(&COMPRESSORS),
        })
    }

    /// Compresses a part of a message to the end of `out`.
    pub fn push(&mut self, part: &[u8], out: &mut Vec<u8>) {
        if !part.is_empty() {
            self.empty = false;
            self.compressor().run(part, FlushCompress::None, out);
        }
    }

    /// Ends the message.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.empty {
            // After a flush another one gives nothing at all.
            out.push(EMPTY);
            return;
        }
        let reset = self.reset;
        let compressor = self.compressor();
        compressor.run(&[], FlushCompress::Sync, out);
        debug_assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        if reset {
            compressor.zlib.reset();
        }
        self.empty = true;
    }

    /// Between messages, leaves the window where others may take it who have none.
    pub fn leave(&mut self) {
        if self.empty {
            self.kept.leave();
        }
    }

    /// Whether there is a window to let go of.
    pub fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// Between messages, lets go of the window. Nobody has to refer back to earlier messages (RFC
    /// 7692 §7.1.1.1); the next one takes as many bytes as the first did.
    pub fn let_go(&mut self) {
        if self.empty {
            self.kept.forget();
        }
    }

    fn compressor(&mut self) -> &mut Compressor {
        let (level, bits) = (self.level, self.bits);
        self.kept
            .get_or(|oldest| Compressor::anew(oldest, level, bits))
    }
}

/// What compressing needs.
#[derive(Debug)]
struct Compressor {
    zlib: Compress,
    level: u8,
    bits: u8,
    /// What zlib writes to: a Vec's spare capacity would have to be zeroed every time.
    step: Box<[u8]>,
}

impl Compressor {
    /// One that has seen nothing, made of another one where that will do.
    fn anew(other: Option<Box<Compressor>>, level: u8, bits: u8) -> Box<Compressor> {
        match other.filter(|other| (other.level, other.bits) == (level, bits)) {
            Some(mut other) => {
                other.zlib.reset();
                other
            }
            None => Box::new(Compressor {
                zlib: Compress::new_with_window_bits(Compression::new(level.into()), false, bits),
                level,
                bits,
                step: vec![0; STEP].into_boxed_slice(),
            }),
        }
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
    bits: u8,
    /// Forget each message before the next.
    reset: bool,
    /// A final block has just ended (RFC 7692 §7.2.3.4), and nothing followed.
    ended: bool,
    /// Nothing of the present message has come.
    empty: bool,
    window: Window,
    kept: Kept<Decompress>,
}

impl Inflater {
    /// A decompressor for a peer whose window is 2^`bits` bytes, kept from message to message if
    /// `takeover`.
    pub fn new(bits: u8, takeover: bool) -> Self {
        let bits = bits.max(MIN_WINDOW_BITS);
        Inflater {
            bits,
            reset: !takeover,
            ended: false,
            empty: true,
            window: Window::new(1 << bits),
            kept: Kept::new(&DECOMPRESSORS),
        }
    }

    /// Inflates from `input` into `out`, as far as either goes. What zlib still holds comes with the
    /// next call.
    ///
    /// # Errors
    /// The input is not what a compressor gives.
    pub fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<Inflated, Garbage> {
        let (bits, window) = (self.bits, &mut self.window);
        let zlib = self.kept.get_or(|oldest| anew(oldest, bits, window));
        let (before, made) = (zlib.total_in(), zlib.total_out());
        let status = zlib.decompress(input, out, FlushDecompress::Sync);
        let inflated = Inflated {
            took: (zlib.total_in() - before) as usize,
            made: (zlib.total_out() - made) as usize,
        };
        let garbage = Garbage {
            made: inflated.made,
        };
        let status = status.map_err(|_| garbage)?;
        self.window.push(&out[..inflated.made]);
        if inflated.took > 0 {
            self.ended = false;
            self.empty = false;
        }
        if status == Status::StreamEnd {
            reset_to(zlib, &mut self.window);
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
        if self.reset && !self.empty {
            self.window.clear();
            let (bits, window) = (self.bits, &mut self.window);
            let zlib = self.kept.get_or(|oldest| anew(oldest, bits, window));
            zlib.reset(false);
        }
        self.ended = false;
        self.empty = true;
        Ok(())
    }

    /// Between messages, leaves what others may take who have none; it can be made anew.
    pub fn leave(&mut self) {
        if self.empty {
            self.kept.leave();
        }
    }

    /// Whether there is something to let go of.
    pub fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// Between messages, lets go of all that can be made anew, and compresses the rest.
    pub fn let_go(&mut self) {
        if self.empty {
            self.kept.forget();
            self.window.pack();
        }
    }
}

/// A decompressor that has seen nothing but `window`, made of another one where that will do.
fn anew(other: Option<Box<Decompress>>, bits: u8, window: &mut Window) -> Box<Decompress> {
    // Resetting makes its own window as large as can be.
    let mut zlib = match other {
        Some(mut other) if bits == MAX_WINDOW_BITS => {
            other.reset(false);
            other
        }
        _ => Box::new(Decompress::new_with_window_bits(false, bits)),
    };
    set_window(&mut zlib, window);
    zlib
}

/// Begins anew after a final block, which does not end the window.
fn reset_to(zlib: &mut Decompress, window: &mut Window) {
    zlib.reset(false);
    set_window(zlib, window);
}

fn set_window(zlib: &mut Decompress, window: &mut Window) {
    let window = window.bytes();
    if !window.is_empty() {
        let set = zlib.set_dictionary(window);
        debug_assert!(set.is_ok(), "{set:?}");
    }
}

/// What a peer may refer back to.
#[derive(Debug)]
struct Window {
    /// The most that it holds, in bytes.
    size: usize,
    /// Its bytes, and perhaps some before them; or those compressed.
    bytes: Vec<u8>,
    /// How many bytes those were that are compressed now.
    packed: Option<usize>,
}

impl Window {
    fn new(size: usize) -> Self {
        Window {
            size,
            bytes: Vec::new(),
            packed: None,
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.packed = None;
    }

    fn push(&mut self, made: &[u8]) {
        let made = &made[made.len().saturating_sub(self.size)..];
        // Only now and then, since all of it has to move.
        if self.bytes.len() + made.len() > 2 * self.size {
            let kept = self.size - made.len();
            self.bytes.drain(..self.bytes.len() - kept);
        }
        self.bytes.extend_from_slice(made);
    }

    fn bytes(&mut self) -> &[u8] {
        if let Some(len) = self.packed.take() {
            let packed = std::mem::replace(&mut self.bytes, Vec::with_capacity(len));
            let mut zlib = Decompress::new(false);
            let end = FlushDecompress::Finish;
            let unpacked = zlib.decompress_vec(&packed, &mut self.bytes, end);
            debug_assert!(unpacked.is_ok() && self.bytes.len() == len, "{unpacked:?}");
        }
        &self.bytes[self.bytes.len().saturating_sub(self.size)..]
    }

    /// Takes as little memory as it can.
    fn pack(&mut self) {
        if self.packed.is_some() {
            return;
        }
        self.bytes
            .drain(..self.bytes.len().saturating_sub(self.size));
        if self.bytes.len() > PACKED {
            let mut packed = Vec::with_capacity(self.bytes.len());
            let mut zlib = Compress::new(Compression::fast(), false);
            let status = zlib.compress_vec(&self.bytes, &mut packed, FlushCompress::Finish);
            // Not where it does not get smaller.
            if matches!(status, Ok(Status::StreamEnd)) {
                self.packed = Some(self.bytes.len());
                self.bytes = packed;
            }
        }
        self.bytes.shrink_to_fit();
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
    fn invalid_deflate_data_is_an_error() {
        assert_eq!(
            inflate(&mut Inflater::new(15, true), b"\xff\xff\xff\xff"),
            Err(GARBAGE)
        );
    }

    #[test]
    fn a_truncated_message_is_not_taken_as_complete() {
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
    fn a_window_of_eight_bits_is_not_used_for_sending() {
        assert!(Deflater::new(1, 8, true).is_none());
    }

    #[test]
    fn a_final_block_does_not_end_the_window() {
        let mut inflater = Inflater::new(15, true);
        let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut inflater, &hello), Ok(b"Hello".to_vec()));
        // Five bytes from five bytes before.
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&mut inflater, &again), Ok(b"Hello".to_vec()));
    }

    #[test]
    fn more_connections_than_the_shelf_has_places_keep_their_windows() {
        let mut pairs: Vec<_> = (0..100)
            .map(|_| {
                let deflater = Deflater::new(1, 15, true).unwrap();
                (deflater, Inflater::new(15, true))
            })
            .collect();
        for round in 0..4 {
            for (number, (deflater, inflater)) in pairs.iter_mut().enumerate() {
                let text = format!("message {round} of connection {number}").into_bytes();
                let wire = compress(deflater, &text);
                deflater.leave();
                assert_eq!(inflate(inflater, &wire), Ok(text));
                inflater.leave();
            }
        }
    }

    #[test]
    fn a_window_without_use_is_small() {
        let mut deflater = Deflater::new(1, 15, true).unwrap();
        let mut inflater = Inflater::new(15, true);
        let plain = b"{\"event\":\"tick\",\"data\":[1,2,3]}".repeat(3000);
        let wire = compress(&mut deflater, &plain);
        assert_eq!(inflate(&mut inflater, &wire), Ok(plain.clone()));
        inflater.leave();
        assert!(inflater.keeps());
        inflater.let_go();
        assert!(!inflater.keeps());
        assert!(inflater.window.bytes.capacity() < 4096);
        // Of the end of it the next message consists.
        let wire = compress(&mut deflater, &plain[..300]);
        assert!(wire.len() < 20);
        assert_eq!(inflate(&mut inflater, &wire), Ok(plain[..300].to_vec()));
    }

    proptest! {
        #[test]
        fn compressed_messages_inflate(
            level in 0u8..10, bits in 9u8..=15, takeover: bool, room in 1usize..5000,
            messages in prop::collection::vec((0u8..4, prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 0..3)), 0..6),
        ) {
            let mut deflater = Deflater::new(level, bits, takeover).unwrap();
            let mut inflater = Inflater::new(bits, takeover);
            for (rest, parts) in messages {
                let mut wire = Vec::new();
                for part in &parts {
                    deflater.push(part, &mut wire);
                }
                deflater.finish(&mut wire);
                prop_assert_eq!(inflate_in(&mut inflater, &wire, room), Ok(parts.concat()));
                match rest {
                    0 => {}
                    1 => inflater.leave(),
                    2 => inflater.let_go(),
                    _ => {
                        inflater.let_go();
                        deflater.let_go();
                    }
                }
            }
        }
    }
}
