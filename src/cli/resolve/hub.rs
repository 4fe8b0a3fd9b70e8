//! The options of the event hub.

use std::path::{Path, PathBuf};

use super::files::Files;
use crate::cli::args::{HubArgs, LimitArgs};
use crate::error::Error;
use crate::serve::hub::{Options, RedisUrl, Tokens};

pub(super) fn hub(args: &HubArgs, limits: &LimitArgs) -> Result<Options, Error> {
    Ok(Options {
        tokens: tokens(&args.tokens)?,
        slow_client: args.slow_client.into(),
        max_rooms: limits.max_rooms,
        max_users: limits.max_users,
        db: database(args.db.as_deref())?,
        retain_count: args.retain_count,
        retain_age: args.retain_age,
        redis: args.redis.as_deref().map(redis).transpose()?,
        ..Options::default()
    })
}

/// SQLite's name for a database in memory would be that of a file.
fn database(path: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    match path.and_then(Path::to_str) {
        Some(":memory:") => Err(Error::usage("--db :memory: is no file")
            .advice("leave out --db: then messages are kept in memory")),
        Some("") => Err(Error::usage("--db: the name of the file is empty")
            .advice("--db FILE, or leave it out: then messages are kept in memory")),
        _ => Ok(path.map(Path::to_owned)),
    }
}

/// A URL with a password is better kept in a file, as arguments are seen by all users of a machine.
fn redis(given: &str) -> Result<RedisUrl, Error> {
    let Some(path) = given.strip_prefix('@') else {
        return RedisUrl::parse(given);
    };
    let bytes = Files::blocking(None).read("--redis", path)?;
    let text = String::from_utf8(bytes.unwrap_or_default())
        .map_err(|_| Error::usage(format!("--redis @{path}: the file is not UTF-8")))?;
    RedisUrl::parse(text.trim())
}

/// The errors say where a token stands, and not what it is.
fn tokens(given: &[String]) -> Result<Tokens, Error> {
    let mut tokens = Tokens::default();
    for (number, text) in given.iter().enumerate() {
        let Some(path) = text.strip_prefix('@') else {
            let place = format!("--token (number {})", number + 1);
            add(&mut tokens, text, &place)?;
            continue;
        };
        let bytes = Files::blocking(None).read("--token", path)?;
        let lines = String::from_utf8(bytes.unwrap_or_default())
            .map_err(|_| Error::usage(format!("--token @{path}: the file is not UTF-8")))?;
        for (line, text) in lines.lines().enumerate() {
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                let place = format!("--token @{path}, line {}", line + 1);
                add(&mut tokens, text, &place)?;
            }
        }
    }
    if !given.is_empty() && tokens.is_empty() {
        let message = "--token: the files have no token, and without one every token is good";
        return Err(Error::usage(message).advice("one TOKEN=USER on each line"));
    }
    Ok(tokens)
}

fn add(tokens: &mut Tokens, text: &str, place: &str) -> Result<(), Error> {
    let added = tokens.add(text);
    added.map_err(|why| {
        Error::usage(format!("{place}: {why}"))
            .advice("TOKEN=USER, as in s3cret=xiao: each token once; a user may have several")
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_database_is_a_file() {
        for name in [":memory:", ""] {
            let error = database(Some(Path::new(name))).unwrap_err().to_string();
            assert!(error.contains("kept in memory"), "{error}");
        }
        let file = Path::new("hub.db");
        assert_eq!(database(Some(file)), Ok(Some(file.to_owned())));
        assert_eq!(database(None), Ok(None));
    }

    #[test]
    fn tokens_come_from_the_command_line_and_from_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"# ours\n\n one=xiao \r\ntwo=\n").unwrap();
        let path = format!("@{}", file.path().display());
        let read = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
            tokens(&given)
        };
        let many = read(&["three=ada", &path]).unwrap();
        assert_eq!(format!("{many:?}"), "3 tokens");
        for given in [&["hunter2"][..], &["a=b", "a=c"], &["@/nowhere/x"]] {
            let error = read(given).unwrap_err().to_string();
            assert!(
                error.starts_with("--token") && !error.contains("hunter2"),
                "{error}"
            );
        }
        let empty = tempfile::NamedTempFile::new().unwrap();
        let path = format!("@{}", empty.path().display());
        assert!(read(&[&path]).is_err());
        assert!(read(&[]).unwrap().is_empty());
    }
}
