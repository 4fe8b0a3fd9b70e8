//! Redirects, cookies, and logins from the netrc file.

use std::path::{Path, PathBuf};

use super::files::Files;
use crate::auth::cookies::Jar;
use crate::auth::netrc::Netrc;
use crate::cli::args::{CookieArgs, NetrcArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::handshake::redirect;
use crate::secret::Secret;

pub(super) fn redirects(args: &CookieArgs) -> redirect::Options {
    redirect::Options {
        follow: args.location || args.location_trusted,
        most: u32::try_from(args.max_redirs).ok(),
        trusted: args.location_trusted,
    }
}

/// The cookies of `-b`: those that were typed, and those of files.
pub(super) fn cookies(
    values: &[String],
    files: &mut Files,
) -> Result<(Option<Secret>, Jar), Error> {
    let mut typed: Vec<&str> = Vec::new();
    let jar = Jar::default();
    for value in values {
        if value.contains('=') {
            if value.chars().any(char::is_control) {
                let message = "-b: the cookie contains a control character";
                return Err(Error::usage(message));
            }
            typed.push(value.trim().trim_end_matches(';'));
        } else if !value.is_empty() {
            read_cookies(value, &jar, files)?;
        }
    }
    let cookie = (!typed.is_empty()).then(|| Secret::new(typed.join("; ")));
    Ok((cookie, jar))
}

fn read_cookies(path: &str, jar: &Jar, files: &mut Files) -> Result<(), Error> {
    // The file of -c is not there at the first run.
    if path != "-" && !Path::new(path).exists() {
        return Ok(());
    }
    let Some(bytes) = files.read_named("-b ", path)? else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&bytes);
    jar.read(&text).map_err(|(line, why)| {
        Error::usage(format!("-b {path}: line {line}: {why}"))
            .advice("the file is in Netscape's format, as curl -c and browsers' exports write it; -b NAME=VALUE sends a cookie")
    })
}

/// The file of `-c`.
///
/// # Errors
/// Exit 2 for stdout, where messages go.
pub(super) fn jar_file(args: &CookieArgs) -> Result<Option<PathBuf>, Error> {
    match &args.cookie_jar {
        Some(path) if path.as_os_str() == "-" => {
            Err(Error::usage("-c -: messages are printed on stdout").advice("-c FILE"))
        }
        path => Ok(path.clone()),
    }
}

/// A line for each file of `-b` that is not there, unless `-c` is going to write it: it may be a name
/// that was mistyped, or a cookie without its `=`.
pub(super) fn notes(args: &CookieArgs) -> Vec<String> {
    let is_written = |path: &Path| args.cookie_jar.as_deref() == Some(path);
    let files = args.cookies.iter().filter(|value| !value.contains('='));
    let missing = files.filter(|name| {
        let path = Path::new(name);
        !name.is_empty() && *name != "-" && !is_written(path) && !path.exists()
    });
    let line = |name| format!("-b {name}: no such file, so no cookies (-b NAME=VALUE sends one)");
    missing.map(line).collect()
}

/// The netrc file, if one is used.
pub(super) fn netrc(
    args: &NetrcArgs,
    world: &World,
    files: &mut Files,
) -> Result<Option<Netrc>, Error> {
    if !args.is_used() {
        return Ok(None);
    }
    let (option, path) = match &args.netrc_file {
        Some(path) => ("--netrc-file", path.clone()),
        None => ("--netrc", usual_netrc(world)?),
    };
    if args.netrc_optional && !path.exists() {
        return Ok(None);
    }
    let shown = path.display().to_string();
    let read = files.read_named(&format!("{option} "), &shown);
    let read = read.map_err(|error| match path.exists() {
        true => error,
        false => error.advice("--netrc-file FILE names another; --netrc-optional needs none"),
    });
    let Some(bytes) = read? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let netrc = Netrc::parse(&text)
        .map_err(|(line, why)| Error::usage(format!("{option} {shown}: line {line}: {why}")))?;
    Ok(Some(netrc))
}

/// `$NETRC`, or `.netrc` in the home directory (`_netrc` on Windows).
fn usual_netrc(world: &World) -> Result<PathBuf, Error> {
    if let Some(path) = world.variable("NETRC") {
        return Ok(path.into());
    }
    let home = ["HOME", "USERPROFILE"]
        .iter()
        .find_map(|name| world.variable(name));
    let home = home.ok_or_else(|| {
        Error::usage("--netrc: there is no home directory").advice("--netrc-file FILE")
    })?;
    let name = if cfg!(windows) { "_netrc" } else { ".netrc" };
    Ok(PathBuf::from(home).join(name))
}
