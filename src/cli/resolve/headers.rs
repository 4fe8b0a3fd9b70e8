//! The header lines of an option, those of files included.

use super::files::Files;
use super::variables::Variables;
use crate::error::Error;
use crate::handshake::request::HeaderLine;

/// The lines that `option` (`-H`) names, with variables filled in.
///
/// # Errors
/// Exit 2 for a line that is no header, or a file that cannot be read.
pub(super) fn headers(
    option: &str,
    lines: &[String],
    variables: &Variables,
    files: &mut Files,
) -> Result<Vec<HeaderLine>, Error> {
    let mut headers = Vec::new();
    for line in lines {
        let Some(path) = line.strip_prefix('@') else {
            headers.push(variables.fill_header(HeaderLine::parse(line)?)?);
            continue;
        };
        let Some(text) = files.read(option, path)? else {
            continue;
        };
        let text = String::from_utf8(text)
            .map_err(|_| Error::usage(format!("{option} @{path}: it is not UTF-8")))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            headers.push(variables.fill_header(HeaderLine::parse(line)?)?);
        }
    }
    Ok(headers)
}
