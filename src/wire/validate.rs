//! The rules for a peer's frames (RFC 6455 §5, RFC 7692 §6). Every frame is validated as it
//! arrives: its header at once, text byte by byte, a Close when it is complete.

use crate::close::Close;
use crate::codec;
use crate::wire::frame::{
    self, BINARY, CLOSE, CONTINUATION, FrameHeader, MAX_CONTROL, PONG, RSV1, TEXT, opcode_name,
};
use crate::wire::utf8::{self, Utf8};

/// Number of payload bytes of an offending frame that are shown.
const SHOWN: usize = 32;

/// The role of this side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub role: Role,
    /// Whether permessage-deflate was negotiated.
    pub deflate: bool,
    /// Largest message, in bytes, after inflation.
    pub max_message_size: usize,
}

/// A rule that the peer broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The code of the Close that answers it.
    pub code: u16,
    /// The rule, with its section.
    pub rule: String,
    /// The frame that broke it, in lines like those of the trace.
    pub frame: Vec<String>,
}

/// The data message in progress.
#[derive(Clone, Copy, Debug)]
struct Open {
    text: bool,
    compressed: bool,
    /// Bytes of its frames, as far as they are declared.
    wire: u64,
    /// Bytes of the message itself, as far as they have arrived.
    plain: u64,
}

/// Validates one direction of one connection.
#[derive(Debug)]
pub struct Validator {
    options: Options,
    message: Option<Open>,
    utf8: Utf8,
    /// The current frame.
    header: FrameHeader,
    /// The beginning of its payload, unmasked, to be shown if it breaks a rule.
    shown: Vec<u8>,
    /// The body of the current Close frame.
    body: Vec<u8>,
}

/// A violation that is not yet attached to its frame.
type RuleViolation = Box<(u16, String)>;

impl Validator {
    pub fn new(options: Options) -> Self {
        Validator {
            options,
            message: None,
            utf8: Utf8::default(),
            header: FrameHeader::plain(true, 0, 0),
            shown: Vec::with_capacity(SHOWN),
            body: Vec::new(),
        }
    }

    /// Whether a message has begun and not ended.
    pub fn is_in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether the current frame is part of a compressed message.
    pub fn is_compressed(&self) -> bool {
        !self.header.is_control() && self.message.is_some_and(|message| message.compressed)
    }

    /// Whether a frame that begins with `header` is part of a compressed message.
    pub fn compresses(&self, header: &FrameHeader) -> bool {
        match header.opcode {
            CONTINUATION => self.message.is_some_and(|message| message.compressed),
            _ => !header.is_control() && self.options.deflate && header.rsv & RSV1 != 0,
        }
    }

    /// Whether the content of the current frame's payload needs validation at all.
    pub fn wants_payload(&self) -> bool {
        self.is_text() || self.header.opcode == CLOSE
    }

    fn is_text(&self) -> bool {
        !self.header.is_control() && self.message.is_some_and(|message| message.text)
    }

    /// Whether a frame with this header is a whole, valid message, as most are, provided that its
    /// payload is valid too. Then no other check is needed. Otherwise the functions below find out.
    pub fn accepts(&self, header: &FrameHeader) -> bool {
        header.fin
            && header.rsv == 0
            && header.mask.is_some() == (self.options.role == Role::Server)
            && self.message.is_none()
            && header.is_minimal()
            && header.len <= self.options.max_message_size as u64
            && matches!(header.opcode, TEXT | BINARY)
    }

    /// The same check for its payload, which is complete and unmasked.
    pub fn accepts_payload(&self, header: &FrameHeader, payload: &[u8]) -> bool {
        header.opcode == BINARY || utf8::is_valid(payload)
    }

    /// Begins a frame; `next` is what follows its header in the input.
    ///
    /// # Errors
    /// The rule that its header breaks.
    pub fn handle_header(
        &mut self,
        header: FrameHeader,
        next: &[u8],
    ) -> Result<(), Box<Violation>> {
        self.header = header;
        self.shown.clear();
        let judged = self
            .check_header(&header)
            .and_then(|()| self.check_sequence(&header));
        judged.map_err(|broken| self.violation(broken, next))
    }

    /// Adds payload, unmasked, of an uncompressed frame; [`Validator::handle_end`] ends it.
    ///
    /// # Errors
    /// The rule that it breaks.
    /// The rule that it breaks.
    pub fn handle_payload(&mut self, payload: &[u8]) -> Result<(), Box<Violation>> {
        self.handle_compressed(payload);
        if self.header.opcode == CLOSE {
            self.body.extend_from_slice(payload);
        }
        if self.header.is_control() {
            return Ok(());
        }
        self.check_data(payload)
            .map_err(|broken| self.violation(broken, &[]))
    }

    /// Adds payload, unmasked, of a compressed frame, only to be shown.
    pub fn handle_compressed(&mut self, payload: &[u8]) {
        let room = SHOWN - self.shown.len();
        self.shown
            .extend_from_slice(&payload[..room.min(payload.len())]);
    }

    /// Adds inflated bytes of a compressed message.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn handle_inflated(&mut self, plain: &[u8]) -> Result<(), Box<Violation>> {
        self.check_data(plain)
            .map_err(|broken| self.violation(broken, &[]))
    }

    /// Ends the payload. If the message ends with it, the message must be complete too (RFC 6455
    /// §5.6): if it was compressed, all of it has been inflated. Returns the Close, if it was one.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn handle_end(&mut self) -> Result<Option<Close>, Box<Violation>> {
        if self.header.opcode == CLOSE {
            return Close::parse(&self.body)
                .map(Some)
                .map_err(|bad| self.violation(broken(bad.close_code(), bad.to_string()), &[]));
        }
        if self.header.fin && !self.header.is_control() {
            if self.is_text() {
                let whole = self.utf8.finish();
                whole.map_err(|_| self.violation(cut_off(), &[]))?;
            }
            self.message = None;
        }
        Ok(None)
    }

    /// The compressed data does not inflate.
    pub fn garbage(&self) -> Box<Violation> {
        let rule = "compressed data that does not inflate (RFC 7692 section 7.2.2)";
        self.violation(broken(1007, rule), &[])
    }

    /// The rules for a frame on its own.
    fn check_header(&self, header: &FrameHeader) -> Result<(), RuleViolation> {
        let name = name_of(header);
        if !matches!(header.opcode, CONTINUATION..=BINARY | CLOSE..=PONG) {
            return Err(broken(
                1002,
                format!(
                    "the reserved opcode {} (RFC 6455 section 5.2)",
                    header.opcode
                ),
            ));
        }
        self.check_reserved_bits(header)?;
        match (self.options.role, header.mask) {
            (Role::Client, Some(_)) => {
                return Err(broken(
                    1002,
                    "a masked frame from a server (RFC 6455 section 5.1)",
                ));
            }
            (Role::Server, None) => {
                return Err(broken(
                    1002,
                    "an unmasked frame from a client (RFC 6455 section 5.1)",
                ));
            }
            _ => {}
        }
        if header.is_control() && !header.fin {
            return Err(broken(
                1002,
                format!("a fragmented {name} frame (RFC 6455 section 5.5)"),
            ));
        }
        if header.is_control() && header.len > MAX_CONTROL {
            return Err(broken(
                1002,
                format!(
                    "a {name} frame of {} bytes, where 125 are allowed (RFC 6455 section 5.5)",
                    header.len
                ),
            ));
        }
        if header.len >> 63 != 0 {
            return Err(broken(
                1002,
                "a length with its top bit set (RFC 6455 section 5.2)",
            ));
        }
        if !header.is_minimal() {
            return Err(broken(
                1002,
                format!(
                    "a length of {} in {} bits, which is not the shortest form (RFC 6455 section 5.2)",
                    header.len,
                    header.form.bits()
                ),
            ));
        }
        Ok(())
    }

    fn check_reserved_bits(&self, header: &FrameHeader) -> Result<(), RuleViolation> {
        if header.rsv == 0 {
            return Ok(());
        }
        let compressed = self.options.deflate && header.rsv & RSV1 != 0;
        let bits: Vec<&str> = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")]
            .into_iter()
            .filter(|(bit, _)| header.rsv & bit != 0 && !(compressed && *bit == RSV1))
            .map(|(_, name)| name)
            .collect();
        if !bits.is_empty() {
            let why = "with no extension agreed on that uses it";
            let bits = bits.join(" and ");
            return Err(broken(
                1002,
                format!("{bits} set, {why} (RFC 6455 section 5.2)"),
            ));
        }
        let name = name_of(header);
        match header.opcode {
            _ if !compressed => Ok(()),
            CONTINUATION => Err(broken(
                1002,
                "RSV1 set on a continuation frame, not only on the first of the message (RFC 7692 section 6.1)",
            )),
            _ if header.is_control() => Err(broken(
                1002,
                format!(
                    "RSV1 set on a {name} frame, which is never compressed (RFC 7692 section 6.1)"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The rules for the order of frames, and the effect on the message in progress.
    fn check_sequence(&mut self, header: &FrameHeader) -> Result<(), RuleViolation> {
        if header.is_control() {
            if header.opcode == CLOSE {
                self.body.clear();
            }
            return Ok(());
        }
        let mut message = match (self.message, header.opcode) {
            (Some(message), CONTINUATION) => message,
            (None, CONTINUATION) => {
                let rule =
                    "a continuation frame with no message to continue (RFC 6455 section 5.4)";
                return Err(broken(1002, rule));
            }
            (Some(_), opcode) => {
                let name = opcode_name(opcode);
                let rule =
                    format!("a {name} frame within a fragmented message (RFC 6455 section 5.4)");
                return Err(broken(1002, rule));
            }
            (None, opcode) => {
                self.utf8 = Utf8::default();
                Open {
                    text: opcode == TEXT,
                    compressed: header.rsv & RSV1 != 0,
                    wire: 0,
                    plain: 0,
                }
            }
        };
        message.wire = message.wire.saturating_add(header.len);
        self.message = Some(message);
        match message.wire {
            wire if message.compressed && wire <= self.most_compressed() => Ok(()),
            wire => self.check_size(wire, ""),
        }
    }

    /// The maximum size on the wire of a message of the largest size that does not compress. With
    /// DEFLATE's fixed codes a byte takes up to nine bits (RFC 1951 section 3.2.6), which is more
    /// than the overhead of its stored blocks; the rest is for the blocks that flushes end.
    fn most_compressed(&self) -> u64 {
        let limit = self.options.max_message_size as u64;
        limit.saturating_add(limit / 8).saturating_add(1024)
    }

    fn check_size(&self, size: u64, how: &str) -> Result<(), RuleViolation> {
        let limit = self.options.max_message_size;
        if size <= limit as u64 {
            return Ok(());
        }
        let rule = format!(
            "a message of at least {size} bytes{how}, more than the {limit} that --max-message-size allows"
        );
        Err(broken(1009, rule))
    }

    fn check_data(&mut self, plain: &[u8]) -> Result<(), RuleViolation> {
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        let allowed = (self.options.max_message_size as u64).saturating_sub(message.plain);
        message.plain += plain.len() as u64;
        let message = *message;
        if message.text {
            // As if it had arrived byte by byte: bytes over the limit were never examined.
            let looked_at = allowed.min(plain.len() as u64) as usize;
            self.utf8.push(&plain[..looked_at]).map_err(not_utf8)?;
        }
        if message.compressed {
            self.check_size(message.plain, " after inflation")?;
        }
        Ok(())
    }

    /// Shows the frame with the payload received so far, followed by `next`.
    #[expect(
        clippy::boxed_local,
        reason = "errors are boxed, for the sake of what returns none"
    )]
    fn violation(&self, broken: RuleViolation, next: &[u8]) -> Box<Violation> {
        let (code, rule) = *broken;
        let mut head = Vec::with_capacity(frame::MAX_HEADER);
        self.header.write(&mut head);
        let len = usize::try_from(self.header.len).unwrap_or(usize::MAX);
        let shown: Vec<u8> = self.shown.iter().chain(next).copied().collect();
        let shown = &shown[..shown.len().min(SHOWN).min(len)];
        let mut bytes = format!("bytes: {}", codec::hex(&[&head, shown].concat(), " "));
        if shown.len() < len {
            bytes.push_str(" …");
        }
        Box::new(Violation {
            code,
            rule,
            frame: vec![format!("frame: {}", self.header), bytes],
        })
    }
}

fn broken(code: u16, rule: impl Into<String>) -> RuleViolation {
    Box::new((code, rule.into()))
}

fn name_of(header: &FrameHeader) -> &'static str {
    match header.opcode {
        CLOSE => "Close",
        opcode => opcode_name(opcode),
    }
}

/// Bytes are counted from 1, like those of the input.
fn not_utf8(position: u64) -> RuleViolation {
    let byte = position + 1;
    let rule =
        format!("a text message that is not UTF-8 from byte {byte} on (RFC 6455 section 8.1)");
    broken(1007, rule)
}

fn cut_off() -> RuleViolation {
    let rule = "a text message that ends within a character (RFC 6455 section 8.1)";
    broken(1007, rule)
}
