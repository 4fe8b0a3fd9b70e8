//! The parser of scripts: from the text of a `.wst` file to [`super::ast`]. Pure.
//!
//! It goes from line to line. What is wrong on one is reported, and the next line is read, so that a
//! person sees all errors at once. The time is proportional to the length of the text, and nothing
//! recurses, whatever the text is.

mod asserts;
mod checks;
mod directive;
mod error;
mod json;
mod line;
mod mark;
mod payload;
mod request;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod text;
mod unknown;

use super::ast::{At, File, Given, Span, Step, Test};
use super::excerpt::quoted;
use directive::Directive;
pub use error::Error;
pub use state::Allowed;
use state::State;
use text::Part;

/// How deep `@repeat` may be nested.
const MAX_NESTING: usize = 16;

/// Parses a script.
///
/// # Errors
/// What is wrong, in the order of the lines, at most 20.
pub fn parse(text: &str, allowed: Allowed<'_>) -> Result<File, Vec<Error>> {
    let mut parser = Parser::new(text, allowed);
    parser.run();
    parser.end_test();
    let is_empty = parser.tests.is_empty();
    let errors = parser.state.into_errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    match is_empty {
        true => Err(vec![
            Error::new(FIRST, "there is no test in this file")
                .advice("a test begins with a line such as WEBSOCKET ws://localhost:8080/"),
        ]),
        false => Ok(File {
            tests: parser.tests,
        }),
    }
}

/// Parses a file that another one includes: steps, without tests.
///
/// # Errors
/// As [`parse`].
pub fn parse_included(text: &str, allowed: Allowed<'_>) -> Result<Vec<Step>, Vec<Error>> {
    let mut parser = Parser::new(text, allowed);
    parser.is_included = true;
    parser.state.connections.be_lenient();
    parser.run();
    parser.end_test();
    let errors = parser.state.into_errors();
    match errors.is_empty() {
        true => Ok(parser
            .tests
            .pop()
            .map(|test| test.steps)
            .unwrap_or_default()),
        false => Err(errors),
    }
}

/// The beginning of a file.
const FIRST: Span = Span {
    line: 1,
    column: 1,
    width: 1,
};

struct Parser<'a> {
    state: State<'a>,
    tests: Vec<Test>,
    /// The test that is being read.
    name: Option<At<String>>,
    steps: Vec<Step>,
    /// What is repeated and not yet at its `@end`, from the outside.
    open: Vec<Repeat>,
    is_included: bool,
    /// Whether a line of the test gave no step, so that an empty one has a reason.
    is_wrong: bool,
    /// Whether the last line was nothing. One error is enough for several of them.
    was_unknown: bool,
}

/// `@repeat`, and the steps before it.
struct Repeat {
    span: Span,
    /// `None` if it is wrong.
    times: Option<At<Given<u32>>>,
    before: Vec<Step>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, allowed: Allowed<'a>) -> Self {
        Parser {
            state: State::new(text, allowed),
            tests: Vec::new(),
            name: None,
            steps: Vec::new(),
            open: Vec::new(),
            is_included: false,
            is_wrong: false,
            was_unknown: false,
        }
    }

    fn run(&mut self) {
        while let Some(line) = checks::skip_to_text(&mut self.state) {
            if self.state.is_full() {
                break;
            }
            let was_unknown = std::mem::take(&mut self.was_unknown);
            if line::is_test(line) {
                self.state.lines.next();
                self.begin_test(line);
            } else if let Some(name) = line::section(line) {
                checks::refuse(&mut self.state, name);
                self.is_wrong = true;
            } else {
                self.state.lines.next();
                self.line(line, was_unknown);
            }
        }
    }

    /// Reads the step on this line, which has been taken, and what belongs to it.
    fn line(&mut self, line: Part<'a>, was_unknown: bool) {
        let step = if line.text().starts_with('@') {
            let directive = directive::read(&self.state, line);
            self.directive(line, directive)
        } else if let Some(rest) = line::websocket(line) {
            request::read(&mut self.state, line, rest)
        } else if line::http(line).is_some() {
            let error = Error::new(line.span(), "HTTP is in the wrong place");
            self.state
                .report(error.advice("it belongs below WEBSOCKET, before the first step"));
            None
        } else if let Some(head) = line::head(line) {
            let step = step::read(&mut self.state, line, &head);
            self.state.ok(step)
        } else {
            self.was_unknown = true;
            if !was_unknown {
                self.state.report(unknown::error(line));
            }
            None
        };
        self.is_wrong |= step.is_none();
        self.steps.extend(step);
    }

    /// What `@…` asks for; a step if it is one.
    fn directive(&mut self, line: Part<'a>, directive: Result<Directive, Error>) -> Option<Step> {
        let is_repeat = line.word().0.text() == "@repeat";
        match self.state.ok(directive) {
            Some(Directive::Step(step)) => {
                if matches!(step, Step::Include(_)) {
                    self.state.connections.be_lenient();
                }
                Some(step)
            }
            Some(Directive::Repeat(times)) => self.begin_repeat(line, Some(times)),
            // Its `@end` is not in the wrong place.
            None if is_repeat => self.begin_repeat(line, None),
            Some(Directive::End) => self.end_repeat(line),
            None => None,
        }
    }

    fn begin_repeat(&mut self, line: Part<'a>, times: Option<At<Given<u32>>>) -> Option<Step> {
        let span = line.word().0.span();
        if self.open.len() == MAX_NESTING {
            let what = format!("@repeat is nested more than {MAX_NESTING} times");
            self.state.report(Error::new(span, what));
        }
        let before = std::mem::take(&mut self.steps);
        self.open.push(Repeat {
            span,
            times,
            before,
        });
        None
    }

    fn end_repeat(&mut self, line: Part<'a>) -> Option<Step> {
        let Some(repeat) = self.open.pop() else {
            let error = Error::new(line.span(), "there is no @repeat before this @end");
            self.state.report(error);
            return None;
        };
        let steps = std::mem::replace(&mut self.steps, repeat.before);
        // An error has been reported. What is nested without end would overflow the stack later.
        if self.open.len() >= MAX_NESTING {
            return None;
        }
        let times = repeat.times?;
        Some(Step::Repeat { times, steps })
    }

    fn begin_test(&mut self, line: Part<'a>) {
        if self.is_included {
            let error = Error::new(line.span(), "an included file has no tests");
            self.state
                .report(error.advice("it consists of steps; leave out the line with ###"));
            return;
        }
        self.end_test();
        self.name = Some(line.after(3).trim().owned());
    }

    /// Adds the test that was read to the others.
    fn end_test(&mut self) {
        for repeat in self.open.drain(..) {
            let error = Error::new(repeat.span, "there is no @end for this @repeat");
            self.state.report(error);
        }
        let steps = std::mem::take(&mut self.steps);
        let name = self.name.take();
        let is_wrong = std::mem::take(&mut self.is_wrong);
        if !self.is_included {
            self.state.connections = state::Connections::default();
        }
        let Some(first) = steps.first() else {
            if let Some(name) = name.filter(|name| !name.value.is_empty() && !is_wrong) {
                let what = format!("the test {} has no steps", quoted(&name.value));
                let error = Error::new(name.span, what);
                self.state
                    .report(error.advice("a comment begins with one #"));
            }
            return;
        };
        let name = name.unwrap_or_else(|| At::new(String::new(), first.span()));
        self.tests.push(Test { name, steps });
    }
}
