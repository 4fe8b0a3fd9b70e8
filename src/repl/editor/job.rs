//! Runs a program that gets the terminal: a command of the shell, or the user's editor with a text in a
//! file. It reads no keys itself, and leaves no file behind.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::protocol::{Job, JobOutcome};
#[cfg(unix)]
use super::terminal::STOPPED;
use super::terminal::{Modes, run_in_foreground};
use crate::error::plain_words;
use crate::io::private_file;

/// Runs a job; the file of an edited text is made in `folder`, and is `current` meanwhile.
pub(super) fn run(job: Job, modes: &Modes, folder: &Path, current: &CurrentDraft) -> JobOutcome {
    match job {
        Job::Shell { command, input } => JobOutcome::Ran(
            shell(&mut shell_command(&command), input, modes)
                .map_err(|error| format!("the shell: {}", plain_words(&error))),
        ),
        Job::Edit {
            text,
            suffix,
            editor,
        } => {
            let draft = Draft::new(folder, suffix, &text);
            let draft = draft.map_err(|error| wrong(&show(folder), &error));
            let edited = draft.and_then(|draft| {
                let file = draft.0.clone();
                current.set(Some(draft));
                edit(&text, &file, &editor, modes)
            });
            current.set(None);
            JobOutcome::Edited(edited)
        }
    }
}

#[cfg(unix)]
fn shell_command(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{STOPPED}{command}")]);
    shell
}

#[cfg(windows)]
fn shell_command(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

/// The shell divides `editor` into words, and appends the file: `code -w FILE`.
#[cfg(unix)]
fn editor_command(editor: &str, file: &Path) -> Command {
    let mut shell = shell_command(&format!("{editor} \"$1\""));
    shell.arg("sh").arg(file);
    shell
}

#[cfg(windows)]
fn editor_command(editor: &str, file: &Path) -> Command {
    let mut shell = shell_command(editor);
    shell.arg(file);
    shell
}

fn shell(command: &mut Command, input: Option<Vec<u8>>, modes: &Modes) -> io::Result<ExitStatus> {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let feed = |child: &mut Child| {
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A program that ends before it has read everything is no error, as in a pipeline.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
    };
    run_in_foreground(command, modes, feed)
}

fn edit(text: &str, file: &Path, editor: &str, modes: &Modes) -> Result<Option<String>, String> {
    let status = run_in_foreground(&mut editor_command(editor, file), modes, |_| {})
        .map_err(|error| wrong(editor, &error))?;
    if !status.success() {
        return Err(format!("{editor}: {status}; the text is as it was"));
    }
    let edited = fs::read(file).map_err(|error| wrong(&show(file), &error))?;
    let edited = String::from_utf8(edited)
        .map_err(|_| format!("{editor}: what was saved is not UTF-8; the text is as it was"))?;
    let edited = without_added_end(edited, text);
    Ok((edited != text).then_some(edited))
}

fn wrong(what: &str, error: &io::Error) -> String {
    format!("{what}: {}", plain_words(error))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// Takes off the final newline that editors add.
fn without_added_end(mut edited: String, text: &str) -> String {
    if edited.ends_with('\n') && !text.ends_with('\n') {
        edited.pop();
        if edited.ends_with('\r') {
            edited.pop();
        }
    }
    edited
}

/// A file that only its owner may read, removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn new(folder: &Path, suffix: &str, text: &str) -> io::Result<Self> {
        let name = format!("wirecat-{:016x}{suffix}", rand::random::<u64>());
        let path = folder.join(name);
        let mut file = private_file::create_new(&path)?;
        let draft = Draft(path);
        file.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The file that is being edited, if any.
#[derive(Clone, Default)]
pub(super) struct CurrentDraft(Arc<Mutex<Option<Draft>>>);

impl CurrentDraft {
    /// Removes the one before.
    fn set(&self, draft: Option<Draft>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = draft;
    }
}

/// Removes the file that is being edited when dropped: the program may end, as by SIGHUP, while its
/// thread waits for the user's editor.
pub(crate) struct RemoveDraft(pub(super) CurrentDraft);

impl Drop for RemoveDraft {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newline_that_was_added_is_taken_off() {
        for (edited, text, result) in [
            ("a\n", "a", "a"),
            ("a\r\n", "a", "a"),
            ("a\n\n", "a", "a\n"),
            ("a\n", "a\n", "a\n"),
            ("a", "a\n", "a"),
            ("", "a", ""),
        ] {
            assert_eq!(without_added_end(edited.to_owned(), text), result);
        }
    }
}
