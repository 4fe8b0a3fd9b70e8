//! A compiled expression as jaq's interpreter runs it.

use jaq_core::data::{DataT, HasLut};

use super::meter;
use super::value::Value;

/// The interpreter's types: our values, and a program that counts its steps.
pub(super) struct Jq;

impl DataT for Jq {
    type V<'a> = Value;
    type Data<'a> = Program<'a>;
}

/// The compiled program of one expression.
#[derive(Clone, Copy)]
pub(super) struct Program<'a>(pub(super) &'a jaq_core::Lut<Jq>);

impl<'a> HasLut<'a, Jq> for Program<'a> {
    /// The interpreter calls this for every term that it runs, so the steps are counted here.
    #[inline]
    fn lut(&self) -> &'a jaq_core::Lut<Jq> {
        meter::tick();
        self.0
    }
}
