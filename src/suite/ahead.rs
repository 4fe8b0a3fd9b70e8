//! What can be said of the connections of a script before anything is run: whether their URLs, headers and
//! options are valid, where no captured value stands in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::files::{Loaded, Script};
use super::opening::place_of;
use super::options::{Options, World};
use super::steps::Runner;
use crate::error::{Error, Exit};
use crate::output::sanitize;
use crate::script::ast::{Open, Step};
use crate::script::excerpt;
use crate::script::names;
use crate::script::result::is_selected;
use crate::template;

/// What is wrong with the connections of the selected tests, each once, as lines for a person.
pub fn check(loaded: &Loaded, options: &Options, world: &World<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let tests = loaded.file.tests.iter();
    for test in tests.filter(|test| is_selected(&test.name.value, &options.only)) {
        let mut checking = Checking {
            runner: Runner::new(loaded, options, world),
            captured: captured(loaded, &loaded.script, &test.steps),
            wrong: &mut wrong,
        };
        checking.steps(&loaded.script, &test.steps);
    }
    wrong
}

/// The names that a test captures, in included files too.
fn captured(loaded: &Loaded, script: &Script, steps: &[Step]) -> BTreeSet<String> {
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
                Step::Repeat { steps, .. } => self.steps(script, steps),
                Step::Include(name) => {
                    if let Some(file) = self.runner.loaded.included(script, &name.value) {
                        self.steps(&file.script, &file.steps);
                    }
                }
                Step::Send(_) | Step::Expect(_) | Step::Wait(_) => {}
            }
        }
    }

    fn open(&mut self, script: &Script, open: &Open) {
        let is_captured = |text: &str| template::names(text).any(|it| self.captured.contains(it));
        if texts(open).any(is_captured) {
            return;
        }
        let Ok(request) = self.runner.request(script, open) else {
            return;
        };
        match (self.runner.world.dial)(&request, &script.folder) {
            Err(error) if error.exit == Exit::Usage => self.report(script, open, &error),
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
        let (shown, text) = (&script.shown, &script.text);
        let place = place_of(open, error);
        let rendered = excerpt::render(shown, text, place, &message, advice.as_deref());
        if !self.wrong.contains(&rendered) {
            self.wrong.push(rendered);
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
