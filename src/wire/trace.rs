//! Collects the frames of one direction for the frame trace, in the order of the wire.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::event::{By, TracedFrame};
use crate::wire::frame::FrameHeader;

/// The frames of one direction that have not been taken yet.
#[derive(Debug)]
pub struct Trace {
    by: By,
    /// Maximum number of payload bytes kept per frame.
    keep: usize,
    current: Option<Current>,
    done: VecDeque<TracedFrame>,
}

#[derive(Debug)]
struct Current {
    header: FrameHeader,
    compressed: bool,
    plain: u64,
    payload: Vec<u8>,
    secret: bool,
}

impl Trace {
    /// A trace of what `by` sends, which keeps the first `keep` bytes of every payload.
    pub fn new(by: By, keep: usize) -> Self {
        Trace {
            by,
            keep,
            current: None,
            done: VecDeque::new(),
        }
    }

    /// A frame begins.
    pub fn begin(&mut self, header: FrameHeader, compressed: bool) {
        self.current = Some(Current {
            header,
            compressed,
            plain: 0,
            payload: Vec::new(),
            secret: false,
        });
    }

    /// The payload of the current frame must not be shown.
    pub fn hide(&mut self) {
        if let Some(current) = &mut self.current {
            current.secret = true;
        }
    }

    /// Adds payload, unmasked.
    pub fn payload(&mut self, payload: &[u8]) {
        if let Some(current) = &mut self.current {
            let room = self.keep - current.payload.len();
            current
                .payload
                .extend_from_slice(&payload[..room.min(payload.len())]);
        }
    }

    /// Adds to the number of inflated bytes.
    pub fn plain(&mut self, len: usize) {
        if let Some(current) = &mut self.current {
            current.plain += len as u64;
        }
    }

    /// Ends the current frame, complete or not.
    pub fn end(&mut self) {
        if let Some(current) = self.current.take() {
            self.done.push_back(TracedFrame {
                by: self.by,
                header: current.header,
                plain: current.compressed.then_some(current.plain),
                payload: (!current.secret).then(|| Bytes::from(current.payload)),
            });
        }
    }

    /// Number of complete frames that have not been taken yet.
    pub fn waiting(&self) -> usize {
        self.done.len()
    }

    /// Takes the next complete frame.
    pub fn poll_frame(&mut self) -> Option<TracedFrame> {
        self.done.pop_front()
    }
}
