//! Which file uses which, and rings in that.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, Source};

/// A use of one file by another.
pub(super) struct Arrow<'a> {
    pub(super) from: &'a Source,
    pub(super) line: usize,
    pub(super) to: &'a Source,
}

/// What an arrow leads from, to what, and the arrow.
pub(super) type Named<'a> = (String, String, &'a Arrow<'a>);

/// A way back to where it begins, shortest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ring {
    /// The names on the way; the first is also the last.
    pub(super) names: Vec<String>,
    /// For each step, where one uses the next.
    pub(super) places: Vec<String>,
}

/// The uses of one of `sources` by another, each once for a line.
pub(super) fn arrows(sources: &[Source]) -> Vec<Arrow<'_>> {
    let by_module: BTreeMap<_, _> = sources.iter().map(|s| (s.module.as_str(), s)).collect();
    let mut arrows = Vec::new();
    for from in sources {
        let mut seen = BTreeSet::new();
        for path in &from.paths {
            let to = target(&from.module, path, &by_module);
            let to = to.filter(|to| to.file != from.file && seen.insert((path.line, &to.file)));
            if let Some(to) = to {
                let line = path.line;
                arrows.push(Arrow { from, line, to });
            }
        }
    }
    arrows
}

/// The file that `path`, as written in `module`, leads to.
fn target<'a>(
    module: &str,
    path: &Path,
    by_module: &BTreeMap<&str, &'a Source>,
) -> Option<&'a Source> {
    let mut at: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let is_module =
        |at: &[&str], name| by_module.contains_key([at, &[name]].concat().join("::").as_str());
    let mut names = path.segments.iter().map(String::as_str).peekable();
    if names.next_if_eq(&"crate").is_some() {
        at.clear();
    } else if names.next_if_eq(&"self").is_none() {
        let before = at.len();
        while names.next_if_eq(&"super").is_some() {
            at.pop();
        }
        if at.len() == before && !is_module(&at, names.peek()?) {
            return None;
        }
    }
    for name in names {
        if !is_module(&at, name) {
            break;
        }
        at.push(name);
    }
    by_module.get(at.join("::").as_str()).copied()
}

/// Every shortest way from a name back to itself, once.
pub(super) fn rings(arrows: &[Named<'_>]) -> BTreeSet<Ring> {
    let mut uses: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for (from, to, arrow) in arrows.iter().filter(|(from, to, _)| from != to) {
        let place = format!("{}:{}", arrow.from.file, arrow.line);
        uses.entry(from).or_default().entry(to).or_insert(place);
    }
    let steps = uses
        .iter()
        .flat_map(|(from, to)| to.keys().map(move |to| (*from, *to)));
    steps
        .filter_map(|(from, to)| Some(ring(&uses, way(&uses, to, from)?)))
        .collect()
}

/// The ring of `names`, each of which uses the next, and the last the first.
fn ring(uses: &BTreeMap<&str, BTreeMap<&str, String>>, mut names: Vec<&str>) -> Ring {
    // One ring is found from every name on it.
    let least = (0..names.len()).min_by_key(|n| names[*n]).unwrap();
    names.rotate_left(least);
    names.push(names[0]);
    Ring {
        places: names
            .windows(2)
            .map(|step| uses[step[0]][step[1]].clone())
            .collect(),
        names: names.into_iter().map(str::to_owned).collect(),
    }
}

/// A shortest way from `from` to `to`.
fn way<'a>(
    uses: &BTreeMap<&'a str, BTreeMap<&'a str, String>>,
    from: &'a str,
    to: &str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way[way.len() - 1];
            if last == to {
                return Some(way);
            }
            for next in uses.get(last).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(next) {
                    longer.push([&way[..], &[*next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(texts: &[(&str, &str)]) -> Vec<Source> {
        let sources = texts.iter().map(|(file, text)| Source::new(file, text));
        sources.collect()
    }

    #[test]
    fn a_path_leads_to_the_file_of_the_last_module_on_it() {
        for (path, file) in [
            ("crate::a::b::C", Some("src/a/b.rs")),
            ("crate::a::C", Some("src/a/mod.rs")),
            ("crate::C", Some("src/lib.rs")),
            ("super::C", Some("src/a/mod.rs")),
            ("super::super::d::E", Some("src/d.rs")),
            ("super::b::C", Some("src/a/b.rs")),
            ("self::c::D", Some("src/a/x/c.rs")),
            ("c::D", Some("src/a/x/c.rs")),
            ("std::env", None),
            ("d::E", None),
        ] {
            let text = format!("\n{path}");
            let sources = sources(&[
                ("src/lib.rs", ""),
                ("src/a/mod.rs", ""),
                ("src/a/b.rs", ""),
                ("src/a/x/mod.rs", &text),
                ("src/a/x/c.rs", ""),
                ("src/d.rs", ""),
            ]);
            let arrows = arrows(&sources);
            let found: Vec<_> = arrows
                .iter()
                .map(|a| (a.line, a.to.file.as_str()))
                .collect();
            let expected: Vec<_> = file.map(|file| (2, file)).into_iter().collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_ring_is_told_once_with_where_each_step_is() {
        let sources = sources(&[
            ("src/a.rs", "use crate::b;\nuse crate::d;"),
            ("src/b.rs", "\nuse crate::c;"),
            (
                "src/c.rs",
                "\n\nuse crate::a;\nuse crate::a;\nuse crate::d;",
            ),
            ("src/d.rs", "use crate::e;"),
            ("src/e.rs", ""),
        ]);
        let arrows = arrows(&sources);
        let named: Vec<_> = arrows
            .iter()
            .map(|arrow| (arrow.from.module.clone(), arrow.to.module.clone(), arrow))
            .collect();
        let ring = Ring {
            names: ["a", "b", "c", "a"].map(str::to_owned).into(),
            places: ["src/a.rs:1", "src/b.rs:2", "src/c.rs:3"]
                .map(str::to_owned)
                .into(),
        };
        assert_eq!(rings(&named).into_iter().collect::<Vec<_>>(), [ring]);
    }
}
