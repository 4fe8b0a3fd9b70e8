//! One connection attempt: credentials, dialling, handshake. Every step is reported as an event.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::OwnedSemaphorePermit;

use super::about::About;
use super::clock::OVERSLEPT;
use super::ends::Ends;
use super::frontend::{Asker, Sink};
use super::hop::{Hop, Way};
use super::located::located;
pub use super::plan::Plan;
use super::resume::vars::{Place, ResumeVars};
use crate::auth::acquire::{self, CachedAnswers, Environment};
use crate::auth::placement::ResolvedCredentials;
use crate::error::{Error, Exit, Stage};
use crate::event::{Address, Cause, Event, Opened, Refusal, TlsInfo};
use crate::handshake::redirect::Redirects;
use crate::handshake::request::{self, HeaderLine, Request};
use crate::handshake::versions::Versions;
use crate::handshake::{self, Opening, Transcript, Upgraded, retry_after};
use crate::message::Message;
use crate::secret::Secret;
use crate::transport::{BoxedStream, Dialed, Dialer, Progress, Route};
use crate::uri::Target;
use crate::wire::extension::Agreed;
use crate::wire::validate::Role;

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
    /// Our role.
    pub(super) role: Role,
    /// Its number, from 1.
    pub(super) number: u32,
    /// What the commands of the run are told of it.
    pub(super) about: About,
    /// While it lives, no other client is let in.
    pub(super) turn: Option<OwnedSemaphorePermit>,
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
    let unread = |error| Failed {
        error,
        obstacle: FailureKind::Credentials,
    };
    let (plan, left) = located(plan, prompted, ends).await.map_err(unread)?;
    let plan = &*plan;
    let placed = acquire::read(
        &plan.credentials,
        environment,
        plan.connect_timeout,
        &plan.redactor,
        prompted,
        &mut |question| ends.source.borrow_mut().ask(question),
    )
    .await
    .map_err(unread)?;
    unlock(plan, ends).await?;
    let mut way = way(plan, memory, &placed)?;
    let mut dialer = dialer(&way, prompted, ends).await?;
    let deadline = tokio::time::Instant::now() + left;
    let progress = Progress::new(deadline.into_std());
    loop {
        match stop_at(&way, (&dialer, &progress), turn, deadline, ends).await? {
            Stopped::Opened(connection) => return Ok(*connection),
            Stopped::Redirected(refusal, cookies) => {
                ends.report(&Event::Refused {
                    attempt: turn.attempt,
                    refusal: &refusal,
                });
                way.redirects.follow(&refusal, &cookies)?;
                // As in curl, all that led to the last URL is one step.
                progress.restart(0, "redirect");
                dialer = self::dialer(&way, prompted, ends).await?;
            }
        }
    }
}

/// Where one URL on the way of redirects has led.
enum Stopped {
    Opened(Box<Connection>),
    /// The answer is a redirect that is followed; with the Cookie header of the request.
    Redirected(Refusal, String),
}

/// Connects to the current URL of `way`.
async fn stop_at<I, O: Sink>(
    way: &Way<'_>,
    transport: (&Dialer, &Progress),
    turn: AttemptId,
    deadline: tokio::time::Instant,
    ends: &Ends<'_, I, O>,
) -> Result<Stopped, Failed> {
    let (plan, progress) = (way.plan, transport.1);
    let hop = way.hop(handshake::new_key(), since_epoch());
    if let Some(note) = &hop.note {
        ends.report(&Event::Note(note));
    }
    let request = &hop.request;
    let log = Transcript::default();
    // Its state is large; `until` would hold it twice.
    let attempt = pin!(attempt(plan, &hop, turn, transport, &log, deadline, ends));
    match until(deadline, plan.connect_timeout, attempt).await {
        Ok(Ok(connection)) => Ok(Stopped::Opened(Box::new(Connection {
            first: hop.message.as_ref().map(first_message),
            ..connection
        }))),
        Ok(Err(failed)) => {
            let cookies = request.header("cookie").unwrap_or_default();
            if progress.stage() == Stage::Handshake {
                ends.report(&Event::Heads(&log.heads(&plan.redactor)));
            }
            let Some(refusal) = failed.refusal else {
                return Err(failed.error.into());
            };
            plan.cookies.handle_answer(&hop.target, refusal.cookies());
            if way.redirects.leads_on(&refusal) {
                return Ok(Stopped::Redirected(refusal, cookies.to_owned()));
            }
            Err(refused(failed.error, &refusal, turn, ends))
        }
        Err(()) => {
            if progress.stage() == Stage::Handshake {
                ends.report(&Event::Heads(&log.heads(&plan.redactor)));
            }
            Err(timed_out(plan, progress, log.received(), turn.conn).into())
        }
    }
}

/// The failure for an answer that opened no connection and leads nowhere.
fn refused<I, O: Sink>(
    error: Error,
    refusal: &Refusal,
    turn: AttemptId,
    ends: &Ends<'_, I, O>,
) -> Failed {
    let attempt = turn.attempt;
    ends.report(&Event::Refused { attempt, refusal });
    let obstacle = FailureKind::Status {
        status: refusal.status,
        reason: refusal.reason.chars().take(MAX_PHRASE).collect(),
        retry_after: retry_after::read(&refusal.headers, SystemTime::now()),
    };
    Failed { error, obstacle }
}

/// Asks for the passphrase of the client certificate's key, if it is needed and not known. The user
/// may take any time.
///
/// # Errors
/// Exit 2 or 60 if the certificates cannot be read, 28 if that takes too long, 58 if the client
/// certificate cannot be used.
async fn unlock<I: Asker, O: Sink>(plan: &Plan, ends: &Ends<'_, I, O>) -> Result<(), Error> {
    let reading = plan.transport.question(&plan.target);
    let Ok(question) = tokio::time::timeout(plan.connect_timeout, reading).await else {
        let doing = "reading the client certificate";
        return Err(Error::connect_timeout(
            Stage::Input,
            plan.connect_timeout,
            doing,
        ));
    };
    let Some(question) = question? else {
        return Ok(());
    };
    let mut ask = |question: &str| ends.source.borrow_mut().ask(question);
    let answer = acquire::ask_for(question, &mut ask).await;
    let passphrase = answer.map_err(|mut error| {
        error.exit = Exit::OwnCertificate;
        error.advice("--pass PASSWORD")
    })?;
    plan.redactor.add_given(passphrase.expose());
    plan.transport.unlock(passphrase).await
}

/// Waits for `attempt` until `deadline`, which is `patience` after its start. What had arrived by
/// then still counts; and if this process was suspended, the peer gets the same time again.
///
/// # Errors
/// If it took too long.
async fn until<T>(
    mut deadline: tokio::time::Instant,
    patience: Duration,
    mut attempt: Pin<&mut impl Future<Output = T>>,
) -> Result<T, ()> {
    loop {
        if let Ok(done) = tokio::time::timeout_at(deadline, attempt.as_mut()).await {
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

/// The way of an attempt, at its beginning. The secrets of the request are known to the redactor from
/// here on.
///
/// # Errors
/// Exit 2 if a resumed value is not allowed in its place, or the region of a signature is not known.
fn way<'a>(
    plan: &'a Plan,
    memory: &ResumeVars,
    placed: &'a ResolvedCredentials,
) -> Result<Way<'a>, Error> {
    plan.target.hide_secrets(&plan.redactor);
    plan.request.hide_secrets(&plan.redactor);
    let host = plan.target.host.to_string();
    let signer = plan.sigv4.as_ref().map(|options| options.signer(&host));
    Ok(Way {
        signer: signer.transpose()?,
        plan,
        credentials: placed,
        request: filled(&plan.request, memory)?,
        redirects: Redirects::new(&target(plan, memory, placed)?, &plan.redirects),
    })
}

/// The time of a signature.
fn since_epoch() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}

/// The first request of an attempt, with its `key`.
///
/// # Errors
/// Exit 2 if a resumed value is not allowed in its place.
pub fn request(
    plan: &Plan,
    memory: &ResumeVars,
    placed: &ResolvedCredentials,
    key: String,
) -> Result<Request, Error> {
    Ok(way(plan, memory, placed)?.hop(key, since_epoch()).request)
}

/// What dials the current URL, with the password of the proxy if the user must be asked for it. The
/// client certificate is for the server of the user's URL.
async fn dialer<'p, I: Asker, O>(
    way: &Way<'p>,
    prompted: &mut CachedAnswers,
    ends: &Ends<'_, I, O>,
) -> Result<Cow<'p, Dialer>, Failed> {
    let (plan, target) = (way.plan, &way.redirects.target);
    let mut dialer = Cow::Borrowed(&plan.transport);
    if way.redirects.is_foreign() && dialer.has_client_certificate() {
        dialer = Cow::Owned(dialer.into_owned().without_client_certificate());
    }
    let route = dialer.route(target)?;
    if let Some(user) = dialer.user_without_password(&route) {
        let ask = &mut |question: &str| ends.source.borrow_mut().ask(question);
        let password = acquire::proxy_password(&user, prompted, ask).await;
        let password = password.map_err(|error| Failed {
            error,
            obstacle: FailureKind::Credentials,
        })?;
        dialer = Cow::Owned(dialer.into_owned().with_proxy_password(password));
    }
    dialer.hide_secrets(target, &plan.redactor);
    Ok(dialer)
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
    hop: &Hop,
    id: AttemptId,
    (dialer, progress): (&Dialer, &Progress),
    log: &Transcript,
    deadline: tokio::time::Instant,
    ends: &Ends<'_, I, O>,
) -> Result<Connection, Box<handshake::Failed>> {
    let request = &hop.request;
    let mut opening = Opening {
        target: &hop.target,
        request,
        versions: plan.versions,
        log,
        progress,
        deadline,
    };
    let before = progress.len();
    let (mut route, mut upgraded) = open(dialer, id, opening, ends).await?;
    if let Err(failed) = &upgraded
        && failed.needs_http1
        && plan.versions == Versions::Negotiated
    {
        ends.report(&Event::Heads(&log.heads(&plan.redactor)));
        let why = &failed.error.message;
        ends.report(&Event::Note(&format!("{why}; using HTTP/1.1")));
        log.clear();
        progress.restart(before, "http2");
        opening.versions = Versions::Http1;
        (route, upgraded) = open(dialer, id, opening, ends).await?;
    }
    let upgraded = upgraded?;
    ends.report(&Event::Heads(&log.heads(&plan.redactor)));
    progress.finish("upgrade");
    let cookies = upgraded.cookies.iter().map(String::as_str);
    plan.cookies.handle_answer(&hop.target, cookies);
    let deflate = upgraded.agreed.deflate;
    let opened = Opened {
        asked: None,
        address: Some(route.address),
        proxy: route.proxy,
        status: upgraded.status,
        http: upgraded.http,
        subprotocol: upgraded.agreed.subprotocol,
        extensions: upgraded.agreed.extensions,
        compression: compression(request, deflate),
        tls: route.tls,
        timing: progress.timing(),
    };
    ends.report(&Event::Open {
        conn: id.conn,
        opened: &opened,
    });
    if opened.subprotocol.is_none() && request.subprotocols().next().is_some() {
        ends.report(&Event::Note(
            "warning: the server chose none of the offered subprotocols",
        ));
    }
    let about = About {
        url: plan.shown_url(),
        subprotocol: opened.subprotocol.clone(),
        peer: opened.address.as_ref().map(ToString::to_string),
        connection: id.conn,
        ..About::default()
    };
    Ok(Connection {
        stream: upgraded.stream,
        early: upgraded.early,
        first: None,
        deflate,
        role: Role::Client,
        number: id.conn,
        about,
        turn: None,
    })
}

/// What a connection was made over.
struct Path {
    address: Address,
    /// The proxy, and what named it.
    proxy: Option<String>,
    tls: Option<TlsInfo>,
}

/// Dials and makes the handshake.
///
/// # Errors
/// The failure to dial; that of the handshake is within the result.
async fn open<I, O: Sink>(
    dialer: &Dialer,
    AttemptId { conn, attempt }: AttemptId,
    opening: Opening<'_>,
    ends: &Ends<'_, I, O>,
) -> Result<(Path, Result<Upgraded, Box<handshake::Failed>>), Box<handshake::Failed>> {
    let mut report = |address: Address| {
        let address = Some(address);
        let event = Event::Connecting {
            conn,
            attempt,
            address,
        };
        ends.report(&event);
    };
    let (alpn, progress) = (opening.versions.alpn(), opening.progress);
    let route = dialer.route(opening.target)?;
    let proxy = route.proxy();
    report_route(&route, proxy.as_deref(), ends);
    let dialing = dialer.dial(opening.target, alpn, progress, &mut report);
    let Dialed {
        stream,
        address,
        tls,
        notes,
        details,
    } = dialing.await?;
    for detail in &details {
        ends.report(&Event::Detail(detail));
    }
    for note in &notes {
        ends.report(&Event::Note(note));
    }
    if let Some(tls) = &tls {
        ends.report(&Event::Tls(tls));
    }
    let chosen = tls.as_ref().and_then(|tls| tls.alpn.as_deref());
    let mut detail = |line: &str| ends.report(&Event::Detail(line));
    let upgraded = handshake::open(stream, chosen, opening, &mut detail).await;
    let path = Path {
        address,
        proxy,
        tls,
    };
    Ok((path, upgraded))
}

/// Reports a way that has more to it than TCP and TLS.
fn report_route<I, O: Sink>(route: &Route, proxy: Option<&str>, ends: &Ends<'_, I, O>) {
    if !route.is_direct() {
        let layers = &route.to_string();
        ends.report(&Event::Route { layers, proxy });
    }
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

/// The error of the attempt at connection `conn`. A server that has never ended a TLS handshake does not
/// speak TLS as we do, and is not tried again.
fn timed_out(plan: &Plan, progress: &Progress, received: usize, conn: u32) -> Error {
    let stage = progress.stage();
    let doing = match stage {
        Stage::Handshake if received > 0 => format!(
            "waiting for the rest of the server's answer to the handshake; {received} bytes came"
        ),
        _ => progress.doing(),
    };
    let error = Error::connect_timeout(stage, plan.connect_timeout, &doing);
    match stage {
        Stage::Tls if conn == 1 => error.permanent(),
        _ => error,
    }
}
