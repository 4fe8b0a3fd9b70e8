//! What running scripts has given. Every text in it is [`Shown`], so that it holds no secret.

use std::time::Duration;

use super::ast::Span;
use super::diff::Diff;
use super::passed_over::PassedOver;
use super::shown::Shown;
use crate::error::{Error, Exit};
use crate::secret::Redactor;
use crate::units::counted;

/// The most characters of a line of a script.
const MAX_SOURCE: usize = 100;
/// How many of them stand before the place that it is shown for, in a longer line.
const BEFORE: usize = 40;

/// One script.
#[derive(Clone, Debug, Default)]
pub struct FileResult {
    /// As it was given or found.
    pub path: Shown,
    pub tests: Vec<TestResult>,
    /// Why nothing of it was run: it cannot be read, or does not parse.
    pub error: Option<Box<Failure>>,
}

/// One test of a script.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// Empty if it has none.
    pub name: Shown,
    /// Where it begins, from 1.
    pub line: u32,
    pub took: Duration,
    pub verdict: Verdict,
    /// How many steps were run.
    pub steps: u64,
    /// How many asserts and expectations were held against something.
    pub asserts: u64,
    /// How many times it was run, with `--retry`; at least 1.
    pub attempts: u32,
    /// How the attempts before the last one failed, the first ones of very many.
    pub earlier: Vec<Wrong>,
    /// How many connections it opened.
    pub connections: u32,
}

/// An attempt that failed, and was made again.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Whether an expectation did not come true; otherwise a connection failed.
    pub is_unmet: bool,
    pub took: Duration,
    pub failure: Box<Failure>,
}

impl Wrong {
    /// What was wrong with a test, if it failed.
    pub fn of(test: &TestResult) -> Option<Wrong> {
        let (is_unmet, failure) = match &test.verdict {
            Verdict::Failed(failure) => (true, failure),
            Verdict::Error(failure) => (false, failure),
            Verdict::Passed | Verdict::Skipped(_) | Verdict::Interrupted => return None,
        };
        Some(Wrong {
            is_unmet,
            took: test.took,
            failure: failure.clone(),
        })
    }
}

/// How a test ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    Passed,
    /// An expectation did not come true.
    Failed(Box<Failure>),
    /// A connection failed; the failure has its exit code.
    Error(Box<Failure>),
    /// It was not run, and why.
    Skipped(Shown),
    /// A signal came before it had ended.
    Interrupted,
}

/// What went wrong, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    /// `None` if no line of the script is the reason.
    pub place: Option<Place>,
    /// One sentence without a full stop.
    pub message: Shown,
    /// More about it, one line each: the peer's words, asserts that do not hold.
    pub details: Vec<Shown>,
    /// What was wanted, as it is written in the script, with its variables filled in.
    pub expected: Option<Shown>,
    /// The message that came instead.
    pub received: Option<Shown>,
    /// What differs between the two.
    pub diff: Option<Diff>,
    pub passed_over: PassedOver,
    /// Whether the connection had ended, and how.
    pub ended: Option<Ended>,
    /// 1 of an expectation, 2 of a script that does not parse, otherwise that of the connection.
    pub exit: Exit,
    /// What to try, one line each.
    pub advice: Vec<Shown>,
}

/// A place in a script, and the line there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Shown,
    pub span: Span,
    /// The line; a long one is cut around the place.
    pub source: Shown,
    /// Where the caret is in [`Place::source`] and how wide it is, in characters. A line that had
    /// secrets in it has none.
    pub caret: Option<(usize, usize)>,
}

/// The end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// 1005 where the Close had none, 1006 without a Close.
    pub code: u16,
    pub reason: Shown,
}

impl Place {
    /// A place, and the whole line that it is in.
    pub fn new(file: &str, span: Span, line: &str, redactor: &Redactor) -> Place {
        let redacted = redactor.redact(line.trim_end());
        let is_whole = redacted == line.trim_end();
        let (source, caret) = window(&redacted, span);
        Place {
            file: Shown::new(file, redactor),
            span,
            source: Shown::new(&source, redactor),
            caret: caret.filter(|_| is_whole),
        }
    }
}

/// A line, or the part of a long one around a place; and where the place is in it, and its width.
fn window(line: &str, span: Span) -> (String, Option<(usize, usize)>) {
    let length = line.chars().count();
    let column = (span.column as usize).saturating_sub(1);
    let skipped = match length > MAX_SOURCE {
        true => column.saturating_sub(BEFORE).min(length),
        false => 0,
    };
    let mut shown = String::new();
    if skipped > 0 {
        shown.push('…');
    }
    shown.extend(line.chars().skip(skipped).take(MAX_SOURCE));
    if length > skipped + MAX_SOURCE {
        shown.push('…');
    }
    let start = column - skipped.min(column) + usize::from(skipped > 0);
    let most = (skipped + MAX_SOURCE).min(length).saturating_sub(column);
    let width = (span.width as usize).min(most).max(1);
    (shown, (column <= length).then_some((start, width)))
}

impl Failure {
    /// A failure with nothing but its message.
    pub fn new(exit: Exit, message: Shown) -> Failure {
        Failure {
            place: None,
            message,
            details: Vec::new(),
            expected: None,
            received: None,
            diff: None,
            passed_over: PassedOver::default(),
            ended: None,
            exit,
            advice: Vec::new(),
        }
    }

    /// An error of a connection, of reading a file, of the command line.
    pub fn from_error(error: &Error, redactor: &Redactor) -> Failure {
        let all = |lines: &[String]| {
            lines
                .iter()
                .map(|line| Shown::new(line, redactor))
                .collect()
        };
        Failure {
            details: all(&error.details),
            advice: all(&error.advice),
            ..Failure::new(error.exit, Shown::new(&error.message, redactor))
        }
    }

    /// The same at this place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Failure {
        self.place = Some(place);
        self
    }
}

/// How many tests ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub tests: u64,
    pub passed: u64,
    pub failed: u64,
    /// A connection failed.
    pub errors: u64,
    pub skipped: u64,
    pub interrupted: u64,
    /// Files of which nothing could be run.
    pub unreadable: u64,
    /// The exit code of the first connection that failed.
    first_error: Option<Exit>,
}

impl Totals {
    #[cfg(test)]
    pub(super) fn of(files: &[FileResult]) -> Totals {
        let mut totals = Totals::default();
        files.iter().for_each(|file| totals.add(file));
        totals
    }

    /// Adds the tests of a file. The order of the calls is that of the files.
    pub fn add(&mut self, file: &FileResult) {
        self.unreadable += u64::from(file.error.is_some());
        for test in &file.tests {
            self.tests += 1;
            match &test.verdict {
                Verdict::Passed => self.passed += 1,
                Verdict::Failed(_) => self.failed += 1,
                Verdict::Error(failure) => {
                    self.errors += 1;
                    self.first_error.get_or_insert(failure.exit);
                }
                Verdict::Skipped(_) => self.skipped += 1,
                Verdict::Interrupted => self.interrupted += 1,
            }
        }
    }

    /// 2 if a script does not parse, 130 if a test was interrupted, 1 if an expectation did not come
    /// true, otherwise the code of the first connection that failed.
    pub fn exit(&self) -> Exit {
        match self {
            Totals {
                unreadable: 1.., ..
            } => Exit::Usage,
            Totals {
                interrupted: 1.., ..
            } => Exit::Interrupted,
            Totals { failed: 1.., .. } => Exit::Unmet,
            _ => self.first_error.unwrap_or(Exit::Ok),
        }
    }

    /// `7 tests: 6 passed, 1 failed`
    pub fn describe(&self) -> String {
        let parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "with an error"),
            (self.skipped, "skipped"),
            (self.interrupted, "interrupted"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, how)| format!("{count} {how}")).collect();
        let mut text = counted(self.tests, "test");
        if !parts.is_empty() {
            text = format!("{text}: {}", parts.join(", "));
        }
        if self.unreadable > 0 {
            let files = counted(self.unreadable, "file");
            text = format!("{text}; {files} with errors");
        }
        text
    }
}

/// Whether `--only` selects a test: its whole name, or a glob with `*` and `?`, whatever the case of
/// letters. No pattern at all selects every test.
pub fn is_selected(name: &str, only: &[String]) -> bool {
    let name = name.to_lowercase();
    let matches = |pattern: &String| {
        let pattern = pattern.to_lowercase();
        pattern == name || matches_glob(&name, &pattern)
    };
    only.is_empty() || only.iter().any(matches)
}

/// Whether a glob is true of a whole text. The time is at most their product.
fn matches_glob(text: &str, glob: &str) -> bool {
    let (text, glob): (Vec<char>, Vec<char>) = (text.chars().collect(), glob.chars().collect());
    let (mut at, mut place) = (0, 0);
    // After the last `*`: where it is, and where what follows it was looked for.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match glob.get(place) {
            Some('*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => (at, place) = (at + 1, place + 1),
            _ => match star {
                Some((last, tried)) => {
                    (at, place) = (tried + 1, last + 1);
                    star = Some((last, tried + 1));
                }
                None => return false,
            },
        }
    }
    glob.get(place..)
        .is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(verdict: Verdict) -> TestResult {
        TestResult {
            name: Shown::fixed("name"),
            line: 1,
            took: Duration::ZERO,
            verdict,
            steps: 1,
            asserts: 1,
            attempts: 1,
            earlier: Vec::new(),
            connections: 1,
        }
    }

    fn failure(exit: Exit) -> Box<Failure> {
        Box::new(Failure::new(exit, Shown::fixed("wrong")))
    }

    fn file(verdicts: Vec<Verdict>) -> FileResult {
        FileResult {
            path: Shown::fixed("a.wst"),
            tests: verdicts.into_iter().map(test).collect(),
            error: None,
        }
    }

    #[test]
    fn the_totals_say_how_the_program_ends() {
        let failed = || Verdict::Failed(failure(Exit::Unmet));
        let error = |exit| Verdict::Error(failure(exit));
        for (verdicts, exit, text) in [
            (vec![], Exit::Ok, "0 tests"),
            (vec![Verdict::Passed], Exit::Ok, "1 test: 1 passed"),
            (
                vec![Verdict::Passed, Verdict::Skipped(Shown::default())],
                Exit::Ok,
                "2 tests: 1 passed, 1 skipped",
            ),
            (
                vec![error(Exit::Refused), error(Exit::Dns)],
                Exit::Refused,
                "2 tests: 2 with an error",
            ),
            (
                vec![error(Exit::Refused), failed()],
                Exit::Unmet,
                "2 tests: 1 failed, 1 with an error",
            ),
            (
                vec![failed(), Verdict::Interrupted],
                Exit::Interrupted,
                "2 tests: 1 failed, 1 interrupted",
            ),
        ] {
            let totals = Totals::of(&[file(vec![]), file(verdicts)]);
            assert_eq!((totals.exit(), &*totals.describe()), (exit, text));
        }
        let unreadable = FileResult {
            error: Some(failure(Exit::Usage)),
            ..FileResult::default()
        };
        let totals = Totals::of(&[unreadable, file(vec![failed()])]);
        assert_eq!(totals.exit(), Exit::Usage);
        assert_eq!(totals.describe(), "1 test: 1 failed; 1 file with errors");
    }

    #[test]
    fn tests_are_selected_by_name_or_glob() {
        for (name, only, selected) in [
            ("echo", &[][..], true),
            ("echo", &["echo"], true),
            ("echo", &["ECHO"], true),
            ("Echo two", &["echo"], false),
            ("Echo two", &["echo*"], true),
            ("echo two", &["*t?o"], true),
            ("echo two", &["x", "*two*"], true),
            ("echo", &["e?o"], false),
            ("", &["*"], true),
            ("", &["?"], false),
            ("what? *", &["WHAT? *"], true),
            ("aXbXc", &["a*b*c*d"], false),
            ("ÄRGER", &["ä*"], true),
        ] {
            let only: Vec<String> = only.iter().map(|only| (*only).to_owned()).collect();
            assert_eq!(is_selected(name, &only), selected, "{name} {only:?}");
        }
        let many = "*a".repeat(2000);
        assert!(!is_selected(&"a".repeat(1999), &[many + "b"]));
    }

    #[test]
    fn a_place_has_the_line_around_it() {
        let redactor = Redactor::default();
        redactor.add("hunter2");
        let span = |column, width| Span {
            line: 3,
            column,
            width,
        };
        let place = |line: &str, span| {
            let place = Place::new("a.wst", span, line, &redactor);
            (place.source.as_str().to_owned(), place.caret)
        };
        let some = |text: &str, start, width| (text.to_owned(), Some((start, width)));
        assert_eq!(place("< ä 1\n", span(3, 3)), some("< ä 1", 2, 3));
        assert_eq!(place("<", span(1, 50)), some("<", 0, 1));
        assert_eq!(place("<", span(2, 1)), some("<", 1, 1));
        assert_eq!(place("<", span(9, 1)), ("<".to_owned(), None));
        assert_eq!(
            place("< hunter2", span(3, 7)),
            ("< [redacted]".to_owned(), None)
        );
        let long = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let window = format!("…{}X{}…", "a".repeat(40), "b".repeat(59));
        assert_eq!(place(&long, span(501, 500)), some(&window, 41, 60));
    }

    #[test]
    fn errors_of_connections_keep_their_code() {
        let redactor = Redactor::default();
        redactor.add("hunter2");
        let error = Error::usage("no hunter2").detail("hunter2!").advice("try");
        let failure = Failure::from_error(&error, &redactor);
        assert_eq!(failure.message.as_str(), "no [redacted]");
        assert_eq!(failure.details[0].as_str(), "[redacted]!");
        assert_eq!((failure.exit, failure.advice.len()), (Exit::Usage, 1));
    }
}
