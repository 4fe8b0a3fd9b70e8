//! Parses the lines of a record, also lines that a user wrote. Only the members that are asked for
//! are examined; others may be anything, as the schema promises.
//!
//! Every error says what is wrong with the line, and what to write instead.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::schema::{self, Member};
use crate::close::{Close, Unsendable, may_be_sent};
use crate::codec::{decode_base64, decode_hex};
use crate::event::By;
use crate::json::scanner::without_place;
use crate::message::{Kind, Message};
use crate::payload::{Encoding, InputFormat};
use crate::wire::frame::{
    BINARY, CLOSE, LengthForm, Masking, RawFrame, TEXT, check_control_payload, opcode_named,
};

/// A longer time in a line is a mistake.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86400);

/// Maximum length of a wrong value in an error, in characters.
const SHOWN: usize = 40;

/// What is wrong with a line, and what to write instead.
#[derive(Debug)]
pub struct LineError {
    pub what: String,
    pub advice: String,
}

impl LineError {
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        LineError {
            what: what.into(),
            advice: advice.into(),
        }
    }
}

/// The event of a line.
#[derive(Debug)]
pub struct Line(Map<String, Value>);

impl Line {
    /// Parses a line. `None` if it is blank.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub fn parse(line: &[u8]) -> Result<Option<Line>, LineError> {
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(members)) => Ok(Some(Line(members))),
            Ok(other) => Err(LineError::new(
                format!("{} is not an event", shown(&other)),
                r#"write {"type":"send","data":"hello"}"#,
            )),
            Err(error) => Err(LineError::new(
                format!("not JSON: {}", without_place(&error)),
                "one event per line, as --json prints them; --frame line sends lines as they are",
            )),
        }
    }

    /// The name of its type, which may be unknown to the schema.
    ///
    /// # Errors
    /// If it is not a string.
    pub fn type_name(&self) -> Result<Option<&str>, LineError> {
        self.string(schema::TYPE)
    }

    /// Whether wirecat sent this by itself, or again. An origin that this version does not know
    /// counts too.
    ///
    /// # Errors
    /// If the member is not a string.
    pub fn has_origin(&self) -> Result<bool, LineError> {
        Ok(self.string(schema::ORIGIN)?.is_some())
    }

    /// Whether a message was sent again, in recordings from before `origin` existed.
    ///
    /// # Errors
    /// If the member is not a bool.
    pub fn is_repeat(&self) -> Result<bool, LineError> {
        Ok(self.flag(schema::REPEAT)? == Some(true))
    }

    /// The side that sent the ping, pong or frame; the default is our side.
    ///
    /// # Errors
    /// If the word is not in the schema.
    pub fn sender(&self) -> Result<By, LineError> {
        self.side(schema::DIR, schema::DIRS)
    }

    /// The side that closed; the default is our side.
    ///
    /// # Errors
    /// If the word is not in the schema.
    pub fn closer(&self) -> Result<By, LineError> {
        self.side(schema::BY, schema::SIDES)
    }

    /// The message that was sent or received.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn message(&self) -> Result<Message, LineError> {
        let default = self.get(schema::ENCODING).map_or(TEXT, |_| BINARY);
        let kind = match self.opcode()?.unwrap_or(default) {
            TEXT => Kind::Text,
            BINARY => Kind::Binary,
            other => {
                return Err(LineError::new(
                    format!("no message has the opcode {other}"),
                    format!(
                        r#"1 is text, 2 is binary; {{"type":"frame","opcode":{other}}} sends any"#
                    ),
                ));
            }
        };
        let data = self.data()?.ok_or_else(|| {
            LineError::new(
                r#"a send without "data""#,
                r#"{"type":"send","data":""} sends an empty message"#,
            )
        })?;
        let encoding = Encoding::Plain;
        let message = InputFormat { encoding, kind }.message(data);
        message.map_err(|why| {
            LineError::new(
                why,
                r#""opcode":2 sends bytes as they are; {"type":"frame"} sends even text so"#,
            )
        })
    }

    /// The payload of a ping or pong, at most 125 bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn control_data(&self) -> Result<Bytes, LineError> {
        let data = self.data()?.unwrap_or_default();
        match check_control_payload(&data) {
            Ok(()) => Ok(data),
            Err(why) => Err(LineError::new(
                why,
                r#"{"type":"frame","opcode":"ping"} sends more"#,
            )),
        }
    }

    /// The Close, which must be one that may be sent. The code 1005 means none (RFC 6455 §7.1.5).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn close(&self) -> Result<Close, LineError> {
        let code = self.code()?.filter(|&code| code != 1005);
        let reason = self.string(schema::REASON)?.unwrap_or_default();
        if code.is_none() && self.get(schema::CODE).is_some() && !reason.is_empty() {
            return Err(LineError::new(
                "1005 stands for a Close without a code, so it has no reason",
                sends_any(1005),
            ));
        }
        Close::from_person(code, reason, may_be_sent).map_err(|why| match (why, code) {
            (Unsendable::Code(code), _) => {
                LineError::new(format!("the close code {why}"), sends_any(code))
            }
            (Unsendable::LongReason(_), Some(code)) => {
                LineError::new(why.to_string(), sends_any(code))
            }
            _ => reason_without_code(),
        })
    }

    /// The raw frame.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn frame(&self) -> Result<RawFrame, LineError> {
        let opcode = self.opcode()?.unwrap_or(TEXT);
        let frame = RawFrame {
            fin: self.flag(schema::FIN)?.unwrap_or(true),
            rsv: self.rsv()?,
            masking: self.masking()?,
            len: self.number(schema::LENGTH, u64::MAX)?,
            form: self.length_form()?,
            ..RawFrame::new(opcode, self.frame_payload(opcode)?)
        };
        frame.check_form().map_err(|why| {
            LineError::new(
                why,
                r#""length_bits":64 holds every length; without it the shortest form is used"#,
            )
        })?;
        Ok(frame)
    }

    fn frame_payload(&self, opcode: u8) -> Result<Bytes, LineError> {
        let (code, reason) = (self.code()?, self.string(schema::REASON)?);
        if code.is_none() && reason.is_none() {
            return Ok(self.data()?.unwrap_or_default());
        }
        if opcode != CLOSE || self.get(schema::DATA).is_some() {
            return Err(LineError::new(
                r#""code" and "reason" are the payload of a Close, in place of "data""#,
                r#"write {"type":"frame","opcode":"close","code":1005,"reason":"x"}"#,
            ));
        }
        let code = code.ok_or_else(reason_without_code)?;
        Ok(Close::new(code, reason.unwrap_or_default()).payload())
    }

    fn rsv(&self) -> Result<u8, LineError> {
        let mut rsv = self.number(schema::RSV, 7)?.unwrap_or(0) as u8;
        for (member, bit) in [(schema::RSV1, 4), (schema::RSV2, 2), (schema::RSV3, 1)] {
            if self.flag(member)? == Some(true) {
                rsv |= bit;
            }
        }
        Ok(rsv)
    }

    fn masking(&self) -> Result<Masking, LineError> {
        let masking = match self.get(schema::MASK) {
            None => Some(Masking::AsRequired),
            Some(Value::Bool(true)) => Some(Masking::Random),
            Some(Value::Bool(false)) => Some(Masking::None),
            Some(Value::String(digits)) => Masking::of_hex(digits),
            Some(_) => None,
        };
        masking.ok_or_else(|| {
            self.bad_value(schema::MASK, r#"true (random), false or a key: "37fa213d""#)
        })
    }

    fn length_form(&self) -> Result<Option<LengthForm>, LineError> {
        let Some(value) = self.get(schema::LENGTH_BITS) else {
            return Ok(None);
        };
        match value.as_u64().and_then(LengthForm::of_bits) {
            None => Err(self.bad_value(schema::LENGTH_BITS, "7, 16 or 64")),
            form => Ok(form),
        }
    }

    /// When it happened, since the start of the run; zero if the line does not say.
    pub(super) fn time(&self) -> Duration {
        let seconds = self.get(schema::T).and_then(Value::as_f64);
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.filter(|time| *time <= LONGEST).unwrap_or_default()
    }

    /// The number of the connection; 1 if the line does not say.
    pub(super) fn conn(&self) -> u64 {
        let conn = self.get(schema::CONN).and_then(Value::as_u64);
        conn.unwrap_or(1)
    }

    /// The status of the HTTP answer.
    ///
    /// # Errors
    /// If it is not a status.
    pub(super) fn status(&self) -> Result<Option<u16>, LineError> {
        let status = self.number(schema::STATUS, 999)?;
        Ok(status.map(|status| status as u16))
    }

    /// The headers; what is no pair of strings is left out.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let pair = |pair: &Value| {
            let [name, value] = pair.as_array()?.as_slice() else {
                return None;
            };
            Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))
        };
        match self.get(schema::HEADERS) {
            Some(Value::Array(pairs)) => pairs.iter().filter_map(pair).collect(),
            _ => Vec::new(),
        }
    }

    /// The bytes that "data" and "encoding" describe.
    fn data(&self) -> Result<Option<Bytes>, LineError> {
        let Some(data) = self.string(schema::DATA)? else {
            return Ok(None);
        };
        let decoded = match self.string(schema::ENCODING)? {
            None => Ok(data.as_bytes().to_vec()),
            Some(schema::BASE64) => decode_base64(data.as_bytes()),
            Some(schema::HEX) => decode_hex(data.as_bytes()),
            Some(_) => {
                return Err(
                    self.bad_value(schema::ENCODING, r#""base64" or "hex", or none for text"#)
                );
            }
        };
        match decoded {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(why) => Err(LineError::new(
                format!(r#""data": {why}"#),
                r#""encoding" says how the bytes are written: "base64" or "hex", or none for text"#,
            )),
        }
    }

    fn opcode(&self) -> Result<Option<u8>, LineError> {
        let opcode = match self.get(schema::OPCODE) {
            None => return Ok(None),
            Some(Value::String(name)) => opcode_named(name),
            Some(_) => return Ok(self.number(schema::OPCODE, 15)?.map(|opcode| opcode as u8)),
        };
        opcode.map(Some).ok_or_else(|| {
            self.bad_value(
                schema::OPCODE,
                "0 to 15, or text, binary, continuation, close, ping or pong",
            )
        })
    }

    pub(super) fn code(&self) -> Result<Option<u16>, LineError> {
        let code = self.number(schema::CODE, u64::from(u16::MAX))?;
        Ok(code.map(|code| code as u16))
    }

    fn side(&self, member: Member, words: [&'static str; 2]) -> Result<By, LineError> {
        match self.string(member)? {
            None => Ok(By::Us),
            Some(word) if word == schema::side(By::Us, words) => Ok(By::Us),
            Some(word) if word == schema::side(By::Peer, words) => Ok(By::Peer),
            Some(_) => {
                let [us, peer] = words;
                Err(self.bad_value(member, &format!(r#""{us}" (obeyed) or "{peer}" (not)"#)))
            }
        }
    }

    pub(super) fn string(&self, member: Member) -> Result<Option<&str>, LineError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.bad_value(member, r#"a string; JSON inside one is "{\"a\":1}""#)),
        }
    }

    fn flag(&self, member: Member) -> Result<Option<bool>, LineError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.bad_value(member, "true or false")),
        }
    }

    fn number(&self, member: Member, most: u64) -> Result<Option<u64>, LineError> {
        let Some(value) = self.get(member) else {
            return Ok(None);
        };
        match value.as_u64().filter(|&number| number <= most) {
            None => Err(self.bad_value(member, &format!("a whole number from 0 to {most}"))),
            number => Ok(number),
        }
    }

    /// `null` counts as absent.
    fn get(&self, member: Member) -> Option<&Value> {
        self.0.get(member.name).filter(|value| !value.is_null())
    }

    fn bad_value(&self, member: Member, wanted: &str) -> LineError {
        let value = self.get(member).map_or_else(String::new, shown);
        LineError::new(format!(r#""{}" must not be {value}"#, member.name), wanted)
    }
}

fn sends_any(code: u16) -> String {
    format!(r#"{{"type":"frame","opcode":"close","code":{code}}} sends it"#)
}

fn reason_without_code() -> LineError {
    LineError::new(
        Unsendable::ReasonWithoutCode.to_string(),
        r#"write "code":1000 as well"#,
    )
}

/// A value, truncated if it is long.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
