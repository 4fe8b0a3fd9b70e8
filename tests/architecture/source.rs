//! A source file as the rules see it: its tokens without comments and tests, and the paths in them.
//! It knows just enough of Rust's grammar for that; it expands no macros and resolves no re-exports.

use std::collections::HashMap;

/// A file below `src`.
pub(super) struct Source {
    /// Relative to the package, `src/wire/socket.rs`.
    pub(super) file: String,
    /// `wire::socket`; empty for the root.
    pub(super) module: String,
    /// What the compiler sees without `cfg(test)`.
    pub(super) tokens: Vec<Token>,
    /// Every path, those of `use` lines one by one.
    pub(super) paths: Vec<Path>,
    /// The number of lines, with comments and tests.
    pub(super) lines: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// From 1.
    pub(super) line: usize,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, a keyword or a number.
    Word,
    /// A string or a character, with its quotes and escapes as written.
    Literal,
    /// One character.
    Sign,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// From `fn` to the last brace.
    pub(super) lines: usize,
}

/// A path as written, but for the names that a `use` line of the file stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let tokens = without_tests(tokens(text));
        Source {
            file: file.to_owned(),
            module: module_of(file),
            paths: paths(&tokens),
            tokens,
            lines: text.lines().count(),
        }
    }

    /// Every function with a body, those inside others, too.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let name = self.tokens.get(at + 1);
            let Some(name) = name.filter(|name| token.is("fn") && name.kind == Kind::Word) else {
                continue;
            };
            let mut rest = &self.tokens[at..];
            skip_to_end(&mut rest);
            let last = &self.tokens[self.tokens.len() - rest.len() - 1];
            if last.is("}") {
                functions.push(Function {
                    name: name.text.clone(),
                    line: token.line,
                    lines: last.line - token.line + 1,
                });
            }
        }
        functions
    }

    /// The lines on which `signs` stand one after another.
    pub(super) fn lines_of(&self, signs: &[&str]) -> Vec<usize> {
        let windows = self.tokens.windows(signs.len());
        windows
            .filter(|window| skip(&mut &**window, signs))
            .map(|window| window[0].line)
            .collect()
    }
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Literal && self.text == text
    }
}

/// Every path in `tokens`.
fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut names = HashMap::new();
    let mut rest = tokens;
    while let Some(token) = rest.first() {
        if token.is("use") && !next_is(rest, "<") {
            rest = &rest[1..];
            use_tree(&mut rest, &[], &mut paths, &mut names);
        } else if is_visibility(rest) {
            rest = &rest[4..];
            path(&mut rest);
        } else if token.kind == Kind::Word {
            let (line, segments) = (token.line, path(&mut rest));
            if segments.len() > 1 {
                paths.push(Path { line, segments });
            }
        } else {
            rest = &rest[1..];
        }
    }
    for path in &mut paths {
        if let Some(whole) = names.get(&path.segments[0]) {
            path.segments.splice(..1, whole.iter().cloned());
        }
    }
    paths
}

/// `src/wire/mod.rs` and `src/wire.rs` are both `wire`.
fn module_of(file: &str) -> String {
    let name = file.trim_start_matches("src/").trim_end_matches(".rs");
    let name = name.strip_suffix("/mod").unwrap_or(name);
    match name {
        "lib" => String::new(),
        name => name.replace('/', "::"),
    }
}

fn next_is(tokens: &[Token], text: &str) -> bool {
    tokens.get(1).is_some_and(|token| token.is(text))
}

/// `pub(in`, which names a module and uses nothing of it.
fn is_visibility(tokens: &[Token]) -> bool {
    let signs = ["pub", "(", "in"];
    tokens.len() > 3 && signs.iter().zip(tokens).all(|(sign, token)| token.is(sign))
}

fn skip(rest: &mut &[Token], signs: &[&str]) -> bool {
    let found = rest.len() >= signs.len() && signs.iter().zip(*rest).all(|(s, t)| t.is(s));
    if found {
        *rest = &rest[signs.len()..];
    }
    found
}

/// `a::b::c`, of which there is at least the first word.
fn path(rest: &mut &[Token]) -> Vec<String> {
    let mut segments = Vec::new();
    while let Some(token) = rest.first().filter(|token| token.kind == Kind::Word) {
        segments.push(token.text.clone());
        *rest = &rest[1..];
        if !(rest.len() > 2 && rest[2].kind == Kind::Word && skip(rest, &[":", ":"])) {
            break;
        }
    }
    segments
}

/// What follows `use`, up to its `;` or, inside of braces, its `,`.
fn use_tree(
    rest: &mut &[Token],
    before: &[String],
    paths: &mut Vec<Path>,
    names: &mut HashMap<String, Vec<String>>,
) {
    skip(rest, &[":", ":"]);
    let Some(line) = rest.first().map(|token| token.line) else {
        return;
    };
    let mut segments = before.to_vec();
    segments.extend(path(rest));
    skip(rest, &[":", ":"]);
    if skip(rest, &["{"]) {
        while !rest.is_empty() && !skip(rest, &["}"]) {
            use_tree(rest, &segments, paths, names);
            skip(rest, &[","]);
        }
        return;
    }
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    let mut name = segments.last().cloned();
    if skip(rest, &["*"]) {
        name = None;
    } else if skip(rest, &["as"]) {
        name = path(rest).pop();
    }
    let is_alone = segments.len() < 2;
    if let Some(name) = name.filter(|_| !is_alone) {
        names.insert(name, segments.clone());
    }
    paths.push(Path { line, segments });
}

/// Without the items under `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut rest = &tokens[..];
    while let Some(token) = rest.first() {
        if is_test_only(rest) {
            skip_item(&mut rest);
        } else {
            kept.push(token.clone());
            rest = &rest[1..];
        }
    }
    kept
}

/// Whether an attribute `#[cfg(test)]` or `#[cfg(all(test, …))]` comes next.
fn is_test_only(tokens: &[Token]) -> bool {
    [
        &["#", "[", "cfg", "(", "test"][..],
        &["#", "[", "cfg", "(", "all", "(", "test"],
    ]
    .iter()
    .any(|signs| skip(&mut &*tokens, signs))
}

/// Goes behind the attributes and the item that come next.
fn skip_item(rest: &mut &[Token]) {
    while skip(rest, &["#"]) {
        skip_brackets(rest);
    }
    skip_to_end(rest);
}

/// Goes behind the `;` or the braces that end an item.
fn skip_to_end(rest: &mut &[Token]) {
    while let Some(token) = rest.first() {
        let (ends, opens) = (token.is(";"), token.is("{"));
        if opens || token.is("(") || token.is("[") {
            skip_brackets(rest);
        } else {
            *rest = &rest[1..];
        }
        if ends || opens {
            return;
        }
    }
}

/// Goes behind the bracket that closes the one that comes next.
fn skip_brackets(rest: &mut &[Token]) {
    let mut depth = 0;
    while let Some(token) = rest.first() {
        *rest = &rest[1..];
        if token.kind == Kind::Sign {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
        }
        if depth == 0 {
            return;
        }
    }
}

/// The tokens of `text`, without comments.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = token(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            let text = text.to_owned();
            tokens.push(Token { kind, line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The kind of what comes next, which is none for space and comments, and its length in bytes.
fn token(text: &str, first: char) -> (Option<Kind>, usize) {
    if text.starts_with("//") {
        (None, text.find('\n').unwrap_or(text.len()))
    } else if text.starts_with("/*") {
        (None, block_comment(text))
    } else if let Some(length) = literal(text) {
        (Some(Kind::Literal), length)
    } else if is_word(first) {
        let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
        (Some(Kind::Word), length)
    } else if first.is_whitespace() {
        (None, first.len_utf8())
    } else {
        (Some(Kind::Sign), first.len_utf8())
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let step = match (rest.starts_with(b"/*"), rest.starts_with(b"*/")) {
            (true, _) => 1,
            (_, true) => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string or character, if one comes next.
fn literal(text: &str) -> Option<usize> {
    let quote = text.find(|c: char| !c.is_alphabetic() && c != '#')?;
    let prefix = &text[..quote];
    let hashes = prefix.trim_start_matches(char::is_alphabetic);
    match (prefix.trim_end_matches('#'), text.as_bytes()[quote]) {
        ("r" | "br" | "cr", b'"') => {
            let end = format!("\"{hashes}");
            let length = text[quote + 1..].find(&end)?;
            Some(quote + 1 + length + end.len())
        }
        ("" | "b" | "c", b'"') if hashes.is_empty() => Some(quoted(text, quote, '"')),
        ("" | "b", b'\'') if hashes.is_empty() && is_character(&text[quote + 1..]) => {
            Some(quoted(text, quote, '\''))
        }
        _ => None,
    }
}

/// Whether `text` goes on as a character, not as a lifetime.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next() == Some('\\') || characters.next() == Some('\'')
}

/// The length up to the `end` of what is quoted from `start` on.
fn quoted(text: &str, start: usize, end: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text[start + 1..].char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == end => return start + 1 + at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source::new("src/a/mod.rs", text);
        source
            .paths
            .iter()
            .map(|path| format!("{} {}", path.line, path.segments.join("::")))
            .collect()
    }

    #[test]
    fn a_file_is_a_module() {
        for (file, module) in [
            ("src/lib.rs", ""),
            ("src/run.rs", "run"),
            ("src/wire/mod.rs", "wire"),
            ("src/wire/socket.rs", "wire::socket"),
        ] {
            assert_eq!(Source::new(file, "").module, module, "{file}");
        }
    }

    #[test]
    fn every_path_is_found_on_its_line() {
        for (text, expected) in [
            ("use crate::b;", &["1 crate::b"][..]),
            ("\npub use super::b::C;", &["2 super::b::C"]),
            (
                "use a::{\nb,\nc::{self, D as E},\nf::*};",
                &["2 a::b", "3 a::c", "3 a::c::D", "4 a::f"],
            ),
            ("fn a() -> impl A + use<'_> { b::c() }", &["1 b::c"]),
            ("let a = crate::b::C::<D>::new();", &["1 crate::b::C"]),
            (
                "use std::env;\nenv::var(a);",
                &["1 std::env", "2 std::env::var"],
            ),
            ("use a::b as c; c::d", &["1 a::b", "1 a::b::d"]),
            ("use a::b; x.b", &["1 a::b"]),
            ("<crate::a::B as C>::d()", &["1 crate::a::B"]),
            ("pub(in crate::a) fn b() {}", &[]),
            ("pub(super) fn b(a: crate::B) {}", &["1 crate::B"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_strings_and_tests_hold_no_paths() {
        for text in [
            "// a::b",
            "/* a::b /* c::d */ e::f */",
            "\"a::b \\\" c::d\"",
            "r#\"a::b \" c::d\"#",
            "b\"a::b\"",
            "'\"' // a::b",
            "#[cfg(test)]\nmod tests { use a::b; fn c(d: [u8; 2]) { e::f() } }",
            "#[cfg(test)]\n#[path(c::d)]\nuse a::b;",
            "#[cfg(test)]\npub fn a(b: [u8; 2]) -> c::D { e::f(\"}\") }",
            "#[cfg(all(test, unix))]\nuse a::b;",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn after_each_of_them_paths_are_found_again() {
        for text in [
            "// a::b\nx::y",
            "/* /* */ \" */\nx::y",
            "\"\\\\\";\nx::y",
            "r\"\\\";\nx::y",
            "r#\"\"\"#;\nx::y",
            "'\\'';\nx::y",
            "'\"';\nx::y",
            "fn a<'a>(b: &'a str)\n{ x::y }",
            "b'\"';\nx::y",
            "#[cfg(test)] mod tests;\nx::y",
            "#[cfg(test)] mod tests { '}' }\nx::y",
            "#[cfg(unix)]\nx::y",
        ] {
            assert_eq!(found(text), ["2 x::y"], "{text}");
        }
    }

    #[test]
    fn a_function_reaches_from_its_name_to_its_last_brace() {
        let text = "trait A { fn a(&self, b: [u8; 2]); }\n\
            fn c(d: [u8; 2]) -> fn(u8) {\n\
            \"}\"; fn e() {}\n\
            if f { g }\n\
            }\n\
            #[cfg(test)]\n\
            fn h() {}";
        let source = Source::new("src/a.rs", text);
        let functions = source.functions();
        let found = functions.iter().map(|f| (f.name.as_str(), f.line, f.lines));
        assert_eq!(found.collect::<Vec<_>>(), [("c", 2, 4), ("e", 3, 1)]);
    }

    #[test]
    fn signs_are_found_outside_of_literals() {
        let source = Source::new("src/a.rs", "a.b(\n\".b(\");\na\n.b (");
        assert_eq!(source.lines_of(&[".", "b", "("]), [1, 4]);
    }
}
