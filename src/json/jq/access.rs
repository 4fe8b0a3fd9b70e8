//! Access to values by jaq's paths and functions.

use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValT, ValX};
use jaq_json::{Map, Num, Rc, Val};
use jaq_std::ValT as StdValT;

use super::cost::{ITEM, STRING, charge_part, own_items, own_members};
use super::meter;
use super::parts::{
    bound, bounds_in, check_key, is_length, items_of, members_of, position, put, skip_take, windows,
};
use super::value::{Error, Value, carried};

/// A string that jaq copies or escapes needs up to six times its size.
const ESCAPED: usize = 6;
const LONG: usize = 1 << 20;

impl Value {
    /// The value at `index`, if there is one.
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
}

impl ValT for Value {
    fn from_num(n: &str) -> ValR<Self> {
        Ok(Value(Val::Num(match Val::from_num(n) {
            Ok(Val::Num(n)) => n,
            _ => return Err(Error::str(format!("{n} is not a number"))),
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
        // No sum of lengths is larger than this, so larger bounds of a string need not be
        // distinguished.
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
        // The beginning depends on what precedes it: characters are not bytes.
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
            // The caller may escape them.
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

fn not_iterable(value: Value) -> Error {
    Error::typ(value, "iterable (array or object)")
}
