//! One connection attempt: credentials, dialling, handshake, all of it told as events.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Front;
use super::token::{self, Credentials, Environment};
use crate::auth::Placed;
use crate::error::{Error, Exit, Stage};
use crate::event::{Event, Message, Opened};
use crate::handshake::request::{self, Request};
use crate::handshake::{self, Transcript};
use crate::secret::{Redactor, Secret};
use crate::transport::{self, BoxedStream, Step};
use crate::uri::Target;
use crate::wire::extension::Agreed;

/// Everything that an attempt needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    pub credentials: Credentials,
    pub request: request::Options,
    pub transport: transport::Options,
    /// Over name lookup, TCP, TLS and handshake together.
    pub connect_timeout: Duration,
    pub redactor: Redactor,
}

/// An open connection.
pub struct Connection {
    pub(crate) stream: BoxedStream,
    /// Frames that came with the 101.
    pub(crate) early: Bytes,
    /// The token message, to be sent before anything else, and the same redacted.
    pub(crate) first: Option<(Message, Message)>,
    pub opened: Opened,
    /// What was agreed on for compression.
    pub(crate) deflate: Option<Agreed>,
}

/// Connects as `plan` says, telling `front` about it.
///
/// # Errors
/// Whatever ended the attempt, with the exit code of its stage; it has not been told yet.
pub async fn connect(
    plan: &Plan,
    environment: &Environment<'_>,
    front: &mut impl Front,
) -> Result<Connection, Error> {
    let placed = token::read(&plan.credentials, environment, &plan.redactor).await?;
    plan.target.hide_secrets(&plan.redactor);
    plan.request.hide_secrets(&plan.redactor);
    let step = Cell::new(Step::Lookup);
    let log = Transcript::default();
    let deadline = tokio::time::Instant::now() + plan.connect_timeout;
    let attempt = attempt(plan, &placed, (&step, &log), deadline, front);
    match tokio::time::timeout_at(deadline, attempt).await {
        Ok(result) => result,
        Err(_) => {
            if step.get() == Step::Upgrade {
                tell(front, &Event::Heads(&log.heads(&plan.redactor)));
            }
            Err(timed_out(plan, step.get(), log.received()))
        }
    }
}

async fn attempt(
    plan: &Plan,
    placed: &Placed,
    (step, log): (&Cell<Step>, &Transcript),
    deadline: tokio::time::Instant,
    front: &mut impl Front,
) -> Result<Connection, Error> {
    let target = match &placed.parameter {
        Some((name, value)) => plan.target.clone().with_parameter(name, value.expose()),
        None => plan.target.clone(),
    };
    let request = request::build(&target, &plan.request, placed, handshake::new_key());
    let mut told = |address: SocketAddr| {
        let address = Some(address);
        tell(
            front,
            &Event::Connecting {
                conn: 1,
                attempt: 1,
                address,
            },
        );
    };
    let dialed = transport::dial(&target, &plan.transport, step, &mut told).await?;
    if let Some(tls) = &dialed.tls {
        tell(front, &Event::Tls(tls));
    }
    step.set(Step::Upgrade);
    let started = Instant::now();
    let upgraded = match handshake::upgrade(dialed.stream, &request, log, deadline).await {
        Ok(upgraded) => upgraded,
        Err(failed) => {
            tell(front, &Event::Heads(&log.heads(&plan.redactor)));
            if let Some(refusal) = &failed.refusal {
                tell(
                    front,
                    &Event::Refused {
                        attempt: 1,
                        refusal,
                    },
                );
            }
            return Err(failed.error);
        }
    };
    let mut timing = dialed.timing;
    timing.upgrade = Some(started.elapsed());
    let deflate = upgraded.agreed.deflate;
    let opened = Opened {
        address: Some(dialed.address),
        status: 101,
        http: "1.1",
        subprotocol: upgraded.agreed.subprotocol,
        extensions: upgraded.agreed.extensions,
        compression: compression(&request, deflate),
        tls: dialed.tls,
        timing,
    };
    tell(front, &Event::Heads(&log.heads(&plan.redactor)));
    tell(
        front,
        &Event::Open {
            conn: 1,
            opened: &opened,
        },
    );
    if opened.subprotocol.is_none() && request.subprotocols().next().is_some() {
        tell(
            front,
            &Event::Note("warning: the server chose none of the offered subprotocols"),
        );
    }
    Ok(Connection {
        stream: upgraded.stream,
        early: upgraded.early,
        first: placed.message.as_ref().map(first_message),
        opened,
        deflate,
    })
}

/// Tells at once: the next step may take its time.
fn tell(front: &mut impl Front, event: &Event<'_>) {
    front.handle_event(Instant::now(), event);
    front.flush();
}

/// What was agreed, in words; nothing where nothing was offered.
fn compression(request: &Request, agreed: Option<Agreed>) -> Option<String> {
    match agreed {
        Some(agreed) => Some(agreed.to_string()),
        None if request.offered_extensions().is_empty() => None,
        None => Some("none agreed".to_owned()),
    }
}

fn first_message((sent, shown): &(Secret, String)) -> (Message, Message) {
    (Message::text(sent.expose()), Message::text(shown.as_str()))
}

fn timed_out(plan: &Plan, step: Step, received: usize) -> Error {
    let (stage, doing) = match step {
        Step::Lookup => (
            Stage::Dns,
            format!("resolving the host name '{}'", plan.target.host),
        ),
        Step::Connect => (
            Stage::Connect,
            format!("connecting to {}:{}", plan.target.host, plan.target.port),
        ),
        Step::Tls => (
            Stage::Tls,
            "waiting for the server in the TLS handshake".to_owned(),
        ),
        Step::Upgrade if received > 0 => (
            Stage::Handshake,
            format!(
                "waiting for the rest of the server's answer to the handshake; {received} bytes came"
            ),
        ),
        Step::Upgrade => (
            Stage::Handshake,
            "waiting for the server to answer the handshake".to_owned(),
        ),
    };
    Error::new(
        stage,
        Exit::Timeout,
        format!("timed out after {:?} ({doing})", plan.connect_timeout),
    )
    .advice("--connect-timeout T waits longer")
}
