//! Splits a large message into fragments (RFC 6455 §5.4), so that control frames can pass between
//! them. Pure: it says which frame comes next, and copies nothing.

use bytes::Bytes;

use crate::wire::frame::CONTINUATION;

/// Messages above this size are fragmented by default, in bytes. Browsers and servers accept a
/// frame of this size at once, and a slow peer does not need long for it.
const LARGE: usize = 1 << 20;

/// The payload of each fragment by default.
const FRAGMENT: usize = 256 * 1024;

/// Smaller fragments are not compressed one by one, because each would cost a call of the
/// compressor.
const FEWEST: usize = 4 * 1024;

/// Which data messages are fragmented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragmentation {
    /// Messages above 1 MiB, in fragments of 256 KiB.
    #[default]
    Large,
    /// All that do not fit into one frame with a payload of this many bytes.
    AtMost(usize),
    /// None.
    Never,
}

impl Fragmentation {
    /// How messages are handed to the engine in parts. The compressor, which comes after the
    /// engine, makes frames of the right size; see [`Fragmentation::frame_limit`].
    pub fn parts(self, compressed: bool) -> Parts {
        let (above, size) = match self {
            Fragmentation::Large => (LARGE, FRAGMENT),
            // All of it in one frame, but not compressed at once.
            Fragmentation::Never if compressed => (LARGE, FRAGMENT),
            Fragmentation::AtMost(most) if compressed => {
                let size = most.clamp(FEWEST, FRAGMENT);
                (size, size)
            }
            Fragmentation::AtMost(most) => (most.max(1), most.max(1)),
            Fragmentation::Never => (usize::MAX, usize::MAX),
        };
        Parts { above, size }
    }

    /// The largest payload of a frame of a compressed message, in bytes; `in_parts` is whether the
    /// message was handed over in several parts.
    pub fn frame_limit(self, in_parts: bool) -> usize {
        match self {
            Fragmentation::Large if in_parts => FRAGMENT,
            Fragmentation::AtMost(most) => most.max(1),
            Fragmentation::Large | Fragmentation::Never => usize::MAX,
        }
    }
}

/// Sizes in bytes, before compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The largest message that is handed over as a whole.
    above: usize,
    /// The size of each part of a larger one.
    size: usize,
}

impl Parts {
    /// Whether a message of `len` bytes is handed over in parts.
    pub fn splits(self, len: usize) -> bool {
        len > self.above
    }
}

/// One frame of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    pub fin: bool,
    pub opcode: u8,
    pub payload: Bytes,
}

/// A message that is being sent, one fragment after another.
#[derive(Clone, Debug)]
pub struct Fragments {
    opcode: u8,
    rest: Bytes,
    size: usize,
}

impl Fragments {
    /// The fragments of a message with this opcode (text or binary) and payload.
    pub fn new(opcode: u8, payload: Bytes, parts: Parts) -> Self {
        let whole = !parts.splits(payload.len());
        Fragments {
            opcode,
            size: if whole { usize::MAX } else { parts.size },
            rest: payload,
        }
    }

    /// Bytes of the payload that are still to come.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next fragment; `None` after the one with FIN.
    pub fn next_fragment(&mut self) -> Fragment {
        let payload = self.rest.split_to(self.rest.len().min(self.size));
        Fragment {
            fin: self.rest.is_empty(),
            opcode: std::mem::replace(&mut self.opcode, CONTINUATION),
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::frame::{BINARY, TEXT};

    fn all(opcode: u8, payload: &Bytes, parts: Parts) -> Vec<Fragment> {
        let mut fragments = Fragments::new(opcode, payload.clone(), parts);
        let mut all = vec![fragments.next_fragment()];
        while all.last().is_some_and(|fragment| !fragment.fin) {
            all.push(fragments.next_fragment());
        }
        all
    }

    fn sizes(fragmentation: Fragmentation, len: usize) -> Vec<usize> {
        let payload = Bytes::from(vec![0; len]);
        let fragments = all(BINARY, &payload, fragmentation.parts(false));
        fragments.iter().map(|it| it.payload.len()).collect()
    }

    #[test]
    fn only_large_messages_are_fragmented_by_default() {
        use Fragmentation::{AtMost, Large, Never};
        for (fragmentation, len, expected) in [
            (Large, 0, &[0][..]),
            (Large, LARGE, &[LARGE]),
            (
                Large,
                LARGE + 1,
                &[FRAGMENT, FRAGMENT, FRAGMENT, FRAGMENT, 1],
            ),
            (AtMost(3), 0, &[0]),
            (AtMost(3), 3, &[3]),
            (AtMost(3), 7, &[3, 3, 1]),
            (AtMost(LARGE), LARGE + 1, &[LARGE, 1]),
            (Never, 3 * LARGE, &[3 * LARGE]),
        ] {
            assert_eq!(sizes(fragmentation, len), expected, "{fragmentation:?}");
        }
    }

    #[test]
    fn compressed_messages_are_handed_over_in_parts_of_a_minimum_size() {
        use Fragmentation::{AtMost, Large, Never};
        let part = |size| Parts { above: size, size };
        assert_eq!(AtMost(1).parts(true), part(FEWEST));
        assert_eq!(AtMost(10_000).parts(true), part(10_000));
        assert_eq!(AtMost(16 * LARGE).parts(true), part(FRAGMENT));
        assert_eq!(Large.parts(true), Large.parts(false));
        assert_eq!(Never.parts(true), Large.parts(true));
        // What was small enough for one part is small enough for one frame.
        let limits = |it: Fragmentation| [false, true].map(|in_parts| it.frame_limit(in_parts));
        assert_eq!(limits(Large), [usize::MAX, FRAGMENT]);
        assert_eq!(limits(AtMost(10)), [10, 10]);
        assert_eq!(limits(Never), [usize::MAX; 2]);
    }

    proptest! {
        #[test]
        fn fragments_are_the_message_and_nothing_is_copied(payload: Vec<u8>, most in 1usize..100) {
            let payload = Bytes::from(payload);
            let fragments = all(TEXT, &payload, Fragmentation::AtMost(most).parts(false));
            let mut at = payload.as_ptr();
            for (number, fragment) in fragments.iter().enumerate() {
                prop_assert_eq!(fragment.opcode, if number == 0 { TEXT } else { CONTINUATION });
                prop_assert_eq!(fragment.fin, number + 1 == fragments.len());
                prop_assert!(fragment.payload.len() <= most);
                prop_assert!(!fragment.payload.is_empty() || payload.is_empty());
                if !payload.is_empty() {
                    prop_assert_eq!(fragment.payload.as_ptr(), at);
                }
                at = fragment.payload.as_ptr_range().end;
            }
            let whole = fragments.iter().flat_map(|fragment| &fragment.payload).copied();
            prop_assert!(whole.eq(payload.iter().copied()));
        }
    }
}
