//! `/save`: the messages that are kept, as a script, as events or as lines, by the ending of the file's
//! name. Pure: the caller writes the file.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::view::scrollback::Kept;
use super::watch::Met;
use crate::auth::placement::DEFAULT_MESSAGE;
use crate::auth::sources::{Authorization, Basic, Credentials, Source, Token, Via};
use crate::close::Close;
use crate::event::{By, Origin};
use crate::handshake::request::HeaderLine;
use crate::record::connection::{Moment, What};
use crate::record::save::{self, Stored};
use crate::script::convert;
use crate::script::write::Session;
use crate::secret::Redactor;
use crate::session::answers::Rules;
use crate::session::connect::Plan;

/// How the connection is made, as far as a script says it. It has secrets, which the writer of the script
/// leaves out.
#[derive(Clone, Default)]
pub(super) struct Request {
    url: String,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    options: Vec<(String, Option<String>)>,
}

/// The option with the messages that open each connection.
const ON_OPEN: &str = "on-open";

impl Request {
    /// `saved` are the other options of the run.
    pub(super) fn of(plan: &Plan, saved: &[(&str, Option<String>)]) -> Self {
        let headers = plan.request.headers.iter();
        Request {
            url: plan.shown_url(),
            headers: headers
                .filter_map(|line| match line {
                    HeaderLine::Set(name, value) => Some((name.clone(), value.clone())),
                    HeaderLine::Remove(_) => None,
                })
                .collect(),
            subprotocols: plan.request.subprotocols.clone(),
            options: credentials_options(&plan.credentials)
                .into_iter()
                .chain(
                    saved
                        .iter()
                        .map(|(name, value)| ((*name).to_owned(), value.clone())),
                )
                .collect(),
        }
    }

    /// Whether an option of the script sends messages with this origin.
    fn sends(&self, origin: Origin) -> bool {
        match origin {
            Origin::Token => true,
            Origin::OnOpen => self.options.iter().any(|(name, _)| name == ON_OPEN),
            origin => origin.is_answer(),
        }
    }

    /// The same with the rules of `/answer` and `--answer`.
    pub(super) fn with_answers(&self, answers: &Rules) -> Self {
        let mut request = self.clone();
        let answers = answers.all();
        let answers = answers.iter().map(|rule| option("answer", &*rule.text));
        request.options.extend(answers);
        request
    }
}

fn credentials_options(credentials: &Credentials) -> Vec<(String, Option<String>)> {
    let Credentials {
        authorization,
        token,
        ..
    } = credentials;
    let authorization = authorization.as_ref().map(|it| match it {
        Authorization::Basic(basic) => option("user", user_and_password(basic)),
        Authorization::Bearer(bearer) => option("oauth2-bearer", bearer.expose()),
    });
    let token = token.iter().flat_map(token_options);
    authorization.into_iter().chain(token).collect()
}

fn option(name: &str, value: impl Into<String>) -> (String, Option<String>) {
    (name.to_owned(), Some(value.into()))
}

fn user_and_password(Basic { user, password }: &Basic) -> String {
    match password {
        Some(password) => format!("{user}:{}", password.expose()),
        None => user.clone(),
    }
}

fn token_options(token: &Token) -> Vec<(String, Option<String>)> {
    let source = match &token.source {
        Source::Literal(secret) if secret.expose().starts_with('@') => {
            format!("@{}", secret.expose())
        }
        Source::Literal(secret) => secret.expose().to_owned(),
        Source::File(path) => format!("@{path}"),
        Source::Variable(name) => format!("env:{name}"),
        Source::Command(command) => format!("cmd:{command}"),
        Source::Prompt => "prompt".to_owned(),
    };
    let mut options = vec![option("token", source)];
    let via = match token.via {
        Via::Header => None,
        Via::Query => Some("query"),
        Via::Message => Some("message"),
        Via::Subprotocol => Some("subprotocol"),
    };
    options.extend(via.map(|via| option("token-via", via)));
    let name = token.name.as_deref();
    options.extend(name.map(|name| option("token-name", name)));
    if token.via == Via::Message && token.message != DEFAULT_MESSAGE {
        options.push(option("token-message", &*token.message));
    }
    options
}

/// What happened besides messages.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    /// The user sent a ping.
    Ping(Bytes),
    /// The user sent a pong.
    Pong(Bytes),
    /// The connection with this number ended.
    Closed(u32, By, Close),
}

/// A session, as far as it is kept.
pub(super) struct Saved<'a> {
    pub(super) request: &'a Request,
    pub(super) messages: Vec<&'a Kept>,
    pub(super) happened: &'a [(Instant, Happened)],
    pub(super) met: &'a VecDeque<Met>,
    /// When the run began, and the same since the Unix epoch.
    pub(super) start: (Instant, Duration),
    pub(super) redactor: &'a Redactor,
}

/// What is written, and what the user should know about it.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) note: &'static str,
}

impl Saved<'_> {
    /// The content for a file of this name.
    pub(super) fn written(&self, path: &Path) -> Written {
        let ending = path.extension().and_then(|it| it.to_str());
        if ending.is_some_and(|it| it.eq_ignore_ascii_case("wst")) {
            return Written {
                bytes: self.script(path).into_bytes(),
                note: " as a script",
            };
        }
        if save::is_for_events(path) {
            let url = (&*self.request.url, self.start.1);
            let messages = self.messages.iter().map(|kept| stored(kept));
            return Written {
                bytes: save::events(url, messages, self.redactor),
                note: " as events",
            };
        }
        // What is sent again by itself is not saved as what the user sent.
        let messages = self.messages.iter().filter(|kept| kept.origin.is_none());
        let messages = messages.map(|kept| &kept.message);
        let lines = save::lines(messages, self.redactor);
        Written {
            bytes: lines.bytes,
            note: match lines.escaped {
                true => ", one a line, with escapes (--escapes reads them)",
                false => ", one a line",
            },
        }
    }

    fn script(&self, path: &Path) -> String {
        let name = path.file_stem().and_then(|it| it.to_str());
        let Request {
            url,
            headers,
            subprotocols,
            options,
        } = self.request;
        let (moments, met) = self.moments();
        // At the prompt, a connection comes back without an option.
        let reopens = moments.iter().any(|it| it.what == What::Reopened);
        let reconnect = reopens.then(|| ("reconnect".to_owned(), None));
        let options: Vec<_> = options.iter().cloned().chain(reconnect).collect();
        let session = Session {
            name: name.unwrap_or("a session"),
            url,
            headers,
            left_out: &[],
            subprotocols,
            options: &options,
            status: 101,
        };
        convert::session(&session, &moments, &met, self.redactor)
    }

    /// Everything in order of time, and which of it met an expectation. The messages keep their order.
    fn moments(&self) -> (Vec<Moment>, HashMap<usize, convert::Met<'_>>) {
        let (mut moments, mut all_met) = (Vec::new(), HashMap::new());
        let mut happened = self.happened.iter().peekable();
        let mut conn = None;
        let is_step = |kept: &&&Kept| !kept.origin.is_some_and(|it| self.request.sends(it));
        for kept in self.messages.iter().filter(is_step) {
            let is_earlier = |(at, what): &&(Instant, Happened)| match what {
                // It may come at the same time as the last message before it.
                Happened::Closed(conn, ..) => kept.conn > *conn,
                _ => self.since_start(*at) <= kept.t,
            };
            while let Some((at, what)) = happened.next_if(is_earlier) {
                moments.push(self.moment_of(*at, what));
            }
            let at = kept.t;
            if conn.is_some_and(|conn| conn != kept.conn) {
                let what = What::Reopened;
                moments.push(Moment { at, what });
            }
            let met = self.met.iter().find(|met| {
                kept.by == By::Peer && self.since_start(met.at) == at && met.message == kept.message
            });
            if let Some(met) = met {
                let met = convert::Met {
                    expression: &met.expression,
                    within: met.within,
                };
                all_met.insert(moments.len(), met);
            }
            let message = kept.message.clone();
            let what = match kept.by {
                By::Us => What::Sent {
                    message,
                    by_itself: false,
                },
                By::Peer => What::Received(message),
            };
            moments.push(Moment { at, what });
            conn = Some(kept.conn);
        }
        moments.extend(happened.map(|(at, what)| self.moment_of(*at, what)));
        (moments, all_met)
    }

    fn moment_of(&self, at: Instant, what: &Happened) -> Moment {
        let by_itself = false;
        let what = match what.clone() {
            Happened::Ping(data) => What::SentPing {
                data: data.to_vec(),
                by_itself,
            },
            Happened::Pong(data) => What::SentPong {
                data: data.to_vec(),
                by_itself,
            },
            Happened::Closed(_, By::Us, close) => What::Closing(close),
            Happened::Closed(_, By::Peer, close) => match close.reported_code() {
                1006 => What::Lost,
                _ => What::Closed(close),
            },
        };
        Moment {
            at: self.since_start(at),
            what,
        }
    }

    fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start.0)
    }
}

fn stored(kept: &Kept) -> Stored<'_> {
    Stored {
        t: kept.t,
        conn: kept.conn,
        by: kept.by,
        origin: kept.origin,
        record: kept.record,
        message: &kept.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::secret::Secret;

    fn kept(by: By, millis: u64, conn: u32, text: &str) -> Kept {
        Kept {
            number: 0,
            t: Duration::from_millis(millis),
            conn,
            by,
            origin: None,
            record: None,
            message: Message::text(text.to_owned()),
            left_out: 0,
        }
    }

    #[test]
    fn a_token_is_written_as_it_was_typed() {
        for (source, via, name, message, more) in [
            (
                "correct-horse",
                Via::Query,
                None,
                "",
                &[("token-via", "query")][..],
            ),
            ("@@correct-horse", Via::Header, None, "", &[]),
            (
                "env:TOKEN",
                Via::Header,
                Some("X-Key"),
                "",
                &[("token-name", "X-Key")],
            ),
            (
                "@file",
                Via::Message,
                None,
                DEFAULT_MESSAGE,
                &[("token-via", "message")],
            ),
            (
                "cmd:vault",
                Via::Message,
                None,
                "AUTH {{token}}",
                &[
                    ("token-via", "message"),
                    ("token-message", "AUTH {{token}}"),
                ],
            ),
        ] {
            let token = Token {
                source: Source::parse(source),
                via,
                name: name.map(str::to_owned),
                message: message.to_owned(),
            };
            let more = more.iter().map(|(name, value)| option(name, *value));
            let expected: Vec<_> = [option("token", source)].into_iter().chain(more).collect();
            assert_eq!(token_options(&token), expected);
        }
    }

    #[test]
    fn a_script_says_who_the_user_is_and_no_password() {
        let cases = [
            (
                Authorization::Basic(Basic::parse("ann:correct-horse")),
                "user: {{user}}\n",
                "user: ann:correct-horse\n",
            ),
            // Not a command: `-u` knows none.
            (
                Authorization::Basic(Basic::parse("cmd:correct-horse")),
                "user: {{user}}\n",
                "user: cmd:correct-horse\n",
            ),
            (
                Authorization::Basic(Basic::parse("ann")),
                "user: ann\n",
                "user: ann\n",
            ),
            (
                Authorization::Bearer(Secret::new("correct-horse")),
                "oauth2-bearer: {{oauth2-bearer}}\n",
                "oauth2-bearer: correct-horse\n",
            ),
            // What a script would read as a variable can only be one.
            (
                Authorization::Bearer(Secret::new("correct {{horse}}")),
                "oauth2-bearer: {{oauth2-bearer}}\n",
                "oauth2-bearer: {{oauth2-bearer}}\n",
            ),
        ];
        for (authorization, without, with) in cases {
            let credentials = Credentials {
                authorization: Some(authorization),
                ..Credentials::default()
            };
            let request = Request {
                url: "ws://host/".to_owned(),
                options: credentials_options(&credentials),
                ..Request::default()
            };
            for (includes, line) in [(false, without), (true, with)] {
                let script = of(&request, &Redactor::new(includes));
                assert!(script.contains(line), "{line} {script}");
                let comment = script.contains("# Secrets were left out");
                assert_eq!(comment, line.contains("{{"), "{script}");
                assert_eq!(script.contains("horse"), line.contains("horse"), "{script}");
            }
        }
    }

    /// A script without messages.
    fn of(request: &Request, redactor: &Redactor) -> String {
        let saved = Saved {
            request,
            messages: Vec::new(),
            happened: &[],
            met: &VecDeque::new(),
            start: (Instant::now(), Duration::ZERO),
            redactor,
        };
        saved.script(Path::new("x.wst"))
    }

    #[test]
    fn a_session_is_a_script_in_the_order_of_time() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let messages = [
            kept(By::Us, 10, 1, r#"{"op":"sub"}"#),
            kept(By::Peer, 20, 1, r#"{"ok":true}"#),
            kept(By::Us, 50, 2, "again"),
        ];
        let met = Met {
            at: at(20),
            message: messages[1].message.clone(),
            expression: ".ok".to_owned(),
            within: Duration::from_secs(2),
        };
        let request = Request {
            url: "ws://host/".to_owned(),
            ..Request::default()
        };
        let lost = Close::new(1006, "");
        let saved = Saved {
            request: &request,
            messages: messages.iter().collect(),
            happened: &[
                (at(15), Happened::Ping("p".into())),
                (at(30), Happened::Closed(1, By::Peer, lost)),
            ],
            met: &VecDeque::from([met]),
            start: (start, Duration::ZERO),
            redactor: &Redactor::default(),
        };
        let Written { bytes, note } = saved.written(Path::new("day.wst"));
        let text = String::from_utf8(bytes).unwrap();
        let places = [
            "### day",
            "WEBSOCKET ws://host/",
            r#"> {"op":"sub"}"#,
            ">ping p",
            "<(2s)",
            ".ok",
            "<drop",
            "<open",
            "> again",
        ];
        let found: Vec<_> = places.iter().map(|place| text.find(place)).collect();
        assert!(found.iter().all(Option::is_some), "{found:?} {text}");
        assert!(found.is_sorted(), "{found:?} {text}");
        assert_eq!(note, " as a script");
        let lines = saved.written(Path::new("messages.txt"));
        assert_eq!(lines.bytes, b"{\"op\":\"sub\"}\n{\"ok\":true}\nagain\n");
        let events = saved.written(Path::new("messages.jsonl")).bytes;
        assert_eq!(events.iter().filter(|byte| **byte == b'\n').count(), 4);
    }
}
