//! Runs the steps of one test.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::connection::{Connection, Finish, now};
use super::end::End;
use super::files::{Loaded, Script};
use super::folder::MAX_FILE;
use super::options::{Options, World};
use super::recordings::Recordings;
use super::variables::{CAPTURED, Variables};
use crate::close::{Close, may_be_sent};
use crate::codec;
use crate::error::{Error, Exit, plain_words};
use crate::event::Command;
use crate::generated::Generated;
use crate::message::{Kind, Message};
use crate::script::asserts::JqAssert;
use crate::script::ast::{At, Form, Given, Outgoing, Payload, Send, Span, Step};
use crate::script::excerpt;
use crate::script::matching::Content;
use crate::script::result::{Ended, Failure, Place, Verdict};
use crate::script::schema::Schema;
use crate::script::shown::Shown;
use crate::script::values;
use crate::secret::Redactor;
use crate::template::Place as TextPlace;
use crate::units;
use crate::wire::frame::{RawFrame, check_control_payload};
use crate::wire::frame_words;
use crate::written::Data;

/// How long a step may take if it does not say.
pub(super) const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// Why a test does not go on.
#[derive(Debug)]
pub(super) enum Stopped {
    /// An expectation did not come true.
    Failed(Box<Failure>),
    /// A connection failed, or the script asks for what cannot be done.
    Error(Box<Failure>),
    Interrupted,
}

impl Stopped {
    /// An assert that cannot be used is no expectation that did not come true.
    pub(super) fn by(failure: Box<Failure>) -> Stopped {
        match failure.exit {
            Exit::Usage => Stopped::Error(failure),
            _ => Stopped::Failed(failure),
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) steps: u64,
    pub(super) asserts: u64,
    pub(super) connections: u32,
}

/// One test under way.
pub(super) struct Runner<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) options: &'a Options,
    /// That of the test, which knows all its secrets.
    pub(super) redactor: &'a Redactor,
    pub(super) world: &'a World<'a>,
    pub(super) variables: Variables,
    pub(super) connections: Vec<Connection>,
    pub(super) counts: Counts,
    /// The beginning of the names of its recordings.
    pub(super) record: Option<PathBuf>,
    pub(super) recordings: Recordings,
    /// What was compiled, by its text.
    pub(super) compiled: HashMap<String, JqAssert>,
    pub(super) schemas: HashMap<String, Arc<Schema>>,
}

/// A step that calls itself.
type Running<'r> = Pin<Box<dyn Future<Output = Result<(), Stopped>> + 'r>>;

impl<'a> Runner<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        (options, redactor): (&'a Options, &'a Redactor),
        world: &'a World<'a>,
    ) -> Self {
        Runner {
            loaded,
            options,
            redactor,
            world,
            variables: Variables::new(&loaded.variables, &options.variables),
            connections: Vec::new(),
            counts: Counts::default(),
            record: None,
            recordings: Recordings::new(false),
            compiled: HashMap::new(),
            schemas: HashMap::new(),
        }
    }

    /// Runs these steps of a script, up to the first that fails.
    pub(super) fn run<'r>(&'r mut self, script: &'r Arc<Script>, steps: &'r [Step]) -> Running<'r> {
        Box::pin(async move {
            for step in steps {
                self.step(script, step).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, script: &Arc<Script>, step: &Step) -> Result<(), Stopped> {
        self.counts.steps += 1;
        match step {
            Step::Open(open) => self.open(script, open).await,
            Step::Send(send) => self.send(script, send).await,
            Step::Expect(expect) => self.expectation(script, expect).await,
            Step::Wait(time) => {
                let time = self.given(script, time, values::duration)?;
                tokio::time::sleep(time).await;
                Ok(())
            }
            Step::Repeat { times, steps } => {
                for _ in 0..self.given(script, times, values::times)? {
                    self.run(script, steps).await?;
                    // Steps that wait for nothing leave no other task behind for ever.
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Step::Include(name) => match self.loaded.included(script, &name.value) {
                Some(included) => self.run(&included.script, &included.steps).await,
                None => Err(self.wrong(script, name.span, "this file was not read")),
            },
        }
    }

    /// The verdict of the test, after its connections have been closed.
    pub(super) async fn finish(&mut self, stopped: Result<(), Stopped>) -> Verdict {
        let how = match &stopped {
            Err(Stopped::Interrupted) => Finish::Interrupt,
            _ => Finish::Close,
        };
        for connection in &self.connections {
            connection.leave(how);
        }
        let (mut bad, mut trouble, mut misfit) = (None, None, None);
        for connection in &mut self.connections {
            let end = connection.end().await;
            let arrived = connection.lane.with(|lane| lane.misfit.take());
            misfit = misfit.or(arrived.map(|it| (it, connection.place.clone())));
            let notes = connection.lane.with(|lane| std::mem::take(&mut lane.notes));
            trouble = trouble.or(notes.into_iter().next());
            let is_fine = |it: &End| {
                it.exit == Exit::Ok
                    || (it.is_loss && (connection.reopens || connection.is_loss_expected))
            };
            let bad_end = end.filter(|it| !is_fine(it) && !connection.is_end_expected);
            bad = bad.or(bad_end.map(|end| (end, connection.place.clone())));
        }
        let written = self.recordings.release(self.redactor());
        let misfit = misfit.and_then(|(arrived, place)| {
            let mut failure = self.misfit(&arrived)?;
            failure.place = place;
            Some(failure)
        });
        match (stopped, misfit) {
            // It is none of those that a step has taken.
            (Ok(()), Some(failure)) => Verdict::Failed(Box::new(failure)),
            (stopped, _) => self.verdict(stopped, bad, (written, trouble)),
        }
    }

    fn verdict(
        &self,
        stopped: Result<(), Stopped>,
        bad: Option<(End, Option<Place>)>,
        (written, trouble): (Result<(), (PathBuf, io::Error)>, Option<String>),
    ) -> Verdict {
        match stopped {
            Err(Stopped::Failed(failure)) => Verdict::Failed(failure),
            Err(Stopped::Error(failure)) => Verdict::Error(failure),
            Err(Stopped::Interrupted) => Verdict::Interrupted,
            Ok(()) => match (bad, written) {
                (None, Ok(())) => match trouble {
                    None => Verdict::Passed,
                    Some(note) => {
                        let failure = Failure::new(Exit::Usage, self.shown(&note));
                        Verdict::Error(Box::new(failure))
                    }
                },
                (None, Err((path, error))) => {
                    let what = format!(
                        "--record {}: it cannot be written: {}",
                        path.display(),
                        plain_words(&error)
                    );
                    Verdict::Error(Box::new(Failure::new(Exit::Usage, self.shown(&what))))
                }
                (Some((end, place)), _) => {
                    let mut failure = self.failure_of_end(&end);
                    failure.place = place;
                    Verdict::Error(Box::new(failure))
                }
            },
        }
    }

    pub(super) fn redactor(&self) -> &'a Redactor {
        self.redactor
    }

    pub(super) fn shown(&self, text: &str) -> Shown {
        Shown::new(text, self.redactor())
    }

    /// The place of a step in a report.
    pub(super) fn place(&self, script: &Script, span: Span) -> Place {
        Place::new(
            &script.shown,
            span,
            excerpt::line(&script.text, span.line).unwrap_or_default(),
            self.redactor(),
        )
    }

    /// An expectation that did not come true.
    pub(super) fn failure(&self, script: &Script, span: Span, what: &str) -> Failure {
        Failure::new(Exit::Unmet, self.shown(what)).at(self.place(script, span))
    }

    /// A step that cannot be done as it is written.
    pub(super) fn wrong(&self, script: &Script, span: Span, what: &str) -> Stopped {
        let failure = Failure::new(Exit::Usage, self.shown(what));
        Stopped::Error(Box::new(failure.at(self.place(script, span))))
    }

    /// An error of a connection, at the step that found it.
    pub(super) fn error(&self, script: &Script, span: Span, error: &Error) -> Stopped {
        let failure = Failure::from_error(error, self.redactor());
        Stopped::Error(Box::new(failure.at(self.place(script, span))))
    }

    /// The failure of a connection whose end no step expected.
    pub(super) fn failure_of_end(&self, end: &End) -> Failure {
        let mut failure = match &end.error {
            Some(error) => Failure::from_error(error, self.redactor()),
            None => Failure::new(end.exit, Shown::fixed("the server closed the connection")),
        };
        failure.ended = self.ended(end);
        failure
    }

    pub(super) fn ended(&self, end: &End) -> Option<Ended> {
        let close = end.close.as_ref()?;
        Some(Ended {
            code: close.reported_code(),
            reason: self.shown(&close.reason),
        })
    }

    /// The text with its variables filled in.
    pub(super) fn fill(&mut self, text: &str, place: TextPlace) -> String {
        self.variables.fill(text, place, generate)
    }

    /// A value of a step.
    pub(super) fn given<T: Copy>(
        &mut self,
        script: &Script,
        given: &At<Given<T>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Stopped> {
        match &given.value {
            Given::Value(value) => Ok(*value),
            Given::Template(text) => {
                let filled = self.fill(text, TextPlace::Header);
                let parsed = parse(filled.trim());
                parsed.map_err(|why| self.wrong(script, given.span, &format!("'{filled}': {why}")))
            }
        }
    }

    /// The bytes that a payload stands for.
    pub(super) fn payload(
        &mut self,
        script: &Script,
        payload: &Payload,
        span: Span,
    ) -> Result<Bytes, Stopped> {
        let text = match payload.form {
            Form::Hex | Form::Base64 | Form::File => self.fill(&payload.text, TextPlace::Header),
            Form::Escapes => self.fill(&payload.text, TextPlace::Escapes),
            Form::Json | Form::Text => self.fill(&payload.text, TextPlace::Message),
        };
        let bytes = match payload.form {
            Form::Json | Form::Text => return Ok(Bytes::from(text)),
            Form::File if self.variables.has_captured(&payload.text) => Err(CAPTURED.to_owned()),
            Form::Escapes => codec::decode_escapes(text.as_bytes()),
            Form::Hex => codec::decode_hex(text.as_bytes()),
            Form::Base64 => codec::decode_base64(text.as_bytes()),
            Form::File => script.folder.read(text.trim(), MAX_FILE),
        };
        let bytes = bytes.map_err(|why| self.wrong(script, span, &why))?;
        Ok(Bytes::from(bytes))
    }

    /// A payload that a message must hold.
    pub(super) fn content(
        &mut self,
        script: &Script,
        payload: &Payload,
        (kind, span): (Option<Kind>, Span),
    ) -> Result<Content, Stopped> {
        let bytes = self.payload(script, payload, span)?;
        match kind {
            Some(Kind::Binary) => Ok(Content::Binary(bytes)),
            Some(Kind::Text) | None => match String::from_utf8(bytes.into()) {
                Ok(text) => Ok(Content::Text(text)),
                Err(_) => Err(self.wrong(script, span, "a text message is UTF-8, and this is not")),
            },
        }
    }

    /// The payload of a ping, a pong, or nothing.
    fn control_payload(
        &mut self,
        script: &Script,
        payload: Option<&At<Payload>>,
    ) -> Result<Bytes, Stopped> {
        let Some(payload) = payload else {
            return Ok(Bytes::new());
        };
        let bytes = self.payload(script, &payload.value, payload.span)?;
        let checked = check_control_payload(&bytes);
        checked.map_err(|why| self.wrong(script, payload.span, &why))?;
        Ok(bytes)
    }

    /// The place of a connection in the list.
    pub(super) fn find(
        &self,
        script: &Script,
        name: Option<&At<String>>,
        span: Span,
    ) -> Result<usize, Stopped> {
        let found = match name {
            None => self.connections.len().checked_sub(1),
            Some(name) => {
                let is_it = |it: &Connection| it.name.as_ref() == Some(&name.value);
                self.connections.iter().rposition(is_it)
            }
        };
        let what = || match name {
            Some(name) => format!("there is no connection {}", name.value),
            None => "there is no connection: WEBSOCKET URL opens one".to_owned(),
        };
        found.ok_or_else(|| self.wrong(script, span, &what()))
    }

    async fn send(&mut self, script: &Arc<Script>, send: &Send) -> Result<(), Stopped> {
        let index = self.find(script, send.connection.as_ref(), send.span)?;
        let command = self.command(script, send)?;
        let lane = self.connections[index].lane.clone();
        if let Command::Close(_) = command {
            self.connections[index].is_end_expected = true;
        }
        lane.push(command);
        // What has ended sends nothing, and a server that does not read takes nothing.
        let done = lane.until(|lane| match (lane.is_sent(), &lane.end) {
            (true, _) => Some(Ok(())),
            (false, Some(end)) => Some(Err(end.clone())),
            (false, None) => None,
        });
        match tokio::time::timeout(DEFAULT_LIMIT, done).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(end)) => {
                let mut failure = self.failure_of_end(&end);
                failure.message = Shown::fixed("this cannot be sent: the connection has ended");
                if let Some(error) = &end.error {
                    failure.details.insert(0, self.shown(&error.message));
                }
                if failure.exit == Exit::Ok {
                    failure.exit = Exit::Unmet;
                }
                let failure = failure.at(self.place(script, send.span));
                Err(Stopped::Error(Box::new(failure)))
            }
            Err(_) => {
                let what = format!(
                    "this could not be sent within {}",
                    units::written(DEFAULT_LIMIT)
                );
                let failure = Failure::new(Exit::Send, self.shown(&what));
                let failure = failure.at(self.place(script, send.span));
                Err(Stopped::Error(Box::new(failure)))
            }
        }
    }

    fn command(&mut self, script: &Script, send: &Send) -> Result<Command, Stopped> {
        match &send.what {
            Outgoing::Message { kind, payload } => {
                let place = (*kind, payload.span);
                let content = self.content(script, &payload.value, place)?;
                Ok(Command::Send(match content {
                    Content::Text(text) => Message::text(text),
                    Content::Binary(bytes) => Message::binary(bytes),
                }))
            }
            Outgoing::Ping(payload) => {
                let data = self.control_payload(script, payload.as_ref())?;
                Ok(Command::Ping(data))
            }
            Outgoing::Pong(payload) => {
                let data = self.control_payload(script, payload.as_ref())?;
                Ok(Command::Pong(data))
            }
            Outgoing::Close { code, reason } => {
                let code = match code {
                    Some(code) => Some(self.given(script, code, values::sent_code)?),
                    None => None,
                };
                let reason = match reason {
                    Some(reason) => self.text(script, reason)?,
                    None => String::new(),
                };
                let close = Close::from_person(code, &reason, may_be_sent);
                let close = close.map_err(|why| self.wrong(script, send.span, &why.to_string()))?;
                Ok(Command::Close(close))
            }
            Outgoing::Frame(words) => self.frame(script, words).map(Command::Frame),
        }
    }

    /// A frame by hand.
    pub(super) fn frame(
        &mut self,
        script: &Script,
        words: &At<String>,
    ) -> Result<RawFrame, Stopped> {
        let filled = self.fill(&words.value, TextPlace::Header);
        if self.variables.has_captured(&words.value) && filled.contains('@') {
            return Err(self.wrong(script, words.span, CAPTURED));
        }
        let wrong = |why: String| self.wrong(script, words.span, &why);
        let (mut frame, data) = frame_words::parse(&filled).map_err(wrong)?;
        let data = match data {
            Data::Bytes(bytes) => bytes,
            Data::File(name) => {
                let read = script.folder.read(&name, MAX_FILE);
                Bytes::from(read.map_err(wrong)?)
            }
        };
        frame.payload = [&*frame.payload, &*data].concat().into();
        Ok(frame)
    }

    /// A payload as text.
    pub(super) fn text(
        &mut self,
        script: &Script,
        payload: &At<Payload>,
    ) -> Result<String, Stopped> {
        let bytes = self.payload(script, &payload.value, payload.span)?;
        let text = String::from_utf8(bytes.into());
        text.map_err(|_| self.wrong(script, payload.span, "this is not UTF-8"))
    }
}

/// Fresh values for one text.
pub(super) fn generate() -> Generated {
    Generated {
        random: rand::random(),
        now: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string(),
    }
}

/// When a step that may take `limit` is over.
pub(super) fn deadline(start: Instant, limit: Duration) -> tokio::time::Instant {
    let late = start + Duration::from_secs(86_400 * 365);
    start.checked_add(limit).unwrap_or(late).into()
}

/// Now, for a step that begins.
pub(super) fn begin() -> Instant {
    now()
}
