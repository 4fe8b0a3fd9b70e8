//! Files that `wirecat convert` reads: recordings, HTTP archives, and `.http` files.

use wirecat::internals::asciicast::{self, Size};
use wirecat::internals::har;
use wirecat::internals::output::sanitize::find_dangerous;
use wirecat::internals::record::connection::{Connection, What};
use wirecat::internals::record::recording;
use wirecat::internals::script::{convert, http_file, print};
use wirecat::internals::secret::Redactor;

/// Input: an HTTP archive; or, after a line, what is attached to one.
///
/// # Panics
/// Where the reader does, or what it reads cannot be written.
pub fn har(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(mut entries) = har::read::read(&text) else {
        return;
    };
    for entry in &mut entries {
        entry.skipped.iter().for_each(|note| check_safe(note));
        if entry.attached.is_some() {
            entry.attach(input);
        }
    }
    let connections: Vec<_> = entries.into_iter().map(|it| it.connection).collect();
    check(&connections);
}

/// Input: a recording.
///
/// # Panics
/// As [`har`].
pub fn recording(input: &[u8]) {
    let Ok(read) = recording::read(input) else {
        return;
    };
    read.notes.iter().for_each(|note| check_safe(note));
    check(&read.connections);
}

/// Input: a `.http` file, which is read as environments, too.
///
/// # Panics
/// Where the reader does, or an error points nowhere.
pub fn http_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let _ = http_file::environment(&text, "dev");
    match http_file::parse(&text) {
        Ok(read) => {
            read.notes.iter().for_each(|note| check_safe(note));
            let _ = print::to_script(&read.file);
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.len() <= 20);
            for error in errors {
                check_safe(&error.message);
                let line = error.span.line as usize;
                assert!((1..=text.lines().count()).contains(&line));
                assert!(error.span.column > 0 && error.span.width > 0);
            }
        }
    }
}

/// Writes connections in every form, and reads back those that can be.
fn check(connections: &[Connection]) {
    let redactor = Redactor::new(true);
    let recorded = recording::write(connections, &redactor);
    if !connections.is_empty() {
        let read = recording::read(&recorded).expect("our own recording");
        assert_eq!(messages(&read.connections), messages(connections));
    }
    let archive = har::write::write(connections, &redactor, "0");
    let entries = har::read::read(&archive).expect("our own archive");
    let read: Vec<_> = entries.into_iter().map(|it| it.connection).collect();
    assert_eq!(messages(&read), messages(connections));
    let _ = convert::script(connections, "fuzz", &Redactor::default());
    for connection in connections {
        let size = Size {
            columns: 80,
            rows: 24,
        };
        let cast = asciicast::write(connection, size, &redactor);
        assert!(!cast.contains(|c: char| c.is_control() && c != '\n'));
        let text = asciicast::text(connection, &redactor);
        let text = String::from_utf8_lossy(&text);
        text.lines().for_each(check_safe);
    }
}

/// The messages of all connections, as they are.
fn messages(connections: &[Connection]) -> Vec<&What> {
    let moments = connections.iter().flat_map(|it| &it.moments);
    let whats = moments.map(|it| &it.what);
    whats
        .filter(|it| matches!(it, What::Sent { .. } | What::Received(_)))
        .collect()
}

fn check_safe(line: &str) {
    assert_eq!(find_dangerous(line), None, "{line:?}");
}
