//! Variables that a script uses and that nothing defines. Pure.

use std::collections::BTreeSet;

use super::ast::{
    Assert, At, Checks, Expect, Expected, File, Form, Given, Handshake, Header, Open, Outgoing,
    Pattern, Payload, Property, Query, Setting, Span, Step,
};
use crate::template;

/// Values that are made for each use.
const GENERATED: &[&str] = &["$uuid", "$now", "$n"];

/// Options in which variables are replaced while the connection runs: by those of `resume`, and by the
/// number of the message.
const REPLACED_LATER: &[&str] = &["on-open", "heartbeat", "header"];

/// Whether the connection itself replaces this name in the value of an option: the token, in
/// `token-message`.
pub fn is_of_option(option: &str, name: &str) -> bool {
    option == "token-message" && name == "token"
}

/// Returns the variables that neither `defined` nor an earlier capture of the same test provides, in
/// order, each place. Files that are included provide nothing.
pub fn undefined(file: &File, defined: &dyn Fn(&str) -> bool) -> Vec<At<String>> {
    let tests = file.tests.iter();
    let found = tests.flat_map(|test| undefined_in(&test.steps, defined, &|_| Vec::new()));
    found.collect()
}

/// The same for the steps of one test, or of a file that is included. `included` returns the variables
/// that the file of an `@include` captures.
pub fn undefined_in(
    steps: &[Step],
    defined: &dyn Fn(&str) -> bool,
    included: &dyn Fn(&str) -> Vec<String>,
) -> Vec<At<String>> {
    let mut search = Search {
        defined,
        included,
        captured: BTreeSet::new(),
        found: Vec::new(),
    };
    search.steps(steps);
    search.found
}

/// The variables that these steps capture; `included` as in [`undefined_in`].
pub fn captured(steps: &[Step], included: &dyn Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let mut search = Search {
        defined: &|_| true,
        included,
        captured: BTreeSet::new(),
        found: Vec::new(),
    };
    search.steps(steps);
    search.captured
}

struct Search<'a> {
    defined: &'a dyn Fn(&str) -> bool,
    included: &'a dyn Fn(&str) -> Vec<String>,
    captured: BTreeSet<String>,
    found: Vec<At<String>>,
}

/// Names that have a value at one place only.
type Own<'a> = &'a dyn Fn(&str) -> bool;

/// At the other places.
const NONE: Own<'static> = &|_| false;

impl Search<'_> {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Open(open) => self.open(open),
                Step::Send(send) => self.outgoing(&send.what),
                Step::Expect(expect) => self.expectation(expect),
                Step::Wait(time) => self.given(time),
                Step::Repeat { times, steps } => {
                    self.given(times);
                    // At most 16 deep.
                    self.steps(steps);
                }
                Step::Include(path) => self.captured.extend((self.included)(&path.value)),
            }
        }
    }

    fn open(&mut self, open: &Open) {
        let own = own_names(&open.options);
        let is_own = |name: &str| own.contains(name);
        self.text(&open.url, &is_own);
        for header in &open.headers {
            self.header(header, &is_own);
        }
        for At { value, span } in &open.options {
            let option = &*value.name;
            let own = |name: &str| {
                let is_later = name == "n" || own.contains(name);
                is_of_option(option, name) || (is_later && REPLACED_LATER.contains(&option))
            };
            let text = value.value.as_deref().unwrap_or_default();
            self.end_of(*span, text, &own);
        }
        let Handshake {
            status,
            headers,
            checks,
        } = &open.handshake;
        if let Some(status) = status {
            self.given(status);
        }
        for header in headers {
            self.header(header, NONE);
        }
        self.checks(checks);
    }

    fn header(&mut self, header: &At<Header>, own: Own<'_>) {
        self.end_of(header.span, &header.value.value, own);
    }

    /// A text that stands at the end of `span`.
    fn end_of(&mut self, span: Span, text: &str, own: Own<'_>) {
        let before = span.width.saturating_sub(characters(text));
        let column = span.column.saturating_add(before);
        self.names(text, Span { column, ..span }, own);
    }

    fn outgoing(&mut self, what: &Outgoing) {
        match what {
            Outgoing::Message { payload, .. } => self.payload(&payload.value, payload.span),
            Outgoing::Ping(payload) | Outgoing::Pong(payload) => self.optional(payload.as_ref()),
            Outgoing::Close { code, reason } => self.close(code.as_ref(), reason.as_ref()),
            Outgoing::Frame(words) => self.text(words, NONE),
        }
    }

    fn expectation(&mut self, expect: &Expect) {
        if let Some(limit) = &expect.limit {
            self.given(limit);
        }
        if let Some(times) = &expect.times {
            self.given(times);
        }
        match &expect.what {
            Expected::Message { pattern, .. } => match &pattern.value {
                Pattern::Equal(payload) | Pattern::Contains(payload) => {
                    self.payload(payload, pattern.span);
                }
                Pattern::Regex { source, .. } => self.names(source, pattern.span, NONE),
            },
            Expected::Ping(payload) | Expected::Pong(payload) => self.optional(payload.as_ref()),
            Expected::Close { code, reason } => self.close(code.as_ref(), reason.as_ref()),
            Expected::Any(_) | Expected::Drop | Expected::Open => {}
        }
        self.checks(&expect.checks);
    }

    fn close(&mut self, code: Option<&At<Given<u16>>>, reason: Option<&At<Payload>>) {
        if let Some(code) = code {
            self.given(code);
        }
        self.optional(reason);
    }

    fn optional(&mut self, payload: Option<&At<Payload>>) {
        if let Some(payload) = payload {
            self.payload(&payload.value, payload.span);
        }
    }

    fn payload(&mut self, payload: &Payload, span: Span) {
        // The path of a file is text like any other; the file is not.
        let (Form::Json | Form::Text | Form::Escapes | Form::Hex | Form::Base64 | Form::File) =
            payload.form;
        self.names(&payload.text, span, NONE);
    }

    /// Captures have a value from the asserts on that follow them.
    fn checks(&mut self, checks: &Checks) {
        for capture in &checks.captures {
            let query = &capture.query;
            match &query.value {
                Query::Jq(text) => self.names(text, query.span, NONE),
                Query::Property(property) => self.property(property, query.span),
            }
            self.captured.insert(capture.name.value.clone());
        }
        for At { value, span } in &checks.asserts {
            match value {
                Assert::Jq(text) => self.names(text, *span, NONE),
                Assert::Property {
                    property, value, ..
                } => {
                    self.property(property, *span);
                    if let Some(value) = value {
                        self.text(value, NONE);
                    }
                }
                Assert::Schema(path) => self.text(path, NONE),
            }
        }
    }

    /// The name of a header may have variables; the place is that of the whole.
    fn property(&mut self, property: &Property, span: Span) {
        let Property::Header(name) = property else {
            return;
        };
        let before = self.found.len();
        self.names(name, span, NONE);
        for found in self.found.iter_mut().skip(before) {
            found.span = span;
        }
    }

    fn given<T>(&mut self, given: &At<Given<T>>) {
        if let Given::Template(text) = &given.value {
            self.names(text, given.span, NONE);
        }
    }

    fn text(&mut self, text: &At<String>, own: Own<'_>) {
        self.names(&text.value, text.span, own);
    }

    /// The variables of a text that begins at `span`.
    fn names(&mut self, text: &str, span: Span, own: Own<'_>) {
        let (mut line, mut column, mut from) = (span.line, span.column, 0);
        let spaced = template::spaced(text);
        // Of others, nobody can say that they are meant as variables.
        let spaced = spaced.filter(|(_, inner)| self.has_value(inner.trim()));
        let mut places: Vec<(usize, &str)> = template::placeholders(text).chain(spaced).collect();
        places.sort_by_key(|(at, _)| *at);
        for (at, name) in places {
            let before = text.get(from..at).unwrap_or_default();
            match before.rsplit_once('\n') {
                None => column = column.saturating_add(characters(before)),
                Some((lines, last)) => {
                    let feeds = memchr::memchr_iter(b'\n', lines.as_bytes()).count() + 1;
                    line = line.saturating_add(u32::try_from(feeds).unwrap_or(u32::MAX));
                    column = characters(last).saturating_add(1);
                }
            }
            from = at;
            if self.is_defined(name) || own(name) {
                continue;
            }
            let span = Span {
                line,
                column: column.saturating_add(2),
                width: characters(name),
            };
            self.found.push(At::new(name.to_owned(), span));
        }
    }

    fn has_value(&self, name: &str) -> bool {
        self.captured.contains(name) || (self.defined)(name)
    }

    fn is_defined(&self, name: &str) -> bool {
        // `{{.id}}` is a path of the message that an `answer` replies to.
        if name.starts_with('.') {
            return true;
        }
        match name.starts_with('$') {
            true => GENERATED.contains(&name),
            false => self.has_value(name),
        }
    }
}

/// The variables that the options of a connection define for it: `resume: NAME=EXPR`.
fn own_names(options: &[At<Setting>]) -> BTreeSet<&str> {
    let options = options.iter().map(|option| &option.value);
    let resumed = options.filter(|option| matches!(&*option.name, "resume" | "var"));
    let named = resumed.filter_map(|option| option.value.as_deref()?.split_once('='));
    named.map(|(name, _)| name.trim()).collect()
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse::{Allowed, parse, parse_included};

    /// `name` of the variables that are not defined, with line and column.
    #[track_caller]
    fn check(script: &str, expected: &[(&str, u32, u32)]) {
        let file = parse(script, Allowed::default()).unwrap_or_else(|errors| panic!("{errors:?}"));
        let found = undefined(&file, &|name| name == "base");
        let found: Vec<_> = found
            .iter()
            .map(|at| (&*at.value, at.span.line, at.span.column))
            .collect();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn every_place_is_searched() {
        check(
            "### {{not}}\n\
             WEBSOCKET {{base}}/{{a}}\n\
             X-e:   {{b}}{{b}}\n\
             [Options]\n\
             user: {{c}}\n\
             no-x: {{c}}\n\
             HTTP {{d}}\n\
             X-B: {{e}}\n",
            &[
                ("a", 2, 22),
                ("b", 3, 10),
                ("b", 3, 15),
                ("c", 5, 9),
                ("c", 6, 9),
                ("d", 7, 8),
                ("e", 8, 8),
            ],
        );
        check(
            "WEBSOCKET ws://x\n\
             > {\"é\":{{f}},\n\
             \"é\": [\"{{g}}\", {{g}}]}\n\
             > ```\nx\n {{h}}\n```\n\
             >text escapes: {{i}}\n\
             >binary hex:{{j}}\n\
             >close {{k}} {{l}}\n\
             >frame text {{m}}\n\
             <({{o}}, x{{p}}) /a{{q}}/\n\
             <close {{r}} `{{s}}`\n\
             @wait {{t}}\n\
             @repeat {{u}}\n\
             >ping {{v}}\n\
             @end\n",
            &[
                ("f", 2, 10),
                ("g", 3, 10),
                ("g", 3, 18),
                ("h", 6, 4),
                ("i", 8, 18),
                ("j", 9, 15),
                ("k", 10, 10),
                ("l", 10, 16),
                ("m", 11, 15),
                ("o", 12, 5),
                ("p", 12, 13),
                ("q", 12, 22),
                ("r", 13, 10),
                ("s", 13, 17),
                ("t", 14, 9),
                ("u", 15, 11),
                ("v", 16, 9),
            ],
        );
    }

    #[test]
    fn captures_provide_values_to_the_end_of_their_test() {
        check(
            "### a\nWEBSOCKET ws://x\n[Captures]\none: header X-{{no}}\n\
             > {{one}}{{two}}\n<\n[Captures]\ntwo: .a{{one}}\nthree: .{{three}}\n[Asserts]\n\
             .x == {{two}}\nreason contains \"{{four}}\"\nheader \"{{no}}\" exists\n\
             ### b\nWEBSOCKET ws://x\n> {{one}}\n",
            &[
                ("no", 4, 6),
                ("two", 5, 12),
                ("three", 9, 11),
                ("four", 12, 20),
                ("no", 13, 1),
                ("one", 16, 5),
            ],
        );
    }

    #[test]
    fn generated_values_and_those_of_options_are_defined() {
        check(
            "WEBSOCKET ws://x/?after={{last}}\nX: {{last}}\n[Options]\nresume: last=.id\n\
             on-open: {{last}} {{n}} {{other}}\nheartbeat: {{n}}\nheader: X: {{last}}\n\
             token-message: {{token}}{{n}}\nuser: {{last}}{{token}}\n\
             > {{$uuid}}{{$now}}{{$n}}{{$x}}{{last}}{{n}}\n",
            &[
                ("other", 5, 27),
                ("n", 8, 27),
                ("last", 9, 9),
                ("token", 9, 17),
                ("$x", 10, 28),
                ("last", 10, 34),
                ("n", 10, 42),
            ],
        );
    }

    #[test]
    fn files_that_are_included_capture_too() {
        let steps = "@include a.wst\n> {{one}}{{two}}\n<\n[Captures]\ntwo: .x\n@repeat 2\n<\n\
                     [Captures]\nthree: code\n@end\n";
        let steps = parse_included(steps, Allowed::default()).unwrap();
        let included = |path: &str| vec![path.replace("a.wst", "one")];
        let found = undefined_in(&steps, &|_| false, &included);
        let found: Vec<_> = found.iter().map(|at| at.value.as_str()).collect();
        assert_eq!(found, ["two"]);
    }
}
