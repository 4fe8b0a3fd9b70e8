//! A session as a script, which `wirecat test` runs.
//!
//! What was sent is sent, and what was received is expected: a JSON object as a part of what comes
//! (`<~`), so that new members break nothing, everything else as it was. An expectation that the user
//! made stands in place of the message that met it. Secrets are left out; a comment at the beginning
//! says which variables stand for them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::payload::{self, Payload, TOKEN};
use super::secrets::{Secret, Variables};
use super::subprotocol_token;
use crate::auth::sources::Source;
use crate::close::Close;
use crate::message::Data;
use crate::output::push_string_for_terminal;
use crate::secret::{REDACTED, Redactor, is_secret_header};
use crate::template;
use crate::units;

/// How long a step waits if nothing else is said.
const DEFAULT: Duration = Duration::from_secs(5);

/// Options whose values are always secrets.
const SECRET_OPTIONS: &[&str] = &["oauth2-bearer", "pass", "cookie"];

/// How the connection was made.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The name of the test, one line.
    pub name: &'a str,
    /// As it is shown.
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    /// Headers that the script cannot have: the name of each, and why.
    pub left_out: &'a [(String, &'static str)],
    pub subprotocols: &'a [String],
    /// Other options by their long names, with their values.
    pub options: &'a [(String, Option<String>)],
    /// What the handshake was answered with, 101 of a WebSocket.
    pub status: u16,
}

/// What happened next.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    Send(Data<'a>),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// A ping of ours was answered with this data.
    Ponged(&'a [u8]),
    Close(&'a Close),
    /// A message came, this long after the entry before it.
    Receive(Data<'a>, Duration),
    /// The user expected a message for which this jq expression is true, and it came in time.
    Expect {
        expression: &'a str,
        within: Duration,
    },
    /// The peer closed the connection.
    Closed(&'a Close),
    /// The connection was lost without a Close.
    Lost,
    /// A new connection is open, this long after the entry before it.
    Reopened(Duration),
}

/// A text of a recording that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    /// As it came.
    pub(super) text: &'a str,
    /// Values in it that later messages repeat.
    pub(super) captured: &'a [Secret],
    pub(super) expected: Recorded<'a>,
}

/// What is expected in place of a text that came, with variables in place of values in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recorded<'a> {
    /// Any text.
    Any,
    Equal(&'a str, &'a [Secret]),
    Contains(&'a str, &'a [Secret]),
}

/// Writes the script with all that came as it was.
#[cfg(test)]
fn script<'a>(
    session: &Session<'_>,
    entries: impl IntoIterator<Item = Entry<'a>>,
    redactor: &Redactor,
) -> String {
    let mut script = Script::begin(session, redactor);
    for entry in entries {
        script.entry(entry);
    }
    script.finish(session.name)
}

/// A script of one test that is being written.
pub(super) struct Script<'a> {
    redactor: &'a Redactor,
    out: String,
    /// Variables that stand for secrets and are not captured.
    given: BTreeSet<String>,
    /// Those in messages.
    variables: Variables,
}

impl<'a> Script<'a> {
    /// A script with the request.
    pub(super) fn begin(session: &Session<'_>, redactor: &'a Redactor) -> Script<'a> {
        let mut script = Script {
            redactor,
            out: String::new(),
            given: BTreeSet::new(),
            variables: Variables::default(),
        };
        script.request(session);
        let names_token = || session.options.iter().any(|(name, _)| name == "token");
        if script.given.contains("token") || names_token() {
            script.variables.reserve("token");
        }
        script
    }

    /// The script with its name, and with a comment where secrets were left out.
    pub(super) fn finish(self, name: &str) -> String {
        let mut script = format!("### {}\n", one_line(&self.redactor.redact(name)));
        if !self.given.is_empty() {
            script.push_str("# Secrets were left out. Give them as variables: wirecat test");
            for variable in &self.given {
                script.push_str(&format!(" --var {variable}=…"));
            }
            script.push_str(" FILE\n");
        }
        script + &self.out
    }

    fn request(&mut self, session: &Session<'_>) {
        let url = self.without_secrets(session.url);
        self.given.extend(template::names(&url).map(str::to_owned));
        self.line(&format!("WEBSOCKET {url}"));
        for (name, value) in session.headers {
            let hides = is_secret_header(name) && !self.redactor.includes_secrets();
            let value = match hides {
                true => self.variable(name),
                false => self.without_secrets(value),
            };
            self.line(&format!("{name}: {value}"));
        }
        for (name, why) in session.left_out {
            self.line(&format!("# {name} is left out: {why}"));
        }
        if !session.subprotocols.is_empty() || !session.options.is_empty() {
            self.line("[Options]");
        }
        self.subprotocols(session.subprotocols);
        for (name, value) in session.options {
            self.option(name, value.as_deref());
        }
        self.line(&format!("HTTP {}", session.status));
        self.line("");
    }

    /// Those that were offered, with a variable in place of each token among them.
    fn subprotocols(&mut self, offered: &[String]) {
        let tokens = subprotocol_token::find(offered.iter().map(String::as_str));
        let mut count = 0;
        for (subprotocol, token) in offered.iter().zip(tokens) {
            let token = match &**subprotocol {
                REDACTED => Some(REDACTED),
                _ => token.filter(|_| !self.redactor.includes_secrets()),
            };
            let shown = match token {
                None => self.without_secrets(subprotocol),
                Some(token) => {
                    count += 1;
                    let name = subprotocol.strip_suffix(token).unwrap_or_default();
                    let variable = match count {
                        1 => self.variable("subprotocol_token"),
                        _ => self.variable(&format!("subprotocol_token_{count}")),
                    };
                    format!("{name}{variable}")
                }
            };
            self.line(&format!("subprotocol: {shown}"));
        }
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        match value {
            None => self.line(name),
            Some(value) if self.hides(name, value) => {
                let value = self.variable(name);
                self.line(&format!("{name}: {value}"));
            }
            // Options are lines.
            Some(value) if one_line(value) != value => {
                self.line(&format!(
                    "# {name} is left out: its value has several lines"
                ));
            }
            // Its `{{token}}` is the token, whether that is in a variable or not.
            Some(value) if name == "token-message" => {
                let value = self.without_secrets(value);
                self.out.push_str(&format!("{name}: {value}\n"));
            }
            Some(value) => {
                let value = self.without_secrets(value);
                self.line(&format!("{name}: {value}"));
            }
        }
    }

    /// Whether the value of an option is left out. Even if secrets are wanted, one that a script would
    /// read as a variable is.
    fn hides(&self, name: &str, value: &str) -> bool {
        let is_secret = match name {
            "token" => !Source::is_reference(value),
            // Without a password, that is asked for.
            "user" | "proxy-user" => value.contains(':'),
            other => SECRET_OPTIONS.contains(&other),
        };
        is_secret && (!self.redactor.includes_secrets() || template::has_placeholder(value))
    }

    pub(super) fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Send(data) => self.send(data),
            Entry::Ping(data) => self.control(">ping", data),
            Entry::Pong(data) => self.control(">pong", data),
            Entry::Ponged(data) => self.control("<pong", data),
            Entry::Close(close) => self.close(close),
            Entry::Receive(data, after) => self.receive(data, after),
            Entry::Expect { expression, within } => self.expectation(expression, within),
            Entry::Closed(close) => self.closed(close),
            Entry::Lost => self.line("<drop"),
            Entry::Reopened(after) => self.line(&format!("<open{}", limit(after))),
        }
    }

    fn payload(&mut self, data: Data<'_>) -> Payload {
        payload::write(data, self.redactor, &mut self.variables)
    }

    fn send(&mut self, data: Data<'_>) {
        let payload = self.payload(data);
        self.sent(data, &payload);
    }

    /// A text of a recording is sent, with variables in place of the values at `places`.
    pub(super) fn send_recorded(&mut self, text: &str, places: &[Secret]) {
        let payload = payload::write_recorded(text, places, self.redactor, &mut self.variables);
        self.sent(Data::Text(text), &payload);
    }

    fn sent(&mut self, data: Data<'_>, payload: &Payload) {
        self.ask_for(payload);
        self.message(">", "", (data, payload));
    }

    /// The variables of a payload that no step has captured are to be given.
    fn ask_for(&mut self, payload: &Payload) {
        let new = payload.variables.iter().filter(|it| it.is_new);
        self.given.extend(new.map(|it| it.name.clone()));
    }

    /// A reply of a recording is expected. The values at the places of `captured` in it become variables
    /// that no step before has.
    pub(super) fn expect_recorded(&mut self, reply: &Reply<'_>, after: Duration) {
        let limit = limit(after);
        match reply.expected {
            Recorded::Any => self.line(&format!("<text{limit}")),
            Recorded::Equal(text, places) | Recorded::Contains(text, places) => {
                let payload =
                    payload::write_recorded(text, places, self.redactor, &mut self.variables);
                let mark = match reply.expected {
                    Recorded::Contains(..) => "<~",
                    _ => mark(&payload),
                };
                self.message(mark, &limit, (Data::Text(text), &payload));
            }
        }
        self.capture(reply.text, reply.captured);
    }

    /// The user's expectation of a message, which came with this text and has values at these places
    /// that become variables.
    pub(super) fn expect_met(
        &mut self,
        (expression, within): (&str, Duration),
        text: &str,
        captured: &[Secret],
    ) {
        self.line(&format!("<({})", units::written(within)));
        self.capture(text, captured);
        self.assert(expression);
    }

    /// The values at these places of a text become variables.
    fn capture(&mut self, text: &str, places: &[Secret]) {
        let captured = self.variables.of(text, places);
        if captured.is_empty() {
            return;
        }
        self.line("[Captures]");
        for variable in captured {
            self.line(&format!("{}: {}", variable.name, variable.path));
        }
    }

    /// The secrets that a peer makes are others the next time. They become variables, and any message
    /// that has them is accepted.
    fn receive(&mut self, data: Data<'_>, after: Duration) {
        let (payload, limit) = (self.payload(data), limit(after));
        if !payload.variables.iter().any(|it| it.is_new) {
            return self.message(mark(&payload), &limit, (data, &payload));
        }
        self.line(&format!("<{limit}"));
        self.line("[Captures]");
        for variable in payload.variables.iter().filter(|it| it.is_new) {
            self.line(&format!("{}: {}", variable.name, variable.path));
        }
    }

    /// A message after its mark and how long it may take.
    fn message(&mut self, mark: &str, limit: &str, (data, payload): (Data<'_>, &Payload)) {
        let kind = match (payload.needs_kind, data) {
            (false, _) => "",
            (true, Data::Text(_)) => "text",
            (true, Data::Binary(_)) => "binary",
        };
        self.line(&format!("{mark}{kind}{limit} {}", payload.text));
    }

    fn control(&mut self, mark: &str, data: &[u8]) {
        let data = match std::str::from_utf8(data) {
            Ok("") => return self.line(mark),
            Ok(text) => Data::Text(text),
            Err(_) => Data::Binary(data),
        };
        let payload = self.payload(data);
        self.ask_for(&payload);
        self.line(&format!("{mark} {}", payload.text));
    }

    fn close(&mut self, close: &Close) {
        match close.code {
            None => self.line(">close"),
            Some(code) if close.reason.is_empty() => self.line(&format!(">close {code}")),
            Some(code) => {
                let reason = self.payload(Data::Text(&close.reason));
                self.ask_for(&reason);
                self.line(&format!(">close {code} {}", reason.text));
            }
        }
    }

    fn closed(&mut self, close: &Close) {
        self.line(&format!("<close {}", close.reported_code()));
        if !close.reason.is_empty() {
            let reason = self.redactor.redact_data(&close.reason).into_owned();
            let mut quoted = Vec::new();
            push_string_for_terminal(&reason, &mut quoted);
            let mut quoted = String::from_utf8_lossy(&quoted).into_owned();
            if quoted.contains("{{") {
                quoted = quoted.replace('{', "\\u007b");
            }
            self.line("[Asserts]");
            self.line(&format!("reason == {}", quoted.replace(REDACTED, TOKEN)));
        }
    }

    fn expectation(&mut self, expression: &str, within: Duration) {
        self.line(&format!("<({})", units::written(within)));
        self.assert(expression);
    }

    fn assert(&mut self, expression: &str) {
        self.line("[Asserts]");
        let expression = self.without_secrets(&one_line(expression));
        // The word at the beginning of a line may be one that scripts have a meaning for.
        match expression.starts_with(['.', '(']) {
            true => self.line(&expression),
            false => self.line(&format!("({expression})")),
        }
    }

    /// A text with the variable in place of every secret.
    fn without_secrets(&self, text: &str) -> String {
        let redacted = self.redactor.redact(text);
        redacted.replace(REDACTED, TOKEN)
    }

    /// The variable that stands for the secret of this name.
    fn variable(&mut self, name: &str) -> String {
        let variable = name.to_ascii_lowercase();
        let braced = format!("{{{{{variable}}}}}");
        self.given.insert(variable);
        braced
    }

    fn line(&mut self, line: &str) {
        if line.contains(TOKEN) {
            self.given.insert("token".to_owned());
        }
        self.out.push_str(line);
        self.out.push('\n');
    }
}

/// The mark of an expectation: a JSON object is a part of what comes.
fn mark(payload: &Payload) -> &'static str {
    // Only a JSON object begins like that.
    match !payload.needs_kind && payload.text.starts_with('{') {
        true => "<~",
        false => "<",
    }
}

/// How long a step may take if it took `took`: nothing where the default is ample.
fn limit(took: Duration) -> String {
    match took.saturating_mul(2) {
        ample if ample <= DEFAULT => String::new(),
        ample => format!("({}s)", ample.as_secs() + 1),
    }
}

/// The text with a space in place of each control character.
fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    match text.contains(breaks) {
        true => Cow::Owned(text.replace(breaks, " ")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
