//! What the parts of the parser share: the lines that are left, the errors so far, and the connections
//! of the test.

use std::collections::BTreeSet;

use super::error::Error;
use super::text::{Lines, Part};
use crate::script::ast::{At, Span};
use crate::script::excerpt::quoted;
use crate::script::{expression, values};
use crate::similar::nearest;
use crate::template;

/// The most errors that are reported of a file.
pub(super) const MAX_ERRORS: usize = 20;

/// How many expressions of a file are compiled here. Compiling takes time, and the runner does it anyway.
const MAX_COMPILED: usize = 1000;

/// What a script may have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed<'a> {
    /// The long names of its options; none accepts all.
    pub options: &'a [&'a str],
    /// Its files may be anywhere, as far as the parser is concerned.
    pub any_path: bool,
}

pub(super) struct State<'a> {
    pub(super) lines: Lines<'a>,
    pub(super) connections: Connections,
    allowed: Allowed<'a>,
    errors: Vec<Error>,
    compiled: usize,
}

impl<'a> State<'a> {
    pub(super) fn new(text: &'a str, allowed: Allowed<'a>) -> Self {
        State {
            lines: Lines::new(text),
            connections: Connections::default(),
            allowed,
            errors: Vec::new(),
            compiled: 0,
        }
    }

    pub(super) fn report(&mut self, error: Error) {
        self.errors.push(error);
    }

    /// The value, or nothing if there is an error, which is reported.
    pub(super) fn ok<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.report(error)).ok()
    }

    /// Whether there are as many errors as are reported.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_ERRORS
    }

    /// The errors in the order of their places.
    pub(super) fn into_errors(mut self) -> Vec<Error> {
        self.errors
            .sort_by_key(|error| (error.span.line, error.span.column));
        self.errors.truncate(MAX_ERRORS);
        self.errors
    }

    /// Checks the name of an option.
    pub(super) fn check_option(&self, name: Part<'a>) -> Result<(), Error> {
        if self.allowed.options.is_empty() || self.allowed.options.contains(&name.text()) {
            return Ok(());
        }
        let lowercase = name.text().to_lowercase().replace('_', "-");
        let near = nearest(&lowercase, self.allowed.options.iter().copied());
        let error = Error::new(
            name.span(),
            format!("unknown option {}", quoted(name.text())),
        );
        Err(error.advice(match near {
            Some(near) => format!("did you mean '{near}'?"),
            None => "`wirecat --help` lists the options; a script has their long names".to_owned(),
        }))
    }

    /// Checks the path of a file.
    pub(super) fn check_path(&self, path: &str) -> Result<(), String> {
        match self.allowed.any_path && !path.is_empty() {
            true => Ok(()),
            false => values::path(path),
        }
    }

    /// Checks the path of a file that is read before anything is run.
    pub(super) fn check_fixed_path(&self, path: &str) -> Result<(), String> {
        match template::has_placeholder(path) {
            true => Err(
                "the file is read before anything runs, so its path has no variables".to_owned(),
            ),
            false => self.check_path(path),
        }
    }

    /// Checks a jq expression; one with variables only for its size.
    pub(super) fn check_jq(&mut self, part: Part<'a>) -> Result<(), Error> {
        let text = part.text();
        let checked = match template::has_placeholder(text) || !self.may_compile() {
            true => expression::check_size(text),
            false => expression::compile(text).map(drop),
        };
        checked.map_err(|fault| {
            let rest = part.after(fault.at);
            let (word, _) = rest.split_while(|c| c.is_alphanumeric() || c == '_');
            let place = if word.is_empty() { rest.first(0) } else { word };
            Error::new(place.span(), fault.message)
        })
    }

    /// Checks a regular expression without its slashes, if it has no variables.
    pub(super) fn check_regex(&mut self, source: Part<'a>) -> Result<(), Error> {
        let text = source.text();
        if template::has_placeholder(text) || !self.may_compile() {
            return Ok(());
        }
        values::regex(text).map_err(|why| Error::new(source.span(), why))
    }

    fn may_compile(&mut self) -> bool {
        self.compiled += 1;
        self.compiled <= MAX_COMPILED
    }
}

/// Which connections a test has opened so far.
#[derive(Default)]
pub(super) struct Connections {
    names: BTreeSet<String>,
    is_any_open: bool,
    /// Others may have been opened by a file that is included, or by the one that includes this.
    is_lenient: bool,
}

impl Connections {
    pub(super) fn open(&mut self, name: Option<&str>) {
        self.is_any_open = true;
        self.names.extend(name.map(str::to_owned));
    }

    /// From here on, there may be others.
    pub(super) fn be_lenient(&mut self) {
        self.is_lenient = true;
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Checks that the connection of a step is there. What is missing is reported once.
    pub(super) fn check(&mut self, mark: Span, name: Option<&At<String>>) -> Result<(), Error> {
        if self.is_lenient {
            return Ok(());
        }
        if !self.is_any_open {
            self.is_lenient = true;
            return Err(Error::new(mark, "there is no connection yet")
                .advice("a test begins with a line such as WEBSOCKET ws://localhost:8080/"));
        }
        let Some(name) = name.filter(|name| !self.has(&name.value)) else {
            return Ok(());
        };
        let near = nearest(&name.value, self.names.iter().map(String::as_str));
        let advice = match near {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("a line opens it: WEBSOCKET {} URL", name.value),
        };
        let what = format!(
            "there is no connection {} in this test",
            quoted(&name.value)
        );
        self.names.insert(name.value.clone());
        Err(Error::new(name.span, what).advice(advice))
    }
}
