//! The memory cost of jaq's values, charged to [`meter`].

use jaq_json::{Map, Rc, Val};

use super::meter;

/// Memory for an item of an array, including the spare capacity of a growing array.
pub(super) const ITEM: usize = 32;
/// Memory for a string in addition to its bytes.
pub(super) const STRING: usize = 96;
/// Memory for a member of an object.
pub(super) const MEMBER: usize = 96;

/// The memory needed for a value that becomes part of another.
pub(super) fn charge_part(part: &Val, bytes: usize) {
    match part {
        Val::Arr(_) | Val::Obj(_) => {
            meter::nest();
            meter::charge(bytes);
        }
        Val::BStr(_) | Val::TStr(_) => meter::charge(bytes + STRING),
        _ => meter::charge(bytes),
    }
}

/// Charges for the copy that a change of a shared array makes.
pub(super) fn own_items(items: &mut Rc<Vec<Val>>) -> &mut Vec<Val> {
    if Rc::strong_count(items) > 1 {
        meter::charge(items.len() * (ITEM + STRING));
    }
    Rc::make_mut(items)
}

pub(super) fn own_members(members: &mut Rc<Map>) -> &mut Map {
    if Rc::strong_count(members) > 1 {
        meter::charge(members.len() * (MEMBER + 2 * STRING));
    }
    Rc::make_mut(members)
}
