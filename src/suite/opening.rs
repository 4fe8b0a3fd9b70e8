//! Opens a connection, and holds the answer to its handshake against what the script says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Finish};
use super::files::Script;
use super::happened::Turn;
use super::lane::{Answer, Lane, SharedLane};
use super::moment::{Moment, values_of};
use super::options::{Dial, Request};
use super::secrets;
use super::steps::{Runner, Stopped, begin, generate};
use super::variables::CAPTURED;
use crate::error::{Error, Exit};
use crate::io::recorder::Recorder;
use crate::message::Message;
use crate::script::ast::{At, Header, Open, Setting, Span};
use crate::script::names;
use crate::script::result::Failure;
use crate::script::shown::Shown;
use crate::script::values;
use crate::template::Place as TextPlace;
use crate::units;

/// Options whose values are messages, in which a value is quoted as JSON where it stands in JSON.
const MESSAGES: &[&str] = &["on-open", "heartbeat", "answer", "token-message"];

/// How long the opening of a connection may take where it is tried again without an end.
const LONGEST_OPENING: Duration = Duration::from_secs(120);

/// The option that forbids to pass over messages.
const STRICT: &str = "strict";

/// Options whose values are files, commands, or made of them.
const SOURCES: &[&str] = &[
    "run",
    "decode",
    "encode",
    "cacert",
    "capath",
    "cert",
    "key",
    "crlfile",
    "pinnedpubkey",
    "proxy-cacert",
    "netrc-file",
];

/// Whether the value of an option, or the URL, says where something else comes from.
fn names_source(name: &str, value: &str) -> bool {
    // White space may stand around the signs.
    let value: String = value.split_whitespace().collect();
    SOURCES.contains(&name)
        || value.starts_with('@')
        || value.starts_with("env:")
        || value.contains("cmd:")
        || (name == "token" && value == "prompt")
        || (name == "cookie" && !value.contains('='))
        || ["=@", ":@"].iter().any(|it| value.contains(it))
}

/// What came of an attempt.
enum Came {
    Open,
    /// An answer that opened no connection, and has the status that is wanted.
    Wanted,
    /// The run has ended.
    End,
}

impl Runner<'_> {
    pub(super) async fn open(&mut self, script: &Arc<Script>, open: &Open) -> Result<(), Stopped> {
        let start = begin();
        let status = match &open.handshake.status {
            Some(status) => Some(self.given(script, status, values::status)?),
            None => None,
        };
        let dial = self.dial(script, open)?;
        let recorder = self.recorder(open);
        let recorder = recorder.map_err(|error| self.error(script, open.span, &error))?;
        let name = open.name.as_ref().map(|name| name.value.clone());
        let environment = Arc::clone(&self.world.environment);
        let mut connection = Connection::open(
            name,
            dial,
            environment,
            recorder,
            self.options.schema.clone(),
        );
        connection.start = start;
        connection.place = Some(self.place(script, open.span));
        connection.is_strict = is_strict(open);
        let lane = connection.lane.clone();
        self.connections.push(connection);
        self.counts.connections += 1;
        let waiting = wait(&lane, status.unwrap_or(101));
        let came = tokio::time::timeout(LONGEST_OPENING, waiting).await;
        let answer = lane.with(|lane| lane.answer.clone());
        let Ok(came) = came else {
            return Err(self.never_open(script, open));
        };
        match came {
            Came::Open if matches!(status, None | Some(101)) => {}
            Came::Open => {
                let answer = answer.unwrap_or_default();
                let wanted = status.unwrap_or_default();
                let what = format!(
                    "the handshake was answered with {}, and the connection is open; {wanted} was expected",
                    answer.status
                );
                return Err(self.refused(script, open, &what, &answer));
            }
            Came::Wanted => self.leave_refused().await,
            Came::End => self.handle_failed(script, (open, status), answer.as_ref())?,
        }
        self.check_answer(script, open, &answer.unwrap_or_default(), start)
    }

    /// It is tried again and again, without an end.
    fn never_open(&self, script: &Script, open: &Open) -> Stopped {
        let longest = units::written(LONGEST_OPENING);
        let what = format!("the connection was not open within {longest}");
        let mut failure = Failure::new(Exit::Timeout, self.shown(&what));
        let lane = self.connections.last().map(|it| &it.lane);
        let error = lane.and_then(|lane| lane.with(|lane| lane.error.clone()));
        let error = error.map(|error| self.shown(&error.message));
        failure.details.extend(error);
        Stopped::Error(Box::new(failure.at(self.place(script, open.span))))
    }

    /// What a connection comes to.
    fn dial(&mut self, script: &Script, open: &Open) -> Result<Dial, Stopped> {
        let request = self.request(script, open)?;
        let mut dial = (self.world.dial)(&request, &script.folder)
            .map_err(|error| self.error(script, place_of(open, &error), &error))?;
        // Secrets that are read while it connects are hidden in reports, too.
        self.redactor().add_all(&dial.plan.redactor);
        dial.plan.redactor = self.redactor().clone();
        Ok(dial)
    }

    /// The URL, the headers and the options of a connection with their values filled in.
    pub(super) fn request(&mut self, script: &Script, open: &Open) -> Result<Request, Stopped> {
        secrets::hide_written(open, self.redactor());
        let url = self.variables.fill_url(&open.url.value, generate);
        if self.variables.has_captured(&open.url.value) && names_source("url", &url) {
            return Err(self.wrong(script, open.url.span, CAPTURED));
        }
        let mut headers = Vec::new();
        for At { value, .. } in &open.headers {
            let filled = self.fill(&value.value, TextPlace::Header);
            headers.push((value.name.clone(), filled));
        }
        let mut settings = Vec::new();
        for At { value, span } in &open.options {
            if value.name == STRICT {
                match value.value.as_deref() {
                    None | Some("true" | "false") => continue,
                    Some(_) => return Err(self.wrong(script, *span, "'strict' is true or false")),
                }
            }
            let place = match MESSAGES.contains(&&*value.name) {
                true => TextPlace::Message,
                false => TextPlace::Header,
            };
            let stays = |name: &str| names::is_of_option(&value.name, name);
            let fill = |text: &String| self.variables.fill_but(&stays, text, place, generate);
            let filled = value.value.as_ref().map(fill);
            if let (Some(text), Some(filled)) = (&value.value, &filled)
                && self.variables.has_captured(text)
                && names_source(&value.name, filled)
            {
                return Err(self.wrong(script, *span, CAPTURED));
            }
            settings.push((value.name.clone(), filled));
        }
        let request = Request {
            url,
            headers,
            settings,
        };
        secrets::hide_filled(&request, self.redactor());
        Ok(request)
    }

    fn recorder(&mut self, open: &Open) -> Result<Option<Recorder>, Error> {
        let Some(record) = &self.record else {
            return Ok(None);
        };
        let number = self.connections.len() + 1;
        let name = match &open.name {
            Some(name) => format!("-{number}-{}.jsonl", name.value),
            None => format!("-{number}.jsonl"),
        };
        let mut path = record.clone().into_os_string();
        path.push(name);
        let redactor = self.redactor().thorough();
        let recorder = Recorder::new(redactor, false, begin());
        self.recordings
            .start(&recorder, path.as_ref())
            .map_err(|why| Error::usage(format!("--record {why}")))?;
        Ok(Some(recorder))
    }

    /// The answer that was wanted opened no connection: another attempt would be one too many.
    async fn leave_refused(&mut self) {
        if let Some(connection) = self.connections.last_mut() {
            connection.is_end_expected = true;
            connection.leave(Finish::Close);
            connection.end().await;
        }
    }

    /// There is no connection. That is what was wanted if the status is.
    fn handle_failed(
        &mut self,
        script: &Script,
        (open, wanted): (&Open, Option<u16>),
        answer: Option<&Answer>,
    ) -> Result<(), Stopped> {
        let Some(connection) = self.connections.last_mut() else {
            return Ok(());
        };
        connection.is_end_expected = true;
        let end = connection.lane.with(|lane| lane.end.clone());
        if let (Some(wanted), Some(answer)) = (wanted, answer) {
            if answer.status == wanted {
                return Ok(());
            }
            let what = format!(
                "the handshake was answered with {}; {wanted} was expected",
                answer.status
            );
            return Err(self.refused(script, open, &what, answer));
        }
        let error = end.and_then(|it| it.error);
        let ended = || Error::new(crate::error::Stage::Connect, Exit::Connect, "no connection");
        let error = error.unwrap_or_else(ended);
        Err(self.error(script, open.url.span, &error))
    }

    /// The answer to a handshake is not the expected one.
    fn refused(&self, script: &Script, open: &Open, what: &str, answer: &Answer) -> Stopped {
        let status = open.handshake.status.as_ref();
        let span = status.map_or(open.url.span, |status| status.span);
        let mut failure = self.failure(script, span, what);
        failure.details = self.lines_of(answer);
        Stopped::Failed(Box::new(failure))
    }

    /// What an answer said, a few lines.
    fn lines_of(&self, answer: &Answer) -> Vec<Shown> {
        let body = String::from_utf8_lossy(&answer.body);
        let lines = body.lines().take(10);
        lines.map(|line| self.shown(&format!("| {line}"))).collect()
    }

    /// Holds the headers of the answer against those that are written, then captures and asserts.
    fn check_answer(
        &mut self,
        script: &Script,
        open: &Open,
        answer: &Answer,
        start: Instant,
    ) -> Result<(), Stopped> {
        for header in &open.handshake.headers {
            self.counts.asserts += 1;
            self.check_header(script, header, answer)?;
        }
        let body = match String::from_utf8(answer.body.clone()) {
            Ok(text) => Message::text(text),
            Err(error) => Message::binary(error.into_bytes()),
        };
        let moment = Moment {
            message: Some(&body),
            at: answer.at.unwrap_or(start),
            start,
            connection: self.connections.len() - 1,
            opcode: None,
            close: None,
        };
        self.check(script, &open.handshake.checks, &moment)
            .map_err(Stopped::by)
    }

    fn check_header(
        &mut self,
        script: &Script,
        header: &At<Header>,
        answer: &Answer,
    ) -> Result<(), Stopped> {
        let wanted = self.fill(&header.value.value, TextPlace::Header);
        let name = &header.value.name;
        let values: Vec<&str> = values_of(answer, name).collect();
        if values.contains(&&*wanted) || values.join(", ") == wanted {
            return Ok(());
        }
        let what = match &values[..] {
            [] => format!("the answer has no header {name}"),
            values => format!("the header {name} of the answer is {}", values.join(", ")),
        };
        let failure: Failure = self.failure(script, header.span, &what);
        Err(Stopped::Failed(Box::new(failure)))
    }
}

/// Whether nothing may be passed over on this connection.
fn is_strict(open: &Open) -> bool {
    let mut options = open.options.iter().map(|it| &it.value);
    options.any(|it| it.name == STRICT && it.value.as_deref() != Some("false"))
}

/// Waits until the connection is open, or an answer has this status, or there will be none.
async fn wait(lane: &SharedLane, wanted: u16) -> Came {
    let has_opened = |lane: &Lane| {
        let turns = lane.happened.turns.iter();
        turns.map(|it| &it.what).any(|it| *it == Turn::Open)
    };
    lane.until(|lane| {
        if has_opened(lane) {
            // What came before it belongs to the attempts before.
            while let Some(turn) = lane.happened.turns.pop_front() {
                if turn.what == Turn::Open {
                    break;
                }
            }
            return Some(Came::Open);
        }
        if lane.end.is_some() {
            return Some(Came::End);
        }
        let is_wanted = |it: &Answer| it.status == wanted;
        lane.answer
            .as_ref()
            .is_some_and(is_wanted)
            .then_some(Came::Wanted)
    })
    .await
}

/// Where the reason of an error stands: an option that it names, or the URL.
pub(super) fn place_of(open: &Open, error: &Error) -> Span {
    let is_named = |option: &&At<Setting>| {
        let Setting { name, value } = &option.value;
        let mut names = vec![format!("'{name}'"), format!("--{name}")];
        // The message may have the short name, and the value after it.
        let value = value.as_ref().filter(|it| !it.is_empty());
        names.extend(value.map(|value| format!(" '{value}'")));
        names.iter().any(|name| error.message.contains(name))
    };
    let named = open.options.iter().filter(is_named);
    // `--token-message` has `--token` in it.
    let named = named.max_by_key(|option| option.value.name.len());
    named.map_or(open.url.span, |option| option.span)
}
