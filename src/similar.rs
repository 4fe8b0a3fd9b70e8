//! What somebody may have meant: the most similar of the names that are known.

/// The longest name, in bytes, for which a similar one is looked for: the comparison takes time, and a
/// long name is like none.
const MAX_NAME: usize = 64;

/// The most similar of some names, if one is similar.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let most = (name.len() / 3).clamp(1, 3);
    let near = known.filter(|known| distance(known) <= most);
    near.min_by_key(|known| distance(known))
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
            ("close", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known()), found, "{name}");
        }
        assert_eq!(nearest(&"binary".repeat(1000), known()), None);
    }
}
