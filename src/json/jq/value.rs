//! The values of jaq ([`Val`]) as the interpreter sees them here: the same values, but whatever is
//! done to one is a step that [`meter`] counts, and what it builds is charged beforehand.
//!
//! What jaq does within one call over a whole value, this does itself where it may take long or recurse:
//! values share their parts, so that a small one may stand for a tree without end. The meaning is
//! jaq's; the tests at the end of [`super`] compare the two.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use bytes::Bytes;
use jaq_core::ops::Math;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValT, ValX};
use jaq_json::{Map, Num, Rc, Val, write};
use jaq_std::ValT as StdValT;

use super::meter;

/// Memory for an item of an array, with what a growing array has in reserve.
const ITEM: usize = 32;
/// Memory for a string beside its bytes.
const STRING: usize = 96;
/// Memory for a member of an object.
const MEMBER: usize = 96;
/// Largest product of integers: its digits take time that grows with their square.
const MAX_BITS: u64 = 1 << 17;
/// Deepest array or object that serves as a key.
const MAX_KEY_DEPTH: usize = 128;
/// A string that jaq copies or escapes needs up to six times its size.
const ESCAPED: usize = 6;
const LONG: usize = 1 << 20;

pub(super) type Error = jaq_core::Error<Value>;

/// A value; see the module.
#[derive(Clone)]
pub(super) struct Value(pub(super) Val);

impl Drop for Value {
    fn drop(&mut self) {
        if is_container(&self.0) && meter::may_be_deep() {
            dismantle(std::mem::take(&mut self.0));
        }
    }
}

fn is_container(value: &Val) -> bool {
    matches!(value, Val::Arr(_) | Val::Obj(_))
}

/// Drops a value of any depth without recursion.
fn dismantle(value: Val) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Val::Arr(items) => {
                if let Ok(items) = Rc::try_unwrap(items) {
                    rest.extend(items.into_iter().filter(is_container));
                }
            }
            Val::Obj(members) => {
                if let Ok(members) = Rc::try_unwrap(members) {
                    rest.extend(
                        members
                            .into_iter()
                            .map(|(_, value)| value)
                            .filter(is_container),
                    );
                }
            }
            _ => {}
        }
    }
}

impl Value {
    pub(super) fn take(mut self) -> Val {
        std::mem::take(&mut self.0)
    }

    pub(super) fn text(bytes: impl Into<Bytes>) -> Value {
        Value(Val::utf8_str(bytes))
    }

    fn array(items: Vec<Val>) -> Value {
        Value(Val::Arr(items.into()))
    }

    /// As JSON, or as jaq's superset of it.
    ///
    /// # Errors
    /// Where it is longer than `limit` bytes.
    pub(super) fn to_json(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut json = Json {
            bytes: Vec::new(),
            limit,
        };
        json.push_value(&self.0)?;
        Ok(json.bytes)
    }

    /// [`Value::to_json`] without a limit of its own.
    pub(super) fn json(&self) -> Vec<u8> {
        self.to_json(usize::MAX).unwrap_or_default()
    }

    /// What is at `index`, where there is anything.
    pub(super) fn index_opt(self, index: &Value) -> Result<Option<Value>, Error> {
        Ok(match (&self.0, &index.0) {
            (Val::Null, _) => None,
            (Val::BStr(bytes), Val::Num(n @ (Num::Int(_) | Num::BigInt(_)))) => {
                position(n, bytes.len()).map(|at| Value(Val::from(usize::from(bytes[at]))))
            }
            (Val::Arr(items), Val::Num(n @ (Num::Int(_) | Num::BigInt(_)))) => {
                position(n, items.len()).map(|at| Value(items[at].clone()))
            }
            (Val::Arr(_), Val::Arr(part)) if part.is_empty() => Some(Value::array(Vec::new())),
            (Val::Arr(items), Val::Arr(part)) => Some(windows(items, part).collect()),
            (Val::Obj(members), key) => {
                check_key(key)?;
                members.get(key).cloned().map(Value)
            }
            (Val::BStr(_) | Val::TStr(_) | Val::Arr(_), Val::Obj(bounds)) => {
                let (start, end) = bounds_in(bounds);
                return self.range(start.as_ref()..end.as_ref()).map(Some);
            }
            _ => return Err(Error::index(self, index.clone())),
        })
    }

    /// Whether `part` is in it, in jq's sense.
    pub(super) fn contains(&self, part: &Value) -> bool {
        contains(&self.0, &part.0)
    }

    fn binary(&self) -> bool {
        matches!(self.0, Val::BStr(_))
    }

    /// The same kind of string, with other bytes.
    fn with_bytes(&self, bytes: impl Into<Bytes>) -> Value {
        Value(match self.binary() {
            true => Val::byte_str(bytes),
            false => Val::utf8_str(bytes),
        })
    }
}

/// Collects JSON as jaq writes it.
struct Json {
    bytes: Vec<u8>,
    limit: usize,
}

impl Json {
    fn push_value(&mut self, value: &Val) -> io::Result<()> {
        meter::tick();
        match value {
            Val::Null => self.push(b"null"),
            Val::Bool(true) => self.push(b"true"),
            Val::Bool(false) => self.push(b"false"),
            Val::TStr(text) => self.push_string(text),
            Val::Arr(items) => {
                self.push(b"[")?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.push(b",")?;
                    }
                    self.push_value(item)?;
                }
                self.push(b"]")
            }
            Val::Obj(members) => {
                self.push(b"{")?;
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        self.push(b",")?;
                    }
                    self.push_value(key)?;
                    self.push(b":")?;
                    self.push_value(value)?;
                }
                self.push(b"}")
            }
            Val::Num(_) | Val::BStr(_) => write::write(self, &write::Pp::default(), 0, value),
        }
    }

    fn push_string(&mut self, text: &[u8]) -> io::Result<()> {
        self.push(b"\"")?;
        let mut from = 0;
        for (at, &byte) in text.iter().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0x08 => "\\b",
                0x0c => "\\f",
                0..0x20 | 0x7f => "",
                _ => continue,
            };
            self.push(&text[from..at])?;
            from = at + 1;
            match escape {
                "" => self.push(format!("\\u{byte:04x}").as_bytes())?,
                escape => self.push(escape.as_bytes())?,
            }
        }
        self.push(&text[from..])?;
        self.push(b"\"")
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = self.bytes.len() + bytes.len();
        if len > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if len > self.bytes.capacity() {
            // It grows to twice its size, next to what it was.
            meter::tick();
            meter::charge(2 * len);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl io::Write for Json {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bounds_in(bounds: &Map) -> (Option<Value>, Option<Value>) {
    let bound = |name: &str| {
        bounds
            .get(&Val::utf8_str(name.to_owned()))
            .cloned()
            .map(Value)
    };
    (bound("start"), bound("end"))
}

/// Where index `n` is among `len` items; a negative one counts from the end.
fn position(n: &Num, len: usize) -> Option<usize> {
    let at = n.as_isize()?;
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => len.checked_sub(at.unsigned_abs())?,
    };
    (at < len).then_some(at)
}

/// Where `part` begins in `items`.
pub(super) fn windows<'a>(items: &'a [Val], part: &'a [Val]) -> impl Iterator<Item = Value> + 'a {
    let found = items
        .windows(part.len())
        .enumerate()
        .filter(move |(_, window)| {
            meter::tick();
            window.iter().zip(part).all(|(a, b)| same(a, b))
        });
    found.map(|(at, _)| Value(Val::from(at)))
}

/// Whether a value may be a key: jaq hashes it, which takes as long as the value is large.
fn check_key(key: &Val) -> Result<(), Error> {
    fn walk(value: &Val, depth: usize) -> bool {
        meter::tick();
        match value {
            Val::Arr(items) => depth > 0 && items.iter().all(|item| walk(item, depth - 1)),
            Val::Obj(members) => {
                let mut members = members.iter();
                depth > 0 && members.all(|(k, v)| walk(k, depth - 1) && walk(v, depth - 1))
            }
            _ => true,
        }
    }
    if !is_container(key) || walk(key, MAX_KEY_DEPTH) {
        return Ok(());
    }
    Err(Error::str(format!(
        "a key nested deeper than {MAX_KEY_DEPTH} levels"
    )))
}

/// What is needed for a value that becomes part of another.
fn charge_part(part: &Val, bytes: usize) {
    match part {
        Val::Arr(_) | Val::Obj(_) => {
            meter::nest();
            meter::charge(bytes);
        }
        Val::BStr(_) | Val::TStr(_) => meter::charge(bytes + STRING),
        _ => meter::charge(bytes),
    }
}

/// Puts a member into an object.
fn put(members: &mut Map, key: Val, value: Val) {
    charge_part(&value, MEMBER);
    drop(members.insert(key, value).map(Value));
}

/// The items of an array: itself where nobody shares it.
fn items_of(items: Rc<Vec<Val>>) -> impl Iterator<Item = Value> + 'static {
    let (own, shared) = match Rc::try_unwrap(items) {
        Ok(own) => (own, Rc::default()),
        Err(shared) => (Vec::new(), shared),
    };
    let own = own.into_iter().map(Value);
    own.chain((0..shared.len()).map(move |at| Value(shared[at].clone())))
}

fn members_of(members: Rc<Map>) -> impl Iterator<Item = (Value, Value)> + 'static {
    let (own, shared) = match Rc::try_unwrap(members) {
        Ok(own) => (own, Rc::default()),
        Err(shared) => (Map::default(), shared),
    };
    let own = own
        .into_iter()
        .map(|(key, value)| (Value(key), Value(value)));
    let shared = (0..shared.len()).filter_map(move |at| {
        let (key, value) = shared.get_index(at)?;
        Some((Value(key.clone()), Value(value.clone())))
    });
    own.chain(shared)
}

/// Charges for the copy that changing a shared array takes.
fn own_items(items: &mut Rc<Vec<Val>>) -> &mut Vec<Val> {
    if Rc::strong_count(items) > 1 {
        meter::charge(items.len() * (ITEM + STRING));
    }
    Rc::make_mut(items)
}

fn own_members(members: &mut Rc<Map>) -> &mut Map {
    if Rc::strong_count(members) > 1 {
        meter::charge(members.len() * (MEMBER + 2 * STRING));
    }
    Rc::make_mut(members)
}

/// `==`
pub(super) fn same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::Arr(a), Val::Arr(b)) => {
            meter::tick();
            Rc::ptr_eq(a, b) || a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| same(a, b))
        }
        (Val::Obj(a), Val::Obj(b)) => {
            meter::tick();
            let same_in_b = |(key, a)| b.get(key).is_some_and(|b| same(a, b));
            Rc::ptr_eq(a, b) || a.len() == b.len() && a.iter().all(same_in_b)
        }
        _ => a == b,
    }
}

/// `<`, and the order of `sort`.
pub(super) fn order(a: &Val, b: &Val) -> Ordering {
    meter::tick();
    match (a, b) {
        (Val::Arr(a), Val::Arr(b)) => order_all(a.iter(), b.iter()),
        (Val::Obj(a), Val::Obj(b)) if !a.is_empty() && !b.is_empty() => {
            meter::charge((a.len() + b.len()) * ITEM);
            let (a, b) = (sorted(a), sorted(b));
            let keys = order_all(a.iter().map(|(key, _)| *key), b.iter().map(|(key, _)| *key));
            keys.then_with(|| order_all(a.iter().map(|(_, v)| *v), b.iter().map(|(_, v)| *v)))
        }
        _ => a.cmp(b),
    }
}

fn sorted(members: &Map) -> Vec<(&Val, &Val)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| order(a, b));
    sorted
}

fn order_all<'a>(
    mut a: impl Iterator<Item = &'a Val>,
    mut b: impl Iterator<Item = &'a Val>,
) -> Ordering {
    loop {
        let order = match (a.next(), b.next()) {
            (Some(a), Some(b)) => order(a, b),
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn contains(whole: &Val, part: &Val) -> bool {
    meter::tick();
    match (whole, part) {
        (Val::BStr(whole), Val::BStr(part)) | (Val::TStr(whole), Val::TStr(part)) => {
            memchr::memmem::find(whole, part).is_some()
        }
        (Val::Arr(whole), Val::Arr(parts)) => {
            let mut parts = parts.iter();
            parts.all(|part| whole.iter().any(|item| contains(item, part)))
        }
        (Val::Obj(whole), Val::Obj(parts)) => {
            let mut parts = parts.iter();
            parts.all(|(key, part)| whole.get(key).is_some_and(|item| contains(item, part)))
        }
        _ => same(whole, part),
    }
}

/// `*` of two objects.
fn merge(whole: &mut Rc<Map>, other: Rc<Map>) {
    meter::tick();
    let whole = own_members(whole);
    for (key, value) in members_of(other) {
        let (key, value) = (key.take(), value.take());
        match (whole.get_mut(&key), value) {
            (Some(Val::Obj(inner)), Val::Obj(value)) => merge(inner, value),
            (_, value) => put(whole, key, value),
        }
    }
}

impl ValT for Value {
    fn from_num(n: &str) -> ValR<Self> {
        Ok(Value(Val::Num(match Val::from_num(n) {
            Ok(Val::Num(n)) => n,
            _ => return Err(Error::str(format!("{n} is no number"))),
        })))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(iter: I) -> ValR<Self> {
        let mut members = Map::default();
        for (key, value) in iter {
            meter::tick();
            check_key(&key.0)?;
            put(&mut members, key.take(), value.take());
        }
        Ok(Value(Val::obj(members)))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = ValR<(Self, Self), Self>>> {
        meter::tick();
        match self.take() {
            Val::Arr(items) => {
                let indexed = items_of(items).enumerate();
                Box::new(indexed.map(|(at, item)| Ok((Value(Val::from(at as isize)), item))))
            }
            Val::Obj(members) => Box::new(members_of(members).map(Ok)),
            other => Box::new(std::iter::once(Err(not_iterable(Value(other))))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        meter::tick();
        match self.take() {
            Val::Arr(items) => match Rc::try_unwrap(items) {
                Ok(own) => Box::new(own.into_iter().map(|item| Ok(Value(item)))),
                Err(shared) => {
                    Box::new((0..shared.len()).map(move |at| Ok(Value(shared[at].clone()))))
                }
            },
            Val::Obj(members) => Box::new(members_of(members).map(|(_, value)| Ok(value))),
            other => Box::new(std::iter::once(Err(not_iterable(Value(other))))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        Ok(self.index_opt(index)?.unwrap_or(Value(Val::Null)))
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        if !matches!(self.0, Val::Arr(_) | Val::BStr(_) | Val::TStr(_)) {
            return Err(Error::typ(self, "rangeable (array or string)"));
        }
        let (start, end) = (bound(range.start)?, bound(range.end)?);
        if let Val::Arr(items) = &self.0 {
            let (skip, take) = skip_take(start, end, items.len());
            return Ok(items
                .iter()
                .skip(skip)
                .take(take)
                .cloned()
                .map(Value)
                .collect());
        }
        // No sum of lengths is larger than this, so the bounds of a string are not told apart.
        Val::range(
            self.take(),
            start.map(Val::from).as_ref()..end.map(Val::from).as_ref(),
        )
        .map(Value)
        .map_err(carried)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        meter::tick();
        match self.take() {
            Val::Arr(items) => items_of(items).flat_map(f).collect(),
            Val::Obj(members) => {
                let mut mapped = Map::default();
                for (key, value) in members_of(members) {
                    if let Some(value) = f(value).next() {
                        put(&mut mapped, key.take(), value?.take());
                    }
                }
                Ok(Value(Val::obj(mapped)))
            }
            other => opt.fail(Value(other), |v| Exn::from(not_iterable(v))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        if let (Val::BStr(_) | Val::TStr(_) | Val::Arr(_), Val::Obj(bounds)) = (&self.0, &index.0) {
            let (start, end) = bounds_in(bounds);
            return self.map_range(start.as_ref()..end.as_ref(), opt, f);
        }
        match &mut self.0 {
            Val::Obj(members) => {
                check_key(&index.0)?;
                let members = own_members(members);
                match members.get_index_of(&index.0) {
                    Some(at) => {
                        let slot = members.get_index_mut(at).map(|(_, value)| value);
                        let value = Value(slot.map(std::mem::take).unwrap_or_default());
                        match f(value).next().transpose()? {
                            Some(value) => put(members, index.0.clone(), value.take()),
                            None => drop(members.swap_remove_index(at)),
                        }
                    }
                    None => {
                        if let Some(value) = f(Value(Val::Null)).next().transpose()? {
                            put(members, index.0.clone(), value.take());
                        }
                    }
                }
                Ok(self)
            }
            Val::Arr(items) => {
                let at = match &index.0 {
                    Val::Num(n) if is_length(n) => position(n, items.len())
                        .ok_or_else(|| Error::str(format!("index {index} out of bounds"))),
                    _ => Err(Error::typ(index.clone(), "integer")),
                };
                let at = match at {
                    Ok(at) => at,
                    Err(error) => return opt.fail(self, |_| Exn::from(error)),
                };
                let items = own_items(items);
                let item = Value(std::mem::take(&mut items[at]));
                match f(item).next().transpose()? {
                    Some(item) => {
                        charge_part(&item.0, 0);
                        items[at] = item.take();
                    }
                    None => drop(items.remove(at)),
                }
                Ok(self)
            }
            _ => opt.fail(self, |v| Exn::from(not_iterable(v))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        if !matches!(self.0, Val::Arr(_) | Val::BStr(_) | Val::TStr(_)) {
            return opt.fail(self, |v| Exn::from(Error::typ(v, "array")));
        }
        let bounds = bound(range.start).and_then(|start| Ok((start, bound(range.end)?)));
        let (start, end) = match bounds {
            Ok(bounds) => bounds,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        if let Val::Arr(items) = &mut self.0 {
            let (skip, take) = skip_take(start, end, items.len());
            let part = items.iter().skip(skip).take(take).cloned().map(Value);
            let new = match f(part.collect()).next().transpose()? {
                None => Rc::default(),
                Some(new) => match new.take() {
                    Val::Arr(new) => new,
                    other => return Err(Exn::from(Error::typ(Value(other), "array"))),
                },
            };
            new.iter().for_each(|item| charge_part(item, ITEM));
            let removed = own_items(items).splice(skip..skip + take, new.iter().cloned());
            removed.map(Value).for_each(drop);
            return Ok(self);
        }
        let part = |from: Option<isize>, to: Option<isize>| {
            let (from, to) = (from.map(|n| Value(n.into())), to.map(|n| Value(n.into())));
            self.clone().range(from.as_ref()..to.as_ref())
        };
        // What is in front of it says where it begins: characters are not bytes.
        let skip = match start {
            None => 0,
            Some(_) => part(None, start)?.as_bytes().map_or(0, <[u8]>::len),
        };
        let part = part(start, end)?;
        let take = part.as_bytes().map_or(0, <[u8]>::len);
        let whole = self.as_bytes().unwrap_or_default();
        let new = f(part).next().transpose()?;
        let new = match &new {
            None => &[][..],
            Some(new) => match &new.0 {
                Val::BStr(bytes) if self.binary() => &bytes[..],
                Val::TStr(bytes) if !self.binary() => &bytes[..],
                _ => return Err(Exn::from(Error::typ(new.clone(), "string"))),
            },
        };
        meter::charge(STRING + whole.len() + new.len());
        Ok(self.with_bytes([&whole[..skip], new, &whole[skip + take..]].concat()))
    }

    fn as_bool(&self) -> bool {
        self.0.as_bool()
    }

    fn into_string(self) -> Self {
        match self.take() {
            Val::BStr(bytes) | Val::TStr(bytes) => Value(Val::TStr(bytes)),
            other => Value::text(Value(other).json()),
        }
    }
}

fn not_iterable(value: Value) -> Error {
    Error::typ(value, "iterable (array or object)")
}

/// An error of jaq's own. Its text is made at once, so it must not quote a large value.
fn carried(error: jaq_json::Error) -> Error {
    Error::new(Value(error.into_val()))
}

/// A bound of a range; one that no length reaches stands for the end of it.
fn bound(value: Option<&Value>) -> Result<Option<isize>, Error> {
    match value.map(|value| &value.0) {
        None | Some(Val::Null) => Ok(None),
        Some(Val::Num(n)) if is_length(n) => {
            let negative = Val::Num(n.clone()) < Val::from(0_isize);
            let far = if negative { -isize::MAX } else { isize::MAX };
            Ok(Some(n.as_isize().unwrap_or(far)))
        }
        Some(other) => Err(Error::typ(Value(other.clone()), "integer")),
    }
}

/// Whether jaq takes a number for an index or a bound.
fn is_length(n: &Num) -> bool {
    match n {
        Num::Int(_) => true,
        Num::BigInt(n) => n.bits() <= u64::from(usize::BITS),
        _ => false,
    }
}

fn skip_take(start: Option<isize>, end: Option<isize>, len: usize) -> (usize, usize) {
    let absolute = |n: isize| match usize::try_from(n) {
        Ok(n) => n.min(len),
        Err(_) => len.saturating_sub(n.unsigned_abs()),
    };
    let (start, end) = (start.map_or(0, absolute), end.map_or(len, absolute));
    (start, end.saturating_sub(start))
}

impl StdValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self.take() {
            Val::Arr(items) => {
                meter::charge(items.len() * ITEM);
                Ok(items_of(items).collect())
            }
            other => Err(Value(other)),
        }
    }

    fn is_int(&self) -> bool {
        self.0.is_int()
    }

    fn as_isize(&self) -> Option<isize> {
        self.0.as_isize()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn is_utf8_str(&self) -> bool {
        self.0.is_utf8_str()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        let bytes = self.0.as_bytes()?;
        if bytes.len() > LONG {
            // Whatever asks for them may escape them.
            meter::make_room(bytes.len() * ESCAPED);
        }
        Some(bytes)
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        meter::charge(STRING);
        Value(self.0.as_sub_str(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        meter::charge(STRING + bytes.as_ref().len());
        Value(Val::from_utf8_bytes(bytes))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value(value.into())
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value(value.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        meter::charge(STRING + text.len());
        Value(text.into())
    }
}

impl From<Range<Value>> for Value {
    fn from(range: Range<Value>) -> Self {
        Value(Val::from(
            range.start.map(Value::take)..range.end.map(Value::take),
        ))
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<T: IntoIterator<Item = Self>>(iter: T) -> Self {
        let mut items = Vec::new();
        for item in iter {
            meter::tick();
            charge_part(&item.0, ITEM);
            items.push(item.take());
        }
        Value::array(items)
    }
}

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

fn same_kind(a: &Val, b: &Val) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Items of an array in the order of `sort`.
struct Ordered<'a>(&'a Val);

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.0, other.0)
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered<'_> {}

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
        let parts = super::functions::chars(text);
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

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.json()))
    }
}
