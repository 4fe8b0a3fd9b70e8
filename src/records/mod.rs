//! The records of a received message, as `--split` cuts it. Pure.
//!
//! They are cut one after another, so that a message of a million records needs no more memory than one of
//! them. A record shares the payload of its message, and never spans two messages.

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use crate::json::sequence::Split;
use crate::json::sequence::{Piece, next_piece};
use crate::message::Message;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record as a message of the same kind.
    pub message: Message,
    /// Its number within the message, from 1.
    pub number: u64,
    /// It is the part of a message that [`Split::Json`] cannot cut, because it is not JSON.
    pub is_rest: bool,
}

/// A message that is being cut.
#[derive(Clone, Debug)]
pub struct Records {
    split: Split,
    message: Message,
    /// Where the next record begins.
    at: usize,
    /// The number of the last record.
    number: u64,
}

impl Records {
    /// The records of `message`. There is at least one: a message without a separator is a record,
    /// even if it is empty.
    pub fn new(split: Split, message: Message) -> Self {
        Records {
            split,
            message,
            at: 0,
            number: 0,
        }
    }

    /// The message as it was received.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Whether there is no other record. Nothing follows a separator at the end.
    pub fn is_done(&self) -> bool {
        self.number > 0 && self.at >= self.message.len()
    }

    /// The place of the next record, the place after its separator, and whether it is the rest.
    fn locate(&self) -> (Range<usize>, usize, bool) {
        match self.split.separator() {
            Some(separator) => self.find_separated(separator),
            None => self.find_value(),
        }
    }

    fn find_separated(&self, separator: u8) -> (Range<usize>, usize, bool) {
        let (bytes, from) = (self.message.payload(), self.at);
        let Some(len) = memchr::memchr(separator, &bytes[from..]) else {
            return (from..bytes.len(), bytes.len(), false);
        };
        let end = from + len;
        // As lines of stdin, those of a message may end in CR LF.
        let carriage_return = self.split == Split::Nl && bytes[from..end].ends_with(b"\r");
        (from..end - usize::from(carriage_return), end + 1, false)
    }

    fn find_value(&self) -> (Range<usize>, usize, bool) {
        let bytes = self.message.payload();
        match next_piece(bytes, self.at) {
            Some(Piece::Value(place)) => {
                let next = match next_piece_begins(bytes, place.end) {
                    true => place.end,
                    false => bytes.len(),
                };
                (place, next, false)
            }
            Some(Piece::Rest(place)) => (place, bytes.len(), true),
            // Only white space: the message is a record as it is.
            None => (self.at..bytes.len(), bytes.len(), true),
        }
    }
}

/// Whether anything but white space follows.
fn next_piece_begins(bytes: &[u8], from: usize) -> bool {
    let mut rest = bytes[from..].iter();
    rest.any(|byte| !byte.is_ascii_whitespace() && *byte != 0x1e)
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.is_done() {
            return None;
        }
        let (place, next, is_rest) = self.locate();
        self.at = next;
        self.number += 1;
        Some(Record {
            message: self.message.slice(place),
            number: self.number,
            is_rest,
        })
    }
}
