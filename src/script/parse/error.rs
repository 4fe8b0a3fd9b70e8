//! What is wrong with a script.

use crate::script::ast::Span;

/// Something that a script must not say. Its texts are safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub span: Span,
    pub message: String,
    /// What to try.
    pub advice: Option<String>,
}

impl Error {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Error {
        Error {
            span,
            message: message.into(),
            advice: None,
        }
    }

    #[must_use]
    pub(super) fn advice(mut self, advice: impl Into<String>) -> Error {
        self.advice = Some(advice.into());
        self
    }

    /// Adds an advice if there is one.
    #[must_use]
    pub(super) fn advice_if(mut self, advice: Option<String>) -> Error {
        self.advice = advice.or(self.advice);
        self
    }
}
