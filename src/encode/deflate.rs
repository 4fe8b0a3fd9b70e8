//! What zlib compresses: messages in gzip (RFC 1952) or zlib format (RFC 1950), and one zlib stream over
//! all messages of a connection. Pure.

use std::io::Write as _;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes compressed at a time.
const STEP: usize = 16 * 1024;

/// The end of a message in a zlib stream: that of a sync flush.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A message in gzip format.
pub(super) fn gzip(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let done = encoder.write_all(data).and_then(|()| encoder.finish());
    done.map_err(|error| error.to_string())
}

/// A message in zlib format.
pub(super) fn zlib(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let done = encoder.write_all(data).and_then(|()| encoder.finish());
    done.map_err(|error| error.to_string())
}

/// The stream of a connection. Each message ends with a sync flush, so that the peer can read it at once.
#[derive(Debug)]
pub(super) struct ZlibStream(Compress);

impl ZlibStream {
    pub(super) fn new() -> Self {
        ZlibStream(Compress::new(Compression::default(), true))
    }

    /// The part of the stream that is a message.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        let (mut rest, mut out) = (data, Vec::new());
        loop {
            let before = self.0.total_in();
            out.reserve(STEP);
            let status = self.0.compress_vec(rest, &mut out, FlushCompress::Sync);
            if status.map_err(|error| error.to_string())? == Status::StreamEnd {
                return Err("the zlib stream has ended".to_owned());
            }
            rest = &rest[(self.0.total_in() - before) as usize..];
            // Room that is left says that nothing is held back.
            if rest.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        // A flush with nothing to flush writes nothing, and then nothing would end the message.
        if !out.ends_with(&FLUSHED) {
            out.extend([0x00, 0x00, 0x00, 0xff, 0xff]);
        }
        Ok(out)
    }
}
