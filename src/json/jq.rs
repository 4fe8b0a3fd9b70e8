//! jq expressions over messages, for `--filter`, `--until`, `--confirm` and `--resume`.
//!
//! The expression is the user's, the message a peer's: no message may crash the program, hang it,
//! or exhaust its memory or stack. So a message is checked and measured before jaq's recursive
//! parser sees it, outputs are limited, and every evaluation has limits ([`meter`]) and can be
//! interrupted ([`Interrupt`]). An expression has no access to the environment or `halt`.

mod access;
mod arithmetic;
mod cost;
mod functions;
mod meter;
mod order;
mod parts;
mod prelude;
mod program;
pub(super) mod read;
#[cfg(test)]
mod tests;
pub(super) mod value;
mod write;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, ValT, Vars, unwrap_valr};
use jaq_json::Val;

use super::parsed::Parsed;
use super::sequence::Split;
use crate::error::Error;
#[cfg(test)]
use crate::message::Data;
pub use meter::Interrupt;
use meter::Stop;
use program::{Jq, Program};
pub use read::MAX_DEPTH;
use read::Unread;
use value::Value;

/// Beyond this depth, the ordinary stack (2 MiB in a thread) may not suffice for every filter.
const SHALLOW: usize = 64;
/// Largest message, in bytes, that is parsed on the caller's thread, which cannot be interrupted.
const SMALL: usize = 4 << 20;
const MAX_OUTPUTS: usize = 10_000;
const MAX_OUTPUT_BYTES: usize = 64 << 20;
/// How many messages that are not JSON are looked at more closely.
const MAX_GUESSES: u64 = 16;
/// An error may quote a whole message; this much of it is shown.
const MAX_ERROR_CHARS: usize = 200;

/// A compiled jq expression. Clones share the program and the counters.
#[derive(Clone)]
pub struct Filter {
    expression: Arc<str>,
    program: Arc<jaq_core::Filter<Jq>>,
    shared: Arc<Shared>,
    /// Maximum memory of an evaluation, in bytes, if [`meter`] would allow more.
    memory: usize,
    /// Whether a message that is not JSON is a string to the expression.
    reads_text: bool,
}

/// What the clones of a filter share beside the program: above all the number of messages that were
/// not fully evaluated.
#[derive(Debug, Default)]
struct Shared {
    not_json: AtomicU64,
    unreadable: AtomicU64,
    cut: AtomicU64,
    failed: AtomicU64,
    /// Messages of several JSON values that were a string to the expression.
    several: AtomicU64,
    /// How one of the messages that are not JSON could be cut into JSON values.
    split: OnceLock<Split>,
    /// [`Filter::first_skipped`] has returned its sentence.
    reported: AtomicBool,
    first_failure: OnceLock<String>,
    interrupt: OnceLock<Interrupt>,
    /// An evaluation has been interrupted.
    interrupted: AtomicBool,
    /// The last evaluation needed its own thread, so the next one may need one too.
    heavy: AtomicBool,
}

impl Shared {
    /// Counts a message that is not JSON, and looks whether it could be cut into values.
    fn skip(&self, message: &Parsed<'_>) {
        let skipped = self.not_json.fetch_add(1, Ordering::Relaxed);
        if skipped < MAX_GUESSES
            && self.split.get().is_none()
            && let Some(split) = message.guess(SMALL)
        {
            let _ = self.split.set(split);
        }
    }

    /// Counts a message that is a string to the expression, where it is JSON values one after another.
    fn look_at_text(&self, message: &Parsed<'_>) {
        let begins = |text: &str| text.trim_start().starts_with(['{', '[']);
        if message.plain().is_some_and(begins)
            && let Some(split) = message.guess(SMALL)
        {
            self.several.fetch_add(1, Ordering::Relaxed);
            let _ = self.split.set(split);
        }
    }

    /// What to try where messages were skipped, after the sentence that says so.
    fn hint(&self) -> String {
        let split = self.split.get();
        split.map_or_else(String::new, |split| {
            format!(
                "; --split {} cuts such a message into JSON values",
                split.name()
            )
        })
    }
}

/// Receives the outputs.
type Take<T> = fn(&mut dyn Iterator<Item = Result<Value, String>>) -> Result<T, String>;

impl Filter {
    /// Compiles `expr`. The error is a usage error that shows the expression with a caret at the
    /// position of the mistake, and what is wrong there.
    pub fn compile(expr: &str) -> Result<Filter, Error> {
        Filter::try_compile(expr).map_err(|fault| fault.into_error(expr))
    }

    /// Compiles `expr`, for callers that show themselves where the mistake is.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn try_compile(expr: &str) -> Result<Filter, Fault> {
        let program = compile(expr)?;
        Ok(Filter {
            expression: expr.into(),
            program: Arc::new(program),
            shared: Arc::default(),
            memory: usize::MAX,
            reads_text: false,
        })
    }

    /// The same expression for messages of every kind: one that is text and not JSON is a string to it,
    /// instead of being skipped.
    #[must_use]
    pub fn reading_text(mut self) -> Filter {
        self.reads_text = true;
        self
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.expression
    }

    /// Lets `interrupt` end the evaluations of this filter and its clones. Only the first call has
    /// an effect.
    pub fn set_interrupt(&self, interrupt: &Interrupt) {
        let _ = self.shared.interrupt.set(interrupt.clone());
    }

    /// [`Filter::run_on`] a message that no other expression looks into.
    #[cfg(test)]
    pub fn run(&self, json: &[u8]) -> Option<Result<Vec<String>, String>> {
        self.run_on(&Parsed::once(Data::Binary(json)))
    }

    /// The outputs for one message, each as compact JSON, at most 10,000, and 64 MiB. `None` if the
    /// message is not JSON; `Err` is jq's message for a failure, on one line.
    pub fn run_on(&self, message: &Parsed<'_>) -> Option<Result<Vec<String>, String>> {
        let found = self.evaluate(message, outputs_of)?;
        Some(found.map(|(outputs, cut)| {
            self.shared.cut.fetch_add(u64::from(cut), Ordering::Relaxed);
            outputs
        }))
    }

    /// The first output for one message as compact JSON, at most 64 MiB, if there is an output. `None` if
    /// the message cannot be read; `Err` is jq's message for a failure, on one line.
    pub fn first_of(&self, message: &Parsed<'_>) -> Option<Result<Option<String>, String>> {
        self.evaluate(message, |outputs| {
            let Some(value) = outputs.next().transpose()? else {
                return Ok(None);
            };
            let json = value.to_json(MAX_OUTPUT_BYTES).map_err(|_| {
                let most = MAX_OUTPUT_BYTES >> 20;
                format!("the result is larger than {most} MiB")
            })?;
            Ok(Some(String::from_utf8_lossy(&json).into_owned()))
        })
    }

    /// [`Filter::is_true_of`] a message that no other expression looks into.
    #[cfg(test)]
    pub fn is_true(&self, json: &[u8]) -> bool {
        self.is_true_of(&Parsed::once(Data::Binary(json)))
    }

    /// Whether the first output is neither `false` nor `null`. A message that is not JSON, a
    /// failure and no output at all are not true.
    pub fn is_true_of(&self, message: &Parsed<'_>) -> bool {
        let first = self.evaluate(message, |outputs| {
            let first = outputs.next().transpose()?;
            Ok(first.is_some_and(|value| value.as_bool()))
        });
        matches!(first, Some(Ok(true)))
    }

    /// Sentences about the messages that the expression skipped, each beginning with `option`. With
    /// `failures` they include failures, for uses that do not report them as they happen.
    pub fn losses(&self, option: &str, failures: bool) -> Vec<String> {
        let Shared {
            not_json,
            unreadable,
            cut,
            failed,
            ..
        } = &*self.shared;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut losses = Vec::new();
        let passed_over = match (count(not_json), count(unreadable)) {
            (0, 0) => None,
            (0, n) => Some(format!("{} that jq cannot read", messages(n))),
            (n, m) => {
                let verb = if n == 1 { "is" } else { "are" };
                let others = match m {
                    0 => String::new(),
                    m => format!(", and {m} that jq cannot read"),
                };
                Some(format!("{} that {verb} not JSON{others}", messages(n)))
            }
        };
        let hint = self.shared.hint();
        losses.extend(passed_over.map(|what| format!("{option} skipped {what}{hint}")));
        if count(cut) > 0 {
            losses.push(format!(
                "{option} kept only the first results of {} ({MAX_OUTPUTS} and {} MiB are the most)",
                messages(count(cut)),
                MAX_OUTPUT_BYTES >> 20
            ));
        }
        if failures && count(failed) > 0 {
            let first = self.shared.first_failure.get().map_or("", String::as_str);
            losses.push(format!(
                "{option} failed on {}; the first failure: {first}",
                messages(count(failed))
            ));
        }
        losses
    }

    /// A sentence about the messages of several JSON values that were a string to the expression, if there
    /// were any.
    pub fn several(&self, option: &str) -> Option<String> {
        let several = self.shared.several.load(Ordering::Relaxed);
        let hint = self.shared.hint();
        (several > 0).then(|| {
            format!(
                "{option} took {} of several JSON values for text{hint}",
                messages(several)
            )
        })
    }

    /// A sentence about the first message that is not JSON; `None` as long as there is none, and once
    /// the sentence was returned.
    pub fn first_skipped(&self, option: &str) -> Option<String> {
        let shared = &*self.shared;
        if shared.not_json.load(Ordering::Relaxed) == 0
            || shared.reported.swap(true, Ordering::Relaxed)
        {
            return None;
        }
        let hint = shared.hint();
        Some(format!("{option} skipped a message that is not JSON{hint}"))
    }

    fn evaluate<T: Send + 'static>(
        &self,
        message: &Parsed<'_>,
        take: Take<T>,
    ) -> Option<Result<T, String>> {
        let shared = &self.shared;
        let interrupt = shared.interrupt.get_or_init(Interrupt::default);
        if interrupt.is_stopped() && shared.interrupted.load(Ordering::Relaxed) {
            // The messages that still arrive must not delay the end.
            return None;
        }
        let found = self.evaluate_uncounted(message, take);
        let failure = match found {
            Ok(found) => return Some(Ok(found)),
            Err(Unread::NotJson) => {
                shared.skip(message);
                return None;
            }
            Err(Unread::Unreadable) => {
                shared.unreadable.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Err(Unread::Refused(why)) => why,
        };
        shared.failed.fetch_add(1, Ordering::Relaxed);
        shared.first_failure.get_or_init(|| failure.clone());
        Some(Err(failure))
    }

    fn evaluate_uncounted<T: Send + 'static>(
        &self,
        message: &Parsed<'_>,
        take: Take<T>,
    ) -> Result<T, Unread> {
        let (text, depth) = match message.text() {
            Err(Unread::NotJson) if self.reads_text => {
                self.shared.look_at_text(message);
                return self.evaluate_text(message, take);
            }
            measured => measured?,
        };
        let heavy = &self.shared.heavy;
        if depth <= SHALLOW && text.len() <= SMALL && !heavy.load(Ordering::Relaxed) {
            match meter::run_inline(|| perform(&self.program, message.value(), take)) {
                Err(Stop::Heavy) => heavy.store(true, Ordering::Relaxed),
                done => return done.unwrap_or_else(|stop| Err(Unread::Refused(stop.describe()))),
            }
        }
        self.evaluate_on_thread(text, read::parse, take)
    }

    /// Evaluates a message that is not JSON, as a string.
    fn evaluate_text<T: Send + 'static>(
        &self,
        message: &Parsed<'_>,
        take: Take<T>,
    ) -> Result<T, Unread> {
        let text = message.plain().ok_or(Unread::NotJson)?;
        let string = |text: &str| Ok(Value::text(text.as_bytes().to_vec()));
        let heavy = &self.shared.heavy;
        if text.len() <= SMALL && !heavy.load(Ordering::Relaxed) {
            match meter::run_inline(|| perform(&self.program, string(text), take)) {
                Err(Stop::Heavy) => heavy.store(true, Ordering::Relaxed),
                done => return done.unwrap_or_else(|stop| Err(Unread::Refused(stop.describe()))),
            }
        }
        self.evaluate_on_thread(text, string, take)
    }

    /// Evaluates `text`, of which `input` makes a value, on a thread of its own.
    fn evaluate_on_thread<T: Send + 'static>(
        &self,
        text: &str,
        input: fn(&str) -> Result<Value, Unread>,
        take: Take<T>,
    ) -> Result<T, Unread> {
        let heavy = &self.shared.heavy;
        let (program, text) = (Arc::clone(&self.program), Arc::<str>::from(text));
        let interrupt = self.shared.interrupt.get_or_init(Interrupt::default);
        if self.shared.interrupted.load(Ordering::Relaxed) && interrupt.is_raised() {
            // The messages that arrive before the key is seen must not delay that: each of them would
            // be evaluated until the next check.
            return Err(Unread::Refused(Stop::Interrupted.describe()));
        }
        let done = meter::run_on_thread(text.len(), self.memory, interrupt, move || {
            perform(&program, input(&text), take)
        });
        match done {
            Ok((found, was_light)) => {
                heavy.store(!was_light, Ordering::Relaxed);
                found
            }
            Err(stop) => {
                let interrupted = stop == Stop::Interrupted;
                self.shared
                    .interrupted
                    .fetch_or(interrupted, Ordering::Relaxed);
                Err(Unread::Refused(stop.describe()))
            }
        }
    }
}

/// One evaluation, on either thread.
fn perform<T>(
    program: &jaq_core::Filter<Jq>,
    input: Result<Value, Unread>,
    take: Take<T>,
) -> Result<T, Unread> {
    let input = input?;
    meter::message_read();
    let context = Ctx::<Jq>::new(Program(&program.lut), Vars::new([]));
    let outputs = program.id.run((context, input)).map(unwrap_valr);
    take(&mut outputs.map(|output| output.map_err(one_line))).map_err(Unread::Refused)
}

/// All outputs within the limits, and whether there were more.
fn outputs_of(
    outputs: &mut dyn Iterator<Item = Result<Value, String>>,
) -> Result<(Vec<String>, bool), String> {
    let mut found = Vec::new();
    let mut room = MAX_OUTPUT_BYTES;
    for output in outputs {
        let output = output?;
        if found.len() == MAX_OUTPUTS {
            return Ok((found, true));
        }
        let Ok(json) = output.to_json(room).map(String::from_utf8) else {
            return Ok((found, true));
        };
        let json = json.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        room -= json.len();
        found.push(json);
    }
    Ok((found, false))
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.expression).finish()
    }
}

fn one_line(error: value::Error) -> String {
    let text = match &error.into_val().0 {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        other => Value(other.clone()).to_string(),
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What is wrong with an expression, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: usize,
    /// It may quote the expression.
    pub what: String,
}

impl Fault {
    fn into_error(self, expr: &str) -> Error {
        let at = self.at.min(expr.len());
        let start = expr[..at].rfind('\n').map_or(0, |feed| feed + 1);
        let line = expr[start..].lines().next().unwrap_or_default();
        let column = expr[start..at].chars().count();
        Error::usage(format!("not a valid jq expression: {}", self.what))
            .detail(line.replace('\t', " "))
            .detail(format!("{}^", " ".repeat(column)))
    }
}

/// Whether an expression gives what it has assigned, as `.a = 1` does, which compares nothing.
pub fn is_assignment(expr: &str) -> bool {
    fn assigns(term: &Term<&str>) -> bool {
        let Term::BinOp(left, operator, right) = term else {
            return false;
        };
        match operator {
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                true
            }
            BinaryOp::Pipe(_) => assigns(right),
            BinaryOp::Comma => assigns(left) || assigns(right),
            _ => false,
        }
    }
    load::parse(expr, |parser| parser.term()).is_some_and(|term| assigns(&term))
}

fn compile(expr: &str) -> Result<jaq_core::Filter<Jq>, Fault> {
    let definitions = prelude::definitions_for(expr);
    let arena = Arena::default();
    let file = File {
        code: expr,
        path: (),
    };
    let modules = Loader::new(definitions)
        .load(&arena, file)
        .map_err(|errors| first_fault(expr, errors, load_fault))?;
    Compiler::default()
        .with_funs(functions::functions())
        .compile(modules)
        .map_err(|errors| {
            first_fault(expr, errors, |undefined| {
                let (name, kind) = undefined.into_iter().next()?;
                Some((name, format!("no {} {name}{}", kind.as_str(), arity(&kind))))
            })
        })
}

/// `/1` for a filter with one argument: jq distinguishes filters of the same name by that.
fn arity(kind: &jaq_core::compile::Undefined) -> String {
    match kind {
        jaq_core::compile::Undefined::Filter(arity) => format!("/{arity}"),
        _ => String::new(),
    }
}

fn load_fault(error: load::Error<&str>) -> Option<(&str, String)> {
    let (place, expected) = match error {
        load::Error::Io(errors) => return errors.into_iter().next(),
        load::Error::Lex(errors) => errors.into_iter().next().map(|(e, at)| (at, e.as_str()))?,
        load::Error::Parse(errors) => errors.into_iter().next().map(|(e, at)| (at, e.as_str()))?,
    };
    Some((place, format!("expected {expected}")))
}

fn first_fault<'a, E>(
    expr: &str,
    errors: load::Errors<&'a str, (), E>,
    fault: impl Fn(E) -> Option<(&'a str, String)>,
) -> Fault {
    let found = errors.into_iter().find_map(|(_, error)| fault(error));
    let (place, what) = found.unwrap_or(("", "cannot be compiled".to_owned()));
    // jaq gives the position as a slice of the expression.
    let at = (place.as_ptr() as usize).wrapping_sub(expr.as_ptr() as usize);
    let inside = at <= expr.len() && expr.is_char_boundary(at);
    Fault {
        at: if inside { at } else { 0 },
        what,
    }
}
