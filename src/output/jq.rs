//! jq expressions over messages, for `--filter` and `--until`.
//!
//! The expression is the user's, the message a peer's: no message may crash the program or exhaust
//! the stack by its shape. So a message is checked and measured before jaq's recursive parser sees
//! it, what runs deep runs on a stack of its own, and outputs are capped. The environment and
//! `halt` are out of reach of an expression. What an expression computes in between has no limit:
//! one that multiplies by a number from the message (`.s * .n`) trusts the peer with the memory.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::native::{Fun, bome, run as native, v as arguments};
use jaq_core::{Compiler, Ctx, ValT, Vars, unwrap_valr};
use jaq_json::{Val, read};

use super::{grammar, json};
use crate::error::Error;

/// Deepest message a filter is run on.
const MAX_DEPTH: usize = 1_000;
/// Deepest text `fromjson` takes: it adds to the depth of the value around it.
const MAX_INNER_DEPTH: usize = 128;
/// Above this depth the ordinary stack (2 MiB in a thread) may not do for every filter.
const SHALLOW: usize = 64;
const DEEP_STACK: usize = 256 << 20;
/// Longest number: turning digits into a big integer takes time that grows with their square.
const MAX_NUMBER: usize = 4_300;
const MAX_OUTPUTS: usize = 10_000;
const MAX_OUTPUT_BYTES: usize = 64 << 20;
/// An error may quote a whole message; this much of it fits a line.
const MAX_ERROR_CHARS: usize = 200;

type Data = JustLut<Val>;
type Program = jaq_core::Filter<Data>;

/// A compiled jq expression. Clones share the program.
#[derive(Clone)]
pub struct Filter {
    expression: Arc<str>,
    program: Arc<Program>,
}

impl Filter {
    /// Compiles `expr`. The error is a usage error that shows the expression with a caret under the
    /// place, and what is wrong there.
    pub fn compile(expr: &str) -> Result<Filter, Error> {
        let program = compile(expr).map_err(|fault| fault.into_error(expr))?;
        Ok(Filter {
            expression: expr.into(),
            program: Arc::new(program),
        })
    }

    /// The outputs for one message, each as compact JSON, at most 10,000. `None` where the message
    /// is not JSON; `Err` is what jq says of a failure, in one line.
    pub fn run(&self, json: &[u8]) -> Option<Result<Vec<String>, String>> {
        self.evaluate(json, |outputs| {
            let mut bytes = 0;
            outputs
                .take(MAX_OUTPUTS)
                .map(|output| output.map(|value| value.to_string()))
                .take_while(|text| {
                    bytes += text.as_ref().map_or(0, String::len);
                    bytes <= MAX_OUTPUT_BYTES
                })
                .collect()
        })
    }

    /// Whether the first output is neither `false` nor `null`. A message that is not JSON, a
    /// failure and no output at all are not true.
    pub fn is_true(&self, json: &[u8]) -> bool {
        let first = self.evaluate(json, |outputs| {
            outputs
                .next()
                .transpose()
                .map(|value| value.is_some_and(|v| v.as_bool()))
        });
        matches!(first, Some(Ok(true)))
    }

    fn evaluate<T: Send>(
        &self,
        json: &[u8],
        take: impl FnOnce(&mut dyn Iterator<Item = Result<Val, String>>) -> Result<T, String> + Send,
    ) -> Option<Result<T, String>> {
        let text = std::str::from_utf8(json).ok()?;
        let measure = grammar::is_value(text).then(|| json::measure(text))?;
        if let Err(refusal) = admit(&measure, MAX_DEPTH) {
            return Some(Err(refusal));
        }
        on_stack_for(measure.depth, || {
            let input = read::parse_single(json).ok()?;
            let context = Ctx::<Data>::new(&self.program.lut, Vars::new([]));
            let outputs = self.program.id.run((context, input)).map(unwrap_valr);
            Some(take(&mut outputs.map(|output| output.map_err(one_line))))
        })
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.expression).finish()
    }
}

fn admit(measure: &json::Measure, depth: usize) -> Result<(), String> {
    if measure.depth > depth {
        return Err(format!("nested deeper than {depth} levels"));
    }
    if measure.number > MAX_NUMBER {
        return Err(format!("a number of more than {MAX_NUMBER} digits"));
    }
    Ok(())
}

/// Runs `work` where `depth` levels of recursion fit, and turns a panic of the interpreter into an
/// error: a message must not end the program.
fn on_stack_for<T: Send>(
    depth: usize,
    work: impl FnOnce() -> Option<Result<T, String>> + Send,
) -> Option<Result<T, String>> {
    let guarded = || catch_unwind(AssertUnwindSafe(work)).ok();
    let done = if depth <= SHALLOW {
        guarded()
    } else {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
            thread
                .spawn_scoped(scope, guarded)
                .ok()?
                .join()
                .ok()
                .flatten()
        })
    };
    done.unwrap_or_else(|| Some(Err("jq failed on this message".to_owned())))
}

fn one_line(error: jaq_core::Error<Val>) -> String {
    let text = match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    };
    let text = text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The functions of an expression: jaq's, without those that leave this process or trust a peer.
fn functions() -> impl Iterator<Item = Fun<Data>> {
    let replaced = ["env", "halt", "fromjson"];
    let ours: [Fun<Data>; 3] = [
        native(("env", arguments(0), |_| bome(Val::from_map([])))),
        native(("halt", arguments(1), |_| {
            bome(failure("halt is not supported"))
        })),
        native(("fromjson", arguments(0), |cv| bome(from_json(&cv.1)))),
    ];
    let theirs = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    theirs
        .filter(move |(name, ..)| !replaced.contains(name))
        .chain(ours)
}

/// `fromjson` for text that a peer may have chosen: jaq's own recurses as deep as the text says.
fn from_json(value: &Val) -> Result<Val, jaq_core::Error<Val>> {
    let bytes = value.try_as_utf8_bytes_owned()?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    if !grammar::is_value(text) {
        return failure("fromjson: not JSON");
    }
    if let Err(refusal) = admit(&json::measure(text), MAX_INNER_DEPTH) {
        return failure(&format!("fromjson: {refusal}"));
    }
    read::parse_single(&bytes).map_err(jaq_core::Error::str)
}

fn failure(text: &str) -> Result<Val, jaq_core::Error<Val>> {
    Err(jaq_core::Error::str(text))
}

/// What is wrong with an expression, and at which byte.
struct Fault {
    at: usize,
    what: String,
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

fn compile(expr: &str) -> Result<Program, Fault> {
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let arena = Arena::default();
    let file = File {
        code: expr,
        path: (),
    };
    let modules = Loader::new(definitions)
        .load(&arena, file)
        .map_err(|errors| first_fault(expr, errors, load_fault))?;
    Compiler::default()
        .with_funs(functions())
        .compile(modules)
        .map_err(|errors| {
            first_fault(expr, errors, |undefined| {
                let (name, kind) = undefined.into_iter().next()?;
                Some((name, format!("no {} {name}{}", kind.as_str(), arity(&kind))))
            })
        })
}

/// `/1` for a filter of one argument: jq tells filters of one name apart by that.
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
    // jaq names the place by a slice of the expression.
    let at = (place.as_ptr() as usize).wrapping_sub(expr.as_ptr() as usize);
    let inside = at <= expr.len() && expr.is_char_boundary(at);
    Fault {
        at: if inside { at } else { 0 },
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn outputs(expr: &str, json: &str) -> Result<Vec<String>, String> {
        let filter = Filter::compile(expr).unwrap_or_else(|e| panic!("{e}"));
        filter.run(json.as_bytes()).expect("this is JSON")
    }

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn outputs_are_compact_json() {
        for (expr, json, expected) in [
            (
                ".",
                r#" {"b" : 1, "a":[ 1 , 2 ]} "#,
                &[r#"{"b":1,"a":[1,2]}"#][..],
            ),
            (
                ".a[]",
                r#"{"a":["x",null,true]}"#,
                &["\"x\"", "null", "true"],
            ),
            ("select(.x)", "{}", &[]),
            (".", "1.10", &["1.10"]),
            (".", "1e400", &["1e400"]),
            (
                ".",
                "123456789012345678901234567890",
                &["123456789012345678901234567890"],
            ),
            (".s|ascii_downcase", r#"{"s":"AB"}"#, &["\"ab\""]),
            ("fromjson", r#""[1, 2.50]""#, &["[1,2.50]"]),
            (".", r#""\u001b\u007f""#, &[r#""\u001b\u007f""#]),
        ] {
            assert_eq!(outputs(expr, json).unwrap(), expected, "{expr} {json}");
        }
    }

    #[test]
    fn what_is_not_json_is_none() {
        let filter = Filter::compile(".").unwrap();
        for text in [
            "", "hello", "NaN", "{a:1}", "1 2", "# x\n1", "{\"a\":1", "b\"x\"",
        ] {
            assert_eq!(filter.run(text.as_bytes()), None, "{text}");
        }
        assert_eq!(filter.run(b"\"\xff\""), None);
    }

    #[test]
    fn a_failure_is_one_short_line() {
        assert_eq!(outputs(".a", "1").unwrap_err(), "cannot index 1 with \"a\"");
        assert_eq!(outputs("error(\"a\nb\")", "1").unwrap_err(), "a b");
        let long = format!("\"{}\"", "x".repeat(100_000));
        assert!(outputs(".a", &long).unwrap_err().chars().count() <= 201);
        assert_eq!(outputs("halt", "1").unwrap_err(), "halt is not supported");
        assert_eq!(outputs("env", "1").unwrap(), ["{}"]);
    }

    #[test]
    fn truth_is_that_of_the_first_output() {
        for (expr, json, expected) in [
            (".done", r#"{"done":true}"#, true),
            (".done", r#"{"done":0}"#, true),
            (".done", r#"{"done":false}"#, false),
            (".done", "{}", false),
            (".[]", "[1,false]", true),
            ("empty", "1", false),
            (".a", "1", false),
            (".", "text", false),
            ("repeat(1)", "0", true),
        ] {
            assert_eq!(
                Filter::compile(expr).unwrap().is_true(json.as_bytes()),
                expected,
                "{expr}"
            );
        }
    }

    #[test]
    fn a_bad_expression_is_shown_with_a_caret() {
        for (expr, shown) in [
            (
                ".a | (.b",
                "expected closing parenthesis\n  .a | (.b\n          ^",
            ),
            (".a |", "expected term\n  .a |\n      ^"),
            ("\"é\" | &", "expected token\n  \"é\" | &\n        ^"),
            (".a | foo(1)", "no filter foo/1\n  .a | foo(1)\n       ^"),
            (".\n| $x", "no variable $x\n  | $x\n    ^"),
            ("", "expected term\n  \n  ^"),
        ] {
            let error = Filter::compile(expr).unwrap_err();
            assert_eq!(error.exit, crate::error::Exit::Usage);
            assert_eq!(
                error.to_string(),
                format!("not a valid jq expression: {shown}")
            );
        }
    }

    #[test]
    fn deep_messages_run_and_deeper_ones_are_refused() {
        let filters = [
            ".",
            "..",
            "walk(.)",
            "tojson",
            "flatten",
            "[paths]|length",
            ". == [.]",
            "[.,.]|sort",
            "[..|numbers]",
            "map_values(.)",
            "getpath([0,0,0])",
            "@json",
            "[.]|unique",
        ];
        for expr in filters {
            let filter = Filter::compile(expr).unwrap();
            for levels in [SHALLOW, MAX_DEPTH] {
                assert!(
                    filter.run(nested(levels).as_bytes()).is_some(),
                    "{expr} {levels}"
                );
            }
            let refused = filter.run(nested(MAX_DEPTH + 1).as_bytes()).unwrap();
            assert_eq!(refused.unwrap_err(), "nested deeper than 1000 levels");
        }
        assert_eq!(
            outputs(".", &nested(1_000_000)).unwrap_err(),
            "nested deeper than 1000 levels"
        );
    }

    #[test]
    fn json_within_json_is_measured_as_well() {
        let inner = |levels| format!("\"{}\"", nested(levels));
        // As deep as it gets on the ordinary stack.
        let both = "[".repeat(SHALLOW) + &inner(MAX_INNER_DEPTH) + &"]".repeat(SHALLOW);
        assert!(outputs("walk(fromjson? // .)|walk(.)|[paths]", &both).is_ok());
        let error = outputs("fromjson", &inner(1_000_000)).unwrap_err();
        assert_eq!(error, "fromjson: nested deeper than 128 levels");
        assert_eq!(
            outputs("fromjson", "\"#\\\"\\n[\"").unwrap_err(),
            "fromjson: not JSON"
        );
    }

    #[test]
    fn nothing_grows_without_bound() {
        assert_eq!(outputs("repeat(.)", "1").unwrap().len(), MAX_OUTPUTS);
        let long = format!("\"{}\"", "x".repeat(1 << 20));
        assert_eq!(outputs("repeat(.)", &long).unwrap().len(), 63);
        let digits = "9".repeat(1_000_000);
        assert_eq!(
            outputs(".", &digits).unwrap_err(),
            "a number of more than 4300 digits"
        );
        assert!(outputs("tonumber", &format!("\"{digits}\"")).is_err());
    }
}
