//! The recordings of a test. A value that a step captures has been recorded before it is known to be a
//! secret; at the end of the test it is taken out of the files.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::codec;
use crate::record::schema;
use crate::secret::Redactor;

/// The files of a test.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    paths: Vec<PathBuf>,
    /// Whether a secret has become known since they were begun.
    is_late: bool,
}

impl Recordings {
    pub(super) fn add(&mut self, path: PathBuf) {
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    /// A secret has become known that may stand in them.
    pub(super) fn learn(&mut self) {
        self.is_late = !self.paths.is_empty();
    }

    /// Replaces what has become known, once all has been written.
    ///
    /// # Errors
    /// The first file that cannot be written, which is removed.
    pub(super) fn redact(&mut self, redactor: &Redactor) -> Result<(), (PathBuf, io::Error)> {
        if !std::mem::take(&mut self.is_late) || redactor.includes_secrets() {
            return Ok(());
        }
        let redactor = redactor.thorough();
        let mut failed = None;
        for path in &self.paths {
            if let Err(error) = redact_file(path, &redactor) {
                let _ = fs::remove_file(path);
                failed = failed.or(Some((path.clone(), error)));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn redact_file(path: &Path, redactor: &Redactor) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Ok(());
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let written = copy_redacted(path, &new, redactor).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn copy_redacted(from: &Path, to: &Path, redactor: &Redactor) -> io::Result<()> {
    let from = File::open(from)?;
    let permissions = from.metadata()?.permissions();
    let mut to = BufWriter::new(File::create(to)?);
    to.get_ref().set_permissions(permissions)?;
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        match redact_line(&line, redactor) {
            Some(redacted) => to.write_all(&redacted)?,
            None => to.write_all(&line)?,
        }
        line.clear();
    }
    to.flush()
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
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(
            &path,
            "{\"data\":\"hunter2\"}\n{\"data\":\"hun\"}\n{\"data\":\"hunter2",
        )
        .unwrap();
        let redactor = Redactor::default();
        let mut recordings = Recordings::default();
        recordings.add(path.clone());
        recordings.redact(&redactor).unwrap();
        redactor.add_given("hunter2");
        recordings.learn();
        recordings.redact(&redactor).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"data\":\"[redacted]\"}\n{\"data\":\"hun\"}\n{\"data\":\"[redacted]"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
