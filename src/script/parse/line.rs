//! What a line is, by how it begins.

use super::text::Part;
use crate::script::values;

/// The beginning of a line with a mark: `alice>`, `!<`.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) name: Option<Part<'a>>,
    /// `!`
    pub(super) not: bool,
    /// `>` rather than `<`.
    pub(super) sends: bool,
    /// What follows it, up to the end of the line.
    pub(super) after: Part<'a>,
}

/// The names of connections.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_in_name)
}

pub(super) fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Whether a line without white space at its ends is a comment. Four and more `#` are no test.
pub(super) fn is_comment(line: Part<'_>) -> bool {
    line.text().starts_with('#') && !is_test(line)
}

/// Whether a line begins a test.
pub(super) fn is_test(line: Part<'_>) -> bool {
    line.text().starts_with("###") && !line.text().starts_with("####")
}

/// The name in `[NAME]`.
pub(super) fn section(line: Part<'_>) -> Option<Part<'_>> {
    let name = line.strip("[")?.strip_end("]")?;
    let is_word = !name.is_empty() && name.text().chars().all(|c| c.is_ascii_alphabetic());
    is_word.then_some(name)
}

/// Whether a line is `HTTP STATUS`, and what follows the first word.
pub(super) fn http(line: Part<'_>) -> Option<Part<'_>> {
    let (word, rest) = line.word();
    let is_http = word.text() == "HTTP" || word.text().starts_with("HTTP/");
    is_http.then_some(rest)
}

/// Whether a line is `WEBSOCKET …`, and what follows the first word.
pub(super) fn websocket(line: Part<'_>) -> Option<Part<'_>> {
    let (word, rest) = line.word();
    (word.text() == "WEBSOCKET").then_some(rest)
}

/// The mark that a line begins with.
pub(super) fn head(line: Part<'_>) -> Option<Head<'_>> {
    let before = line.strip("!");
    let (name, rest) = before.unwrap_or(line).split_while(is_in_name);
    if !name.is_empty() && !is_name(name.text()) {
        return None;
    }
    let behind = rest
        .strip("!")
        .filter(|_| before.is_none() && !name.is_empty());
    let arrow = behind.unwrap_or(rest);
    let sends = arrow.text().starts_with('>');
    if !sends && !arrow.text().starts_with('<') {
        return None;
    }
    Some(Head {
        name: Some(name).filter(|name| !name.is_empty()),
        not: before.or(behind).is_some(),
        sends,
        after: arrow.after(1),
    })
}

/// Whether a line ends a section: it is empty, or begins something else.
pub(super) fn ends_section(line: Part<'_>) -> bool {
    begins_other(line) || head(line).is_some()
}

/// Whether a line is empty, or begins something that is no step with a mark.
pub(super) fn begins_other(line: Part<'_>) -> bool {
    line.is_empty()
        || is_test(line)
        || line.text().starts_with('@')
        || section(line).is_some()
        || websocket(line).is_some()
        || http(line).is_some()
}

/// What stands between slashes, and whether `i` follows.
pub(super) fn slashed(part: Part<'_>) -> Option<(Part<'_>, bool)> {
    let (source, ignores_case) = values::slashed(part.text())?;
    Some((part.after(1).first(source.len()), ignores_case))
}
