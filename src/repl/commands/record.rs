//! `/record`.

use std::path::Path;

use crate::io::recorder::{Recorder, Summary};
use crate::repl::action::{Action, View};
use crate::units::counted;

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
    format!("recording to {path}: {}\n", counted(recorded.lines, "line"))
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
        format!(
            "recorded in {}: {}\n",
            it.path.display(),
            counted(it.lines, "line")
        )
    });
    match path {
        Some(path) => report.push_str(&format!("recording to {}\n", path.display())),
        None if report.is_empty() => report.push_str("nothing was recorded\n"),
        None => {}
    }
    Ok(report)
}
