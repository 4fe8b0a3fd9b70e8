//! The filters that are defined in jq itself (`map`, `select`, `test`), of which an expression gets
//! those that it may call. Pure.
//!
//! To parse and compile all of them takes 400 µs, most expressions call none, and a script may have
//! hundreds of expressions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::Part;

/// Words of the language that are no filters.
const KEYWORDS: &[&str] = &[
    "and", "as", "break", "catch", "def", "elif", "else", "end", "foreach", "if", "label", "or",
    "reduce", "then", "try",
];

static PRELUDE: LazyLock<Prelude> = LazyLock::new(|| {
    let all = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    Prelude::new(all.collect())
});

/// What an expression may call, in the order of its definition, and what that calls.
pub(super) fn definitions_for(expression: &str) -> Vec<Def<&'static str>> {
    let mut words = called_words(expression).peekable();
    match words.peek() {
        // Nothing is parsed.
        None => Vec::new(),
        Some(_) => PRELUDE.reached_from(words),
    }
}

struct Prelude {
    definitions: Vec<Def<&'static str>>,
    /// By name, without the `@` of a format. Filters of one name differ in their arguments.
    places: BTreeMap<&'static str, Vec<usize>>,
    /// The names that each calls.
    calls: Vec<Vec<&'static str>>,
}

impl Prelude {
    fn new(definitions: Vec<Def<&'static str>>) -> Self {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        let mut calls = Vec::new();
        for (at, definition) in definitions.iter().enumerate() {
            places.entry(bare(definition.name)).or_default().push(at);
            let mut names = Vec::new();
            visit(&definition.body, &mut names);
            calls.push(names);
        }
        Prelude {
            definitions,
            places,
            calls,
        }
    }

    fn reached_from<'a>(&self, words: impl Iterator<Item = &'a str>) -> Vec<Def<&'static str>> {
        let mut reached = vec![false; self.definitions.len()];
        let mut waiting: Vec<&[usize]> = words.filter_map(|word| self.places_of(word)).collect();
        while let Some(places) = waiting.pop() {
            for &at in places {
                if !std::mem::replace(&mut reached[at], true) {
                    let calls = self.calls[at].iter();
                    waiting.extend(calls.filter_map(|name| self.places_of(name)));
                }
            }
        }
        let kept = self.definitions.iter().zip(reached);
        kept.filter(|(_, is_reached)| *is_reached)
            .map(|(definition, _)| definition.clone())
            .collect()
    }

    fn places_of(&self, name: &str) -> Option<&[usize]> {
        self.places.get(bare(name)).map(Vec::as_slice)
    }
}

fn bare(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

/// The words of an expression that may call a filter. Those of a string are none, unless it has an
/// expression within; where there is a comment, every word is one.
fn called_words(expression: &str) -> impl Iterator<Item = &str> {
    let has_plain_strings = !expression.contains("\\(") && !expression.contains('#');
    let (mut rest, mut before, mut in_string) = (expression, None, false);
    std::iter::from_fn(move || {
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if length == 0 {
                rest = &rest[first.len_utf8()..];
                in_string ^= first == '"';
                if in_string && first == '\\' {
                    let mut escaped = rest.chars();
                    escaped.next();
                    rest = escaped.as_str();
                }
                before = Some(first);
                continue;
            }
            let (word, after) = rest.split_at(length);
            rest = after;
            // A field, or a variable.
            let is_name = matches!(before.take(), Some('.' | '$'));
            let is_text = in_string && has_plain_strings;
            if !is_name && !is_text && !KEYWORDS.contains(&word) && !first.is_ascii_digit() {
                return Some(word);
            }
        }
        None
    })
}

/// Adds the names that are called somewhere in a term.
fn visit(term: &Term<&'static str>, names: &mut Vec<&'static str>) {
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Var(_) | Term::Break(_) => {}
        Term::Str(format, parts) => {
            names.extend(format);
            for part in parts {
                if let StrPart::Term(term) = part {
                    visit(term, names);
                }
            }
        }
        Term::Arr(term) => term.iter().for_each(|term| visit(term, names)),
        Term::Obj(members) => {
            for (key, value) in members {
                visit(key, names);
                value.iter().for_each(|value| visit(value, names));
            }
        }
        Term::Neg(term) | Term::Label(_, term) => visit(term, names),
        Term::BinOp(left, operator, right) => {
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                visit_pattern(pattern, names);
            }
            visit(left, names);
            visit(right, names);
        }
        Term::Fold(_, source, pattern, terms) => {
            visit(source, names);
            visit_pattern(pattern, names);
            terms.iter().for_each(|term| visit(term, names));
        }
        Term::TryCatch(term, caught) => {
            visit(term, names);
            caught.iter().for_each(|term| visit(term, names));
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                visit(condition, names);
                visit(then, names);
            }
            otherwise.iter().for_each(|term| visit(term, names));
        }
        Term::Def(definitions, term) => {
            for definition in definitions {
                visit(&definition.body, names);
            }
            visit(term, names);
        }
        Term::Call(name, arguments) => {
            names.push(name);
            arguments.iter().for_each(|term| visit(term, names));
        }
        Term::Path(term, path) => {
            visit(term, names);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => visit(index, names),
                    Part::Range(from, to) => {
                        let ends = from.iter().chain(to);
                        ends.for_each(|end| visit(end, names));
                    }
                }
            }
        }
    }
}

fn visit_pattern(pattern: &Pattern<&'static str>, names: &mut Vec<&'static str>) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(patterns) => patterns.iter().for_each(|it| visit_pattern(it, names)),
        Pattern::Obj(members) => {
            for (key, pattern) in members {
                visit(key, names);
                visit_pattern(pattern, names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;

    fn words(expression: &str) -> Vec<&str> {
        called_words(expression).collect()
    }

    #[test]
    fn fields_variables_keywords_and_text_call_nothing() {
        for expression in [
            "",
            ".",
            r#".type == "select" and .a.map > 3"#,
            r#""a \" map" // "\\""#,
            "if .map then $map else 1e5 end",
            "..[1:2]?",
        ] {
            assert!(words(expression).is_empty(), "{expression}");
            assert!(definitions_for(expression).is_empty(), "{expression}");
        }
    }

    #[test]
    fn what_may_be_a_call_is_one() {
        for (expression, expected) in [
            ("map(select(.a))", &["map", "select"][..]),
            (". | not", &["not"]),
            (r#""\(map(.))""#, &["map"]),
            ("# it's \"\nmap(.)", &["it", "s", "map"]),
            (r#"@base64 "x""#, &["base64"]),
            (r#""é"|map(.)"#, &["map"]),
            (r#""\é"|first"#, &["first"]),
            ("[1.,first]", &["first"]),
        ] {
            assert_eq!(words(expression), expected, "{expression}");
        }
    }

    /// Each definition, with everything it calls and nothing else, is what it is among all of them.
    #[test]
    fn every_definition_comes_with_what_it_calls() {
        for definition in &PRELUDE.definitions {
            let arguments = vec!["."; definition.args.len()].join("; ");
            let call = match arguments.is_empty() {
                true => definition.name.to_owned(),
                false => format!("{}({arguments})", definition.name),
            };
            assert!(Filter::compile(&call).is_ok(), "{call}");
        }
        let all = PRELUDE.definitions.len();
        assert!(definitions_for("map(.)").len() <= 2);
        assert!(definitions_for("sub(\"a\"; \"b\")").len() < all / 4);
    }
}
