//! Items, members and ranges of values: get, set and find.

use jaq_json::{Map, Num, Rc, Val};

use super::cost::{MEMBER, charge_part, own_members};
use super::meter;
use super::order::same;
use super::value::{Error, Value, is_container};

/// Deepest array or object that is allowed as a key.
const MAX_KEY_DEPTH: usize = 128;

/// Puts a member into an object.
pub(super) fn put(members: &mut Map, key: Val, value: Val) {
    charge_part(&value, MEMBER);
    drop(members.insert(key, value).map(Value));
}

/// The items of an array, without a copy if it is not shared.
pub(super) fn items_of(items: Rc<Vec<Val>>) -> impl Iterator<Item = Value> + 'static {
    let (own, shared) = match Rc::try_unwrap(items) {
        Ok(own) => (own, Rc::default()),
        Err(shared) => (Vec::new(), shared),
    };
    let own = own.into_iter().map(Value);
    own.chain((0..shared.len()).map(move |at| Value(shared[at].clone())))
}

pub(super) fn members_of(members: Rc<Map>) -> impl Iterator<Item = (Value, Value)> + 'static {
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

/// `*` of two objects.
pub(super) fn merge(whole: &mut Rc<Map>, other: Rc<Map>) {
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

/// The positions of `part` in `items`.
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

/// The position of index `n` among `len` items; a negative index counts from the end.
pub(super) fn position(n: &Num, len: usize) -> Option<usize> {
    let at = n.as_isize()?;
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => len.checked_sub(at.unsigned_abs())?,
    };
    (at < len).then_some(at)
}

pub(super) fn skip_take(start: Option<isize>, end: Option<isize>, len: usize) -> (usize, usize) {
    let absolute = |n: isize| match usize::try_from(n) {
        Ok(n) => n.min(len),
        Err(_) => len.saturating_sub(n.unsigned_abs()),
    };
    let (start, end) = (start.map_or(0, absolute), end.map_or(len, absolute));
    (start, end.saturating_sub(start))
}

/// A bound of a range; one beyond every length stands for the end.
pub(super) fn bound(value: Option<&Value>) -> Result<Option<isize>, Error> {
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

/// Whether jaq accepts a number as an index or a bound.
pub(super) fn is_length(n: &Num) -> bool {
    match n {
        Num::Int(_) => true,
        Num::BigInt(n) => n.bits() <= u64::from(usize::BITS),
        _ => false,
    }
}

pub(super) fn bounds_in(bounds: &Map) -> (Option<Value>, Option<Value>) {
    let bound = |name: &str| {
        bounds
            .get(&Val::utf8_str(name.to_owned()))
            .cloned()
            .map(Value)
    };
    (bound("start"), bound("end"))
}

/// Whether a value may be a key: jaq hashes it, which takes time proportional to its size.
pub(super) fn check_key(key: &Val) -> Result<(), Error> {
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
