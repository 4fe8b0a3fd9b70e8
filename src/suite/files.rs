//! Reads scripts, and the files that they include, before anything is run.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{self, Folder};
use super::secrets;
use crate::script::ast::{self, At, Span, Step};
use crate::script::excerpt;
use crate::script::http_file::{self, HttpFile};
use crate::script::names;
use crate::script::parse::{self, Allowed, Error};
use crate::secret::Redactor;

/// The largest script, in bytes.
const MAX_SCRIPT: u64 = 16 << 20;

/// The environments of `.http` files.
const ENVIRONMENTS: &str = "http-client.env.json";

/// How deep scripts may include others.
const MAX_DEPTH: usize = 16;

/// How many files a script may include in all, one that is included twice counting twice.
const MAX_INCLUDED: usize = 1_000;

/// How long all that a script includes may be together, one that is included twice counting twice, in bytes.
const MAX_INCLUDED_SIZE: usize = 16 << 20;

const TOO_LARGE: &str = "the files that are included are larger than 16 MiB together";

/// A script as it was read.
#[derive(Debug)]
pub struct Script {
    /// Its name in reports.
    pub shown: String,
    pub text: String,
    pub folder: Folder,
}

/// A script that can be run.
#[derive(Debug)]
pub struct Loaded {
    pub script: Arc<Script>,
    pub file: ast::File,
    /// What it and the files that it includes include, by the name of the including file and the name
    /// that stands there.
    included: HashMap<(String, String), Arc<Included>>,
    /// Those of `--env`; what the command line gives takes precedence.
    pub variables: BTreeMap<String, String>,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
    /// The beginning of the names of its recordings.
    pub stem: String,
}

/// A file that is included.
#[derive(Debug)]
pub struct Included {
    pub script: Arc<Script>,
    pub steps: Vec<Step>,
}

/// How scripts are read.
pub struct Loader<'a> {
    /// The long names of the options that a script may have.
    pub options: &'a [&'a str],
    /// Options that have no place in one, each with what to do instead.
    pub refused: &'a [(&'a str, &'a str)],
    /// The variables that are given.
    pub given: &'a BTreeMap<String, String>,
    /// `--env`: which environment an `.http` file takes.
    pub environment: Option<&'a str>,
    /// `--file-root`, without a symbolic link in it; the default is the folder of each script.
    pub root: Option<&'a Path>,
    /// Learns what may be a secret in a script with errors, which are rendered without it.
    pub redactor: &'a Redactor,
}

impl Loader<'_> {
    /// Reads the script at `path`, and what it includes.
    ///
    /// # Errors
    /// Everything that is wrong with it, each as lines for a person.
    pub fn load(&self, path: &Path) -> Result<Loaded, Vec<String>> {
        let shown = path.display().to_string();
        let folder = Folder::of(path, self.root.map(Path::to_owned));
        let folder = match self.root {
            Some(_) => folder,
            None => {
                let here = folder.path_of(".").map(|it| it.canonicalize());
                let root = here.ok().and_then(Result::ok);
                Folder::of(path, root)
            }
        };
        let bytes = folder::read_given(path, MAX_SCRIPT);
        let script = read(bytes, shown, folder).map_err(|why| vec![why])?;
        let HttpFile { file, notes } = self
            .parse(&script, path)
            .map_err(|it| self.quotes(&script).errors(&it))?;
        let refused = self.refused(&script, file.tests.iter().flat_map(|test| &test.steps));
        if !refused.is_empty() {
            return Err(refused);
        }
        let variables = self.environment(&script.folder);
        let variables = variables.map_err(|why| vec![format!("{}: {why}", script.shown)])?;
        let mut including = Including {
            loader: self,
            included: HashMap::new(),
            count: 0,
            size: 0,
        };
        let mut inlined = ast::File::default();
        for test in &file.tests {
            let steps = including.inline(&script, &test.steps, &mut vec![path.to_owned()])?;
            inlined.tests.push(ast::Test {
                name: test.name.clone(),
                steps,
            });
        }
        let loaded = Loaded {
            script,
            file,
            included: including.included,
            variables,
            notes,
            stem: stem(path),
        };
        let is_given =
            |name: &str| self.given.contains_key(name) || loaded.variables.contains_key(name);
        let undefined = names::undefined(&inlined, &is_given);
        match undefined.is_empty() {
            true => Ok(loaded),
            false => Err(loaded.render_undefined(&undefined, self.redactor)),
        }
    }

    fn quotes<'s>(&self, script: &'s Script) -> Quotes<'s> {
        Quotes::of(script, self.redactor)
    }

    /// With another root, only the path that a file really has says whether it is read.
    fn allowed(&self) -> Allowed<'_> {
        Allowed {
            options: self.options,
            any_path: self.root.is_some(),
        }
    }

    /// What is wrong with the options of connections that have no place in a script.
    fn refused<'s>(&self, script: &Script, steps: impl Iterator<Item = &'s Step>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut quotes = None;
        let mut left: Vec<&Step> = steps.collect();
        left.reverse();
        while let Some(step) = left.pop() {
            let open = match step {
                Step::Open(open) => open,
                Step::Repeat { steps, .. } => {
                    left.extend(steps.iter().rev());
                    continue;
                }
                _ => continue,
            };
            for option in &open.options {
                let name = &option.value.name;
                let refused = self.refused.iter().find(|(it, _)| it == name);
                wrong.extend(refused.map(|(_, instead)| {
                    let what = format!("'{name}' has no place in a script");
                    let quotes = quotes.get_or_insert_with(|| self.quotes(script));
                    quotes.error(option.span, &what, Some(instead))
                }));
            }
        }
        wrong
    }

    /// Reads a script, or the WebSocket requests of an `.http` file, which may leave out others.
    fn parse(&self, script: &Script, path: &Path) -> Result<HttpFile, Vec<Error>> {
        let is_http = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("http"));
        match is_http {
            true => http_file::parse(&script.text),
            false => parse::parse(&script.text, self.allowed()).map(|file| HttpFile {
                file,
                notes: Vec::new(),
            }),
        }
    }

    /// The variables that `--env` takes from `http-client.env.json` beside an `.http` file.
    fn environment(&self, folder: &Folder) -> Result<BTreeMap<String, String>, String> {
        let Some(name) = self.environment else {
            return Ok(BTreeMap::new());
        };
        let bytes = folder.read(ENVIRONMENTS, MAX_SCRIPT)?;
        let text = String::from_utf8_lossy(&bytes);
        http_file::environment(&text, name).map_err(|why| format!("{ENVIRONMENTS}: {why}"))
    }
}

fn read(
    bytes: Result<Vec<u8>, String>,
    shown: String,
    folder: Folder,
) -> Result<Arc<Script>, String> {
    let bytes = bytes.map_err(|why| format!("{shown}: {why}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + memchr::memchr_iter(b'\n', valid(&error)).count();
        format!("{shown}:{line}: this is not UTF-8; a script holds other bytes as hex: or base64:")
    })?;
    Ok(Arc::new(Script {
        shown,
        text,
        folder,
    }))
}

fn valid(error: &std::string::FromUtf8Error) -> &[u8] {
    let end = error.utf8_error().valid_up_to();
    error.as_bytes().get(..end).unwrap_or_default()
}

/// The lines of a script with errors, without its secrets.
pub(super) struct Quotes<'s> {
    script: &'s Script,
    redactor: Redactor,
}

impl<'s> Quotes<'s> {
    fn of(script: &'s Script, redactor: &Redactor) -> Quotes<'s> {
        let quotes = Quotes::of_known(script, redactor);
        secrets::hide_text(&script.text, &quotes.redactor);
        quotes
    }

    /// Those of a script whose secrets are known to `redactor`.
    pub(super) fn of_known(script: &'s Script, redactor: &Redactor) -> Quotes<'s> {
        // However many secrets a script has, none is forgotten.
        let redactor = redactor.of_part();
        Quotes { script, redactor }
    }

    fn errors(&self, errors: &[Error]) -> Vec<String> {
        let each = |it: &Error| self.error(it.span, &it.message, it.advice.as_deref());
        errors.iter().map(each).collect()
    }

    /// The line is redacted before it is cut: a part of a secret would not be found.
    pub(super) fn error(&self, span: Span, what: &str, advice: Option<&str>) -> String {
        let what = self.redactor.redact_cut(what);
        let advice = advice.map(|it| self.redactor.redact_cut(it));
        let Script { shown, text, .. } = self.script;
        let line = excerpt::line(text, span.line).unwrap_or_default();
        let byte = |at: usize| line.char_indices().nth(at).map_or(line.len(), |it| it.0);
        let before = span.column.saturating_sub(1) as usize;
        let marked = byte(before)..byte(before.saturating_add(span.width as usize));
        let (Cow::Owned(line), marked) = self.redactor.redact_marked(line, marked) else {
            return excerpt::render(shown, text, span, &what, advice.as_deref());
        };
        let count = |part: Option<&str>| part.unwrap_or_default().chars().count() as u32;
        let span = Span {
            column: 1 + count(line.get(..marked.start)),
            width: count(line.get(marked)),
            ..span
        };
        excerpt::render_line(shown, Some(&line), span, &what, advice.as_deref())
    }
}

/// Puts the steps of included files in place.
struct Including<'a> {
    loader: &'a Loader<'a>,
    included: HashMap<(String, String), Arc<Included>>,
    count: usize,
    /// The length of what was included, in bytes.
    size: usize,
}

impl Including<'_> {
    fn inline(
        &mut self,
        script: &Arc<Script>,
        steps: &[Step],
        open: &mut Vec<PathBuf>,
    ) -> Result<Vec<Step>, Vec<String>> {
        let mut inlined = Vec::new();
        for step in steps {
            match step {
                Step::Include(name) => {
                    let included = self.include(script, name, open)?;
                    let path = self.path(script, name)?;
                    open.push(path);
                    inlined.extend(self.inline(&included.script, &included.steps, open)?);
                    open.pop();
                }
                Step::Repeat { times, steps } => inlined.push(Step::Repeat {
                    times: times.clone(),
                    steps: self.inline(script, steps, open)?,
                }),
                step => inlined.push(step.clone()),
            }
        }
        Ok(inlined)
    }

    fn path(&self, script: &Script, name: &At<String>) -> Result<PathBuf, Vec<String>> {
        let path = script.folder.path_of(&name.value);
        path.map_err(|why| vec![self.loader.quotes(script).error(name.span, &why, None)])
    }

    fn include(
        &mut self,
        script: &Arc<Script>,
        name: &At<String>,
        open: &[PathBuf],
    ) -> Result<Arc<Included>, Vec<String>> {
        let wrong = |why: &str| vec![self.loader.quotes(script).error(name.span, why, None)];
        let path = self.path(script, name)?;
        let is_same = |it: &PathBuf| it.canonicalize().ok() == path.canonicalize().ok();
        if open.iter().any(is_same) {
            return Err(wrong("this file includes itself"));
        }
        self.count += 1;
        if open.len() > MAX_DEPTH || self.count > MAX_INCLUDED {
            return Err(wrong("too many files are included, one by the other"));
        }
        let key = (script.shown.clone(), name.value.clone());
        if let Some(known) = self.included.get(&key).map(Arc::clone) {
            self.size += known.script.text.len();
            return match self.size > MAX_INCLUDED_SIZE {
                true => Err(wrong(TOO_LARGE)),
                false => Ok(known),
            };
        }
        let shown = match Path::new(&script.shown).parent() {
            Some(folder) => folder.join(&name.value).display().to_string(),
            None => name.value.clone(),
        };
        let folder = script.folder.of_included(&path);
        let bytes = folder::read(&path, MAX_SCRIPT);
        let read = read(bytes, shown, folder).map_err(|why| wrong(&why))?;
        self.size += read.text.len();
        if self.size > MAX_INCLUDED_SIZE {
            return Err(wrong(TOO_LARGE));
        }
        let steps = parse::parse_included(&read.text, self.loader.allowed())
            .map_err(|errors| self.loader.quotes(&read).errors(&errors))?;
        let refused = self.loader.refused(&read, steps.iter());
        if !refused.is_empty() {
            return Err(refused);
        }
        let included = Arc::new(Included {
            script: read,
            steps,
        });
        self.included.insert(key, Arc::clone(&included));
        Ok(included)
    }
}

impl Loaded {
    /// What a script includes under this name.
    pub fn included(&self, script: &Script, name: &str) -> Option<Arc<Included>> {
        let key = (script.shown.clone(), name.to_owned());
        self.included.get(&key).cloned()
    }

    fn render_undefined(&self, undefined: &[At<String>], redactor: &Redactor) -> Vec<String> {
        let mut quotes = HashMap::new();
        let each = |name: &At<String>| {
            let script = self.script_with(name);
            let bare = name.value.trim();
            if bare != name.value {
                let quotes = Quotes::of(script, redactor);
                let what = format!("the braces of the variable {bare} have white space in them");
                let advice = format!("{{{{{bare}}}}}");
                return quotes.error(name.span, &what, Some(&advice));
            }
            let what = format!("there is no variable {}", name.value);
            let advice = match name.value.strip_prefix('$') {
                Some(_) => "{{$uuid}}, {{$now}} and {{$n}} are generated".to_owned(),
                None => format!(
                    "--var {}=VALUE gives it a value, or capture it before",
                    name.value
                ),
            };
            let quotes = quotes.entry(&script.shown);
            let quotes = quotes.or_insert_with(|| Quotes::of(script, redactor));
            quotes.error(name.span, &what, Some(&advice))
        };
        undefined.iter().map(each).collect()
    }

    /// The script, or the included file, that has this name at its place.
    fn script_with(&self, name: &At<String>) -> &Script {
        let braced = format!("{{{{{}}}}}", name.value);
        let has = |script: &Script| {
            let line = (name.span.line as usize).checked_sub(1);
            let line = line.and_then(|line| script.text.lines().nth(line));
            line.is_some_and(|line| line.contains(&braced))
        };
        let included = self.included.values().map(|it| &*it.script);
        let mut all = std::iter::once(&*self.script).chain(included);
        all.find(|script| has(script)).unwrap_or(&self.script)
    }
}

/// The name of a file without its folder and ending.
fn stem(path: &Path) -> String {
    if path == Path::new(folder::STDIN) {
        return "stdin".to_owned();
    }
    let stem = path.file_stem();
    stem.map_or_else(String::new, |it| it.to_string_lossy().into_owned())
}
