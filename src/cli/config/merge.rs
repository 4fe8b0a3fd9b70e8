//! What holds for a run: the command line before the profile, and the profile before the defaults.
//! Pure.

use std::collections::BTreeSet;

use super::settings::{Argument, Setting, excludes};

/// The options that were typed.
#[derive(Debug, Default)]
pub struct Given {
    /// Their long names.
    pub names: BTreeSet<String>,
    /// The options that clap refuses beside them.
    pub conflicts: BTreeSet<String>,
    /// The values of `-H`.
    pub headers: Vec<String>,
}

/// Options that set the `Authorization` header; of a token that is put elsewhere this is not true.
const AUTHORIZATION: &[&str] = &["user", "oauth2-bearer", "token"];

/// Options that say where a token is put.
const TOKEN_PLACES: &[&str] = &["token-via", "token-name", "token-message"];

/// The options of the file that hold, those of the defaults first.
pub(super) fn merge(given: &Given, profile: Vec<Setting>, defaults: Vec<Setting>) -> Vec<Setting> {
    let mut headers = header_names(given.headers.iter().map(String::as_str));
    let is_placed = |name: &str| TOKEN_PLACES.contains(&name);
    let placed = given.names.iter().any(|name| is_placed(name))
        || profile
            .iter()
            .chain(&defaults)
            .any(|it| is_placed(&it.name));
    let authorization = if placed {
        &AUTHORIZATION[..2]
    } else {
        AUTHORIZATION
    };
    let mut kept: Vec<Setting> = Vec::new();
    for layer in [profile, defaults] {
        let (mut layer_kept, mut layer_headers) = (Vec::new(), BTreeSet::new());
        for mut setting in layer {
            if setting.name == "header" {
                setting.arguments.retain(|it| !names_one_of(it, &headers));
                layer_headers = header_names(setting.arguments.iter().map(line));
            } else if is_overridden(&setting, given, authorization)
                || kept
                    .iter()
                    .any(|higher| overrides(higher, &setting, authorization))
            {
                continue;
            }
            layer_kept.push(setting);
        }
        headers.extend(layer_headers);
        kept.splice(0..0, layer_kept);
    }
    without_unmet(kept, given)
}

fn is_overridden(setting: &Setting, given: &Given, authorization: &[&str]) -> bool {
    given.names.contains(&setting.name)
        || given.conflicts.contains(&setting.name)
        || setting.conflicts.iter().any(|it| given.names.contains(it))
        || authorization.contains(&setting.name.as_str())
            && authorization.iter().any(|it| given.names.contains(*it))
}

fn overrides(higher: &Setting, setting: &Setting, authorization: &[&str]) -> bool {
    let is_one = |it: &Setting| authorization.contains(&it.name.as_str());
    excludes(higher, setting) || is_one(higher) && is_one(setting)
}

/// Leaves out what only means something beside an option that is not there, such as the place of a
/// token without a token.
fn without_unmet(settings: Vec<Setting>, given: &Given) -> Vec<Setting> {
    let present: BTreeSet<String> = settings
        .iter()
        .filter(|it| !it.arguments.is_empty())
        .map(|it| it.name.clone())
        .chain(given.names.iter().cloned())
        .collect();
    let is_met = |setting: &Setting| setting.requires.iter().all(|it| present.contains(it));
    settings.into_iter().filter(is_met).collect()
}

fn line(argument: &Argument) -> &str {
    argument.text.strip_prefix("--header=").unwrap_or_default()
}

fn names_one_of(argument: &Argument, headers: &BTreeSet<String>) -> bool {
    header_name(line(argument)).is_some_and(|name| headers.contains(&name))
}

fn header_names<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeSet<String> {
    lines.filter_map(header_name).collect()
}

/// The name of a header line, which `@FILE` does not have.
fn header_name(line: &str) -> Option<String> {
    let name = line.split([':', ';']).next()?;
    (!name.starts_with('@')).then(|| name.trim().to_ascii_lowercase())
}
