//! What zlib inflates: whole messages in gzip (RFC 1952) or zlib format (RFC 1950), and one zlib
//! stream over all messages of a connection. Pure.
//!
//! What comes out is bounded, however little went in.

use std::io::{self, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::{Decompress, FlushDecompress, Status};

use super::wrong::{Result, Wrong};

/// The end of a message in a zlib stream: that of a sync flush.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Bytes inflated at a time.
const STEP: usize = 16 * 1024;

/// Inflates a message in gzip format, of one member or more.
pub(super) fn gzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    read_all(MultiGzDecoder::new(bytes), limit, "gzip")
}

/// Inflates a message in zlib format.
pub(super) fn zlib(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(bytes);
    let inflated = read_all(&mut decoder, limit, "zlib")?;
    let rest = decoder.into_inner();
    match rest.is_empty() {
        true => Ok(inflated),
        false => Err(Wrong::at(
            "something follows the end of what is compressed",
            bytes.len() - rest.len(),
        )),
    }
}

/// Everything that `decoder` gives, if it is not more than `limit` bytes.
pub(super) fn read_all(decoder: impl Read, limit: usize, format: &'static str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let most = limit as u64 + 1;
    match decoder.take(most).read_to_end(&mut out) {
        Ok(_) if out.len() > limit => Err(Wrong::too_large(limit)),
        Ok(_) => Ok(out),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Wrong::new("the message is cut off"))
        }
        Err(_) => Err(Wrong::new(format!("it is not {format} data"))),
    }
}

/// The stream of a connection, whose window goes on from message to message.
#[derive(Debug)]
pub(super) struct Stream {
    zlib: Decompress,
    /// What the present message gave so far.
    out: Vec<u8>,
    /// The last bytes of the present message so far, which may come in parts of any size.
    last: [u8; FLUSHED.len()],
    /// Something did not inflate, or was left out, so nothing after it can inflate.
    is_broken: bool,
    /// The sender has ended the stream.
    is_over: bool,
}

impl Stream {
    pub(super) fn new() -> Self {
        Stream {
            zlib: Decompress::new(true),
            out: Vec::new(),
            last: [0; FLUSHED.len()],
            is_broken: false,
            is_over: false,
        }
    }

    /// What the present message gave so far, in bytes.
    pub(super) fn inflated(&self) -> usize {
        self.out.len()
    }

    /// A part of the stream is missing.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
        self.out = Vec::new();
    }

    /// Inflates what a message brought. `None` if the rest of it comes with another message.
    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>> {
        if self.is_broken {
            return Err(Wrong::new("an earlier message has broken the stream"));
        }
        self.inflate(bytes, limit)?;
        for byte in &bytes[bytes.len().saturating_sub(FLUSHED.len())..] {
            self.last.rotate_left(1);
            self.last[FLUSHED.len() - 1] = *byte;
        }
        if !self.is_over && self.last != FLUSHED {
            return Ok(None);
        }
        self.last = [0; FLUSHED.len()];
        Ok(Some(std::mem::take(&mut self.out)))
    }

    fn inflate(&mut self, bytes: &[u8], limit: usize) -> Result<()> {
        let mut step = [0; STEP];
        let mut rest = bytes;
        loop {
            let (before, made) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.decompress(rest, &mut step, FlushDecompress::Sync);
            let took = (self.zlib.total_in() - before) as usize;
            let made = (self.zlib.total_out() - made) as usize;
            rest = &rest[took..];
            let at = bytes.len() - rest.len();
            let status = status.map_err(|_| Wrong::at("it is not a zlib stream", at))?;
            self.out.extend_from_slice(&step[..made]);
            if self.out.len() > limit {
                return Err(Wrong::too_large(limit));
            }
            self.is_over |= status == Status::StreamEnd;
            if self.is_over && !rest.is_empty() {
                return Err(Wrong::at(
                    "something follows the end of the zlib stream",
                    at,
                ));
            }
            if rest.is_empty() && made < STEP {
                return Ok(());
            }
            if took == 0 && made == 0 {
                return Err(Wrong::at("it is not a zlib stream", at));
            }
        }
    }
}
