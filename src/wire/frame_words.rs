//! How a raw frame is written, for `/frame` and for `>frame` in a script. Pure.

use bytes::Bytes;

use super::frame::{CLOSE, LengthForm, Masking, RawFrame, opcode_named};
use crate::close::Close;
use crate::units::digits;
use crate::written::{self, Data};

const OPCODES: &str = "0 to 15, text, binary, continuation, close, ping or pong";

/// The words before the payload, as far as they have been parsed.
#[derive(Default)]
pub struct Words {
    fin: Option<bool>,
    rsv: u8,
    pub opcode: Option<u8>,
    masking: Option<Masking>,
    len: Option<u64>,
    form: Option<LengthForm>,
    code: Option<u16>,
}

/// Parses the arguments of `/frame`: the frame, and the source of its payload. The content of
/// [`RawFrame::payload`] comes before that payload.
///
/// # Errors
/// What is wrong, with an example.
pub fn parse(argument: &str) -> Result<(RawFrame, Data), String> {
    let mut words = Words::default();
    let mut rest = argument.trim_start();
    while !rest.is_empty() {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if word == "--" {
            rest = after;
            break;
        }
        if !words.take(word)? {
            break;
        }
        rest = after.trim_start();
    }
    words.frame(rest)
}

impl Words {
    /// Takes a word; returns false if it is not one of ours, and so begins the payload.
    ///
    /// # Errors
    /// What is wrong with it, with an example.
    pub fn take(&mut self, word: &str) -> Result<bool, String> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let wrong = |wanted: &str| format!("'{word}': {key} is {wanted}; for example {key}=");
        let mut rsv = |bit: u8, value: Option<bool>| {
            let value = value.ok_or_else(|| wrong("0 or 1") + "1")?;
            self.rsv = (self.rsv & !bit) | (bit * u8::from(value));
            Ok::<_, String>(())
        };
        match (key, word.contains('=')) {
            ("fin", true) => self.fin = Some(bit(value).ok_or_else(|| wrong("0 or 1") + "0")?),
            ("rsv", true) => {
                self.rsv |= digits(value, 7).ok_or_else(|| wrong("0 to 7") + "4")? as u8
            }
            ("rsv1", given) => rsv(4, bit_or_set(value, given))?,
            ("rsv2", given) => rsv(2, bit_or_set(value, given))?,
            ("rsv3", given) => rsv(1, bit_or_set(value, given))?,
            ("mask", true) => {
                let masking = masking(value);
                self.masking = Some(
                    masking.ok_or_else(|| wrong("none, random or 8 hex digits") + "37fa213d")?,
                );
            }
            ("length", true) => {
                self.len =
                    Some(digits(value, u64::MAX).ok_or_else(|| wrong("a number of bytes") + "5")?);
            }
            ("bits", true) => {
                let form = digits(value, 64).and_then(LengthForm::of_bits);
                self.form = Some(form.ok_or_else(|| wrong("7, 16 or 64") + "64")?);
            }
            ("code", true) => {
                let code = digits(value, u64::from(u16::MAX));
                self.code = Some(code.ok_or_else(|| wrong("0 to 65535") + "1005")? as u16);
            }
            ("opcode", true) => {
                let opcode = opcode(value).ok_or_else(|| wrong(OPCODES) + "3")?;
                self.set_opcode(opcode, word)?;
            }
            (_, false) => return self.take_opcode(word),
            (_, true) => return Ok(false),
        }
        Ok(true)
    }

    /// A word without `=` may be an opcode.
    fn take_opcode(&mut self, word: &str) -> Result<bool, String> {
        match opcode(word) {
            Some(opcode) => self.set_opcode(opcode, word)?,
            None if self.opcode.is_none() && digits(word, u64::MAX).is_some() => {
                return Err(format!(
                    "'{word}': an opcode is 0 to 15; for example /frame 3 x"
                ));
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    fn set_opcode(&mut self, opcode: u8, word: &str) -> Result<(), String> {
        match self.opcode.replace(opcode) {
            None => Ok(()),
            Some(before) => Err(format!(
                "'{word}' is an opcode, and there is one already; write a payload that begins like this after --: /frame {before} -- {word}"
            )),
        }
    }

    fn frame(self, payload: &str) -> Result<(RawFrame, Data), String> {
        let opcode = self.opcode.ok_or_else(|| match payload.split(' ').next() {
            Some("") | None => {
                format!("there is no opcode: {OPCODES}; for example /frame fin=0 text hel")
            }
            Some(word) => format!(
                "there is no opcode before '{word}': {OPCODES}; for example /frame text {word}"
            ),
        })?;
        let before = match self.code {
            None => Bytes::new(),
            Some(code) if opcode == CLOSE => Close::new(code, "").payload(),
            Some(code) => {
                return Err(format!(
                    "code={code} needs the opcode close: /frame close code={code} REASON"
                ));
            }
        };
        let frame = RawFrame {
            fin: self.fin.unwrap_or(true),
            rsv: self.rsv,
            masking: self.masking.unwrap_or(Masking::AsRequired),
            len: self.len,
            form: self.form,
            ..RawFrame::new(opcode, before)
        };
        let data =
            written::parse(payload)?.unwrap_or_else(|| Data::Bytes(payload.to_owned().into()));
        Ok((frame, data))
    }
}

/// The bit of a word, for `rsv1` as well as `rsv1=1`.
fn bit_or_set(value: &str, given: bool) -> Option<bool> {
    if given { bit(value) } else { Some(true) }
}

fn bit(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn masking(value: &str) -> Option<Masking> {
    match value {
        "none" => Some(Masking::None),
        "random" => Some(Masking::Random),
        key => Masking::of_hex(key),
    }
}

fn opcode(word: &str) -> Option<u8> {
    opcode_named(word).or_else(|| digits(word, 15).map(|opcode| opcode as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(opcode: u8) -> RawFrame {
        RawFrame::new(opcode, Bytes::new())
    }

    #[track_caller]
    fn check(argument: &str, frame: RawFrame, data: impl Into<Bytes>) {
        let expected = Ok((frame, Data::Bytes(data.into())));
        assert_eq!(parse(argument), expected, "{argument}");
    }

    #[test]
    fn the_payload_begins_where_the_words_end() {
        for (argument, opcode, data) in [
            ("text", 1, ""),
            ("binary ", 2, ""),
            ("continuation lo", 0, "lo"),
            ("  pong   a  b ", 10, "a  b "),
            ("1 hello fin=0", 1, "hello fin=0"),
            ("opcode=3 x", 3, "x"),
            ("opcode=text x", 1, "x"),
            ("11", 11, ""),
            ("text --", 1, ""),
            ("text -- ping", 1, "ping"),
            ("text --  fin=0 -- x", 1, " fin=0 -- x"),
            ("text --x", 1, "--x"),
            ("text 42", 1, "42"),
            ("text {\"a\": 1}", 1, "{\"a\": 1}"),
            ("text rsv", 1, "rsv"),
            ("text rsv4=1", 1, "rsv4=1"),
            ("text a=b", 1, "a=b"),
            ("text ä ö", 1, "ä ö"),
            ("text hex:6869", 1, "hi"),
            ("text base64:aGk=", 1, "hi"),
            ("text -- hex:68 69", 1, "hi"),
        ] {
            check(argument, raw(opcode), data);
        }
        let file = Data::File("some file".to_owned());
        assert_eq!(parse("2 @some file"), Ok((raw(2), file)));
    }

    #[test]
    fn every_word() {
        let fragment = RawFrame {
            fin: false,
            rsv: 6,
            ..raw(1)
        };
        check("fin=0 rsv=4 text rsv2 hel", fragment.clone(), "hel");
        check("rsv1 text rsv2 fin=1 fin=0 hel", fragment.clone(), "hel");
        check(
            "rsv1=1 rsv2=1 rsv3=0 fin=0 text hel",
            fragment.clone(),
            "hel",
        );
        check("rsv=7 rsv3=0 fin=0 text hel", fragment, "hel");
        let masked = |masking| RawFrame { masking, ..raw(2) };
        check("2 mask=none", masked(Masking::None), "");
        check("2 mask=random", masked(Masking::Random), "");
        let key = Masking::Key([0x37, 0xfa, 0x21, 0x3d]);
        check("2 mask=37fa213d", masked(key), "");
        let lies = RawFrame {
            len: Some(u64::MAX),
            form: Some(LengthForm::Bits64),
            ..raw(15)
        };
        check("length=18446744073709551615 bits=64 15 x", lies, "x");
        let close = RawFrame::new(8, Bytes::from_static(b"\x03\xed"));
        check("close code=1005 a reason", close.clone(), "a reason");
        check("code=1005 8", close, "");
    }

    #[test]
    fn errors_have_an_example() {
        for (argument, word) in [
            ("fin=0", "for example /frame fin=0 text hel"),
            ("hello", "there is no opcode before 'hello': 0 to 15, text,"),
            ("hello", "for example /frame text hello"),
            (
                "text rsv1=2 x",
                "'rsv1=2': rsv1 is 0 or 1; for example rsv1=1",
            ),
            ("fin=0 -- text", "no opcode before 'text'"),
            ("16 x", "'16': an opcode is 0 to 15; for example /frame 3 x"),
            ("opcode=16", "'opcode=16': opcode is 0 to 15, text"),
            ("opcode=reserved", "opcode=3"),
            ("text fin=2", "'fin=2': fin is 0 or 1; for example fin=0"),
            ("text fin=", "for example fin=0"),
            ("text rsv=8", "rsv is 0 to 7"),
            ("text mask=37", "mask is none, random or 8 hex digits"),
            ("text length=-1", "length is a number of bytes"),
            ("text length=+1", "length is a number of bytes"),
            ("text bits=8", "bits is 7, 16 or 64"),
            ("close code=65536", "code is 0 to 65535"),
            ("text code=1000 x", "/frame close code=1000 REASON"),
            ("text ping", "after --: /frame 1 -- ping"),
            ("text hex:0", "whole bytes"),
        ] {
            let error = parse(argument).unwrap_err();
            assert!(error.contains(word), "{argument}: {error}");
        }
    }
}
