//! The recordings of a test. A value that a step captures has been recorded before it is known to be a
//! secret. So what a test with such a capture records is held back up to its end, and has no secret when it is
//! written to the files.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::codec;
use crate::io::held_recording::HeldRecording;
use crate::io::recorder::Recorder;
use crate::record::schema;
use crate::secret::Redactor;

/// The files of a test.
#[derive(Default)]
pub(super) struct Recordings {
    /// Whether the test captures secrets.
    captures_secrets: bool,
    held: Vec<HeldRecording>,
}

impl Recordings {
    pub(super) fn new(captures_secrets: bool) -> Recordings {
        Recordings {
            captures_secrets,
            held: Vec::new(),
        }
    }

    /// Lets `recorder` record what is meant for the file at `path`.
    ///
    /// # Errors
    /// Why that cannot be written.
    pub(super) fn start(&mut self, recorder: &Recorder, path: &Path) -> Result<(), String> {
        match self.captures_secrets {
            true => self.held.push(recorder.start_held(path)?),
            false => drop(recorder.start(path)?),
        }
        Ok(())
    }

    /// Writes what was held back, once all has been recorded.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub(super) fn release(&mut self, redactor: &Redactor) -> Result<(), (PathBuf, io::Error)> {
        let redactor = redactor.thorough();
        let mut failed = None;
        for held in std::mem::take(&mut self.held) {
            let path = held.path().to_owned();
            let clean = |line: Vec<u8>| redact_line(&line, &redactor).unwrap_or(line);
            if let Err(error) = held.release(clean) {
                failed = failed.or(Some((path, error)));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// A line without secrets; `None` if it has none.
fn redact_line(line: &[u8], redactor: &Redactor) -> Option<Vec<u8>> {
    let Ok(mut value) = serde_json::from_slice::<Json>(line) else {
        // The end of a recording that could not be written.
        let redacted = redactor.redact_bytes(line);
        return (*redacted != *line).then(|| redacted.into_owned());
    };
    let changed = redact_binary(&mut value, redactor) | redact_texts(&mut value, redactor);
    changed.then(|| format!("{value}\n").into_bytes())
}

/// Replaces secrets in binary data, which stands in base64; whether there were any.
fn redact_binary(line: &mut Json, redactor: &Redactor) -> bool {
    if line[schema::ENCODING.name] != schema::BASE64 {
        return false;
    }
    let data = line[schema::DATA.name].as_str();
    let Some(Ok(data)) = data.map(|it| codec::decode_base64(it.as_bytes())) else {
        return false;
    };
    let redacted = redactor.redact_bytes(&data);
    if *redacted == *data {
        return false;
    }
    line[schema::LEN.name] = redacted.len().into();
    line[schema::DATA.name] = codec::base64(&redacted).into();
    true
}

fn redact_texts(value: &mut Json, redactor: &Redactor) -> bool {
    match value {
        Json::String(text) => {
            let redacted = redactor.redact(text).into_owned();
            let changed = redacted != *text;
            *text = redacted;
            changed
        }
        Json::Array(values) => {
            let changed = values.iter_mut().map(|it| redact_texts(it, redactor));
            changed.fold(false, |all, one| all | one)
        }
        Json::Object(members) => {
            let changed = members.values_mut().map(|it| redact_texts(it, redactor));
            changed.fold(false, |all, one| all | one)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::session::frontend::Sink as _;

    #[test]
    fn secrets_are_replaced_in_texts_and_in_base64() {
        let redactor = Redactor::default().thorough();
        redactor.add_given("hunter2");
        for (line, redacted) in [
            (r#"{"type":"receive","t":0.1,"data":"x"}"#, None),
            (
                r#"{"type":"receive","t":0.10,"data":"{\"a\":\"hunter2\"}"}"#,
                Some(r#"{"type":"receive","t":0.10,"data":"{\"a\":\"[redacted]\"}"}"#),
            ),
            (
                r#"{"encoding":"base64","data":"/2h1bnRlcjI=","len":8}"#,
                Some(r#"{"encoding":"base64","data":"/1tyZWRhY3RlZF0=","len":11}"#),
            ),
        ] {
            let came = redact_line(line.as_bytes(), &redactor);
            let came = came.map(|it| String::from_utf8(it).unwrap());
            assert_eq!(came, redacted.map(|it| format!("{it}\n")));
        }
    }

    #[test]
    fn what_is_recorded_is_written_without_secrets_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let redactor = Redactor::default();
        let mut recordings = Recordings::new(true);
        let recorder = Recorder::new(redactor.thorough(), false, std::time::Instant::now());
        recordings.start(&recorder, &path).unwrap();
        let mut sink = recorder.clone();
        let now = std::time::Instant::now();
        let header = Event::Header {
            url: "ws://hunter2/",
            started: Default::default(),
        };
        sink.handle_event(now, &header);
        redactor.add_given("hunter2");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(recorder.finish());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        recordings.release(&redactor).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("ws://[redacted]/"), "{written}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
