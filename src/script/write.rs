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
use super::secrets::Variables;
use crate::auth::sources::Source;
use crate::close::Close;
use crate::json::string;
use crate::message::Data;
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
    pub subprotocols: &'a [String],
    /// Other options by their long names, with their values.
    pub options: &'a [(String, Option<String>)],
}

/// What happened next.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    Send(Data<'a>),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
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

/// Writes the script.
pub fn script<'a>(
    session: &Session<'_>,
    entries: impl IntoIterator<Item = Entry<'a>>,
    redactor: &Redactor,
) -> String {
    let mut script = Script {
        redactor,
        out: String::new(),
        given: BTreeSet::new(),
        variables: Variables::default(),
    };
    script.request(session);
    if script.given.contains("token") || session.options.iter().any(|(name, _)| name == "token") {
        script.variables.reserve("token");
    }
    for entry in entries {
        script.entry(entry);
    }
    script.finish(session.name)
}

struct Script<'a> {
    redactor: &'a Redactor,
    out: String,
    /// Variables that stand for secrets and are not captured.
    given: BTreeSet<String>,
    /// Those in messages.
    variables: Variables,
}

impl Script<'_> {
    /// The script with its name, and with a comment where secrets were left out.
    fn finish(self, name: &str) -> String {
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
        self.line(&format!("WEBSOCKET {url}"));
        for (name, value) in session.headers {
            let hides = is_secret_header(name) && !self.redactor.includes_secrets();
            let value = match hides {
                true => self.variable(name),
                false => self.without_secrets(value),
            };
            self.line(&format!("{name}: {value}"));
        }
        if !session.subprotocols.is_empty() || !session.options.is_empty() {
            self.line("[Options]");
        }
        for subprotocol in session.subprotocols {
            self.line(&format!("subprotocol: {subprotocol}"));
        }
        for (name, value) in session.options {
            self.option(name, value.as_deref());
        }
        self.line("HTTP 101");
        self.line("");
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

    fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Send(data) => self.send(data),
            Entry::Ping(data) => self.control(">ping", data),
            Entry::Pong(data) => self.control(">pong", data),
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
        let new = payload.variables.iter().filter(|it| it.is_new);
        self.given.extend(new.map(|it| it.name.clone()));
        self.message(">", "", (data, &payload));
    }

    /// The secrets that a peer makes are others the next time. They become variables, and any message
    /// that has them is accepted.
    fn receive(&mut self, data: Data<'_>, after: Duration) {
        let (payload, limit) = (self.payload(data), limit(after));
        if !payload.variables.iter().any(|it| it.is_new) {
            return self.message("<", &limit, (data, &payload));
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
            // Only a JSON object begins like that.
            (false, _) if mark == "<" && payload.text.starts_with('{') => "~",
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
        self.line(&format!("{mark} {}", payload.text));
    }

    fn close(&mut self, close: &Close) {
        match close.code {
            None => self.line(">close"),
            Some(code) if close.reason.is_empty() => self.line(&format!(">close {code}")),
            Some(code) => {
                let reason = self.payload(Data::Text(&close.reason));
                self.line(&format!(">close {code} {}", reason.text));
            }
        }
    }

    fn closed(&mut self, close: &Close) {
        self.line(&format!("<close {}", close.reported_code()));
        if !close.reason.is_empty() {
            let reason = self.redactor.redact_data(&close.reason).into_owned();
            let mut quoted = Vec::new();
            string::push_string(&reason, &mut quoted);
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
