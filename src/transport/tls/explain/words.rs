//! Names of Rust types as words, for the errors that no sentence stands ready for.

/// The name of a variant without what it holds.
pub(super) fn leading_identifier(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Spells the names of Rust types and variants in `text` out as words, and takes the brackets of
/// their `Debug` form away: `SelectedUnofferedPsk` becomes `selected unoffered PSK`.
pub(in crate::transport::tls) fn in_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split(|c: char| c.is_whitespace() || "{}[]()<>\"_".contains(c)) {
        for part in piece.split("::").filter(|part| !part.is_empty()) {
            words.extend(split_camel(part));
        }
    }
    let joined = words.join(" ");
    match joined.trim_matches([',', ':', ';', ' ']) {
        "" => "no reason is given".to_owned(),
        words => words.to_owned(),
    }
}

/// One word, or those that a CamelCase identifier is made of.
fn split_camel(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    // A word that is not CamelCase may be a variant all the same, or an abbreviation.
    if words.len() == 1 && text.chars().skip(1).any(char::is_uppercase) {
        return words;
    }
    words.iter().map(|word| lower(word)).collect()
}

/// A word in lower case, but for what is written otherwise.
fn lower(word: &str) -> String {
    let word = word.to_lowercase();
    match word.as_str() {
        "tls12" => "TLS 1.2".to_owned(),
        "tls13" => "TLS 1.3".to_owned(),
        "kx" => "key exchange".to_owned(),
        "ca" | "crl" | "der" | "dns" | "ec" | "ech" | "eku" | "ems" | "ocsp" | "psk" | "quic"
        | "sct" | "tls" => word.to_uppercase(),
        _ => word,
    }
}
