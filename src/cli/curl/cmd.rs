//! Splits a command line as `cmd.exe` and the C runtime of Windows would: carets, `""`, `\"`, line
//! continuation. Pure.
//!
//! Browsers differ in how they quote for `cmd`, and some releases quote in a way that `cmd` itself
//! reads wrongly. What the browser meant is read, where that is clear.

use std::iter::Peekable;
use std::str::CharIndices;

use super::fault::Fault;
use super::words::{Word, after_the_end, push, unclosed};

/// Characters before which browsers put a caret even between quotes.
const CARETED: &[char] = &[
    '\\', '"', '%', '&', '<', '>', '|', '!', '^', '{', '}', '[', ']', '@', '#', '$',
];

/// The words of one command.
///
/// # Errors
/// A quote that is not closed, a redirection, or a second command.
pub(super) fn cmd(text: &str) -> Result<Vec<Word>, Fault> {
    let characters = interpret(text)?;
    let mut splitter = Splitter {
        rest: &characters,
        words: Vec::new(),
    };
    while splitter.word()? {}
    Ok(splitter.words)
}

/// What `cmd` passes on to the program: a character, and where it was.
type Passed = (usize, char);

/// Undoes the carets of `cmd`.
fn interpret(text: &str) -> Result<Vec<Passed>, Fault> {
    let mut passed: Vec<Passed> = Vec::new();
    let mut quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match (c, characters.peek().copied()) {
            ('\r', Some((_, '\n'))) => {}
            ('^', Some((_, '\n' | '\r'))) if !quoted => {
                take_line_end(&mut characters);
                // The character after the line end is taken as it is, even another line end.
                if take_line_end(&mut characters) {
                    passed.push((at, '\n'));
                }
            }
            ('^', Some((next, escaped))) if is_escape(quoted, escaped, &passed) => {
                characters.next();
                passed.push((next, escaped));
            }
            ('^', None) => {}
            ('"', _) => {
                quoted = !quoted;
                passed.push((at, c));
            }
            ('\n', _) if quoted => return Err(unclosed(at, '"')),
            ('\n', _) => return end(text, at, passed),
            ('&' | '|' | '<' | '>', _) if !quoted => return end(text, at, passed),
            _ => passed.push((at, c)),
        }
    }
    Ok(passed)
}

fn take_line_end(characters: &mut Peekable<CharIndices<'_>>) -> bool {
    characters.next_if(|(_, c)| *c == '\r');
    characters.next_if(|(_, c)| *c == '\n').is_some()
}

/// Whether a caret escapes the next character. Between quotes `cmd` takes it as it is, but some
/// releases of Chrome relied on the opposite.
fn is_escape(quoted: bool, next: char, passed: &[Passed]) -> bool {
    let after_percent = matches!(passed.last(), Some((_, '%')));
    !quoted || CARETED.contains(&next) || after_percent && next.is_ascii_alphanumeric()
}

/// The end of the command at `at`. Nothing but white space and an operator may follow.
fn end(text: &str, at: usize, passed: Vec<Passed>) -> Result<Vec<Passed>, Fault> {
    match text[at..].trim() {
        "" | "&" => Ok(passed),
        _ => Err(after_the_end(text, at)),
    }
}

struct Splitter<'p> {
    rest: &'p [Passed],
    words: Vec<Word>,
}

impl Splitter<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(ahead).map(|(_, c)| *c)
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Reads a word; false at the end.
    fn word(&mut self) -> Result<bool, Fault> {
        while matches!(self.peek(0), Some(' ' | '\t' | '\n')) {
            self.skip(1);
        }
        let Some(&(begin, _)) = self.rest.first() else {
            return Ok(false);
        };
        let (mut word, mut open) = (Vec::new(), None);
        while let Some(&(at, c)) = self.rest.first() {
            match (c, self.peek(1)) {
                (' ' | '\t', _) if open.is_none() => break,
                ('"', Some('"')) if open.is_some() => {
                    word.push(b'"');
                    self.skip(1);
                }
                ('"', _) => open = open.is_none().then_some(at),
                ('\\', _) => self.backslashes(&mut word),
                // Of PowerShell, for which Firefox quotes too.
                ('`', Some(next @ ('$' | '`'))) if open.is_some() => {
                    push(&mut word, next);
                    self.skip(1);
                }
                _ => push(&mut word, c),
            }
            self.skip(1);
        }
        match open {
            Some(at) => Err(unclosed(at, '"')),
            None => {
                self.words.push(Word::new(word, begin)?);
                Ok(true)
            }
        }
    }

    /// Reads one backslash with what it escapes, up to the last of these characters. The C runtime keeps
    /// two that no quote follows; browsers double every one.
    fn backslashes(&mut self, word: &mut Vec<u8>) {
        match self.peek(1) {
            Some(c @ ('"' | '\\')) => {
                push(word, c);
                self.skip(1);
            }
            _ => word.push(b'\\'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(text: &str) -> Vec<String> {
        let words = cmd(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn carets_and_quotes() {
        for (text, expected) in [
            (
                "curl ^\"https://h/?a=1^&b=^%^20c^\"",
                &["curl", "https://h/?a=1&b=%20c"][..],
            ),
            (
                "curl ^\r\n  -H ^\"a: b^\" ^\r\n  -k",
                &["curl", "-H", "a: b", "-k"],
            ),
            ("curl ^\n  -k\n", &["curl", "-k"]),
            (r#"^"v=^\^"Chromium^\^";^""#, &[r#"v="Chromium";"#]),
            (
                r#""v=^\^"Chromium^\^", ^\^"a b^\^"""#,
                &[r#"v="Chromium", "a b""#],
            ),
            (r#""v=""Chromium"", ""a b""""#, &[r#"v="Chromium", "a b""#]),
            (r#""a"%"20b""#, &["a%20b"]),
            (r#""a^b" "a\\b" "a\"b""#, &["a^b", r"a\b", r#"a"b"#]),
            ("\"a=`$b``\"", &["a=$b`"]),
            ("^\"two^\n\nlines^\"", &["two\nlines"]),
            ("\"two\"^\r\n\r\n\"lines\"", &["two\nlines"]),
            (r#""""#, &[""]),
            (r#"^"^\^[::1^\^]^""#, &[r"\[::1\]"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_reported_with_its_place() {
        for (text, at, why) in [
            ("curl ^\"abc", 6, "the quote \" is not closed"),
            ("curl \"abc", 5, "the quote \" is not closed"),
            ("curl \"abc\ncurl", 9, "the quote \" is not closed"),
            ("curl x & curl y", 7, "'&' is an operator"),
            ("curl x\ncurl y", 7, "more than one command"),
            ("curl ^\"a\0b^\"", 6, "NUL"),
        ] {
            let fault = cmd(text).unwrap_err();
            assert_eq!(fault.at, at, "{text}: {fault:?}");
            assert!(fault.why.contains(why), "{text}: {fault:?}");
        }
    }
}
