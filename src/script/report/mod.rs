//! Reports: results as bytes, for people and for other programs.
//!
//! The texts of results may hold anything that a server or the author of a script chose. No report lets
//! it reach a terminal, an XML, YAML or JSON parser as anything but text.

mod human;
mod json;
mod junit;
mod parts;
mod tap;
#[cfg(test)]
mod tests;

use std::time::Duration;

use human::Human;
use json::Json;
use junit::Junit;
use tap::Tap;

use super::result::{FileResult, Totals};
use crate::error::Exit;

/// `--report`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Human,
    Tap,
    Junit,
    Json,
}

impl Kind {
    /// # Errors
    /// Which kinds there are.
    pub fn parse(text: &str) -> Result<Kind, String> {
        match text {
            "human" => Ok(Kind::Human),
            "tap" => Ok(Kind::Tap),
            "junit" => Ok(Kind::Junit),
            "json" => Ok(Kind::Json),
            _ => Err("write human, tap, junit or json".to_owned()),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Human => "human",
            Kind::Tap => "tap",
            Kind::Junit => "junit",
            Kind::Json => "json",
        }
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub kind: Kind,
    /// Whether the human one is coloured.
    pub color: bool,
    /// When the run began, since the Unix epoch.
    pub started: Duration,
}

/// Writes one report. Results are added as files end, in the order of the files.
#[derive(Debug)]
pub struct Report {
    totals: Totals,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Human(Human),
    Tap(Tap),
    Junit(Junit),
    Json(Json),
}

impl Report {
    pub fn new(options: Options) -> Report {
        let form = match options.kind {
            Kind::Human => Form::Human(Human::new(options.color)),
            Kind::Tap => Form::Tap(Tap::default()),
            Kind::Junit => Form::Junit(Junit::new(options.started)),
            Kind::Json => Form::Json(Json::new(options.started)),
        };
        Report {
            totals: Totals::default(),
            form,
        }
    }

    /// What is written once this file has ended; JUnit and JSON write nothing before the end.
    pub fn file(&mut self, file: &FileResult) -> Vec<u8> {
        self.totals.add(file);
        let mut out = Vec::new();
        match &mut self.form {
            Form::Human(human) => human.file(file, &mut out),
            Form::Tap(tap) => tap.file(file, &mut out),
            Form::Junit(junit) => junit.file(file),
            Form::Json(json) => json.file(file),
        }
        out
    }

    /// The rest. `took` is that of the whole run, `stopped` how the program ends if a signal ended it.
    pub fn end(mut self, took: Duration, stopped: Option<Exit>) -> Vec<u8> {
        let (mut out, interrupted) = (Vec::new(), stopped.is_some());
        match &mut self.form {
            Form::Human(human) => human.end(&self.totals, took, interrupted, &mut out),
            Form::Tap(tap) => tap.end(interrupted, &mut out),
            Form::Junit(junit) => return junit.end(took),
            Form::Json(json) => return json.end(&self.totals, took, stopped),
        }
        out
    }
}
