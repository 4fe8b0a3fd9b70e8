//! Zstandard (RFC 8878): messages of whole frames. Pure.

use std::io::{self, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::wrong::{Result, Wrong};

/// The window that every decoder should accept (RFC 8878 §3.1.1.1.2), in bytes.
const WINDOW: u64 = 8 * 1024 * 1024;

/// Inflates a message of one frame or more. Skippable frames are skipped.
pub(super) fn decode(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW.max(limit as u64));
    let (mut rest, mut out) = (bytes, Vec::new());
    if bytes.is_empty() {
        return Err(Wrong::new("the message is empty"));
    }
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        frame(&mut rest, &mut decoder, limit, &mut out).map_err(|wrong| Wrong {
            at: wrong.at.or(Some(at)),
            ..wrong
        })?;
    }
    Ok(out)
}

/// Inflates the frame at the beginning of `rest`.
fn frame(
    rest: &mut &[u8],
    decoder: &mut FrameDecoder,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut stream = match StreamingDecoder::new_with_decoder(&mut *rest, &mut *decoder) {
        Ok(stream) => stream,
        Err(error) => return skip(rest, &error),
    };
    let before = out.len();
    let most = (limit - before) as u64 + 1;
    if stream.by_ref().take(most).read_to_end(out).is_err() {
        return Err(Wrong::new("it is not Zstandard data, or cut off"));
    }
    if out.len() > limit {
        return Err(Wrong::too_large(limit));
    }
    // Zero where the frame does not say it.
    let told = decoder.content_size();
    if told > 0 && told != (out.len() - before) as u64 {
        return Err(Wrong::new("its length is another one"));
    }
    let written = decoder.get_checksum_from_data();
    match written.is_none() || written == decoder.get_calculated_checksum() {
        true => Ok(()),
        false => Err(Wrong::new("its checksum is another one")),
    }
}

/// Passes over a skippable frame (RFC 8878 §3.1.2), the head of which has been read.
fn skip(rest: &mut &[u8], error: &FrameDecoderError) -> Result<()> {
    let FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. }) =
        error
    else {
        return Err(not_a_frame(error));
    };
    let len = usize::try_from(*length).ok();
    *rest = len
        .and_then(|len| rest.get(len..))
        .ok_or_else(|| Wrong::new("the message is cut off"))?;
    Ok(())
}

fn not_a_frame(error: &FrameDecoderError) -> Wrong {
    Wrong::new(match error {
        FrameDecoderError::WindowSizeTooBig { .. } => "its window is larger than a message may be",
        FrameDecoderError::DictNotProvided { .. } => "it needs a dictionary",
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::MagicNumberReadError(e))
            if e.kind() == io::ErrorKind::UnexpectedEof =>
        {
            "the message is cut off"
        }
        _ => "it is not Zstandard data",
    })
}
