//! Buffers that the connections of a thread share. A connection takes one when it has something to
//! put there and gives it back when that is gone, so that one without traffic keeps none. What they
//! hold is never read by who takes them next.

use std::cell::RefCell;

/// The size of a block, in bytes.
pub(super) const BLOCK: usize = 64 * 1024;

/// Of each kind, kept for the next that needs one.
const KEPT: usize = 4;

/// A buffer that has become larger than this is not kept, in bytes.
const MAX_KEPT: usize = 512 * 1024;

thread_local! {
    static BLOCKS: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A place of fixed size to read to or to inflate to. It takes no memory while nothing is there.
#[derive(Debug, Default)]
pub(super) struct Block(Option<Box<[u8]>>);

impl Block {
    /// The bytes of it: whatever they are at first, and what was put there afterwards.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.0.get_or_insert_with(|| {
            let kept = BLOCKS.with_borrow_mut(Vec::pop);
            kept.unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice())
        })
    }

    /// What was put there, and nothing once it was given back.
    pub(super) fn filled(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Gives the memory back.
    pub(super) fn give_back(&mut self) {
        if let Some(block) = self.0.take() {
            BLOCKS.with_borrow_mut(|blocks| {
                if blocks.len() < KEPT {
                    blocks.push(block);
                }
            });
        }
    }
}

/// Makes an empty buffer that has no memory a kept one, where there is any.
pub(super) fn prepare(buffer: &mut Vec<u8>) {
    if buffer.capacity() == 0
        && let Some(kept) = BUFFERS.with_borrow_mut(Vec::pop)
    {
        *buffer = kept;
    }
}

/// Gives the memory of an empty buffer back. One that is not empty stays as it is.
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    if !buffer.is_empty() || buffer.capacity() == 0 {
        return;
    }
    let buffer = std::mem::take(buffer);
    if buffer.capacity() <= MAX_KEPT {
        BUFFERS.with_borrow_mut(|buffers| {
            if buffers.len() < KEPT {
                buffers.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returned_buffers_are_reused() {
        let mut block = Block::default();
        assert!(block.filled().is_empty());
        let place = block.bytes().as_ptr();
        block.give_back();
        assert!(block.filled().is_empty());
        assert_eq!(Block::default().bytes().as_ptr(), place);

        let mut buffer = Vec::with_capacity(100);
        buffer.push(0);
        give_back(&mut buffer);
        assert_eq!(buffer, [0]);
        buffer.clear();
        give_back(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        let mut other = Vec::new();
        prepare(&mut other);
        assert!(other.is_empty() && other.capacity() >= 100);
    }

    #[test]
    fn buffers_that_grew_too_large_are_not_kept() {
        let mut buffer = Vec::with_capacity(MAX_KEPT + 1);
        give_back(&mut buffer);
        prepare(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
    }
}
