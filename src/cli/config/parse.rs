//! From the text of a configuration file to its sections. This module knows the form of the file,
//! and no option: every name and value keeps its place in the text. Pure.

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::matching::Pattern;
use super::text::{Show, Span, Text};
use crate::error::Error;
use crate::template;

/// A piece of the file and its place.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// The value of an option.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Flag(bool),
    /// A string, or a number as it is written.
    One(String),
    /// The values of an option that can be repeated.
    Many(Vec<Located<String>>),
}

/// `NAME = VALUE`.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) name: Located<String>,
    pub(super) value: Located<T>,
}

/// What `[defaults]` and a profile have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) options: Vec<Entry<Value>>,
    pub(super) variables: Vec<Entry<String>>,
    pub(super) messages: Vec<Entry<String>>,
}

/// `[profile.NAME]`.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) name: Located<String>,
    pub(super) url: Option<Located<String>>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) section: Section,
}

/// A whole configuration file, in its own order.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) text: Text,
    /// `[defaults]`, `[vars]` and `[messages]`.
    pub(super) defaults: Section,
    pub(super) profiles: Vec<Profile>,
}

impl Document {
    /// Every section.
    pub(super) fn sections(&self) -> impl Iterator<Item = &Section> {
        let profiles = self.profiles.iter().map(|profile| &profile.section);
        [&self.defaults].into_iter().chain(profiles)
    }
}

/// Parses the text of a configuration file.
///
/// # Errors
/// Exit 2 with the place of the first mistake in its form.
pub(super) fn parse(text: Text) -> Result<Document, Error> {
    let root = DeTable::parse(&text.content).map_err(|error| {
        let span = error.span().unwrap_or_default();
        text.error(&span, Show::Keys, error.message())
    })?;
    let reader = Reader { text: &text };
    let mut defaults = Section::default();
    let mut profiles = Vec::new();
    for (key, value) in in_order(root.get_ref()) {
        match key.get_ref().as_ref() {
            "defaults" => defaults.options = reader.options(value)?,
            "vars" => defaults.variables = reader.strings(value, true)?,
            "messages" => defaults.messages = reader.strings(value, false)?,
            "profile" => profiles = reader.profiles(value)?,
            other => return Err(reader.not_a_section(key, other)),
        }
    }
    Ok(Document {
        defaults,
        profiles,
        text,
    })
}

/// The entries of a table in the order of the file.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn located<T>(value: T, span: Span) -> Located<T> {
    Located { value, span }
}

/// Reads the parts of a document.
struct Reader<'t> {
    text: &'t Text,
}

impl Reader<'_> {
    fn profiles(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Profile>, Error> {
        let profiles = in_order(self.table(value)?);
        let profile = |(key, value)| self.profile(key, value);
        profiles.into_iter().map(profile).collect()
    }

    fn profile(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Profile, Error> {
        let name = located(key.get_ref().to_string(), key.span());
        if !template::is_name(&name.value) || name.value.ends_with(".url") {
            let why = "the name of a profile consists of letters, digits, '-', '_' and '.', and does not end in '.url'";
            return Err(self.text.error(&name.span, Show::Keys, why));
        }
        let mut profile = Profile {
            name,
            url: None,
            patterns: Vec::new(),
            section: Section::default(),
        };
        for (key, value) in in_order(self.table(value)?) {
            match key.get_ref().as_ref() {
                "url" => profile.url = Some(self.string(value)?),
                "match" => profile.patterns = self.patterns(value)?,
                "vars" => profile.section.variables = self.strings(value, true)?,
                "messages" => profile.section.messages = self.strings(value, false)?,
                _ => profile.section.options.push(self.option(key, value)?),
            }
        }
        Ok(profile)
    }

    fn patterns(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Pattern>, Error> {
        let texts = match self.value(value)? {
            Value::Many(texts) => texts,
            Value::One(text) => vec![located(text, value.span())],
            Value::Flag(_) => return Err(self.wrong(value, "a string or a list of strings")),
        };
        let pattern = |text: &Located<String>| {
            let parsed = Pattern::parse(&text.value);
            parsed.map_err(|why| self.text.error(&text.span, Show::Line, &why))
        };
        texts.iter().map(pattern).collect()
    }

    fn options(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Entry<Value>>, Error> {
        let entries = in_order(self.table(value)?).into_iter();
        entries
            .map(|(key, value)| self.option(key, value))
            .collect()
    }

    fn option(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry<Value>, Error> {
        if value.get_ref().is_table() {
            let what = format!("'{}' is not a table", key.get_ref());
            let error = self.text.error(&key.span(), Show::Keys, &what);
            return Err(match key.get_ref().as_ref() {
                "vars" | "messages" => error.advice(format!("[{}] at the top", key.get_ref())),
                _ => error,
            });
        }
        Ok(Entry {
            name: located(key.get_ref().to_string(), key.span()),
            value: located(self.value(value)?, value.span()),
        })
    }

    /// The variables, or the messages, of a table.
    fn strings(
        &self,
        value: &Spanned<DeValue<'_>>,
        are_variables: bool,
    ) -> Result<Vec<Entry<String>>, Error> {
        let mut entries = Vec::new();
        for (key, value) in in_order(self.table(value)?) {
            let name = located(key.get_ref().to_string(), key.span());
            let checked = match are_variables {
                true => check_variable(&name.value),
                false => check_message(&name.value),
            };
            checked.map_err(|why| self.text.error(&name.span, Show::Keys, &why))?;
            let value = self.string(value)?;
            entries.push(Entry { name, value });
        }
        Ok(entries)
    }

    fn table<'a, 'i>(&self, value: &'a Spanned<DeValue<'i>>) -> Result<&'a DeTable<'i>, Error> {
        let table = value.get_ref().as_table();
        table.ok_or_else(|| self.wrong(value, "a table"))
    }

    /// A string, or a number as a string.
    fn string(&self, value: &Spanned<DeValue<'_>>) -> Result<Located<String>, Error> {
        match self.value(value)? {
            Value::One(text) => Ok(located(text, value.span())),
            Value::Flag(_) | Value::Many(_) => Err(self.wrong(value, "a string")),
        }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Error> {
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::One(text.to_string()),
            DeValue::Integer(number) => Value::One(self.integer(number, value)?),
            DeValue::Float(number) => Value::One(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Array(items) => {
                let item = |item| self.string(item);
                Value::Many(items.iter().map(item).collect::<Result<_, Error>>()?)
            }
            DeValue::Datetime(_) | DeValue::Table(_) => {
                return Err(self.wrong(value, "a string, a number, true, false or a list"));
            }
        })
    }

    fn integer(
        &self,
        number: &DeInteger<'_>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<String, Error> {
        let parsed = i64::from_str_radix(number.as_str(), number.radix());
        let parsed = parsed.map_err(|_| self.wrong(value, "a number below 2^63"))?;
        Ok(parsed.to_string())
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, expected: &str) -> Error {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let what = format!("this must be {expected}, and is {found}");
        self.text.error(&value.span(), Show::Keys, &what)
    }

    fn not_a_section(&self, key: &Spanned<DeString<'_>>, name: &str) -> Error {
        let what = format!("'{name}' has no place at the top of the file");
        let error = self.text.error(&key.span(), Show::Keys, &what);
        error.advice("[defaults], [profile.NAME], [vars] or [messages]; options belong below one of the first two")
    }
}

/// Checks the name of a variable.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_variable(name: &str) -> Result<(), String> {
    if matches!(name, "n" | "token") {
        return Err(format!("{{{{{name}}}}} is reserved"));
    }
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && template::is_name(name) {
        return Ok(());
    }
    Err("the name of a variable begins with a letter or '_' and consists of letters, digits, '_', '-' and '.'".to_owned())
}

fn check_message(name: &str) -> Result<(), String> {
    match template::is_name(name) {
        true => Ok(()),
        false => {
            Err("the name of a message consists of letters, digits, '_', '-' and '.'".to_owned())
        }
    }
}
