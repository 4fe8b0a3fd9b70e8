//! What a reader of recordings has left out, as sentences for people.

use crate::output::sanitize;

/// The most sentences that are kept. The rest is counted.
const KEPT: usize = 20;

/// The longest sentence, in characters.
const LONGEST: usize = 240;

/// Sentences that are safe for a terminal, and not too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    kept: Vec<String>,
    more: u64,
}

impl Notes {
    /// Adds a sentence, which may quote what stands in a file.
    pub fn push(&mut self, note: &str) {
        match self.kept.len() < KEPT {
            true => self.kept.push(shown(note, LONGEST)),
            false => self.more += 1,
        }
    }

    /// The sentences, in order.
    pub fn into_sentences(self) -> Vec<String> {
        let mut sentences = self.kept;
        if self.more > 0 {
            sentences.push(format!("{} more like these", self.more));
        }
        sentences
    }
}

/// Text from a file on one line, safe for a terminal, cut after `most` characters.
pub fn shown(text: &str, most: usize) -> String {
    let end = text.char_indices().nth(most).map(|(end, _)| end);
    let (begun, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut out = Vec::with_capacity(begun.len());
    sanitize::line(begun, &mut out);
    let mut out = String::from_utf8_lossy(&out).into_owned();
    if !rest.is_empty() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_few_and_safe() {
        let mut notes = Notes::default();
        (0..30).for_each(|number| notes.push(&format!("\u{1b}[2J {number}")));
        let sentences = notes.into_sentences();
        assert_eq!(sentences.len(), KEPT + 1);
        assert_eq!(sentences[0], "\\x1b[2J 0");
        assert_eq!(sentences[KEPT], "10 more like these");
        assert_eq!(shown("äbc", 2), "äb…");
    }
}
