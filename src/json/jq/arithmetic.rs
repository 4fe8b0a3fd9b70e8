//! `+`, `-`, `*`, `/` and `%` of values.

use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use bytes::Bytes;
use jaq_core::ValR;
use jaq_core::ops::Math;
use jaq_json::{Num, Val};
use jaq_std::ValT as _;

use super::cost::{ITEM, STRING, charge_part, own_items, own_members};
use super::functions::chars;
use super::meter;
use super::order::Ordered;
use super::parts::{members_of, merge, put};
use super::value::{Error, Value, carried};

/// Largest product of integers: the time for its digits grows with their square.
const MAX_BITS: u64 = 1 << 17;

impl Add for Value {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> ValR<Self> {
        match (self.take(), other.take()) {
            (Val::Null, value) | (value, Val::Null) => Ok(Value(value)),
            (Val::Num(a), Val::Num(b)) => Ok(Value(Val::Num(a + b))),
            (a @ (Val::TStr(_) | Val::BStr(_)), b) if same_kind(&a, &b) => {
                let len = |value: &Val| value.as_bytes().map_or(0, <[u8]>::len);
                meter::charge(STRING + len(&a) + len(&b));
                (a + b).map(Value).map_err(carried)
            }
            (Val::Arr(mut a), Val::Arr(b)) => {
                let items = own_items(&mut a);
                for item in b.iter() {
                    charge_part(item, ITEM);
                    items.push(item.clone());
                }
                Ok(Value(Val::Arr(a)))
            }
            (Val::Obj(mut a), Val::Obj(b)) => {
                let members = own_members(&mut a);
                for (key, value) in members_of(b) {
                    put(members, key.take(), value.take());
                }
                Ok(Value(Val::Obj(a)))
            }
            (a, b) => Err(Error::math(Value(a), Math::Add, Value(b))),
        }
    }
}

impl Sub for Value {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> ValR<Self> {
        match (self.take(), other.take()) {
            (Val::Num(a), Val::Num(b)) => Ok(Value(Val::Num(a - b))),
            (Val::Arr(mut a), Val::Arr(b)) => {
                meter::charge(b.len() * ITEM);
                let unwanted: BTreeSet<_> = b.iter().map(Ordered).collect();
                own_items(&mut a).retain(|item| !unwanted.contains(&Ordered(item)));
                Ok(Value(Val::Arr(a)))
            }
            (a, b) => Err(Error::math(Value(a), Math::Sub, Value(b))),
        }
    }
}

impl Mul for Value {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> ValR<Self> {
        match (self.take(), other.take()) {
            (Val::Num(a), Val::Num(b)) => {
                let bits = |n: &Num| match n {
                    Num::BigInt(n) => n.bits(),
                    _ => 0,
                };
                if bits(&a) + bits(&b) > MAX_BITS {
                    return Err(Error::str(format!(
                        "an integer of more than {MAX_BITS} bits"
                    )));
                }
                Ok(Value(Val::Num(a * b)))
            }
            (
                text @ (Val::BStr(_) | Val::TStr(_)),
                Val::Num(n @ (Num::Int(_) | Num::BigInt(_))),
            )
            | (
                Val::Num(n @ (Num::Int(_) | Num::BigInt(_))),
                text @ (Val::BStr(_) | Val::TStr(_)),
            ) => {
                let times = match &n {
                    Num::BigInt(_) if Val::Num(n.clone()) > Val::from(0_isize) => usize::MAX,
                    n => n
                        .as_isize()
                        .and_then(|n| usize::try_from(n).ok())
                        .unwrap_or(0),
                };
                let len = text.as_bytes().map_or(0, <[u8]>::len);
                meter::charge(STRING.saturating_add(len.saturating_mul(times)));
                (text * Val::Num(n)).map(Value).map_err(carried)
            }
            (Val::Obj(mut a), Val::Obj(b)) => {
                merge(&mut a, b);
                Ok(Value(Val::Obj(a)))
            }
            (a, b) => Err(Error::math(Value(a), Math::Mul, Value(b))),
        }
    }
}

impl Div for Value {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> ValR<Self> {
        match (self.take(), other.take()) {
            (Val::Num(a), Val::Num(b)) => Ok(Value(Val::Num(a / b))),
            (Val::TStr(text), Val::TStr(separator)) => Ok(split(&text, &separator, Val::utf8_str)),
            (Val::BStr(text), Val::BStr(separator)) => Ok(split(&text, &separator, Val::byte_str)),
            (a, b) => Err(Error::math(Value(a), Math::Div, Value(b))),
        }
    }
}

fn split(text: &Bytes, separator: &[u8], string: fn(Bytes) -> Val) -> Value {
    if text.is_empty() {
        return Value::array(Vec::new());
    }
    if separator.is_empty() {
        let parts = chars(text);
        return parts
            .map(|part| Value(string(text.slice_ref(part))))
            .collect();
    }
    let mut start = 0;
    let ends = memchr::memmem::find_iter(text, separator).chain([text.len()]);
    ends.map(|end| {
        let part = text.slice(start..end);
        start = end + separator.len();
        Value(string(part))
    })
    .collect()
}

impl Rem for Value {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> ValR<Self> {
        match (self.take(), other.take()) {
            (Val::Num(a), Val::Num(b)) => {
                let whole = |n: &Num| matches!(n, Num::Int(_) | Num::BigInt(_));
                if whole(&a) && whole(&b) && b == Num::Int(0) {
                    let (a, b) = (Value(Val::Num(a)), Value(Val::Num(b)));
                    return Err(Error::math(a, Math::Rem, b));
                }
                Ok(Value(Val::Num(a % b)))
            }
            (a, b) => Err(Error::math(Value(a), Math::Rem, Value(b))),
        }
    }
}

impl Neg for Value {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        match self.take() {
            Val::Num(n) => Ok(Value(Val::Num(-n))),
            other => Err(Error::typ(Value(other), "number")),
        }
    }
}

fn same_kind(a: &Val, b: &Val) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
