//! Steps that send and expect.

use super::checks::{self, Subject};
use super::error::Error;
use super::line::{self, Head};
use super::mark::{self, Kind, Mark, given};
use super::payload::{self, Place, Use};
use super::state::State;
use super::text::Part;
use crate::message;
use crate::script::ast::{At, Expect, Expected, Given, Outgoing, Pattern, Payload, Send, Step};
use crate::script::excerpt::shown;
use crate::script::values;
use crate::template;

/// Reads the step on a line with a mark, and what belongs to it.
pub(super) fn read<'a>(
    state: &mut State<'a>,
    line: Part<'a>,
    head: &Head<'a>,
) -> Result<Step, Error> {
    let mark = mark::read(line, head);
    if let Ok(mark) = &mark {
        let checked = state.connections.check(mark.span, mark.connection.as_ref());
        state.ok(checked);
    }
    match head.sends {
        true => send(state, mark?),
        false => {
            let expected = mark.and_then(|mark| expect(state, mark));
            // The sections are read in any case, so that they are not in the wrong place.
            let subject = match &expected {
                Ok(expect) => Subject::of(expect),
                Err(_) => Subject::Unknown,
            };
            let checks = checks::read(state, subject);
            expected.map(|mut expect| {
                expect.checks = checks;
                Step::Expect(Box::new(expect))
            })
        }
    }
}

fn send<'a>(state: &mut State<'a>, mark: Mark<'a>) -> Result<Step, Error> {
    let what = match mark.kind {
        None => message(state, &mark, None)?,
        Some(Kind::Text) => message(state, &mark, Some(message::Kind::Text))?,
        Some(Kind::Binary) => message(state, &mark, Some(message::Kind::Binary))?,
        Some(Kind::Ping) => Outgoing::Ping(control(state, &mark)?),
        Some(Kind::Pong) => Outgoing::Pong(control(state, &mark)?),
        Some(Kind::Close) => {
            let (code, reason) = close(state, &mark)?;
            Outgoing::Close { code, reason }
        }
        Some(Kind::Frame | Kind::Drop | Kind::Open) => Outgoing::Frame(frame(&mark)?),
    };
    Ok(Step::Send(Send {
        span: mark.span,
        connection: mark.connection,
        what,
    }))
}

fn message<'a>(
    state: &mut State<'a>,
    mark: &Mark<'a>,
    kind: Option<message::Kind>,
) -> Result<Outgoing, Error> {
    if mark.rest.is_empty() {
        let advice = match kind {
            Some(message::Kind::Binary) => ">binary hex: sends an empty message",
            _ => "> `` sends an empty message",
        };
        return Err(Error::new(mark.span, "there is nothing to send").advice(advice));
    }
    let place = place_of_message(mark, kind);
    let payload = payload::read(state, mark.rest, place)?;
    Ok(Outgoing::Message { kind, payload })
}

fn place_of_message(mark: &Mark<'_>, kind: Option<message::Kind>) -> Place {
    Place {
        what: match kind {
            Some(message::Kind::Binary) => Use::Binary,
            Some(message::Kind::Text) | None => Use::Text,
        },
        is_named: kind.is_some(),
        is_expected: !mark.sends,
    }
}

/// The payload of a ping or a pong, if there is one.
fn control<'a>(state: &mut State<'a>, mark: &Mark<'a>) -> Result<Option<At<Payload>>, Error> {
    named(state, mark.rest, Use::Control)
}

/// A payload after a kind, if there is one.
fn named<'a>(
    state: &mut State<'a>,
    rest: Part<'a>,
    what: Use,
) -> Result<Option<At<Payload>>, Error> {
    if rest.is_empty() {
        return Ok(None);
    }
    let place = Place {
        what,
        is_named: true,
        is_expected: false,
    };
    payload::read(state, rest, place).map(Some)
}

type Close = (Option<At<Given<u16>>>, Option<At<Payload>>);

/// The code and the reason after `>close` or `<close`.
fn close<'a>(state: &mut State<'a>, mark: &Mark<'a>) -> Result<Close, Error> {
    let is_expected = !mark.sends;
    let (word, rest) = mark.rest.word();
    if word.is_empty() {
        return Ok((None, None));
    }
    let text = word.text();
    let is_variable = template::placeholder_at_start(text.as_bytes())
        .is_some_and(|name| name.len() + 4 == text.len());
    if !is_variable && !text.starts_with(|c: char| c.is_ascii_digit()) {
        if !is_expected {
            return Err(Error::new(word.span(), "a reason without a code")
                .advice(format!(">close 1000 {}", shown(mark.rest.text()))));
        }
        return Ok((None, named(state, mark.rest, Use::Reason)?));
    }
    let parse = match is_expected {
        true => values::expected_code,
        false => values::sent_code,
    };
    let code = given(word, parse).map_err(|why| {
        let is_code = text.parse::<u16>().is_ok();
        let advice =
            (is_code && !is_expected).then(|| format!(">frame close code={text} sends any code"));
        Error::new(word.span(), why).advice_if(advice)
    })?;
    Ok((Some(code), named(state, rest, Use::Reason)?))
}

fn frame(mark: &Mark<'_>) -> Result<At<String>, Error> {
    match mark.rest.is_empty() {
        false => Ok(mark.rest.owned()),
        true => Err(Error::new(mark.span, "there is no frame to send")
            .advice(">frame fin=0 text hel; /frame at the prompt lists the words")),
    }
}

fn expect<'a>(state: &mut State<'a>, mark: Mark<'a>) -> Result<Expect, Error> {
    check_mark(&mark)?;
    let what = match mark.kind {
        None => pattern(state, &mark, None)?,
        Some(Kind::Text) => pattern(state, &mark, Some(message::Kind::Text))?,
        Some(Kind::Binary) => pattern(state, &mark, Some(message::Kind::Binary))?,
        Some(Kind::Ping) => Expected::Ping(control(state, &mark)?),
        Some(Kind::Pong) => Expected::Pong(control(state, &mark)?),
        Some(Kind::Close) => {
            let (code, reason) = close(state, &mark)?;
            Expected::Close { code, reason }
        }
        Some(Kind::Drop | Kind::Frame) => Expected::Drop,
        Some(Kind::Open) => Expected::Open,
    };
    Ok(Expect {
        span: mark.span,
        connection: mark.connection,
        not: mark.not,
        what,
        limit: mark.limit,
        times: mark.times,
        checks: Default::default(),
    })
}

/// What cannot be said together.
fn check_mark(mark: &Mark<'_>) -> Result<(), Error> {
    let wrong = |span, what: &str, advice: &str| Err(Error::new(span, what).advice(advice));
    let is_message = matches!(mark.kind, None | Some(Kind::Text | Kind::Binary));
    if mark.contains && !is_message {
        return wrong(
            mark.span,
            "'~' is for text and binary messages",
            "leave it out",
        );
    }
    if mark.contains && mark.rest.is_empty() {
        let advice = "< alone is any message; <~ {\"a\":1} one that has this member";
        return wrong(mark.span, "'~' without a message", advice);
    }
    if let Some(times) = mark.times.as_ref().filter(|_| mark.not) {
        let advice = "leave the count out";
        return wrong(times.span, "what must not come has no count", advice);
    }
    let once = matches!(mark.kind, Some(Kind::Close | Kind::Drop | Kind::Open));
    if let Some(times) = mark.times.as_ref().filter(|_| once) {
        let advice = "a count is for messages, pings and pongs";
        return wrong(
            times.span,
            "this has no count, because it comes once",
            advice,
        );
    }
    let is_alone = matches!(mark.kind, Some(Kind::Drop | Kind::Open));
    if is_alone && !mark.rest.is_empty() {
        let advice = "[Asserts] below says what must be true of it";
        return wrong(mark.rest.span(), "<drop and <open have no payload", advice);
    }
    Ok(())
}

fn pattern<'a>(
    state: &mut State<'a>,
    mark: &Mark<'a>,
    kind: Option<message::Kind>,
) -> Result<Expected, Error> {
    if mark.rest.is_empty() {
        return Ok(Expected::Any(kind));
    }
    if let Some(pattern) = regex(state, mark, kind)? {
        return Ok(Expected::Message { kind, pattern });
    }
    let payload = payload::read(state, mark.rest, place_of_message(mark, kind))?;
    let pattern = match mark.contains {
        true => Pattern::Contains(payload.value),
        false => Pattern::Equal(payload.value),
    };
    let pattern = At::new(pattern, payload.span);
    Ok(Expected::Message { kind, pattern })
}

/// `/…/` or `/…/i`, if that is what follows the mark.
fn regex<'a>(
    state: &mut State<'a>,
    mark: &Mark<'a>,
    kind: Option<message::Kind>,
) -> Result<Option<At<Pattern>>, Error> {
    let Some((source, ignores_case)) = line::slashed(mark.rest) else {
        return match mark.is_attached {
            true => Err(
                Error::new(mark.rest.span(), "a regular expression that is not closed")
                    .advice("</…/ or </…/i; put a space before text"),
            ),
            false => Ok(None),
        };
    };
    let wrong = |what: &str, advice: &str| Err(Error::new(mark.rest.span(), what).advice(advice));
    if mark.contains {
        return wrong(
            "a regular expression matches anywhere in a text",
            "leave '~' out, or put text between backticks",
        );
    }
    if kind == Some(message::Kind::Binary) {
        return wrong(
            "a regular expression is for text",
            "<binary hex:00ff, or put text between backticks",
        );
    }
    state.check_regex(source)?;
    let pattern = Pattern::Regex {
        source: source.text().to_owned(),
        ignores_case,
    };
    Ok(Some(At::new(pattern, source.span())))
}
