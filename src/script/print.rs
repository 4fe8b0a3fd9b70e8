//! Writes a script as text, so that reading it gives the same script.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::asserts::{name_of, word_of};
use super::ast::{
    Assert, At, Checks, Expect, Expected, File, Given, Open, Outgoing, Pattern, Payload, Query,
    Send, Step, Test,
};
use super::payload;
use crate::message::Kind;
use crate::units;

/// The text of a script.
pub fn to_script(file: &File) -> String {
    let mut printer = Printer::default();
    for (number, test) in file.tests.iter().enumerate() {
        printer.test(number == 0, test);
    }
    printer.out
}

/// Writes one step after another.
#[derive(Default)]
struct Printer {
    out: String,
}

impl Printer {
    fn test(&mut self, is_first: bool, test: &Test) {
        if !is_first {
            self.line("");
        }
        let name = &test.name.value;
        // Steps at the beginning of a file are a test without a name.
        if !is_first || !name.is_empty() {
            self.line(format!("### {name}").trim_end());
        }
        self.steps(&test.steps);
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Open(open) => self.open(open),
                Step::Send(send) => self.send(send),
                Step::Expect(expect) => self.expectation(expect),
                Step::Wait(time) => self.line(&format!("@wait {}", duration(&time.value))),
                Step::Repeat { times, steps } => {
                    self.line(&format!("@repeat {}", given(&times.value)));
                    self.steps(steps);
                    self.line("@end");
                }
                Step::Include(file) => self.line(&format!("@include {}", file.value)),
            }
        }
    }

    fn open(&mut self, open: &Open) {
        let name = open.name.as_ref();
        let name = name.map_or(String::new(), |name| format!("{} ", name.value));
        self.line(&format!("WEBSOCKET {name}{}", open.url.value));
        for header in &open.headers {
            self.line(&format!("{}: {}", header.value.name, header.value.value));
        }
        if !open.options.is_empty() {
            self.line("[Options]");
        }
        for option in &open.options {
            match &option.value.value {
                Some(value) => self.line(&format!("{}: {value}", option.value.name)),
                None => self.line(&option.value.name),
            }
        }
        let handshake = &open.handshake;
        if handshake.status.is_some() || !handshake.headers.is_empty() {
            let status = handshake.status.as_ref();
            let status = status.map_or("101".to_owned(), |status| given(&status.value));
            self.line(&format!("HTTP {status}"));
        }
        for header in &handshake.headers {
            self.line(&format!("{}: {}", header.value.name, header.value.value));
        }
        self.checks(&handshake.checks);
        self.line("");
    }

    fn send(&mut self, send: &Send) {
        let connection = connection(send.connection.as_ref());
        let mark = format!("{connection}>");
        match &send.what {
            Outgoing::Message { kind, payload } => {
                self.message(&mark, *kind, "", &payload.value);
            }
            Outgoing::Ping(data) => self.control(&format!("{mark}ping"), data.as_ref()),
            Outgoing::Pong(data) => self.control(&format!("{mark}pong"), data.as_ref()),
            Outgoing::Close { code, reason } => {
                let code = code.as_ref().map(|code| given(&code.value));
                self.close(&format!("{mark}close"), code, reason.as_ref());
            }
            Outgoing::Frame(words) => self.line(&format!("{mark}frame {}", words.value)),
        }
    }

    fn expectation(&mut self, expect: &Expect) {
        let connection = connection(expect.connection.as_ref());
        let not = if expect.not { "!" } else { "" };
        let mark = format!("{connection}{not}<");
        let limits = limits(expect);
        match &expect.what {
            Expected::Any(None) => self.line(&format!("{mark}{limits}")),
            Expected::Any(Some(kind)) => self.line(&format!("{mark}{}{limits}", word(*kind))),
            Expected::Message { kind, pattern } => match &pattern.value {
                Pattern::Equal(payload) => self.message(&mark, *kind, &limits, payload),
                Pattern::Contains(payload) => {
                    self.message(&format!("{mark}~"), *kind, &limits, payload);
                }
                Pattern::Regex {
                    source,
                    ignores_case,
                } => {
                    let kind = kind.map_or("", word);
                    let flag = if *ignores_case { "i" } else { "" };
                    self.line(&format!("{mark}{kind}{limits} /{source}/{flag}"));
                }
            },
            Expected::Ping(data) => self.control(&format!("{mark}ping{limits}"), data.as_ref()),
            Expected::Pong(data) => self.control(&format!("{mark}pong{limits}"), data.as_ref()),
            Expected::Close { code, reason } => {
                let code = code.as_ref().map(|code| given(&code.value));
                self.close(&format!("{mark}close{limits}"), code, reason.as_ref());
            }
            Expected::Drop => self.line(&format!("{mark}drop{limits}")),
            Expected::Open => self.line(&format!("{mark}open{limits}")),
        }
        self.checks(&expect.checks);
    }

    fn message(&mut self, mark: &str, kind: Option<Kind>, limits: &str, payload: &Payload) {
        let (payload, needs_kind) = payload::write_again(payload);
        let kind = kind.or(needs_kind.then_some(Kind::Text));
        let kind = kind.map_or("", word);
        self.line(&format!("{mark}{kind}{limits} {payload}"));
    }

    fn control(&mut self, mark: &str, data: Option<&At<Payload>>) {
        match data {
            Some(data) => {
                let (payload, _) = payload::write_again(&data.value);
                self.line(&format!("{mark} {payload}"));
            }
            None => self.line(mark),
        }
    }

    fn close(&mut self, mark: &str, code: Option<String>, reason: Option<&At<Payload>>) {
        let code = code.map_or(String::new(), |code| format!(" {code}"));
        self.control(&format!("{mark}{code}"), reason);
    }

    fn checks(&mut self, checks: &Checks) {
        if !checks.captures.is_empty() {
            self.line("[Captures]");
        }
        for capture in &checks.captures {
            let query = match &capture.query.value {
                Query::Jq(expression) => expression.clone(),
                Query::Property(property) => name_of(property),
            };
            self.line(&format!("{}: {query}", capture.name.value));
        }
        if !checks.asserts.is_empty() {
            self.line("[Asserts]");
        }
        for assert in &checks.asserts {
            let assert = match &assert.value {
                Assert::Jq(expression) => expression.clone(),
                Assert::Schema(file) => format!("schema {}", file.value),
                Assert::Property {
                    property,
                    not,
                    predicate,
                    value,
                } => {
                    let mut written = name_of(property);
                    let not = if *not { " not" } else { "" };
                    // Writing to a String cannot fail.
                    let _ = write!(written, "{not} {}", word_of(*predicate));
                    if let Some(value) = value {
                        let _ = write!(written, " {}", value.value);
                    }
                    written
                }
            };
            self.line(&assert);
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

fn connection(name: Option<&At<String>>) -> &str {
    name.map_or("", |name| &name.value)
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Binary => "binary",
    }
}

fn given<T: Display>(given: &Given<T>) -> String {
    match given {
        Given::Value(value) => value.to_string(),
        Given::Template(text) => text.clone(),
    }
}

fn duration(given: &Given<Duration>) -> String {
    match given {
        Given::Value(duration) => units::written(*duration),
        Given::Template(text) => text.clone(),
    }
}

/// `(2s, x3)`
fn limits(expect: &Expect) -> String {
    let limit = expect.limit.as_ref().map(|limit| duration(&limit.value));
    let times = expect.times.as_ref();
    let times = times.map(|times| format!("x{}", given(&times.value)));
    let limits: Vec<_> = limit.into_iter().chain(times).collect();
    match limits.is_empty() {
        true => String::new(),
        false => format!("({})", limits.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::ast::{Capture, Form, Header, Setting};
    use crate::script::ast::{Predicate, Property};

    fn at<T>(value: T) -> At<T> {
        At::new(value, Default::default())
    }

    fn payload(form: Form, text: &str) -> At<Payload> {
        let text = text.to_owned();
        at(Payload { form, text })
    }

    fn send(payload: At<Payload>) -> Step {
        Step::Send(Send {
            span: Default::default(),
            connection: None,
            what: Outgoing::Message {
                kind: None,
                payload,
            },
        })
    }

    fn expect(what: Expected) -> Expect {
        Expect {
            span: Default::default(),
            connection: None,
            not: false,
            what,
            limit: None,
            times: None,
            checks: Checks::default(),
        }
    }

    /// The text of a test with these steps.
    fn printed(name: &str, steps: Vec<Step>) -> String {
        let name = at(name.to_owned());
        let tests = vec![Test { name, steps }];
        to_script(&File { tests })
    }

    #[test]
    fn the_request_has_everything() {
        let header = |name: &str, value: &str| {
            at(Header {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        };
        let mut open = Open {
            span: Default::default(),
            name: Some(at("alice".to_owned())),
            url: at("ws://{{host}}/x".to_owned()),
            headers: vec![header("X-A", "1")],
            options: vec![
                at(Setting {
                    name: "reconnect".to_owned(),
                    value: Some("5".to_owned()),
                }),
                at(Setting {
                    name: "no-compress".to_owned(),
                    value: None,
                }),
            ],
            handshake: Default::default(),
        };
        open.handshake.status = Some(at(Given::Value(401)));
        open.handshake.headers = vec![header("Server", "x")];
        open.handshake.checks.asserts = vec![at(Assert::Property {
            property: Property::Header("WWW-Authenticate".to_owned()),
            not: true,
            predicate: Predicate::StartsWith,
            value: Some(at("\"Basic\"".to_owned())),
        })];
        assert_eq!(
            printed("", vec![Step::Open(Box::new(open))]),
            "WEBSOCKET alice ws://{{host}}/x\nX-A: 1\n[Options]\nreconnect: 5\nno-compress\n\
             HTTP 401\nServer: x\n[Asserts]\nheader WWW-Authenticate not startsWith \"Basic\"\n\n"
        );
    }

    #[test]
    fn payloads_keep_their_forms() {
        let steps = vec![
            send(payload(Form::Json, "{\n\"a\":{{n}}}")),
            send(payload(Form::Text, "plain {{x}}")),
            send(payload(Form::Text, "{\"a\":1}")),
            send(payload(Form::Text, "/x/")),
            send(payload(Form::Text, "a\n`b`")),
            send(payload(Form::Text, "\u{1b}{{x}}")),
            send(payload(Form::Escapes, "a\\n")),
            send(payload(Form::Hex, "00ff")),
            send(payload(Form::Base64, "AA==")),
            send(payload(Form::File, "a.json")),
        ];
        assert_eq!(
            printed("n", steps),
            "### n\n> {\n\"a\":{{n}}}\n> plain {{x}}\n> `{\"a\":1}`\n> `/x/`\n> ```\na\n`b`\n```\n\
             >text escapes:\\x1b{{x}}\n>text escapes:a\\n\n>text hex:00ff\n>text base64:AA==\n\
             >text file:a.json\n"
        );
    }

    #[test]
    fn expectations_have_limits_and_checks() {
        let mut first = expect(Expected::Message {
            kind: Some(Kind::Text),
            pattern: at(Pattern::Contains(payload(Form::Json, "{}").value)),
        });
        first.connection = Some(at("alice".to_owned()));
        first.not = true;
        first.limit = Some(at(Given::Value(Duration::from_millis(300))));
        first.times = Some(at(Given::Value(3)));
        first.checks.captures = vec![Capture {
            name: at("id".to_owned()),
            query: at(Query::Jq(".id".to_owned())),
        }];
        let regex = expect(Expected::Message {
            kind: None,
            pattern: at(Pattern::Regex {
                source: "a/b".to_owned(),
                ignores_case: true,
            }),
        });
        let close = expect(Expected::Close {
            code: Some(at(Given::Value(1000))),
            reason: Some(payload(Form::Text, "bye")),
        });
        let steps = [
            first,
            regex,
            close,
            expect(Expected::Any(None)),
            expect(Expected::Any(Some(Kind::Binary))),
            expect(Expected::Pong(Some(payload(Form::Text, "p")))),
            expect(Expected::Drop),
        ];
        let mut steps: Vec<_> = steps
            .into_iter()
            .map(|it| Step::Expect(Box::new(it)))
            .collect();
        let times = at(Given::Template("{{k}}".to_owned()));
        steps = vec![
            Step::Repeat { times, steps },
            Step::Wait(at(Given::Value(Duration::from_secs(2)))),
            Step::Include(at("a.wst".to_owned())),
        ];
        assert_eq!(
            printed("", steps),
            "@repeat {{k}}\nalice!<~text(300ms, x3) {}\n[Captures]\nid: .id\n< /a/b/i\n\
             <close 1000 bye\n<\n<binary\n<pong p\n<drop\n@end\n@wait 2s\n@include a.wst\n"
        );
    }
}
