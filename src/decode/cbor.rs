//! CBOR as JSON, as RFC 8949 §6.1 advises. Pure.
//!
//! A byte string becomes base64url without padding, or what the tags 21 to 23 around it ask for; what
//! JSON lacks (`undefined`, other simple values, numbers that are not finite) becomes `null`. Beyond
//! that advice, a time (tag 1) becomes RFC 3339, a large integer (tags 2 and 3) its digits, and a
//! content identifier of IPLD (tag 42) its text. Other tags are left out.

mod tags;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::builder::Builder;
use super::bytes::Reader;
use super::wrong::{Result, Wrong};
use crate::codec;
use tags::{ByteForm, Tag};

/// The JSON text of the data items in `bytes` (a sequence, RFC 8742), of at most `limit` bytes: an
/// array where there are several.
pub(super) fn decode(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut decoder = Decoder {
        reader: Reader::new(bytes),
        json: Builder::new(limit),
        forms: Vec::new(),
    };
    while decoder.json.depth() > 0 || !decoder.reader.is_empty() {
        let done = decoder.item();
        done.map_err(|wrong| wrong.or_at(decoder.reader.position()))?;
    }
    decoder.json.finish()
}

/// The first byte of an item and the argument that follows it (RFC 8949 §3).
#[derive(Clone, Copy, Debug)]
struct Head {
    major: u8,
    info: u8,
    /// `None` for an indefinite length, and for a break.
    argument: Option<u64>,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Head> {
        let first = reader.byte()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24..=27 => Some(reader.big_endian(1 << (info - 24))?),
            31 if !matches!(major, 0 | 1 | 6) => None,
            _ => return Err(reader.wrong("it is not well-formed CBOR (RFC 8949 §3)")),
        };
        Ok(Head {
            major,
            info,
            argument,
        })
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    json: Builder,
    /// How byte strings are written at this depth and below.
    forms: Vec<(usize, ByteForm)>,
}

impl Decoder<'_> {
    /// Reads an item, or the beginning of an array or a map, or its end.
    fn item(&mut self) -> Result<()> {
        let mut head = Head::read(&mut self.reader)?;
        let mut tag = Tag::None;
        let mut form = self.form();
        while head.major == 6 {
            tag = Tag::numbered(head.argument.unwrap_or_default());
            form = tag.form().unwrap_or(form);
            head = Head::read(&mut self.reader)?;
        }
        match (head.major, head.argument) {
            (0 | 1, Some(value)) => self.integer(head.major == 1, value, tag),
            (2, len) => self.byte_string(len, tag, form),
            (3, len) => {
                let text = string(&mut self.reader, 3, len)?;
                let text = std::str::from_utf8(&text);
                self.json.string(text.map_err(|_| not_utf8(&self.reader))?)
            }
            (4, len) => {
                self.forms.push((self.json.depth(), form));
                self.json.open_array(len)
            }
            (5, len) => {
                self.forms.push((self.json.depth(), form));
                self.json.open_object(len)
            }
            (_, None) => self.end(tag),
            _ => self.simple(head, tag),
        }
    }

    /// How byte strings are written here. Forgets the arrays and maps that have ended.
    fn form(&mut self) -> ByteForm {
        let depth = self.json.depth();
        while self.forms.last().is_some_and(|(at, _)| *at >= depth) {
            self.forms.pop();
        }
        self.forms.last().map(|(_, form)| *form).unwrap_or_default()
    }

    fn integer(&mut self, is_negative: bool, value: u64, tag: Tag) -> Result<()> {
        let value = match is_negative {
            true => -1 - i128::from(value),
            false => i128::from(value),
        };
        match tag.time(value) {
            Some(time) => self.json.string(&time),
            None => self.json.word(value),
        }
    }

    fn byte_string(&mut self, len: Option<u64>, tag: Tag, form: ByteForm) -> Result<()> {
        let bytes = string(&mut self.reader, 2, len)?;
        if let Some(digits) = tag.integer(&bytes) {
            return self.json.word(digits);
        }
        if let Some(identifier) = tag.content_identifier(&bytes) {
            return self.json.string(&identifier);
        }
        self.json.plain(|out| match form {
            ByteForm::Base64Url => out.extend(URL_SAFE_NO_PAD.encode(&bytes).into_bytes()),
            ByteForm::Base64 => codec::push_base64(&bytes, out),
            ByteForm::Base16 => {
                let digits = codec::hex(&bytes, "").to_uppercase();
                out.extend(digits.into_bytes());
            }
        })
    }

    /// The end of an array or a map of indefinite length.
    fn end(&mut self, tag: Tag) -> Result<()> {
        match self.json.may_close() && tag == Tag::None {
            true => self.json.close(),
            false => Err(self.reader.wrong("a break ends nothing here")),
        }
    }

    /// Simple values and floating-point numbers (RFC 8949 §3.3).
    fn simple(&mut self, head: Head, tag: Tag) -> Result<()> {
        let bits = head.argument.unwrap_or_default();
        let value = match head.info {
            20 => return self.json.word(false),
            21 => return self.json.word(true),
            24 if bits < 32 => {
                let what = "a simple value below 32 takes one byte (RFC 8949 §3.3)";
                return Err(self.reader.wrong(what));
            }
            25 => half(bits as u16),
            26 => f64::from(f32::from_bits(bits as u32)),
            27 => f64::from_bits(bits),
            _ => return self.json.null(),
        };
        match tag.time_from_float(value) {
            Some(time) => self.json.string(&time),
            None => self.json.float(value),
        }
    }
}

/// A byte string or text string: whole, or in pieces until a break.
fn string<'a>(reader: &mut Reader<'a>, major: u8, len: Option<u64>) -> Result<Pieces<'a>> {
    if let Some(len) = len {
        return Ok(Pieces::Borrowed(reader.take(len)?));
    }
    let mut whole = Vec::new();
    loop {
        let head = Head::read(reader)?;
        match head.argument {
            None if head.major == 7 => return Ok(Pieces::Owned(whole)),
            Some(len) if head.major == major => {
                let piece = reader.take(len)?;
                // No character may be cut in two (RFC 8949 §3.2.3).
                if major == 3 && std::str::from_utf8(piece).is_err() {
                    return Err(not_utf8(reader));
                }
                whole.extend_from_slice(piece);
            }
            _ => return Err(reader.wrong("a piece of a string is of another kind")),
        }
    }
}

type Pieces<'a> = std::borrow::Cow<'a, [u8]>;

fn not_utf8(reader: &Reader<'_>) -> Wrong {
    reader.wrong("a text string is not UTF-8")
}

/// A number of 16 bits (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}
