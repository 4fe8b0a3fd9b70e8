//! The functions of an expression: jaq's, except those that act outside this process, trust a peer,
//! or process a whole value without a step that [`meter`] counts.

use jaq_core::native::{Fun, bome, run as native, unary, v as arguments};
use jaq_core::{Cv, Exn, ValR, ValT, ValX, ValXs};
use jaq_json::{Num, Val};
use jaq_std::ValT as _;
use regex_bites::bytes::{Match, RegexBuilder};

use super::order::{order, same};
use super::parts::windows;
use super::program::Jq;
use super::value::{Error, Value};
use super::{meter, read};

/// Deepest text that `fromjson` accepts: it adds to the depth of the value around it.
pub(super) const MAX_INNER_DEPTH: usize = 128;

/// jaq's functions, some replaced by ours.
pub(super) fn functions() -> impl Iterator<Item = Fun<Jq>> {
    let ours = ours();
    let replaced: Vec<_> = ours
        .iter()
        .map(|(name, args, _)| (*name, args.len()))
        .collect();
    let theirs = jaq_core::funs().chain(jaq_std::funs());
    theirs
        .filter(move |(name, args, _)| !replaced.contains(&(*name, args.len())))
        .chain(ours)
}

type Input<'a> = Cv<'a, Jq>;

fn ours() -> [Fun<Jq>; 15] {
    [
        native(("env", arguments(0), |_| bome(Value::from_map([])))),
        native(("halt", arguments(1), |_| {
            bome(Err(Error::str("halt is not supported")))
        })),
        native(("range", arguments(3), |cv| range(cv))),
        native(("fromjson", arguments(0), |cv| bome(from_json(&cv.1)))),
        native(("tojson", arguments(0), |cv| {
            bome(Ok(Value::text(cv.1.json())))
        })),
        native(("tobytes", arguments(0), |cv| bome(to_bytes(&cv.1)))),
        native(("length", arguments(0), |cv| bome(length(&cv.1)))),
        native(("contains", arguments(1), |cv| {
            unary(cv, |whole, part| Ok(whole.contains(&part).into()))
        })),
        native(("has", arguments(1), |cv| {
            unary(cv, |value, key| Ok(value.index_opt(&key)?.is_some().into()))
        })),
        native(("indices", arguments(1), |cv| {
            unary(cv, |whole, part| indices(&whole, &part))
        })),
        native(("bsearch", arguments(1), |cv| unary(cv, binary_search))),
        native(("matches", arguments(2), |cv| bome(matches(cv, false, true)))),
        native(("split_matches", arguments(2), |cv| {
            bome(matches(cv, true, true))
        })),
        native(("split_", arguments(2), |cv| bome(matches(cv, true, false)))),
        native(("implode", arguments(0), |cv| bome(implode(&cv.1)))),
    ]
}

/// jaq's `range($from; $to; $by)`, with a step for each number.
fn range(mut cv: Input<'_>) -> ValXs<'_, Value> {
    let (by, to) = (cv.0.pop_var(), cv.0.pop_var());
    let mut next: Option<ValX<'_, Value>> = Some(Ok(cv.0.pop_var()));
    let direction = by.partial_cmp(&Value::from(0_isize));
    Box::new(std::iter::from_fn(move || {
        meter::tick();
        let value = match next.take()? {
            Ok(value) => value,
            Err(error) => return Some(Err(error)),
        };
        let goes_on = match direction {
            Some(std::cmp::Ordering::Greater) => value < to,
            Some(std::cmp::Ordering::Less) => value > to,
            _ => value != to,
        };
        goes_on.then(|| {
            next = Some((value.clone() + by.clone()).map_err(Exn::from));
            Ok(value)
        })
    }))
}

/// `fromjson` for text that a peer may have chosen: jaq's own recurses as deep as the text is
/// nested.
fn from_json(value: &Value) -> ValR<Value> {
    let bytes = value.try_as_utf8_bytes()?;
    meter::prepare(bytes.len());
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match read::read(text, MAX_INNER_DEPTH, meter::charge) {
        Ok(value) => Ok(value),
        Err(read::Unread::NotJson | read::Unread::Unreadable) => {
            Err(Error::str("fromjson: not JSON"))
        }
        Err(read::Unread::Refused(why)) => Err(Error::str(format!("fromjson: {why}"))),
    }
}

fn to_bytes(value: &Value) -> ValR<Value> {
    /// The error is the part that is not a byte.
    fn append(value: &Val, bytes: &mut Vec<u8>) -> Result<(), Val> {
        meter::tick();
        match value {
            Val::Num(n) => match n.as_isize().and_then(|n| u8::try_from(n).ok()) {
                Some(byte) => bytes.push(byte),
                None => return Err(value.clone()),
            },
            Val::BStr(part) | Val::TStr(part) => {
                meter::charge(2 * part.len());
                bytes.extend_from_slice(part);
            }
            Val::Arr(parts) => return parts.iter().try_for_each(|part| append(part, bytes)),
            _ => return Err(value.clone()),
        }
        Ok(())
    }
    let mut bytes = Vec::new();
    match append(&value.0, &mut bytes) {
        Ok(()) => Ok(Value(Val::byte_str(bytes))),
        Err(part) => Err(Error::str(format!(
            "cannot convert {} to bytes",
            Value(part)
        ))),
    }
}

fn length(value: &Value) -> ValR<Value> {
    Ok(match &value.0 {
        Val::Null => Value::from(0_usize),
        Val::Num(n) => return absolute(n),
        Val::TStr(text) => Value::from(count_chars(text)),
        Val::BStr(bytes) => Value::from(bytes.len()),
        Val::Arr(items) => Value::from(items.len()),
        Val::Obj(members) => Value::from(members.len()),
        Val::Bool(_) => return Err(Error::str(format!("{value} has no length"))),
    })
}

fn absolute(n: &Num) -> ValR<Value> {
    match n {
        Num::Int(n) => Ok(Value(Val::Num(Num::from_integral(n.unsigned_abs())))),
        Num::Dec(text) => absolute(&Num::from_dec_str(text)),
        Num::Float(n) => Ok(Value::from(n.abs())),
        n if Val::Num(n.clone()) < Val::from(0_isize) => -Value(Val::Num(n.clone())),
        n => Ok(Value(Val::Num(n.clone()))),
    }
}

fn indices(whole: &Value, part: &Value) -> ValR<Value> {
    let found = match (&whole.0, &part.0) {
        (Val::BStr(_), Val::BStr(part)) | (Val::TStr(_), Val::TStr(part)) if part.is_empty() => {
            Value::from_iter([])
        }
        (Val::TStr(whole), Val::TStr(part)) => {
            let starts = chars(whole).scan(0, |start, char| {
                Some(std::mem::replace(start, *start + char.len()))
            });
            let windows = starts.map_while(|start| whole.get(start..start + part.len()));
            let windows = windows.enumerate().inspect(|_| meter::tick());
            windows
                .filter(|(_, window)| *window == **part)
                .map(|(at, _)| Value::from(at))
                .collect()
        }
        (Val::BStr(whole), Val::BStr(part)) => {
            let windows = whole
                .windows(part.len())
                .enumerate()
                .inspect(|_| meter::tick());
            windows
                .filter(|(_, window)| *window == **part)
                .map(|(at, _)| Value::from(at))
                .collect()
        }
        (Val::Arr(_), Val::Arr(part)) if part.is_empty() => Value::from_iter([]),
        (Val::Arr(whole), Val::Arr(part)) => windows(whole, part).collect(),
        (Val::Arr(whole), part) => {
            let items = whole.iter().enumerate().inspect(|_| meter::tick());
            items
                .filter(|(_, item)| same(item, part))
                .map(|(at, _)| Value::from(at))
                .collect()
        }
        _ => return Err(Error::index(whole.clone(), part.clone())),
    };
    Ok(found)
}

fn binary_search(items: Value, wanted: Value) -> ValR<Value> {
    let Val::Arr(items) = &items.0 else {
        return Err(Error::typ(items, "array"));
    };
    let found = items.binary_search_by(|item| order(item, &wanted.0));
    Ok(Value::from(
        found.map_or_else(|at| -1 - at as isize, |at| at as isize),
    ))
}

fn implode(value: &Value) -> ValR<Value> {
    let Val::Arr(items) = &value.0 else {
        return Err(Error::typ(value.clone(), "array"));
    };
    meter::charge(4 * items.len());
    let mut text = Vec::with_capacity(items.len());
    for item in items.iter() {
        meter::tick();
        let item = Value(item.clone());
        let Some(n) = item.as_isize() else {
            return Err(Error::typ(item, "integer"));
        };
        // A negative number is a byte that is not UTF-8.
        if let Ok(byte) = u8::try_from(n.saturating_neg()) {
            text.push(byte);
            continue;
        }
        let Some(c) = u32::try_from(n).ok().and_then(char::from_u32) else {
            return Err(Error::str(format!("cannot use {n} as character")));
        };
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(Value::text(text))
}

/// The characters of a text, each as its bytes; invalid UTF-8 counts as one wherever U+FFFD would
/// replace it.
pub(super) fn chars(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let chars = valid.char_indices();
        let chars = chars.map(move |(at, c)| &valid.as_bytes()[at..at + c.len_utf8()]);
        let invalid = Some(chunk.invalid()).filter(|bytes| !bytes.is_empty());
        chars.chain(invalid)
    })
}

fn count_chars(text: &[u8]) -> usize {
    let chunks = text.utf8_chunks();
    let counts =
        chunks.map(|it| it.valid().chars().count() + usize::from(!it.invalid().is_empty()));
    counts.sum()
}

/// Matches a regular expression against the input: with `between` the text before, between and
/// after the matches, with `found` the matches, each an array of the groups that took part.
fn matches(mut cv: Input<'_>, between: bool, found: bool) -> ValR<Value> {
    let (flags, pattern) = (cv.0.pop_var(), cv.0.pop_var());
    let (flags, pattern) = (utf8(&flags)?, utf8(&pattern)?);
    let mut builder = RegexBuilder::new(pattern);
    let (mut global, mut ignore_empty) = (false, false);
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'n' => ignore_empty = true,
            'i' => drop(builder.case_insensitive(true)),
            'm' => drop(builder.multi_line(true)),
            's' => drop(builder.dot_matches_new_line(true)),
            'l' => drop(builder.swap_greed(true)),
            'x' => drop(builder.ignore_whitespace(true)),
            'p' => drop(builder.multi_line(true).dot_matches_new_line(true)),
            other => return Err(Error::str(format!("invalid regex flag: {other}"))),
        }
    }
    let regex = builder.build();
    let regex = regex.map_err(|error| Error::str(format!("invalid regex: {error}")))?;
    let text = cv.1.try_as_utf8_bytes()?;
    meter::prepare(text.len().saturating_mul(pattern.len()));

    let part = |bytes: &[u8]| cv.1.as_sub_str(bytes);
    let mut parts: Vec<Value> = Vec::new();
    let mut last = 0;
    // A byte and its position in characters, from which the next one is counted.
    let mut counted = (0, 0);
    for captures in regex.captures_iter(text) {
        meter::tick();
        let Some(whole) = captures.get(0) else {
            continue;
        };
        if ignore_empty && whole.is_empty() {
            continue;
        }
        if between {
            parts.push(part(&text[last..whole.start()]));
            last = whole.end();
        }
        if found {
            counted = (whole.start(), offset(text, counted, whole.start()));
            let groups = captures.iter().zip(regex.capture_names());
            let groups = groups.filter_map(|(group, name)| Some((group?, name)));
            let groups = groups.map(|(group, name)| {
                let offset = offset(text, counted, group.start());
                group_of(group, name, offset, part(group.as_bytes()))
            });
            parts.push(groups.collect::<Result<_, _>>()?);
        }
        if !global {
            break;
        }
    }
    if between {
        parts.push(part(&text[last..]));
    }
    Ok(parts.into_iter().collect())
}

/// The number of characters before a byte.
fn offset(text: &[u8], (byte, chars): (usize, usize), at: usize) -> usize {
    chars + count_chars(text.get(byte..at).unwrap_or_default())
}

fn group_of(group: Match<'_>, name: Option<&str>, offset: usize, string: Value) -> ValR<Value> {
    let length = count_chars(group.as_bytes());
    let name = name.map(|name| ("name", Value::from(name.to_owned())));
    let fields = [
        ("offset", Value::from(offset)),
        ("length", Value::from(length)),
        ("string", string),
    ];
    let fields = fields.into_iter().chain(name);
    Value::from_map(fields.map(|(key, value)| (Value::from(key.to_owned()), value)))
}

fn utf8(value: &Value) -> Result<&str, Error> {
    std::str::from_utf8(value.try_as_utf8_bytes()?).map_err(Error::str)
}
