//! Fields as they are on the wire (<https://protobuf.dev/programming-guides/encoding/>). Pure.

use crate::decode::protobuf::schema::FieldKind;

pub(super) const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
pub(super) const GROUP_START: u8 = 3;
pub(super) const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// How values of this kind stand on the wire.
pub(super) fn type_of(kind: FieldKind) -> u8 {
    match kind {
        FieldKind::Double | FieldKind::Fixed64 | FieldKind::SFixed64 => FIXED64,
        FieldKind::Float | FieldKind::Fixed32 | FieldKind::SFixed32 => FIXED32,
        FieldKind::String | FieldKind::Bytes | FieldKind::Message(_) => BYTES,
        FieldKind::Group(_) => GROUP_START,
        _ => VARINT,
    }
}

/// An integer of seven bits a byte, the least significant first.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number of a field, and the kind of its value.
pub(super) fn put_tag(number: u32, kind: u8, out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | u64::from(kind), out);
}

/// Bytes after their length.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A field of bytes, whole.
pub(super) fn put_bytes_field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_tag(number, BYTES, out);
    put_bytes(bytes, out);
}
