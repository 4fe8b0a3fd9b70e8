//! Binary payloads for people: offset, sixteen bytes in two groups, and the printable ones as text.
//!
//! The output is ASCII without control characters, whatever the bytes are.

use crate::codec::push_hex_byte;

/// Appends the dump of `bytes`. Every line begins with `indent` spaces and ends with a line feed.
pub(super) fn push(bytes: &[u8], indent: usize, out: &mut Vec<u8>) {
    for (row, chunk) in bytes.chunks(16).enumerate() {
        out.resize(out.len() + indent, b' ');
        out.extend_from_slice(format!("{:08x} ", row * 16).as_bytes());
        for column in 0..16 {
            push_cell(column, chunk.get(column).copied(), out);
        }
        out.extend_from_slice(b"  |");
        out.extend(
            chunk
                .iter()
                .map(|&b| if matches!(b, 0x20..=0x7e) { b } else { b'.' }),
        );
        out.extend_from_slice(b"|\n");
    }
}

fn push_cell(column: usize, byte: Option<u8>, out: &mut Vec<u8>) {
    out.extend_from_slice(if column == 8 { b"  " } else { b" " });
    match byte {
        Some(byte) => push_hex_byte(byte, out),
        None => out.extend_from_slice(b"  "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push(bytes, 2, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sixteen_bytes_a_line_in_two_groups() {
        assert_eq!(
            dump(b"0123456789abcdef\x00\x1b\xff~"),
            "  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n  \
               00000010  00 1b ff 7e                                       |...~|\n"
        );
        assert_eq!(dump(b""), "");
    }
}
