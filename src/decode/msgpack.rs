//! MessagePack as JSON. Pure.
//!
//! Follows the specification (<https://github.com/msgpack/msgpack/blob/master/spec.md>). Binary data
//! becomes base64 (RFC 4648 §4), and so does a string that is not UTF-8, as old writers make them; a
//! timestamp becomes RFC 3339; another extension `{"type":1,"data":"AA=="}`.

use super::builder::Builder;
use super::bytes::Reader;
use super::times;
use super::wrong::Result;
use crate::codec;

/// The type of the timestamp among the extensions.
const TIMESTAMP: i8 = -1;

/// The JSON text of the values in `bytes`, of at most `limit` bytes: an array where there are several.
pub(super) fn decode(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut json = Builder::new(limit);
    let mut reader = Reader::new(bytes);
    while json.depth() > 0 || !reader.is_empty() {
        let done = value(&mut reader, &mut json);
        done.map_err(|wrong| wrong.or_at(reader.position()))?;
    }
    json.finish()
}

/// Reads a value, or the beginning of an array or a map.
fn value(reader: &mut Reader<'_>, json: &mut Builder) -> Result<()> {
    let first = reader.byte()?;
    match first {
        0x00..=0x7f => json.word(first),
        0x80..=0x8f => json.open_object(Some(u64::from(first & 0x0f))),
        0x90..=0x9f => json.open_array(Some(u64::from(first & 0x0f))),
        0xa0..=0xbf => text(reader.take(u64::from(first & 0x1f))?, json),
        0xc0 => json.null(),
        0xc1 => Err(reader.wrong("0xc1 is never used in MessagePack")),
        0xc2 => json.word(false),
        0xc3 => json.word(true),
        0xc4..=0xc6 => {
            let data = sized(reader, first - 0xc4)?;
            json.plain(|out| codec::push_base64(data, out))
        }
        0xca | 0xcb => float(first, reader, json),
        0xcc..=0xcf => json.word(reader.big_endian(1 << (first - 0xcc))?),
        0xd0..=0xd3 => json.word(signed(reader, 1 << (first - 0xd0))?),
        0xc7..=0xc9 => {
            let len = reader.big_endian(1 << (first - 0xc7))?;
            extension(reader, len, json)
        }
        0xd4..=0xd8 => extension(reader, 1 << (first - 0xd4), json),
        0xd9..=0xdb => text(sized(reader, first - 0xd9)?, json),
        0xdc | 0xdd => json.open_array(Some(reader.big_endian(2 << (first - 0xdc))?)),
        0xde | 0xdf => json.open_object(Some(reader.big_endian(2 << (first - 0xde))?)),
        0xe0..=0xff => json.word(first as i8),
    }
}

/// Data after its length, of 2^`power` bytes.
fn sized<'a>(reader: &mut Reader<'a>, power: u8) -> Result<&'a [u8]> {
    let len = reader.big_endian(1 << power)?;
    reader.take(len)
}

fn text(bytes: &[u8], json: &mut Builder) -> Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => json.string(text),
        Err(_) => json.plain(|out| codec::push_base64(bytes, out)),
    }
}

fn float(first: u8, reader: &mut Reader<'_>, json: &mut Builder) -> Result<()> {
    json.float(match first {
        0xca => f64::from(f32::from_be_bytes(reader.array()?)),
        _ => f64::from_be_bytes(reader.array()?),
    })
}

/// A signed integer of `size` bytes.
fn signed(reader: &mut Reader<'_>, size: usize) -> Result<i64> {
    let unused = 64 - 8 * size;
    Ok((reader.big_endian(size)? << unused) as i64 >> unused)
}

fn extension(reader: &mut Reader<'_>, len: u64, json: &mut Builder) -> Result<()> {
    let kind = reader.byte()? as i8;
    let data = reader.take(len)?;
    if kind == TIMESTAMP
        && let Some(time) = timestamp(data)
    {
        return json.string(&time);
    }
    json.open_object(Some(2))?;
    json.string("type")?;
    json.word(kind)?;
    json.string("data")?;
    json.plain(|out| codec::push_base64(data, out))
}

/// A timestamp of 32, 64 or 96 bits.
fn timestamp(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (seconds, nanoseconds) = match data.len() {
        4 => (reader.big_endian(4).ok()? as i64, 0),
        8 => {
            let both = reader.big_endian(8).ok()?;
            ((both & 0x3_ffff_ffff) as i64, both >> 34)
        }
        12 => {
            let nanoseconds = reader.big_endian(4).ok()?;
            (reader.big_endian(8).ok()? as i64, nanoseconds)
        }
        _ => return None,
    };
    let nanoseconds = i32::try_from(nanoseconds)
        .ok()
        .filter(|it| *it < 1_000_000_000)?;
    times::rfc3339(seconds, nanoseconds)
}
