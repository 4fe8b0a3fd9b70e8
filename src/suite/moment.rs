//! What a step has come to, and the headers of an answer. Pure.

use std::time::Instant;

use super::lane::Answer;
use crate::close::Close;
use crate::message::Message;

/// What a step has come to, for captures and asserts.
pub(super) struct Moment<'m> {
    pub(super) message: Option<&'m Message>,
    pub(super) at: Instant,
    /// When the step began.
    pub(super) start: Instant,
    /// The place of the connection in the list.
    pub(super) connection: usize,
    pub(super) opcode: Option<u8>,
    pub(super) close: Option<&'m Close>,
}

/// The values of a header, in the order received.
pub(super) fn values_of<'a>(answer: &'a Answer, name: &'a str) -> impl Iterator<Item = &'a str> {
    let headers = answer.headers.iter();
    let named = headers.filter(|(it, _)| it.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

/// All values of a header, as one; `None` if it is not there.
pub(super) fn header(answer: &Answer, name: &str) -> Option<String> {
    let values: Vec<&str> = values_of(answer, name).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
