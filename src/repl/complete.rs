//! What a line may go on with, each with a line of description. Pure: the names in a folder come in from
//! the caller.

use super::commands::{Spec, find, offered};
use super::highlight::may_be_inserted;
use super::words::{Candidate, Words, is_id_member, is_kind_member};
use crate::close::{code_name, may_be_sent};
use crate::generated::GENERATED;
use crate::output::sanitize;

/// The widest candidate, so that a list fits into 40 columns.
const WIDEST: usize = 36;

/// How many candidates are offered. Of more, the editor asks whether to list them, and shows nothing else
/// before that is answered.
const OFFERED: usize = 99;

/// The names in a folder, and whether they are folders.
pub(super) type List<'a> = &'a dyn Fn(&str) -> Vec<(String, bool)>;

/// Completes a line up to the cursor: where the word begins that is being typed, and what may stand
/// there.
pub(super) fn complete(line: &str, words: &Words, list: List<'_>) -> (usize, Vec<Candidate>) {
    let (start, mut found) = candidates(line, words, list);
    let word = &line[start..];
    found.retain(|it| it.replacement.starts_with(word));
    found.truncate(OFFERED);
    (start, found)
}

fn candidates(line: &str, words: &Words, list: List<'_>) -> (usize, Vec<Candidate>) {
    if let Some(start) = placeholder(line) {
        return (start, variables(words, "}}"));
    }
    match line.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => command(line, words, list),
        _ => json(line, 0, words),
    }
}

fn command(line: &str, words: &Words, list: List<'_>) -> (usize, Vec<Candidate>) {
    let Some((name, arguments)) = line[1..].split_once(' ') else {
        let offered = offered(words.clients().is_some());
        return (0, offered.map(|it| of_command(it, "/")).collect());
    };
    let Ok(command) = find(name) else {
        return (line.len(), Vec::new());
    };
    let first = line.len() - arguments.len();
    let word = line.rfind(' ').map_or(0, |space| space + 1);
    let at_first = word == first;
    match command.name {
        "help" if at_first => (word, helped(words)),
        "close" if at_first => (word, numbers(words).chain(close_codes()).collect()),
        "close" if names_client(&line[first..word], words) => (word, close_codes().collect()),
        "to" if at_first => (word, numbers(words).collect()),
        "headers" if at_first => (word, clients(words).collect()),
        "m" if at_first => (word, messages(words)),
        "set" | "unset" if at_first => (word, variables(words, "")),
        "connect" if at_first => (word, profiles(words)),
        "record" | "source" | "save" => files(line, first, list),
        "sendfile" if !arguments.starts_with('-') || !at_first => files(line, word, list),
        _ if line[word..].starts_with('@') => files(line, word + 1, list),
        _ if arguments.trim_start().starts_with(['{', '[']) => json(line, first, words),
        _ => {
            let before = &arguments[..arguments.len() - (line.len() - word)];
            let next = (command.complete)(before).into_iter();
            (
                word,
                next.map(|it| candidate(it.text.trim_end(), it.what, &it.text))
                    .collect(),
            )
        }
    }
}

/// A candidate whose list entry is cut to the width that a list may have.
fn candidate(name: &str, description: &str, replacement: &str) -> Candidate {
    let text = match description {
        "" => name.to_owned(),
        description => format!("{name:<12} {description}"),
    };
    let mut shown = Vec::new();
    sanitize::line(&text, &mut shown);
    let shown = String::from_utf8_lossy(&shown);
    let mut display: String = shown.chars().take(WIDEST).collect();
    if display.len() < shown.len() {
        display.pop();
        display.push('…');
    }
    Candidate {
        display,
        replacement: replacement.to_owned(),
    }
}

fn of_command(spec: &Spec, slash: &str) -> Candidate {
    let name = format!("{slash}{}", spec.name);
    candidate(&name, spec.help, &format!("{name} "))
}

fn helped(words: &Words) -> Vec<Candidate> {
    let keys = candidate("keys", "the keys that edit a line", "keys ");
    let commands = offered(words.clients().is_some()).map(|it| of_command(it, ""));
    commands.chain([keys]).collect()
}

/// The clients by their numbers.
fn clients(words: &Words) -> impl Iterator<Item = Candidate> {
    let clients = words.clients().into_iter().flatten();
    clients.map(|(number, asked)| {
        let number = number.to_string();
        candidate(&number, asked, &format!("{number} "))
    })
}

/// The same, and all of them.
fn numbers(words: &Words) -> impl Iterator<Item = Candidate> {
    let all = words
        .clients()
        .map(|_| candidate("all", "every client", "all "));
    clients(words).chain(all)
}

/// Whether the arguments before the word are the client that it is about.
fn names_client(before: &str, words: &Words) -> bool {
    let named = before.trim_end();
    let is_one = |number: u32| words.clients().is_some_and(|it| it.contains_key(&number));
    (named == "all" && words.clients().is_some()) || named.parse().is_ok_and(is_one)
}

fn close_codes() -> impl Iterator<Item = Candidate> {
    let codes = (1000..1016).filter(|code| may_be_sent(*code));
    let codes = codes.chain([3000, 4000]);
    codes.map(|code| {
        let code_text = code.to_string();
        candidate(&code_text, code_name(code), &format!("{code_text} "))
    })
}

fn messages(words: &Words) -> Vec<Candidate> {
    let messages = words.messages();
    messages
        .map(|(name, message)| candidate(name, message, &format!("{name} ")))
        .collect()
}

fn profiles(words: &Words) -> Vec<Candidate> {
    let names = words.profiles().map(|name| format!("@{name}"));
    let what = "profile of the configuration file";
    names.map(|name| candidate(&name, what, &name)).collect()
}

/// The variables, with `end` after each.
fn variables(words: &Words, end: &str) -> Vec<Candidate> {
    let held = words.variables();
    let generated = GENERATED.into_iter().filter(|_| !end.is_empty());
    held.chain(generated)
        .map(|(name, what)| candidate(name, what, &format!("{name}{end}")))
        .collect()
}

/// Where the name begins after `{{`, if the cursor is within one.
fn placeholder(line: &str) -> Option<usize> {
    let start = line.rfind("{{")? + 2;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "$_-.".contains(c);
    line[start..].chars().all(is_name).then_some(start)
}

/// The names in the folder of the path that begins at `start`.
fn files(line: &str, start: usize, list: List<'_>) -> (usize, Vec<Candidate>) {
    let path = &line[start..];
    let (folder, prefix) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let word = start + folder.len();
    let mut names = list(folder);
    names.retain(|(name, _)| {
        name.starts_with(prefix) && (!name.starts_with('.') || !prefix.is_empty())
    });
    names.sort();
    let found = names.into_iter().map(|(name, is_folder)| {
        let whole = if is_folder { format!("{name}/") } else { name };
        // What cannot be shown in the line is not put there.
        let insertable = may_be_inserted(&whole) && !whole.contains(['\n', '\t']);
        candidate(&whole, "", if insertable { &whole } else { prefix })
    });
    (word, found.collect())
}

/// Where the cursor is in JSON that is being typed.
#[derive(Debug, Default)]
struct Place {
    /// Whether each bracket that is open is one of an object.
    objects: Vec<bool>,
    /// Where the string begins that the cursor is in, after its quote.
    string: Option<usize>,
    /// Where the last string is, without its quotes.
    last: Option<(usize, usize)>,
    /// The last sign outside of strings.
    sign: u8,
    /// After that sign and its spaces.
    after: usize,
}

impl Place {
    fn of(line: &str, from: usize) -> Place {
        let mut place = Place::default();
        let mut escaped = false;
        for (at, byte) in line.bytes().enumerate().skip(from) {
            match (place.string, byte) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(start), b'"') => {
                    place.string = None;
                    place.last = Some((start, at));
                }
                (Some(_), _) => {}
                (None, b'"') => place.string = Some(at + 1),
                (None, byte) => place.step(at, byte),
            }
        }
        place
    }

    fn step(&mut self, at: usize, byte: u8) {
        match byte {
            b'{' | b'[' => self.objects.push(byte == b'{'),
            b'}' | b']' => drop(self.objects.pop()),
            b',' | b':' => {}
            b' ' | b'\n' | b'\t' if self.after == at => {
                self.after = at + 1;
                return;
            }
            _ => return,
        }
        self.sign = byte;
        self.after = at + 1;
    }

    fn expects_key(&self) -> bool {
        self.objects.last() == Some(&true) && matches!(self.sign, b'{' | b',')
    }

    /// The name of the member whose value is expected.
    fn member<'a>(&self, line: &'a str) -> Option<&'a str> {
        let (start, end) = self.last.filter(|_| self.sign == b':')?;
        line.get(start..end)
    }
}

fn json(line: &str, from: usize, words: &Words) -> (usize, Vec<Candidate>) {
    let none = (line.len(), Vec::new());
    if !line[from..].trim_start().starts_with(['{', '[']) {
        return none;
    }
    let place = Place::of(line, from);
    match (place.string, place.member(line)) {
        (Some(start), _) if place.expects_key() => {
            let keys = words.keys();
            (
                start,
                keys.map(|key| candidate(key, "key seen here", &format!("{key}\":")))
                    .collect(),
            )
        }
        (Some(start), Some(member)) => (start, values(member, words, "")),
        (None, Some(member)) => (place.after, values(member, words, "\"")),
        _ => none,
    }
}

/// The values for a member; strings begin with `quote`, and numbers are offered only with one.
fn values(member: &str, words: &Words, quote: &str) -> Vec<Candidate> {
    let text = |value: &str, what: &str| candidate(value, what, &format!("{quote}{value}\""));
    if is_kind_member(member) {
        let what = format!("{member} seen here");
        return words.kinds().map(|kind| text(kind, &what)).collect();
    }
    if !is_id_member(member) {
        return Vec::new();
    }
    let ids = words.ids(member);
    let ids = ids.filter(|id| id.is_text || !quote.is_empty());
    ids.map(|id| {
        let what = format!("{} seen here", id.member);
        match id.is_text {
            true => text(&id.value, &what),
            false => candidate(&id.value, &what, &id.value),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let messages = vec![("sub".to_owned(), "{\"op\":\"sub\"}".to_owned())];
        let mut words = Words::new(messages, vec!["staging".to_owned()]);
        let variables = [("user", "xiao"), ("zone", "5")];
        words.set_variables(
            variables
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .to_vec(),
        );
        words.learn(r#"{"event":"join","room":"news","user_id":7}"#);
        words
    }

    fn list(folder: &str) -> Vec<(String, bool)> {
        let names: &[(&str, bool)] = match folder {
            "" => &[
                ("a.json", false),
                ("dir", true),
                (".hidden", false),
                ("e\x1b[31m", false),
            ],
            "dir/" => &[("inner", false)],
            _ => &[],
        };
        names
            .iter()
            .map(|(name, dir)| ((*name).to_owned(), *dir))
            .collect()
    }

    #[test]
    fn what_may_come_next_depends_on_the_place() {
        for (line, at, offered) in [
            ("", 0, ""),
            ("hello", 5, ""),
            ("//he", 4, ""),
            ("/rec", 0, "/reconnect |/record "),
            ("he", 2, ""),
            ("hello /p", 8, ""),
            ("/fr", 0, "/frame "),
            ("/po", 0, "/pong "),
            ("/ping ", 6, ""),
            ("/bin ", 5, "hex:|base64:|@"),
            ("/bin h", 5, "hex:"),
            ("/frame f", 7, "fin=0 |fin=1 "),
            ("/frame fin=0 t", 13, "text "),
            ("/frame fin=0 f", 13, ""),
            ("/frame text ma", 12, "mask=none |mask=random |mask="),
            ("/frame text h", 12, "hex:"),
            ("/frame text t", 12, ""),
            ("/frame h", 7, ""),
            ("/frame close co", 13, "code="),
            ("/frame text -- m", 15, ""),
            ("/frame text hello m", 18, ""),
            ("/close 100", 7, "1000 |1001 |1002 |1003 |1007 |1008 |1009 "),
            ("/close 1000 x", 12, ""),
            ("/m ", 3, "sub "),
            ("/connect @", 9, "@staging"),
            ("/unset u", 7, "user"),
            ("/help clo", 6, "close "),
            ("/source ", 8, "a.json|dir/|"),
            ("/source dir/i", 12, "inner"),
            ("/source .h", 8, ".hidden"),
            ("/sendfile --lines a", 18, "a.json"),
            ("/bin @a", 6, "a.json"),
            ("hello {{us", 8, "user}}"),
            ("hello {{$u", 8, "$uuid}}"),
            ("hello {{user}} x", 16, ""),
            ("{\"", 2, "user_id\":|room\":|event\":"),
            ("{\"a\":1,\"ro", 8, "room\":"),
            ("{\"event\":\"", 10, "join\""),
            ("{\"event\": ", 10, "\"join\""),
            ("{\"room\":\"n", 9, "news\""),
            ("{\"user_id\":", 11, "7"),
            ("{\"other\":\"", 10, ""),
            ("[\"ro", 4, ""),
            ("/send {\"ro", 8, "room\":"),
        ] {
            let (start, found) = complete(line, &words(), &list);
            let found: Vec<_> = found.iter().map(|it| &*it.replacement).collect();
            assert_eq!((start, &*found.join("|")), (at, offered), "{line}");
        }
    }

    #[test]
    fn the_server_names_its_clients() {
        let mut words = words();
        words.have_clients();
        for (number, asked) in [(1, "/a 127.0.0.1:50001"), (2, "/b"), (12, "/c\x1b[31m")] {
            words.set_client(number, Some(asked.to_owned()));
        }
        words.set_client(1, None);
        for (line, at, offered) in [
            ("/to ", 4, "2 |12 |all "),
            ("/to 1", 4, "12 "),
            ("/to 2 x", 7, ""),
            ("/headers ", 9, "2 |12 "),
            (
                "/close 1",
                7,
                "12 |1000 |1001 |1002 |1003 |1007 |1008 |1009 |1010 |1011 |1012 |1013 |1014 ",
            ),
            ("/close 2 400", 9, "4000 "),
            ("/close all 400", 11, "4000 "),
            ("/close 3 400", 12, ""),
            ("/cl", 0, "/close |/clear |/clients "),
            ("/con", 0, ""),
            ("/rec", 0, "/record "),
            ("/help cli", 6, "clients "),
        ] {
            let (start, found) = complete(line, &words, &list);
            let found: Vec<_> = found.iter().map(|it| &*it.replacement).collect();
            assert_eq!(found.join("|"), offered, "{line}");
            assert!(offered.is_empty() || start == at, "{line}");
        }
        for number in 100..1000 {
            words.set_client(number, Some("/many".to_owned()));
        }
        let (_, found) = complete("/to ", &words, &list);
        assert_eq!(found.len(), OFFERED);
        assert_eq!(found[0].display, "2            /b");
        assert_eq!(sanitize::find_dangerous(&found[1].display), None);
    }

    #[test]
    fn what_has_a_name_is_described() {
        for (line, shown) in [
            ("/paus", "/pause       count messages and sho…"),
            ("/view h", "hex          one line of hex digits"),
            ("/view sent on", "on           from now on"),
            ("/timing of", "off          no longer"),
            ("/bin b", "base64:      bytes as base64"),
            ("/frame fin=0", "fin=0        more fragments follow"),
            ("/frame con", "continuation opcode"),
            ("/close 1001", "1001         going away"),
            ("/m s", "sub          {\"op\":\"sub\"}"),
            ("/connect @s", "@staging     profile of the configu…"),
            ("/unset u", "user         xiao"),
            ("{{us", "user         xiao"),
            ("{{$n", "$now         the time in UTC, as RF…"),
            ("{\"ro", "room         key seen here"),
            ("{\"event\":\"", "join         event seen here"),
            ("{\"room\":\"", "news         room seen here"),
            ("{\"user_id\":", "7            user_id seen here"),
            ("/help cl", "close        close with this code, …"),
        ] {
            let (_, found) = complete(line, &words(), &list);
            assert_eq!(found[0].display, shown, "{line}");
        }
    }

    #[test]
    fn what_is_listed_is_safe_and_fits_into_40_columns() {
        let lists = ["/", "/close ", "/source ", "/m ", "{\"", "/help ", "{{"];
        for line in lists {
            let (_, found) = complete(line, &words(), &list);
            assert!(!found.is_empty(), "{line}");
            for Candidate { display, .. } in found {
                assert!(display.chars().count() <= WIDEST, "{display}");
                assert!(sanitize::find_dangerous(&display).is_none(), "{display}");
            }
        }
        let (_, found) = complete("/", &words(), &list);
        let quit = found.iter().find(|it| it.replacement == "/quit ").unwrap();
        assert!(quit.display.starts_with("/quit        close"), "{quit:?}");
    }
}
