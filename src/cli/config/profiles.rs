//! Which profile applies, and which URL it makes. Pure.

use std::cmp::Reverse;

use super::parse::{Document, Profile};
use super::text::Show;
use crate::error::Error;
use crate::similar::nearest;
use crate::uri::{Target, UrlSource};

/// The profile of a run.
#[derive(Debug)]
pub(super) struct Choice<'d> {
    pub(super) profile: Option<&'d Profile>,
    pub(super) url: String,
    /// A sentence about a profile that applies because its `match` fits the host.
    pub(super) matched: Option<String>,
    /// Whether that profile was one of several.
    pub(super) is_one_of_several: bool,
}

/// Finds the profile for `url`: the one that `@NAME` names, or the one whose `match` fits best.
///
/// # Errors
/// Exit 2 for a name that no profile has, or a profile without a URL.
pub(super) fn choose<'d>(document: &'d Document, url: &str) -> Result<Choice<'d>, Error> {
    match url.strip_prefix('@') {
        Some(name) => named(document, name),
        None => Ok(matching(document, url)),
    }
}

/// Splits `NAME/PATH?QUERY` into the name and the rest.
pub(super) fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['/', '?']).unwrap_or(text.len()))
}

fn named<'d>(document: &'d Document, text: &str) -> Result<Choice<'d>, Error> {
    let (name, rest) = split_name(text);
    let profiles = &document.profiles;
    let Some(profile) = profiles.iter().find(|it| it.name.value == name) else {
        return Err(unknown(document, name));
    };
    let Some(url) = &profile.url else {
        let what = format!("the profile '{name}' has no url");
        let error = document.text.error(&profile.name.span, Show::Keys, &what);
        return Err(error.advice("url = \"wss://HOST/PATH\" below it"));
    };
    if !rest.is_empty() && UrlSource::parse(&url.value).is_some() {
        let what = format!("the url of the profile '{name}' is computed, and takes no '{rest}'");
        return Err(document.text.error(&url.span, Show::Keys, &what));
    }
    Ok(Choice {
        profile: Some(profile),
        url: joined(&url.value, rest),
        matched: None,
        is_one_of_several: false,
    })
}

fn unknown(document: &Document, name: &str) -> Error {
    let names = || document.profiles.iter().map(|it| it.name.value.as_str());
    let what = format!("there is no profile '{name}' in {}", document.text.path);
    let error = Error::usage(what);
    let all: Vec<&str> = names().collect();
    match nearest(name, names()) {
        Some(near) => error.advice(format!("did you mean @{near}?")),
        None if all.is_empty() => {
            error.advice("`wirecat --generate config` shows how to write one")
        }
        None => error.advice(format!("the profiles are {}", all.join(", "))),
    }
}

/// The URL of a profile with `rest` of what was typed: a path takes the place of the profile's
/// path, and a query is added to the profile's query.
fn joined(url: &str, rest: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (path, added) = rest.split_once('?').unwrap_or((rest, ""));
    let base = match path {
        "" => base,
        _ => {
            let begin = base.find("://").map_or(0, |at| at + 3);
            let end = base[begin..].find('/').map_or(base.len(), |at| begin + at);
            &base[..end]
        }
    };
    let queries = [query, added].into_iter().filter(|it| !it.is_empty());
    let query = queries.collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{path}{mark}{query}")
}

fn matching<'d>(document: &'d Document, url: &str) -> Choice<'d> {
    let mut fitting = Vec::new();
    // A URL that does not parse is reported later.
    if let Ok(target) = Target::parse(url) {
        for profile in &document.profiles {
            let patterns = profile.patterns.iter().filter(|it| it.fits(&target));
            if let Some(best) = patterns.max_by_key(|it| it.specificity()) {
                fitting.push((profile, best));
            }
        }
    }
    // The sort is stable: of equals, the first in the file comes first.
    fitting.sort_by_key(|(_, pattern)| Reverse(pattern.specificity()));
    let matched = fitting.first().map(|(profile, pattern)| {
        let others: Vec<&str> = fitting[1..]
            .iter()
            .map(|(it, _)| it.name.value.as_str())
            .collect();
        let rest = match others.as_slice() {
            [] => String::new(),
            others => format!("; {} would fit too", others.join(", ")),
        };
        format!(
            "profile {} applies: match = \"{}\"{rest}",
            profile.name.value, pattern.text
        )
    });
    Choice {
        profile: fitting.first().map(|(profile, _)| *profile),
        url: url.to_owned(),
        matched,
        is_one_of_several: fitting.len() > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_replaces_and_a_query_is_added() {
        for (url, rest, expected) in [
            ("wss://h/ws", "", "wss://h/ws"),
            ("wss://h/ws?v=1", "", "wss://h/ws?v=1"),
            ("wss://h/ws?v=1", "/a/b", "wss://h/a/b?v=1"),
            ("wss://h/ws?v=1", "?x=2", "wss://h/ws?v=1&x=2"),
            ("wss://h/ws", "/p?x=1&y=a/b", "wss://h/p?x=1&y=a/b"),
            ("wss://h", "/p", "wss://h/p"),
            ("wss://h?v=1", "/p", "wss://h/p?v=1"),
            ("h:80/ws", "/p", "h:80/p"),
            (":8080/ws", "/p", ":8080/p"),
            ("wss://h/ws?next=a/b", "/", "wss://h/?next=a/b"),
        ] {
            assert_eq!(joined(url, rest), expected, "{url} {rest}");
        }
        assert_eq!(split_name("a/b?c"), ("a", "/b?c"));
        assert_eq!(split_name("a?c/d"), ("a", "?c/d"));
        assert_eq!(split_name("a"), ("a", ""));
    }
}
