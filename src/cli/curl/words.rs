//! Splits a command line as a POSIX shell would: quotes, escapes, line continuation. Pure.
//!
//! It never expands anything. A variable, a command substitution or a redirection is an error, because
//! its value is known to the shell alone.

use super::fault::Fault;

/// A word of the command line, and where it begins in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// The offset of its first byte.
    pub(super) at: usize,
}

impl Word {
    /// Checks what was collected for a word that begins at `at`.
    pub(super) fn new(bytes: Vec<u8>, at: usize) -> Result<Word, Fault> {
        match String::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => Err(Fault::new(at, "this word contains a NUL")),
            Ok(text) => Ok(Word { text, at }),
            Err(_) => Err(Fault::new(at, "this word is not UTF-8")),
        }
    }
}

/// Operators of the shell, which end the command or connect it with another.
pub(super) const OPERATORS: &[char] = &[';', '&', '|', '<', '>', '(', ')'];

/// The words of one command in bash or a similar shell.
///
/// # Errors
/// A quote that is not closed, something that the shell would expand, or a second command.
pub(super) fn posix(text: &str) -> Result<Vec<Word>, Fault> {
    let mut reader = Reader { text, at: 0 };
    let mut words = Vec::new();
    while let Some(begin) = reader.next_word()? {
        words.push(Word::new(reader.word()?, begin)?);
    }
    Ok(words)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.text[self.at..].starts_with(prefix);
        self.at += if found { prefix.len() } else { 0 };
        found
    }

    /// A backslash at the end of a line continues it.
    fn take_continuation(&mut self) -> bool {
        self.take("\\\n") || self.take("\\\r\n")
    }

    /// Skips to the next word of the command; `None` at its end.
    fn next_word(&mut self) -> Result<Option<usize>, Fault> {
        loop {
            if self.take_continuation() || self.take(" ") || self.take("\t") {
                continue;
            }
            return match self.peek() {
                None => Ok(None),
                Some('\n' | '\r' | '#') => self.end(),
                Some(c) if OPERATORS.contains(&c) => self.end(),
                Some(_) => Ok(Some(self.at)),
            };
        }
    }

    /// The end of the command. Nothing but comments and blank lines may follow.
    fn end(&self) -> Result<Option<usize>, Fault> {
        let rest = &self.text[self.at..];
        let lines = rest.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (None | Some(";" | "&"), None) => Ok(None),
            _ => Err(after_the_end(self.text, self.at)),
        }
    }

    fn word(&mut self) -> Result<Vec<u8>, Fault> {
        let mut word = Vec::new();
        loop {
            if self.take_continuation() {
                continue;
            }
            let at = self.at;
            let Some(c) = self.peek() else {
                return Ok(word);
            };
            if c.is_ascii_whitespace() || OPERATORS.contains(&c) {
                return Ok(word);
            }
            self.next();
            match c {
                '\'' => self.single(at, &mut word)?,
                '"' => self.double(at, &mut word)?,
                '$' if self.take("'") => self.ansi(at, &mut word)?,
                '$' if self.take("\"") => self.double(at, &mut word)?,
                '\\' => push(&mut word, self.next().unwrap_or('\\')),
                _ => self.plain(c, at, &mut word)?,
            }
        }
    }

    /// A character that is no quote, in a word or between double quotes.
    fn plain(&self, c: char, at: usize, word: &mut Vec<u8>) -> Result<(), Fault> {
        let expands = |c: char| c.is_ascii_alphanumeric() || "_({@*?$!-#".contains(c);
        if c == '`' || c == '$' && self.peek().is_some_and(expands) {
            let what = "the shell would replace this by a value, which is not known here";
            return Err(
                Fault::new(at, what).advice("put it into single quotes, or write the value")
            );
        }
        push(word, c);
        Ok(())
    }

    fn single(&mut self, at: usize, word: &mut Vec<u8>) -> Result<(), Fault> {
        let rest = &self.text[self.at..];
        let end = rest.find('\'').ok_or_else(|| unclosed(at, '\''))?;
        word.extend_from_slice(&rest.as_bytes()[..end]);
        self.at += end + 1;
        Ok(())
    }

    fn double(&mut self, at: usize, word: &mut Vec<u8>) -> Result<(), Fault> {
        loop {
            if self.take_continuation() {
                continue;
            }
            let here = self.at;
            match self.next() {
                None => return Err(unclosed(at, '"')),
                Some('"') => return Ok(()),
                Some('\\') => match self.peek() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => {
                        self.next();
                        push(word, c);
                    }
                    _ => word.push(b'\\'),
                },
                Some(c) => self.plain(c, here, word)?,
            }
        }
    }

    /// `$'…'`: the escapes of C.
    fn ansi(&mut self, at: usize, word: &mut Vec<u8>) -> Result<(), Fault> {
        loop {
            match self.next() {
                None => return Err(unclosed(at, '\'')),
                Some('\'') => return Ok(()),
                Some('\\') => self.escape(word)?,
                Some(c) => push(word, c),
            }
        }
    }

    fn escape(&mut self, word: &mut Vec<u8>) -> Result<(), Fault> {
        let at = self.at - 1;
        let Some(c) = self.next() else {
            return Ok(());
        };
        match c {
            'a' => word.push(0x07),
            'b' => word.push(0x08),
            'e' | 'E' => word.push(0x1b),
            'f' => word.push(0x0c),
            'n' => word.push(b'\n'),
            'r' => word.push(b'\r'),
            't' => word.push(b'\t'),
            'v' => word.push(0x0b),
            '\\' | '\'' | '"' | '?' => push(word, c),
            '0'..='7' => {
                self.at -= 1;
                let value = self.number(8, 3).unwrap_or_default();
                word.push((value & 0xff) as u8);
            }
            'x' => match self.number(16, 2) {
                Some(value) => word.push((value & 0xff) as u8),
                None => word.extend_from_slice(b"\\x"),
            },
            'u' | 'U' => push(word, self.code_point(at, if c == 'u' { 4 } else { 8 })?),
            _ => {
                word.push(b'\\');
                push(word, c);
            }
        }
        Ok(())
    }

    /// The digits after `\u`. Browsers write a character beyond U+FFFF as two surrogates (UTF-16).
    fn code_point(&mut self, at: usize, digits: usize) -> Result<char, Fault> {
        let wrong = || Fault::new(at, "this escape is no Unicode character");
        let first = self.number(16, digits).ok_or_else(wrong)?;
        let value = match first {
            0xd800..0xdc00 if self.take("\\u") => {
                let second = self.number(16, 4).ok_or_else(wrong)?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                0x10000 + ((first - 0xd800) << 10) + low.ok_or_else(wrong)?
            }
            other => other,
        };
        char::from_u32(value).ok_or_else(wrong)
    }

    /// A number of at most `digits` digits.
    fn number(&mut self, radix: u32, digits: usize) -> Option<u32> {
        let rest = &self.text[self.at..];
        let found = rest.chars().take(digits).take_while(|c| c.is_digit(radix));
        let length = found.count();
        let value = u32::from_str_radix(rest.get(..length)?, radix).ok();
        self.at += length;
        value
    }
}

pub(super) fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

pub(super) fn unclosed(at: usize, quote: char) -> Fault {
    Fault::new(at, format!("the quote {quote} is not closed"))
        .advice("copy the whole command, up to its end")
}

/// What follows the command, from the operator or the line end at `at`.
pub(super) fn after_the_end(text: &str, at: usize) -> Fault {
    let rest = &text[at..];
    let skipped = rest.len() - rest.trim_start().len();
    let at = at + skipped;
    match text[at..].chars().next() {
        Some(c) if OPERATORS.contains(&c) && skipped == 0 => {
            Fault::new(at, format!("'{c}' is an operator of the shell"))
                .advice("give a single command, with the URL in quotes")
        }
        _ => Fault::new(at, "there is more than one command").advice("copy one request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(text: &str) -> Vec<String> {
        let words = posix(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_and_escapes() {
        for (text, expected) in [
            (
                "curl  'a b'\t\"c d\" e\\ f",
                &["curl", "a b", "c d", "e f"][..],
            ),
            (r"'it'\''s'", &["it's"]),
            (r#""a\"b\\c\$d\e""#, &[r#"a"b\c$d\e"#]),
            (r"$'it\'s \u0021 \x41\101\n\\'", &["it's ! AA\n\\"]),
            (
                r"$'\ud83d\ude00 \U0001f600 \xc3\xbc'",
                &["\u{1f600} \u{1f600} \u{fc}"],
            ),
            ("curl \\\n  -H 'x' \\\r\n  -k", &["curl", "-H", "x", "-k"]),
            ("'line\nline' \"a\\\nb\"", &["line\nline", "ab"]),
            ("'' \"\"", &["", ""]),
            ("a$ $", &["a$", "$"]),
            ("\u{fc}'\u{1f600}'", &["\u{fc}\u{1f600}"]),
            ("curl x ;\n", &["curl", "x"]),
            ("curl x &", &["curl", "x"]),
            ("curl x # comment\n# more\n\n", &["curl", "x"]),
            ("a#b", &["a#b"]),
            ("a\\", &["a\\"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn words_know_where_they_begin() {
        let at: Vec<usize> = posix("curl \\\n  'x' y")
            .unwrap()
            .iter()
            .map(|it| it.at)
            .collect();
        assert_eq!(at, [0, 9, 13]);
    }

    #[test]
    fn what_is_wrong_is_reported_with_its_place() {
        for (text, at, why) in [
            ("curl 'abc", 5, "the quote ' is not closed"),
            ("curl \"abc", 5, "the quote \" is not closed"),
            ("curl \"abc\\", 5, "the quote \" is not closed"),
            ("curl $'abc\\'", 5, "the quote ' is not closed"),
            ("curl $'abc\\", 5, "the quote ' is not closed"),
            ("curl \"$TOKEN\"", 6, "would replace"),
            ("curl $(id)", 5, "would replace"),
            ("curl a`id`", 6, "would replace"),
            ("curl http://h/?a=1&b=2", 18, "'&' is an operator"),
            ("curl x | jq", 7, "'|' is an operator"),
            ("curl x > f", 7, "'>' is an operator"),
            ("curl x ;\ncurl y ;\n", 7, "';' is an operator"),
            ("curl x\ncurl y", 7, "more than one command"),
            ("curl $'\\ud800'", 7, "no Unicode character"),
            ("curl $'\\ud800\\u0041'", 7, "no Unicode character"),
            ("curl $'\\u'", 7, "no Unicode character"),
            ("curl $'\\xff'", 5, "not UTF-8"),
            ("curl 'a\0b'", 5, "NUL"),
            ("curl $'\\u0000'", 5, "NUL"),
        ] {
            let fault = posix(text).unwrap_err();
            assert_eq!(fault.at, at, "{text}: {fault:?}");
            assert!(fault.why.contains(why), "{text}: {fault:?}");
        }
    }
}
