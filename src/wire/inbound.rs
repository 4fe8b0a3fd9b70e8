//! What comes in, on its way to the engine.
//!
//! The engine gets only frames that keep every rule; at the first that does not, the stream ends for
//! it. Nor does it see a Close: it answers one by itself, and where it does not know the code (1014)
//! or thinks it wrong (1005 on the wire), it shows and answers 1002 instead. The session reports
//! both as they were.
//!
//! Without compression and trace the frames stay where they lie ([`Inbound::handle_in_place`]).
//! Otherwise they are written anew ([`Inbound::handle_bytes`]): unmasked, inflated, and a large
//! compressed message in fragments, for its length is known only at its end.

use std::collections::VecDeque;

use crate::close::Close;
use crate::event::{By, TracedFrame, Volume};
use crate::wire::deflate::{Garbage, Inflater};
use crate::wire::frame::{BINARY, CLOSE, CONTINUATION, FrameHeader, PING, PONG, TEXT};
use crate::wire::mask;
use crate::wire::reader::{FrameReader, Piece};
use crate::wire::spare::{self, BLOCK, Block};
use crate::wire::trace::Trace;
use crate::wire::validate::{self, Role, Validator, Violation};

/// Inflated bytes that go to the engine as one frame, and output that is enough for one call.
const CHUNK: usize = BLOCK;

/// Compressed bytes looked at together.
const STEP: usize = 16 * 1024;

#[derive(Debug)]
pub struct Options {
    pub rules: validate::Options,
    /// Show the engine every ping as a pong, so that it does not answer; [`Inbound::next_was_ping`]
    /// distinguishes them.
    pub hide_pings: bool,
    /// Payload bytes to keep of each frame for the trace, where there is one.
    pub trace: Option<usize>,
    /// What the peer compresses with, where that was agreed on.
    pub inflater: Option<Inflater>,
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Inbound {
    cutter: FrameReader,
    judge: Validator,
    /// The frame under way, and how much of its payload has come.
    header: FrameHeader,
    offset: usize,
    hide_pings: bool,
    /// The caller asks for [`Inbound::next_was_ping`].
    tells_pings: bool,
    /// Show the engine every text message as a binary one; [`Inbound::next_was_text`].
    hide_texts: bool,
    /// The opcode of the frame under way, where the engine sees another one.
    renamed: Option<u8>,
    pings: VecDeque<bool>,
    texts: VecDeque<bool>,
    /// Nothing more is passed on: a Close has begun, or a rule was broken.
    withhold: bool,
    /// The stream is over for the engine.
    done: bool,
    close: Option<Result<Close, Box<Violation>>>,
    data: u64,
    rewrite: Rewrite,
}

/// The state of writing frames anew.
#[derive(Debug)]
struct Rewrite {
    inflater: Option<Inflater>,
    /// Compressed bytes, unmasked, of which those before `taken` have been inflated.
    wire: Vec<u8>,
    taken: usize,
    /// Inflated bytes that the engine has not been given: the first `made` of it.
    chunk: Block,
    made: usize,
    /// The last call filled the chunk: there may be more without more input.
    filled: bool,
    /// The compressed message is whole on the wire.
    ending: bool,
    /// The engine has been given the first frame of the message.
    begun: bool,
    opcode: u8,
    trace: Option<Trace>,
    volume: Volume,
}

impl Inbound {
    pub fn new(options: Options) -> Self {
        let by = By::Peer;
        Inbound {
            cutter: FrameReader::default(),
            judge: Validator::new(options.rules),
            header: FrameHeader::plain(true, 0, 0),
            offset: 0,
            hide_pings: options.hide_pings,
            tells_pings: options.hide_pings || options.rules.role == Role::Client,
            hide_texts: false,
            renamed: None,
            pings: VecDeque::new(),
            texts: VecDeque::new(),
            withhold: false,
            done: false,
            close: None,
            data: 0,
            rewrite: Rewrite {
                chunk: Block::default(),
                made: 0,
                inflater: options.inflater,
                wire: Vec::new(),
                taken: 0,
                filled: false,
                ending: false,
                begun: false,
                opcode: 0,
                trace: options.trace.map(|keep| Trace::new(by, keep)),
                volume: Volume::default(),
            },
        }
    }

    /// Bytes of data messages so far: these distinguish a slow message from silence.
    pub fn data_bytes(&self) -> u64 {
        self.data
    }

    /// The Close frame, once, when it has arrived whole; or the rule that the peer broke.
    pub fn take_close(&mut self) -> Option<Result<Close, Box<Violation>>> {
        self.close.take()
    }

    /// What would be cut off if the stream ended here.
    pub fn unfinished(&self) -> Option<&'static str> {
        if !self.cutter.at_start() {
            Some("frame")
        } else {
            self.judge.is_in_message().then_some("message")
        }
    }

    /// Whether the stream is over for the engine.
    pub fn closed(&self) -> bool {
        self.done
    }

    /// Whether more comes out without more bytes.
    pub fn is_busy(&self) -> bool {
        self.rewrite.is_inflating()
    }

    /// Lends others what is not needed before more is received.
    pub fn leave(&mut self) {
        let rewrite = &mut self.rewrite;
        if rewrite.is_inflating() {
            return;
        }
        spare::give_back(&mut rewrite.wire);
        if rewrite.made == 0 {
            rewrite.chunk.give_back();
        }
        if let Some(inflater) = &mut rewrite.inflater {
            inflater.leave();
        }
    }

    /// Whether there is a window to let go of.
    pub fn keeps(&self) -> bool {
        let inflater = self.rewrite.inflater.as_ref();
        inflater.is_some_and(Inflater::keeps)
    }

    /// Lets go of what can be made anew, after a time without messages.
    pub fn let_go(&mut self) {
        if let Some(inflater) = &mut self.rewrite.inflater {
            inflater.let_go();
        }
    }

    /// Hides pings from here on.
    pub fn hide_pings(&mut self) {
        self.hide_pings = true;
    }

    /// For a client, whether the next ping or pong that the engine yields was a ping.
    pub fn next_was_ping(&mut self) -> bool {
        self.pings.pop_front().unwrap_or(false)
    }

    /// Hides texts, before anything was received.
    pub fn hide_texts(&mut self) {
        self.hide_texts = true;
    }

    /// Whether the next message that the engine gives is a text, where texts are hidden.
    pub fn next_was_text(&mut self) -> bool {
        self.texts.pop_front().unwrap_or(false)
    }

    /// The next frame for the trace.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        self.rewrite.trace.as_mut()?.poll_frame()
    }

    /// Frames of the trace that have not been taken yet.
    pub fn traced(&self) -> usize {
        self.rewrite.trace.as_ref().map_or(0, Trace::waiting)
    }

    pub fn volume(&self) -> Volume {
        self.rewrite.volume
    }

    /// Takes the next bytes where they lie, and returns how many of them, from the start, are to be
    /// passed on.
    pub fn handle_in_place(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        let mut pass = self.withhold.then_some(0);
        while at < bytes.len() && !self.done {
            if self.cutter.at_start() {
                if let Some(size) = self.whole_message(&mut bytes[at..]) {
                    self.data += size as u64;
                    at += size;
                    continue;
                }
                self.begin(&mut bytes[at]);
                if self.withhold {
                    pass.get_or_insert(at);
                }
            }
            let (piece, took) = self.cutter.next(&bytes[at..]);
            let judged = match piece {
                Some(Piece::Header(header)) => self.enter(header, &bytes[at + took..]),
                Some(Piece::Payload(_)) => self.look_at(&mut bytes[at..at + took]),
                None => Ok(()),
            };
            if let Err(violation) = judged.and_then(|()| self.end_if_whole(piece.is_some())) {
                self.stop(Err(violation));
                return pass.unwrap_or(at);
            }
            at += took;
        }
        pass.unwrap_or(at)
    }

    /// Takes the next bytes, as far as `out` is not too full, and appends what the engine is to
    /// read. Returns how many bytes were taken. With none to give there may still be some to come
    /// out.
    pub fn handle_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while !self.done && out.len() < CHUNK {
            let start = out.len();
            let step = if self.rewrite.is_inflating() {
                self.inflate(out).map(|()| 0)
            } else if at == bytes.len() {
                break;
            } else if let Some(size) = self.unmask(&bytes[at..], out) {
                self.data += size as u64;
                Ok(size)
            } else {
                let end = bytes.len().min(at + STEP);
                self.handle_piece(&bytes[at..end], out)
            };
            match step {
                Ok(took) => at += took,
                Err(violation) => {
                    // The piece with the bad byte might make the message whole.
                    out.truncate(start);
                    self.end_trace();
                    self.stop(Err(violation));
                }
            }
            // One frame at a time, so that the trace reports it before its message.
            if self.traced() > 0 {
                break;
            }
        }
        at
    }

    /// The size of the frame at the start of `bytes`, where it is whole and a whole message.
    fn whole_message(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let (header, payload) = whole_frame(bytes)?;
        let size = header.size() + payload.len();
        let passes = header.mask.is_none()
            && self.judge.accepts(&header)
            && self.judge.accepts_payload(&header, payload);
        if !passes {
            return None;
        }
        let shown = self.shown(header.opcode);
        bytes[0] = bytes[0] & 0xf0 | shown;
        self.begin_message(header.opcode);
        Some(size)
    }

    /// The same, where nothing but a mask is to be taken away, and it is not too much for one call.
    /// Appends it.
    fn unmask(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if self.rewrite.trace.is_some() || !self.cutter.at_start() {
            return None;
        }
        let (header, payload) = whole_frame(&bytes[..bytes.len().min(CHUNK)])?;
        if !self.judge.accepts(&header) {
            return None;
        }
        let start = out.len();
        FrameHeader::plain(true, self.shown(header.opcode), header.len).write(out);
        let at = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = header.mask {
            mask::apply(key, 0, &mut out[at..]);
        }
        if !self.judge.accepts_payload(&header, &out[at..]) {
            out.truncate(start);
            return None;
        }
        self.begin_message(header.opcode);
        Some(header.size() + payload.len())
    }

    /// The opcode that the engine sees.
    fn shown(&self, opcode: u8) -> u8 {
        match opcode {
            PING if self.hide_pings => PONG,
            TEXT if self.hide_texts => BINARY,
            opcode => opcode,
        }
    }

    fn begin_message(&mut self, opcode: u8) {
        if self.hide_texts && matches!(opcode, TEXT | BINARY) {
            self.texts.push_back(opcode == TEXT);
        }
    }

    /// The first byte of a frame.
    fn begin(&mut self, first: &mut u8) {
        let opcode = *first & 0xf;
        let shown = self.shown(opcode);
        self.renamed = (shown != opcode).then_some(opcode);
        *first = *first & 0xf0 | shown;
        self.withhold |= opcode == CLOSE;
    }

    fn enter(&mut self, mut header: FrameHeader, next: &[u8]) -> Result<(), Box<Violation>> {
        if let Some(opcode) = self.renamed {
            header.opcode = opcode;
        }
        self.header = header;
        self.offset = 0;
        if !header.is_control() {
            self.data += header.size() as u64;
        }
        self.judge.handle_header(header, next)?;
        self.begin_message(header.opcode);
        if self.tells_pings && matches!(header.opcode, PING | PONG) {
            self.pings.push_back(header.opcode == PING);
        }
        Ok(())
    }

    /// A piece of payload that stays as it is.
    fn look_at(&mut self, piece: &mut [u8]) -> Result<(), Box<Violation>> {
        if !self.header.is_control() {
            self.data += piece.len() as u64;
        }
        let judged = match self.header.mask {
            Some(key) if self.judge.wants_payload() => {
                mask::apply(key, self.offset, piece);
                let judged = self.judge.handle_payload(piece);
                mask::apply(key, self.offset, piece);
                judged
            }
            _ => self.judge.handle_payload(piece),
        };
        self.offset += piece.len();
        judged
    }

    fn end_if_whole(&mut self, cut: bool) -> Result<(), Box<Violation>> {
        if !cut || self.cutter.left() > 0 {
            return Ok(());
        }
        if let Some(close) = self.judge.handle_end()? {
            self.stop(Ok(close));
        }
        Ok(())
    }

    fn stop(&mut self, close: Result<Close, Box<Violation>>) {
        self.close = Some(close);
        self.done = true;
        self.withhold = true;
    }

    fn handle_piece(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Box<Violation>> {
        let (piece, took) = self.cutter.next(bytes);
        match piece {
            None => return Ok(took),
            Some(Piece::Header(header)) => self.rewrite_header(header, &bytes[took..], out)?,
            Some(Piece::Payload(_)) => self.rewrite_payload(&bytes[..took], out)?,
        }
        if self.cutter.left() > 0 {
            return Ok(took);
        }
        if self.judge.is_compressed() {
            self.rewrite.ending = self.header.fin;
            if !self.header.fin && !self.rewrite.is_inflating() {
                self.end_trace();
            }
            return Ok(took);
        }
        self.end_trace();
        self.end_if_whole(true)?;
        Ok(took)
    }

    fn rewrite_header(
        &mut self,
        header: FrameHeader,
        next: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Box<Violation>> {
        let compressed = self.judge.compresses(&header);
        if let Some(trace) = &mut self.rewrite.trace {
            trace.begin(header, compressed);
        }
        self.renamed = None;
        self.enter(header, next)?;
        if self.judge.is_compressed() {
            if header.opcode != CONTINUATION {
                self.rewrite.opcode = self.shown(header.opcode);
                self.rewrite.begun = false;
            }
            self.rewrite.volume.wire += header.len;
            return Ok(());
        }
        if header.opcode != CLOSE {
            let shown = self.shown(header.opcode);
            FrameHeader::plain(header.fin, shown, header.len).write(out);
        }
        Ok(())
    }

    fn rewrite_payload(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Box<Violation>> {
        let compressed = self.judge.is_compressed();
        let to = if compressed {
            spare::prepare(&mut self.rewrite.wire);
            &mut self.rewrite.wire
        } else {
            out
        };
        let start = to.len();
        to.extend_from_slice(piece);
        if let Some(key) = self.header.mask {
            mask::apply(key, self.offset, &mut to[start..]);
        }
        self.offset += piece.len();
        if !self.header.is_control() {
            self.data += piece.len() as u64;
        }
        if let Some(trace) = &mut self.rewrite.trace {
            trace.payload(&to[start..]);
        }
        if compressed {
            self.judge.handle_compressed(&to[start..]);
            return Ok(());
        }
        self.judge.handle_payload(&to[start..])?;
        if self.header.opcode == CLOSE {
            to.truncate(start);
        }
        Ok(())
    }

    /// Takes one step of inflating, and gives the engine what came of it.
    fn inflate(&mut self, out: &mut Vec<u8>) -> Result<(), Box<Violation>> {
        let rewrite = &mut self.rewrite;
        let before = rewrite.made;
        let over = rewrite.inflate();
        let plain = rewrite.chunk.filled().get(before..rewrite.made);
        let plain = plain.unwrap_or_default();
        rewrite.volume.plain += plain.len() as u64;
        if let Some(trace) = &mut rewrite.trace {
            trace.plain(plain.len());
        }
        // What stands before garbage may break a rule first.
        self.judge.handle_inflated(plain)?;
        let over = over.map_err(|_| self.judge.garbage())?;
        if over {
            rewrite.ending = false;
            self.judge.handle_end()?;
        }
        if over || rewrite.is_full() {
            rewrite.give(over, out);
        }
        if self.cutter.left() == 0 && !self.rewrite.is_inflating() {
            self.end_trace();
        }
        Ok(())
    }

    fn end_trace(&mut self) {
        if let Some(trace) = &mut self.rewrite.trace {
            trace.end();
        }
    }
}

/// The frame at the start of `bytes`, where it is whole.
fn whole_frame(bytes: &[u8]) -> Option<(FrameHeader, &[u8])> {
    let header = FrameHeader::parse(bytes)?;
    let len = usize::try_from(header.len).ok()?;
    let payload = bytes[header.size()..].get(..len)?;
    Some((header, payload))
}

impl Rewrite {
    fn is_inflating(&self) -> bool {
        self.taken < self.wire.len() || self.filled || self.ending
    }

    fn is_full(&self) -> bool {
        self.made == CHUNK
    }

    /// Inflates what there is, or ends the message; whether it is over.
    fn inflate(&mut self) -> Result<bool, Garbage> {
        let Some(inflater) = &mut self.inflater else {
            return Ok(true);
        };
        let room = &mut self.chunk.bytes()[self.made..];
        if self.taken == self.wire.len() && !self.filled {
            inflater.finish()?;
            return Ok(true);
        }
        let inflated = inflater.inflate(&self.wire[self.taken..], room);
        let inflated = inflated.inspect_err(|garbage| self.made += garbage.made)?;
        self.made += inflated.made;
        self.taken += inflated.took;
        self.filled = self.is_full();
        if self.taken == self.wire.len() {
            self.wire.clear();
            self.taken = 0;
        }
        Ok(false)
    }

    /// Gives the engine the chunk as a frame.
    fn give(&mut self, fin: bool, out: &mut Vec<u8>) {
        let opcode = if self.begun {
            CONTINUATION
        } else {
            self.opcode
        };
        FrameHeader::plain(fin, opcode, self.made as u64).write(out);
        out.extend_from_slice(&self.chunk.bytes()[..self.made]);
        self.made = 0;
        self.begun = true;
    }
}
