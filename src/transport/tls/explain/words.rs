//! Splits names of Rust types into words, for errors without a sentence.

/// The name of a variant without its fields.
pub(super) fn leading_identifier(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Splits the names of Rust types and variants in `text` into words, and removes the brackets of
/// their `Debug` form: `SelectedUnofferedPsk` becomes `selected unoffered PSK`.
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

/// The words of a CamelCase identifier, or the single word.
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
    // A word that is not CamelCase may still be a variant, or an abbreviation.
    if words.len() == 1 && text.chars().skip(1).any(char::is_uppercase) {
        return words;
    }
    words.iter().map(|word| lower(word)).collect()
}

/// A word in lower case, except for abbreviations.
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
