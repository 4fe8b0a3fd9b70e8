//! Masking (RFC 6455 §5.3). Masking twice with the same key restores the bytes.

/// Masks `bytes` in place; they begin at `offset` in the payload.
pub fn apply(key: [u8; 4], offset: usize, bytes: &mut [u8]) {
    let mut key = key;
    key.rotate_left(offset % 4);
    let wide = u64::from_ne_bytes([
        key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3],
    ]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455 §5.7: "Hello", masked.
        let mut bytes = *b"Hello";
        apply([0x37, 0xfa, 0x21, 0x3d], 0, &mut bytes);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    proptest! {
        #[test]
        fn pieces_are_masked_like_the_whole(key: [u8; 4], bytes: Vec<u8>, cut: prop::sample::Index) {
            let expected: Vec<u8> = bytes.iter().enumerate().map(|(n, byte)| byte ^ key[n % 4]).collect();
            let mut masked = bytes.clone();
            let cut = cut.index(bytes.len() + 1);
            let (head, tail) = masked.split_at_mut(cut);
            apply(key, 0, head);
            apply(key, cut, tail);
            prop_assert_eq!(masked, expected);
        }
    }
}
