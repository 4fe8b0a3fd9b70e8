//! Where an attempt goes: where a command or a file gives its URL, that is read now. The URL is a secret
//! from then on, and is never reported.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::ends::Ends;
use super::frontend::Sink;
use super::plan::Plan;
use crate::auth::acquire::{self, CachedAnswers};
use crate::error::Error;
use crate::event::Event;
use crate::io::child::lines::{Lines, lines};
use crate::uri::Target;

/// The plan of this attempt, and what is left of its timeout, which a computed URL and the connection
/// share.
///
/// # Errors
/// Exit 2 or 28 if the URL cannot be read, 3 if it is malformed.
pub(super) async fn located<'p, I, O: Sink>(
    plan: &'p Plan,
    cached: &mut CachedAnswers,
    ends: &Ends<'_, I, O>,
) -> Result<(Cow<'p, Plan>, Duration), Error> {
    let timeout = plan.connect_timeout;
    let Some(source) = &plan.source else {
        return Ok((Cow::Borrowed(plan), timeout));
    };
    let begun = Instant::now();
    let variables = &plan.credentials.variables;
    let (stderr, lines) = plan.reports_lines.then(lines).unzip();
    let reading = acquire::read_url(source, variables, timeout, stderr, cached);
    let url = reporting(reading, lines, ends).await?;
    plan.redactor.add_given(url.expose());
    let target = Target::parse_secret(url.expose(), &source.to_string())?;
    target.hide(&plan.redactor);
    let left = timeout.saturating_sub(begun.elapsed());
    Ok((Cow::Owned(plan.at(target)), left))
}

/// How long the last lines of a command that has ended are waited for.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Waits for `reading`, and reports the lines that it prints, as far as there is room for them.
async fn reporting<T, I, O: Sink>(
    reading: impl Future<Output = T>,
    mut lines: Option<Lines>,
    ends: &Ends<'_, I, O>,
) -> T {
    let mut reading = pin!(reading);
    let mut report = |cx: &mut Context<'_>| {
        while let Poll::Ready(line) = next_line(&mut lines, ends, cx) {
            ends.report(&Event::Note(&line));
        }
        match lines {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        }
    };
    let read = poll_fn(|cx| {
        let _ = report(cx);
        reading.as_mut().poll(cx)
    });
    let read = read.await;
    // Why it failed may be among them.
    let _ = tokio::time::timeout(LAST_LINES, poll_fn(report)).await;
    read
}

fn next_line<I, O: Sink>(
    lines: &mut Option<Lines>,
    ends: &Ends<'_, I, O>,
    cx: &mut Context<'_>,
) -> Poll<String> {
    let Some(some) = lines else {
        return Poll::Pending;
    };
    ready!(ends.sink.borrow_mut().poll_ready(cx));
    match ready!(some.poll_recv(cx)) {
        Some(line) => Poll::Ready(line),
        None => {
            *lines = None;
            Poll::Pending
        }
    }
}
