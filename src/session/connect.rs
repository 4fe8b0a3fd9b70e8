//! One connection attempt: credentials, dialling, handshake. Every step is reported as an event.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::clock::OVERSLEPT;
use super::ends::Ends;
use super::frontend::{Asker, Sink};
use super::resume::vars::{Place, ResumeVars};
use crate::auth::acquire::{self, CachedAnswers, Environment};
use crate::auth::placement::ResolvedCredentials;
use crate::auth::sources::Credentials;
use crate::error::{Error, Stage};
use crate::event::{Address, Cause, Event, Opened};
use crate::handshake::request::{self, HeaderLine, Request};
use crate::handshake::{self, Transcript, retry_after};
use crate::message::Message;
use crate::secret::{Redactor, Secret};
use crate::transport::{BoxedStream, Dialer, Progress};
use crate::uri::Target;
use crate::wire::extension::Agreed;

/// The parameters of an attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    pub credentials: Credentials,
    pub request: request::Options,
    pub transport: Dialer,
    /// The timeout of name lookup, TCP, TLS and handshake together.
    pub connect_timeout: Duration,
    pub redactor: Redactor,
}

/// A message with a token, and the same message redacted.
pub(super) type First = (Message, Message);

/// An open connection.
pub struct Connection {
    pub(crate) stream: BoxedStream,
    /// Frames that came with the 101.
    pub(crate) early: Bytes,
    /// The token message, which must be sent before anything else.
    pub(super) first: Option<First>,
    /// The negotiated compression.
    pub(crate) deflate: Option<Agreed>,
}

/// Number of characters of a reason phrase that a line about a retry quotes.
const MAX_PHRASE: usize = 80;

/// Number of turns that other tasks, above all hyper's, get after the deadline to process what has
/// arrived.
const LAST_LOOKS: usize = 8;

/// Identifies an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptId {
    /// The number of the resulting connection, from 1.
    pub(super) conn: u32,
    /// The number of the attempt in its series, from 1.
    pub(super) attempt: u32,
}

/// The kind of failure of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The credentials could not be read.
    Credentials,
    /// There was no handshake, or no valid response; the error says whether that is transient.
    Failure,
    /// The handshake was answered with this status.
    Status {
        status: u16,
        reason: String,
        retry_after: Option<Duration>,
    },
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) obstacle: FailureKind,
}

impl Failed {
    /// The meaning of the failure for retries. Credentials that were read once can be read again.
    pub(super) fn cause(&self, had_credentials: bool) -> Cause {
        let permanent = match &self.obstacle {
            FailureKind::Credentials => !had_credentials,
            FailureKind::Failure => !self.error.transient,
            FailureKind::Status {
                status,
                reason,
                retry_after,
            } => {
                return Cause::Status {
                    status: *status,
                    reason: reason.clone(),
                    retry_after: *retry_after,
                };
            }
        };
        let why = self.error.message.clone();
        Cause::Failed { why, permanent }
    }
}

/// The failure of a name lookup, of TCP or TLS.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let obstacle = FailureKind::Failure;
        Failed { error, obstacle }
    }
}

/// Connects as `plan` says, and reports every step.
///
/// # Errors
/// The failure that ended the attempt, with the exit code of its stage; it has not been reported
/// yet.
pub(super) async fn connect<I: Asker, O: Sink>(
    plan: &Plan,
    turn: AttemptId,
    environment: &Environment<'_>,
    prompted: &mut CachedAnswers,
    memory: &ResumeVars,
    ends: &Ends<'_, I, O>,
) -> Result<Connection, Failed> {
    let placed = acquire::read(
        &plan.credentials,
        environment,
        plan.connect_timeout,
        &plan.redactor,
        prompted,
        &mut |question| ends.source.borrow_mut().ask(question),
    )
    .await
    .map_err(|error| Failed {
        error,
        obstacle: FailureKind::Credentials,
    })?;
    let target = target(plan, memory, &placed)?;
    let options = filled(&plan.request, memory)?;
    // This note contains what the user typed, not a peer's text.
    plan.target.hide_secrets(&plan.redactor);
    plan.request.hide_secrets(&plan.redactor);
    let request = request::build(&target, &options, &placed, handshake::new_key());
    let progress = Progress::new();
    let log = Transcript::default();
    let deadline = tokio::time::Instant::now() + plan.connect_timeout;
    let attempt = attempt(plan, turn, &request, (&progress, &log), deadline, ends);
    match until(deadline, plan.connect_timeout, attempt).await {
        Ok(Ok(connection)) => Ok(Connection {
            first: placed.message.as_ref().map(first_message),
            ..connection
        }),
        Ok(Err(failed)) => Err(failed),
        Err(()) => {
            if progress.stage() == Stage::Handshake {
                ends.report(&Event::Heads(&log.heads(&plan.redactor)));
            }
            Err(timed_out(plan, &progress, log.received()).into())
        }
    }
}

/// Waits for `attempt` until `deadline`, which is `patience` after its start. What had arrived by
/// then still counts; and if this process was suspended, the peer gets the same time again.
///
/// # Errors
/// If it took too long.
async fn until<T>(
    mut deadline: tokio::time::Instant,
    patience: Duration,
    attempt: impl Future<Output = T>,
) -> Result<T, ()> {
    let mut attempt = pin!(attempt);
    loop {
        if let Ok(done) = tokio::time::timeout_at(deadline, &mut attempt).await {
            return Ok(done);
        }
        let late = deadline.elapsed();
        // The runtime may have polled only the timer. Let it poll the system for what has arrived
        // before continuing.
        for _ in 0..LAST_LOOKS {
            tokio::task::yield_now().await;
            if let Some(done) = attempt.as_mut().now_or_never() {
                return Ok(done);
            }
        }
        if late < OVERSLEPT {
            return Err(());
        }
        deadline = tokio::time::Instant::now() + patience;
    }
}

/// The target, with the token and the resumed values in the query.
fn target(plan: &Plan, memory: &ResumeVars, placed: &ResolvedCredentials) -> Result<Target, Error> {
    let mut target = plan.target.clone();
    if let Some(query) = &target.query {
        target.query = Some(memory.fill(query, Place::Query)?);
    }
    Ok(match &placed.parameter {
        Some((name, value)) => target.with_parameter(name, value.expose()),
        None => target,
    })
}

/// The request, with the resumed values in the headers.
fn filled(options: &request::Options, memory: &ResumeVars) -> Result<request::Options, Error> {
    let mut options = options.clone();
    for line in &mut options.headers {
        if let HeaderLine::Set(_, value) = line {
            *value = memory.fill(value, Place::Header)?;
        }
    }
    Ok(options)
}

async fn attempt<I, O: Sink>(
    plan: &Plan,
    AttemptId { conn, attempt }: AttemptId,
    request: &Request,
    (progress, log): (&Progress, &Transcript),
    deadline: tokio::time::Instant,
    ends: &Ends<'_, I, O>,
) -> Result<Connection, Failed> {
    let mut report = |address: Address| {
        let address = Some(address);
        let event = Event::Connecting {
            conn,
            attempt,
            address,
        };
        ends.report(&event);
    };
    let dialing = plan.transport.dial(&plan.target, progress, &mut report);
    let dialed = dialing.await?;
    if let Some(tls) = &dialed.tls {
        ends.report(&Event::Tls(tls));
    }
    let waiting = "waiting for the server to answer the handshake";
    progress.enter(Stage::Handshake, waiting);
    let upgraded = match handshake::upgrade(dialed.stream, request, log, deadline).await {
        Ok(upgraded) => upgraded,
        Err(failed) => {
            ends.report(&Event::Heads(&log.heads(&plan.redactor)));
            let obstacle = match &failed.refusal {
                Some(refusal) => {
                    ends.report(&Event::Refused { attempt, refusal });
                    FailureKind::Status {
                        status: refusal.status,
                        reason: refusal.reason.chars().take(MAX_PHRASE).collect(),
                        retry_after: retry_after::read(&refusal.headers, SystemTime::now()),
                    }
                }
                None => FailureKind::Failure,
            };
            let error = failed.error;
            return Err(Failed { error, obstacle });
        }
    };
    progress.finish("upgrade");
    let deflate = upgraded.agreed.deflate;
    let opened = Opened {
        address: Some(dialed.address),
        status: 101,
        http: "1.1",
        subprotocol: upgraded.agreed.subprotocol,
        extensions: upgraded.agreed.extensions,
        compression: compression(request, deflate),
        tls: dialed.tls,
        timing: progress.timing(),
    };
    ends.report(&Event::Heads(&log.heads(&plan.redactor)));
    ends.report(&Event::Open {
        conn,
        opened: &opened,
    });
    if opened.subprotocol.is_none() && request.subprotocols().next().is_some() {
        ends.report(&Event::Note(
            "warning: the server chose none of the offered subprotocols",
        ));
    }
    Ok(Connection {
        stream: upgraded.stream,
        early: upgraded.early,
        first: None,
        deflate,
    })
}

/// The negotiated extensions as a sentence; nothing if none were offered.
fn compression(request: &Request, agreed: Option<Agreed>) -> Option<String> {
    match agreed {
        Some(agreed) => Some(agreed.to_string()),
        None if request.offered_extensions().is_empty() => None,
        None => Some("none agreed".to_owned()),
    }
}

fn first_message((sent, shown): &(Secret, String)) -> First {
    (Message::text(sent.expose()), Message::text(shown.as_str()))
}

fn timed_out(plan: &Plan, progress: &Progress, received: usize) -> Error {
    let stage = progress.stage();
    let doing = match stage {
        Stage::Handshake if received > 0 => format!(
            "waiting for the rest of the server's answer to the handshake; {received} bytes came"
        ),
        _ => progress.doing(),
    };
    Error::connect_timeout(stage, plan.connect_timeout, &doing)
}
