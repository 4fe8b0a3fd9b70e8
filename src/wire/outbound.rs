//! What goes out, on its way from the engine: compressed, cut into fragments, traced.
//!
//! The engine sends whole messages in one frame each, and control frames. What is to be neither
//! compressed nor cut passes as it is; the rest is written anew, each frame masked with a key of its
//! own (RFC 6455 §5.3).

use crate::event::{By, FrameHeader, RawFrame, TracedFrame, Volume};
use crate::wire::cut::{Cutter, Piece};
use crate::wire::deflate::Deflater;
use crate::wire::frame::{CONTINUATION, RSV1};
use crate::wire::mask;
use crate::wire::trace::Trace;

#[derive(Debug)]
pub struct Options {
    /// Largest payload of a data frame, in bytes.
    pub fragment: Option<usize>,
    /// Payload bytes to keep of each frame for the trace, where there is one.
    pub trace: Option<usize>,
    /// The first message holds a secret, which the trace must not show.
    pub first_is_secret: bool,
    /// What we compress with, where that was agreed on.
    pub deflater: Option<Deflater>,
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Outbound {
    fragment: usize,
    deflater: Option<Deflater>,
    secret: bool,
    trace: Option<Trace>,
    volume: Volume,
    cutter: Cutter,
    /// The engine's frame under way, and how much of its payload has come.
    header: FrameHeader,
    offset: usize,
    /// The message as it goes into frames: unmasked, compressed.
    body: Vec<u8>,
    /// A part of the engine's payload, unmasked.
    part: Vec<u8>,
}

/// The engine's payload looked at together.
const STEP: usize = 16 * 1024;

/// A message larger than this does not keep its buffer after it.
const KEPT: usize = 256 * 1024;

impl Outbound {
    pub fn new(options: Options) -> Self {
        Outbound {
            fragment: options.fragment.unwrap_or(usize::MAX).max(1),
            deflater: options.deflater,
            secret: options.first_is_secret,
            trace: options.trace.map(|keep| Trace::new(By::Us, keep)),
            volume: Volume::default(),
            cutter: Cutter::default(),
            header: FrameHeader::plain(true, 0, 0),
            offset: 0,
            body: Vec::new(),
            part: Vec::new(),
        }
    }

    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// The next frame for the trace.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        self.trace.as_mut()?.poll_frame()
    }

    /// Takes what the engine writes, and appends what goes out. `key` gives a fresh random masking
    /// key.
    pub fn handle_bytes(
        &mut self,
        bytes: &[u8],
        key: &mut impl FnMut() -> [u8; 4],
        out: &mut Vec<u8>,
    ) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, took) = self.cutter.next(&rest[..rest.len().min(STEP)]);
            match piece {
                Some(Piece::Header(header)) => self.handle_header(header, out),
                Some(Piece::Payload(_)) => self.handle_payload(&rest[..took], out),
                None => {}
            }
            if piece.is_some() && self.cutter.left() == 0 {
                self.handle_end(key, out);
            }
            rest = &rest[took..];
        }
    }

    /// Appends a frame made by hand, as it is.
    pub fn handle_raw(&mut self, frame: &RawFrame, key: [u8; 4], out: &mut Vec<u8>) {
        frame.write(key, out);
        if let Some(trace) = &mut self.trace {
            trace.begin(frame.header(key), false);
            trace.payload(&frame.payload);
            trace.end();
        }
    }

    /// Whether the frame under way is written anew.
    fn rewrites(&self) -> bool {
        !self.header.is_control()
            && (self.deflater.is_some() || self.header.len > self.fragment as u64)
    }

    fn handle_header(&mut self, header: FrameHeader, out: &mut Vec<u8>) {
        self.header = header;
        self.offset = 0;
        if self.rewrites() {
            return;
        }
        header.write(out);
        if let Some(trace) = &mut self.trace {
            trace.begin(header, false);
            if self.secret && !header.is_control() {
                trace.hide();
            }
        }
    }

    fn handle_payload(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let rewrites = self.rewrites();
        if !rewrites {
            out.extend_from_slice(piece);
        }
        if rewrites || self.trace.is_some() {
            self.part.clear();
            self.part.extend_from_slice(piece);
            if let Some(key) = self.header.mask {
                mask::apply(key, self.offset, &mut self.part);
            }
            self.handle_plain(rewrites);
        }
        self.offset += piece.len();
    }

    fn handle_plain(&mut self, rewrites: bool) {
        match (&mut self.deflater, &mut self.trace) {
            (Some(deflater), _) if rewrites => deflater.push(&self.part, &mut self.body),
            _ if rewrites => self.body.extend_from_slice(&self.part),
            (_, Some(trace)) => trace.payload(&self.part),
            (_, None) => {}
        }
    }

    fn handle_end(&mut self, key: &mut impl FnMut() -> [u8; 4], out: &mut Vec<u8>) {
        if self.rewrites() {
            let compressed = self.deflater.is_some();
            if let Some(deflater) = &mut self.deflater {
                deflater.finish(&mut self.body);
                self.volume.plain += self.header.len;
                self.volume.wire += self.body.len() as u64;
            }
            self.write_frames(compressed, key, out);
        } else if let Some(trace) = &mut self.trace {
            trace.end();
        }
        self.secret &= self.header.is_control();
    }

    /// Writes the body in as many frames as it takes.
    fn write_frames(
        &mut self,
        compressed: bool,
        key: &mut impl FnMut() -> [u8; 4],
        out: &mut Vec<u8>,
    ) {
        let body = std::mem::take(&mut self.body);
        let mut rest = &body[..];
        let mut first = true;
        loop {
            let (payload, after) = rest.split_at(rest.len().min(self.fragment));
            let opcode = if first {
                self.header.opcode
            } else {
                CONTINUATION
            };
            let header = FrameHeader {
                rsv: if first && compressed { RSV1 } else { 0 },
                mask: self.header.mask.map(|_| key()),
                ..FrameHeader::plain(after.is_empty(), opcode, payload.len() as u64)
            };
            self.write_frame(header, payload, compressed && first, out);
            first = false;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        if body.capacity() <= KEPT {
            self.body = body;
            self.body.clear();
        }
    }

    /// Writes one frame. The first of a compressed message tells of the whole of it in the trace.
    fn write_frame(&mut self, header: FrameHeader, payload: &[u8], whole: bool, out: &mut Vec<u8>) {
        header.write(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut out[start..]);
        }
        if let Some(trace) = &mut self.trace {
            trace.begin(header, whole);
            trace.payload(payload);
            trace.plain(self.header.len as usize);
            if self.secret {
                trace.hide();
            }
            trace.end();
        }
    }
}
