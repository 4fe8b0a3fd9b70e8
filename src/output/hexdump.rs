//! Binary payloads for people: offset, sixteen bytes in two groups, and the printable ones as text;
//! fewer bytes where a line has less than 80 columns.
//!
//! The output is ASCII without control characters, whatever the bytes are.

use crate::codec::push_hex_byte;

/// Bytes on a line.
const FULL: usize = 16;

/// The bytes that fit on a line of `columns` with this indentation: 16, 8 or 4.
pub(super) fn bytes_per_line(columns: usize, indent: usize) -> usize {
    let fits = |count: &usize| indent + line_columns(*count) <= columns;
    [FULL, FULL / 2].into_iter().find(fits).unwrap_or(FULL / 4)
}

/// The columns of a line without its indentation.
fn line_columns(count: usize) -> usize {
    let groups = count.div_ceil(8);
    // Offset, hex digits with spaces, `  |`, text, `|`.
    8 + 3 * count + groups + 3 + count + 1
}

/// Appends the dump of `bytes`. Every line begins with `indent` spaces and ends with a line feed.
pub(super) fn push(bytes: &[u8], indent: usize, out: &mut Vec<u8>) {
    push_lines(bytes, FULL, indent, out);
}

/// The same with `count` bytes on a line.
pub(super) fn push_lines(bytes: &[u8], count: usize, indent: usize, out: &mut Vec<u8>) {
    for (row, chunk) in bytes.chunks(count).enumerate() {
        out.resize(out.len() + indent, b' ');
        push_row(row * count, chunk, count, out);
        out.push(b'\n');
    }
}

/// Appends one line of a dump without its line feed: up to `count` bytes that are at `offset`.
pub fn push_row(offset: usize, bytes: &[u8], count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{offset:08x} ").as_bytes());
    for column in 0..count {
        push_cell(column, bytes.get(column).copied(), out);
    }
    out.extend_from_slice(b"  |");
    out.extend(
        bytes
            .iter()
            .map(|&b| if matches!(b, 0x20..=0x7e) { b } else { b'.' }),
    );
    out.push(b'|');
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

    #[test]
    fn a_narrow_line_has_fewer_bytes() {
        for (columns, count) in [(200, 16), (80, 16), (79, 8), (47, 8), (46, 4), (10, 4)] {
            assert_eq!(bytes_per_line(columns, 2), count, "{columns}");
            let mut out = Vec::new();
            push_lines(&[0; 16], count, 2, &mut out);
            let longest = out.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
            assert_eq!(longest, Some(2 + line_columns(count)));
        }
    }
}
