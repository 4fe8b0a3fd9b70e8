//! What can be said of the connections of a script before anything is run: whether their URLs, headers and
//! options are valid, where no captured value stands in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::files::{Loaded, Quotes, Script};
use super::opening::place_of;
use super::options::{Options, World};
use super::steps::{Runner, Stopped};
use crate::error::{Error, Exit};
use crate::output::sanitize;
use crate::script::ast::{Assert, At, Expect, Given, Open, Outgoing, Send, Step};
use crate::script::names;
use crate::script::result::is_selected;
use crate::script::values;
use crate::template;

/// What is wrong with the connections of the selected tests, each once, as lines for a person.
pub fn check(loaded: &Loaded, options: &Options, world: &World<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let tests = loaded.file.tests.iter();
    for test in tests.filter(|test| is_selected(&test.name.value, &options.only)) {
        let mut checking = Checking {
            runner: Runner::new(loaded, (options, &options.redactor), world),
            captured: captured(loaded, &loaded.script, &test.steps),
            wrong: &mut wrong,
        };
        checking.steps(&loaded.script, &test.steps);
    }
    wrong
}

/// The names that a test captures, in included files too.
pub(super) fn captured(loaded: &Loaded, script: &Script, steps: &[Step]) -> BTreeSet<String> {
    names::captured(steps, &|name| match loaded.included(script, name) {
        Some(file) => captured(loaded, &file.script, &file.steps)
            .into_iter()
            .collect(),
        None => Vec::new(),
    })
}

struct Checking<'a> {
    runner: Runner<'a>,
    captured: BTreeSet<String>,
    wrong: &'a mut Vec<String>,
}

impl Checking<'_> {
    fn steps(&mut self, script: &Arc<Script>, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Open(open) => self.open(script, open),
                // At most 16 deep.
                Step::Repeat { times, steps } => {
                    self.given(script, times, values::times);
                    self.steps(script, steps);
                }
                Step::Include(name) => {
                    if let Some(file) = self.runner.loaded.included(script, &name.value) {
                        self.steps(&file.script, &file.steps);
                    }
                }
                Step::Send(send) => self.send(script, send),
                Step::Expect(expect) => self.expectation(script, expect),
                Step::Wait(time) => self.given(script, time, values::duration),
            }
        }
    }

    fn has_captured(&self, text: &str) -> bool {
        template::names(text).any(|name| self.captured.contains(name))
    }

    fn given<T: Copy>(
        &mut self,
        script: &Script,
        given: &At<Given<T>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        if let Given::Template(text) = &given.value
            && !self.has_captured(text)
            && let Err(stopped) = self.runner.given(script, given, parse)
        {
            self.report_stopped(script, stopped);
        }
    }

    fn send(&mut self, script: &Script, send: &Send) {
        if let Outgoing::Frame(words) = &send.what
            && !self.has_captured(&words.value)
            && let Err(stopped) = self.runner.frame(script, words)
        {
            self.report_stopped(script, stopped);
        }
    }

    fn expectation(&mut self, script: &Script, expect: &Expect) {
        if let Some(limit) = &expect.limit {
            self.given(script, limit, values::duration);
        }
        if let Some(times) = &expect.times {
            self.given(script, times, values::times);
        }
        for assert in &expect.checks.asserts {
            if let Assert::Schema(name) = &assert.value
                && let Err(why) = self.runner.schema(script, &name.value)
            {
                let quotes = Quotes::of_known(script, self.runner.redactor());
                self.add(quotes.error(assert.span, &one_line(&why), None));
            }
        }
    }

    fn open(&mut self, script: &Script, open: &Open) {
        if texts(open).any(|text| self.has_captured(text)) {
            return;
        }
        let request = match self.runner.request(script, open) {
            Ok(request) => request,
            Err(stopped) => return self.report_stopped(script, stopped),
        };
        match (self.runner.world.dial)(&request, &script.folder) {
            Err(error) if matches!(error.exit, Exit::Usage | Exit::Url) => {
                self.report(script, open, &error);
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn report(&mut self, script: &Script, open: &Open, error: &Error) {
        let details = error
            .details
            .iter()
            .map(|it| format!("\n  {}", one_line(it)));
        let message = one_line(&error.message) + &details.collect::<String>();
        let advice = (!error.advice.is_empty()).then(|| one_line(&error.advice.join("; ")));
        let quotes = Quotes::of_known(script, self.runner.redactor());
        self.add(quotes.error(place_of(open, error), &message, advice.as_deref()));
    }

    fn report_stopped(&mut self, script: &Script, stopped: Stopped) {
        let Stopped::Error(failure) = stopped else {
            return;
        };
        let Some(place) = &failure.place else { return };
        let message = one_line(failure.message.as_str());
        let quotes = Quotes::of_known(script, self.runner.redactor());
        self.add(quotes.error(place.span, &message, None));
    }

    /// A file may be included many times.
    fn add(&mut self, error: String) {
        if !self.wrong.contains(&error) {
            self.wrong.push(error);
        }
    }
}

/// A value may have line breaks and controls.
fn one_line(text: &str) -> String {
    let mut line = Vec::new();
    sanitize::line(text, &mut line);
    String::from_utf8_lossy(&line).into_owned()
}

/// Everything that a connection is made of.
fn texts(open: &Open) -> impl Iterator<Item = &str> {
    let headers = open.headers.iter().map(|it| &*it.value.value);
    let options = open.options.iter();
    let options = options.filter_map(|it| it.value.value.as_deref());
    std::iter::once(&*open.url.value)
        .chain(headers)
        .chain(options)
}
