//! Comparing the values of jaq, each step counted by [`meter`].

use std::cmp::Ordering;

use jaq_json::{Map, Rc, Val};

use super::cost::ITEM;
use super::meter;

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

pub(super) fn contains(whole: &Val, part: &Val) -> bool {
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

/// Compares items of an array in the order of `sort`.
pub(super) struct Ordered<'a>(pub(super) &'a Val);

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
