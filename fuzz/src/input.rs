//! The input of a target, read from its start. All of it means something: what is missing is zero, so
//! that cutting an input short keeps it valid.

pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Input { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// So many bytes, or as many as there are.
    pub(super) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }

    /// A byte that tells how many sizes follow (its low four bits), and the sizes.
    pub(super) fn sizes(&mut self) -> Sizes<'a> {
        let len = self.byte() & 0xf;
        Sizes(self.bytes(len.into()))
    }
}

/// Sizes of pieces, over and over. None at all is one piece.
#[derive(Clone, Copy)]
pub(super) struct Sizes<'a>(&'a [u8]);

/// Everything in one piece.
pub(super) const WHOLE: Sizes<'_> = Sizes(&[255]);

/// Everything byte by byte.
pub(super) const SINGLE: Sizes<'_> = Sizes(&[0]);

impl<'a> Sizes<'a> {
    /// From 1 up; the large ones are those around which the code changes its mind. They never end.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> + 'a {
        let Sizes(sizes) = if self.0.is_empty() { WHOLE } else { self };
        sizes.iter().cycle().map(|byte| match byte {
            0..224 => usize::from(*byte) + 1,
            224..255 => 1 << (*byte & 0xf),
            255 => usize::MAX,
        })
    }

    pub(super) fn mean(self) -> usize {
        let Sizes(sizes) = self;
        let sum = self
            .iter()
            .take(sizes.len().max(1))
            .fold(0, usize::saturating_add);
        sum / sizes.len().max(1)
    }

    pub(super) fn cut(self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = bytes;
        self.iter().map_while(move |size| {
            let (piece, tail) = rest.split_at(size.min(rest.len()));
            rest = tail;
            (!piece.is_empty()).then_some(piece)
        })
    }
}
