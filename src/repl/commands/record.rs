//! `/record`.

use std::path::Path;

use crate::io::recorder::{Recorder, Summary};
use crate::repl::action::{Action, View};

/// Starts or ends a recording, or reports what is being recorded. A file named `off` is `./off`.
pub(super) fn record(view: &View<'_>, argument: &str) -> Result<Action, String> {
    Ok(match (argument.trim(), &view.recorded) {
        ("", Some(recorded)) => Action::Say(recording(recorded)),
        ("", None) => Action::Say("nothing is recorded; /record FILE starts\n".to_owned()),
        ("-", _) => return Err("stdout is the terminal; write /record FILE".to_owned()),
        ("off", _) => Action::Record(None),
        (path, _) => Action::Record(Some(path.into())),
    })
}

/// The line that reports what is being recorded.
pub(super) fn recording(recorded: &Summary) -> String {
    let path = recorded.path.display();
    format!("recording to {path}: {}\n", lines(recorded.lines))
}

/// Starts or ends a recording, and returns the lines that report it.
///
/// # Errors
/// Why the file cannot be written. Then nothing has changed.
pub(in crate::repl) fn perform(recorder: &Recorder, path: Option<&Path>) -> Result<String, String> {
    let stopped = match path {
        Some(path) => recorder.start(path)?,
        None => recorder.stop(),
    };
    let mut report = stopped.map_or_else(String::new, |it| {
        format!("recorded in {}: {}\n", it.path.display(), lines(it.lines))
    });
    match path {
        Some(path) => report.push_str(&format!("recording to {}\n", path.display())),
        None if report.is_empty() => report.push_str("nothing was recorded\n"),
        None => {}
    }
    Ok(report)
}

/// `1,204 lines`
fn lines(count: u64) -> String {
    match count {
        1 => "1 line".to_owned(),
        count => format!("{} lines", grouped(count)),
    }
}

/// A number with a comma between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_in_groups_of_digits() {
        for (count, words) in [
            (0, "0 lines"),
            (1, "1 line"),
            (999, "999 lines"),
            (1_204, "1,204 lines"),
            (1_234_567, "1,234,567 lines"),
        ] {
            assert_eq!(lines(count), words);
        }
    }
}
