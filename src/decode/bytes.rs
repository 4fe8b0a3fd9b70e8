//! Reads what a decoder is given, from front to back. Pure.

use super::wrong::{Result, Wrong};

/// The bytes that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N as u64)?;
        taken.try_into().map_err(|_| self.cut_off())
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = usize::try_from(len).ok().filter(|len| *len <= rest.len());
        let len = len.ok_or_else(|| self.cut_off())?;
        self.at += len;
        Ok(&rest[..len])
    }

    /// An unsigned integer of `size` bytes, the most significant first.
    pub(super) fn big_endian(&mut self, size: usize) -> Result<u64> {
        let bytes = self.take(size as u64)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The error that the input ends too early.
    pub(super) fn cut_off(&self) -> Wrong {
        Wrong::at("the message is cut off", self.bytes.len())
    }

    /// The error about what was just read.
    pub(super) fn wrong(&self, what: &'static str) -> Wrong {
        Wrong::at(what, self.at.saturating_sub(1))
    }
}
