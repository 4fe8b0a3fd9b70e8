//! What goes out, on its way to the connection: masked, compressed, traced.
//!
//! Control frames come from the engine, and messages in one frame or several. What is not compressed
//! passes as it is. A compressed message is written anew in frames of its own, each masked with a
//! fresh key (RFC 6455 §5.3): a frame leaves when it is full or the message ends, so control frames
//! can still pass between two parts of it.

use crate::event::{By, TracedFrame, Volume};
use crate::wire::deflate::Deflater;
use crate::wire::fragments::{Fragment, Fragmentation};
use crate::wire::frame::{CONTINUATION, FrameHeader, RSV1, RawFrame};
use crate::wire::mask;
use crate::wire::reader::{FrameReader, Piece};
use crate::wire::spare;
use crate::wire::trace::Trace;

#[derive(Debug)]
pub struct Options {
    /// How large the frames of a compressed message are.
    pub fragmentation: Fragmentation,
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
    fragmentation: Fragmentation,
    deflater: Option<Deflater>,
    /// The message under way, or else the next one, holds a secret.
    secret: bool,
    trace: Option<Trace>,
    volume: Volume,
    cutter: FrameReader,
    /// The engine's frame under way, and how much of its payload has come.
    header: FrameHeader,
    offset: usize,
    /// The compressed message under way: the opcode of its next frame, whether the engine sends it
    /// in several, what was compressed since its last frame, and what is in none yet.
    opcode: u8,
    in_parts: bool,
    plain: u64,
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
            fragmentation: options.fragmentation,
            deflater: options.deflater,
            secret: options.first_is_secret,
            trace: options.trace.map(|keep| Trace::new(By::Us, keep)),
            volume: Volume::default(),
            cutter: FrameReader::default(),
            header: FrameHeader::plain(true, 0, 0),
            offset: 0,
            opcode: 0,
            in_parts: false,
            plain: 0,
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

    /// Whether what the engine writes goes out as it is.
    pub fn passes(&self) -> bool {
        self.deflater.is_none() && self.trace.is_none()
    }

    /// Lends others what is not needed before more is sent.
    pub fn leave(&mut self) {
        spare::give_back(&mut self.body);
        self.part.clear();
        spare::give_back(&mut self.part);
        if let Some(deflater) = &mut self.deflater {
            deflater.leave();
        }
    }

    /// Whether there is a window to let go of.
    pub fn keeps(&self) -> bool {
        self.deflater.as_ref().is_some_and(Deflater::keeps)
    }

    /// Lets go of it, after a time without messages.
    pub fn let_go(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            deflater.let_go();
        }
    }

    /// Takes a data frame, and appends what goes out for it. It is masked if `masks`.
    pub fn handle_frame(
        &mut self,
        frame: &Fragment,
        masks: bool,
        key: &mut impl FnMut() -> [u8; 4],
        out: &mut Vec<u8>,
    ) {
        let payload = &frame.payload;
        self.header = FrameHeader::plain(frame.fin, frame.opcode, payload.len() as u64);
        if self.rewrites() {
            // Frames of it get keys of their own.
            self.header.mask = masks.then_some([0; 4]);
            self.begin_part();
            self.compress(payload);
            self.handle_end(key, out);
            return;
        }
        self.header.mask = masks.then(key);
        self.write_plain_header(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = self.header.mask {
            mask::apply(key, 0, &mut out[start..]);
        }
        if let Some(trace) = &mut self.trace {
            trace.payload(payload);
            trace.end();
        }
        self.secret &= !frame.fin;
    }

    /// Takes what the engine writes, and appends what goes out. `key` gives a fresh random masking
    /// key.
    pub fn handle_bytes(
        &mut self,
        bytes: &[u8],
        key: &mut impl FnMut() -> [u8; 4],
        out: &mut Vec<u8>,
    ) {
        if self.passes() {
            out.extend_from_slice(bytes);
            return;
        }
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
        !self.header.is_control() && self.deflater.is_some()
    }

    fn handle_header(&mut self, header: FrameHeader, out: &mut Vec<u8>) {
        self.header = header;
        self.offset = 0;
        if self.rewrites() {
            self.begin_part();
        } else {
            self.write_plain_header(out);
        }
    }

    /// The frame under way begins a compressed message, or goes on with it.
    fn begin_part(&mut self) {
        if self.header.opcode != CONTINUATION {
            self.opcode = self.header.opcode;
            self.in_parts = !self.header.fin;
        }
    }

    fn compress(&mut self, part: &[u8]) {
        if let Some(deflater) = &mut self.deflater {
            spare::prepare(&mut self.body);
            deflater.push(part, &mut self.body);
        }
    }

    fn write_plain_header(&mut self, out: &mut Vec<u8>) {
        self.header.write(out);
        if let Some(trace) = &mut self.trace {
            trace.begin(self.header, false);
            if self.secret && !self.header.is_control() {
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
            spare::prepare(&mut self.part);
            self.part.clear();
            self.part.extend_from_slice(piece);
            if let Some(key) = self.header.mask {
                mask::apply(key, self.offset, &mut self.part);
            }
            let part = std::mem::take(&mut self.part);
            if rewrites {
                self.compress(&part);
            } else if let Some(trace) = &mut self.trace {
                trace.payload(&part);
            }
            self.part = part;
        }
        self.offset += piece.len();
    }

    fn handle_end(&mut self, key: &mut impl FnMut() -> [u8; 4], out: &mut Vec<u8>) {
        if self.rewrites() {
            if self.header.fin
                && let Some(deflater) = &mut self.deflater
            {
                deflater.finish(&mut self.body);
            }
            self.volume.plain += self.header.len;
            self.plain += self.header.len;
            self.write_frames(key, out);
        } else if let Some(trace) = &mut self.trace {
            trace.end();
        }
        self.secret &= self.header.is_control() || !self.header.fin;
    }

    /// Writes the frames that are full and, at the end of the message, the rest. One that may be the
    /// last waits for that end.
    fn write_frames(&mut self, key: &mut impl FnMut() -> [u8; 4], out: &mut Vec<u8>) {
        let limit = self.fragmentation.frame_limit(self.in_parts);
        let mut body = std::mem::take(&mut self.body);
        let mut rest = &body[..];
        while rest.len() > limit || self.header.fin {
            let (payload, after) = rest.split_at(rest.len().min(limit));
            let first = self.opcode != CONTINUATION;
            let fin = self.header.fin && after.is_empty();
            let header = FrameHeader {
                rsv: if first { RSV1 } else { 0 },
                mask: self.header.mask.map(|_| key()),
                ..FrameHeader::plain(fin, self.opcode, payload.len() as u64)
            };
            self.write_frame(header, payload, out);
            self.opcode = CONTINUATION;
            rest = after;
            if fin {
                break;
            }
        }
        let written = body.len() - rest.len();
        if written < body.len() || body.capacity() <= KEPT {
            body.drain(..written);
            self.body = body;
        }
    }

    /// Writes one frame of a compressed message. In the trace it stands for what was compressed since
    /// the one before it.
    fn write_frame(&mut self, header: FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
        header.write(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut out[start..]);
        }
        self.volume.wire += payload.len() as u64;
        let plain = std::mem::take(&mut self.plain);
        if let Some(trace) = &mut self.trace {
            trace.begin(header, plain > 0 || header.opcode != CONTINUATION);
            trace.payload(payload);
            trace.plain(plain as usize);
            if self.secret {
                trace.hide();
            }
            trace.end();
        }
    }
}
