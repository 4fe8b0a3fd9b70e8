//! What somebody may have meant: the most similar of the names that are known.

/// The longest name, in bytes, for which a similar one is looked for: the comparison takes time, and a
/// long name is like none.
const MAX_NAME: usize = 64;

/// Fewer letters are the beginning of too many names.
const SHORTEST_BEGINNING: usize = 3;

/// The most similar of some names, if one is similar, or the only one that begins so.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let most = (name.len() / 3).clamp(1, 3);
    let known: Vec<&str> = known.collect();
    let near = known.iter().filter(|known| distance(known) <= most);
    if let Some(near) = near.min_by_key(|known| distance(known)) {
        return Some(near);
    }
    let mut longer = known.iter().filter(|known| known.starts_with(name));
    let only = longer.next().filter(|_| longer.next().is_none());
    only.filter(|_| name.len() >= SHORTEST_BEGINNING).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_found_and_no_other() {
        let known = || ["ping", "pong", "binary"].into_iter();
        for (name, found) in [
            ("pin", Some("ping")),
            ("pnog", Some("pong")),
            ("binray", Some("binary")),
            ("bin", Some("binary")),
            ("bi", None),
            ("close", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known()), found, "{name}");
        }
        assert_eq!(nearest(&"binary".repeat(1000), known()), None);
    }
}
