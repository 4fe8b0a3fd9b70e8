//! From the words of a curl command line to arguments of our own. Pure.
//!
//! What makes another request than a WebSocket handshake is an error. Nothing is left out silently,
//! but what the handshake has in any case.

use super::fault::Fault;
use super::options::{Known, Meaning, by_long, by_short};
use super::words::Word;
use crate::uri::Target;

/// Headers that belong to one connection (RFC 9110 §7.6.1), or to a body.
const OF_THE_CONNECTION: &[&str] = &[
    "upgrade",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "http2-settings",
];

/// The prefix of the headers of the handshake itself.
const HANDSHAKE: &str = "sec-websocket-";

/// A curl command line as we understand it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Import {
    /// Options as `--name` or `--name=value`, in order.
    pub(super) arguments: Vec<String>,
    pub(super) url: Option<String>,
    /// Sentences about what was left out.
    pub(super) notes: Vec<String>,
}

/// Translates the words of a command, the first of which is curl itself.
///
/// # Errors
/// The first option that is unknown, lacks its value, or means another request.
pub(super) fn import(words: &[Word]) -> Result<Import, Fault> {
    let mut reader = Reader::default();
    let mut words = words.iter();
    match words.next() {
        Some(first) if is_curl(&first.text) => {}
        Some(first) if first.text == "$" && words.next().is_some_and(|it| is_curl(&it.text)) => {}
        other => return Err(not_curl(other.map_or(0, |word| word.at))),
    }
    let mut only_urls = false;
    while let Some(word) = words.next() {
        match word.text.strip_prefix('-') {
            Some("-") if !only_urls => only_urls = true,
            Some(rest) if !only_urls && !rest.is_empty() => {
                for given in split(word, rest)? {
                    let value = match (given.known.takes_value, given.value) {
                        (false, _) => None,
                        (true, Some(value)) => Some(value),
                        (true, None) => Some(words.next().cloned().ok_or_else(|| {
                            Fault::new(word.at, format!("{} needs a value", given.name))
                        })?),
                    };
                    reader.option(&given.name, given.known, word.at, value)?;
                }
            }
            _ => reader.url(word)?,
        }
    }
    reader.finish()
}

pub(super) fn not_curl(at: usize) -> Fault {
    Fault::new(at, "this is not a curl command line")
        .advice("in the browser's network panel: Copy as cURL")
        .advice("@FILE reads it from a file, - from stdin")
}

/// Whether a word is the name of the program, with a path or not.
pub(super) fn is_curl(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
    name.eq_ignore_ascii_case("curl") || name.eq_ignore_ascii_case("curl.exe")
}

/// An option as it was written.
struct Given {
    name: String,
    known: Known,
    value: Option<Word>,
}

/// The options in `word`: one with a long name, or letters, the last of which may have its value.
fn split(word: &Word, rest: &str) -> Result<Vec<Given>, Fault> {
    if let Some(long) = rest.strip_prefix('-') {
        let (long, value) = match long.split_once('=') {
            Some((long, value)) => (long, Some(value)),
            None => (long, None),
        };
        let name = format!("--{long}");
        let Some(known) = by_long(long) else {
            return no_longer(word, long, name);
        };
        if value.is_some() && !known.takes_value {
            return Err(Fault::new(word.at, format!("{name} takes no value")));
        }
        let value = value.map(|value| part(word, value));
        return Ok(vec![Given { name, known, value }]);
    }
    let mut given = Vec::new();
    for (at, letter) in rest.char_indices() {
        let name = format!("-{letter}");
        let known = by_short(letter).ok_or_else(|| unknown(word, &name))?;
        let after = &rest[at + letter.len_utf8()..];
        let ends = known.takes_value;
        let value = (ends && !after.is_empty()).then(|| part(word, after));
        given.push(Given { name, known, value });
        if ends {
            break;
        }
    }
    Ok(given)
}

/// `--no-NAME`, which turns an option off. It was off before.
fn no_longer(word: &Word, long: &str, name: String) -> Result<Vec<Given>, Fault> {
    let known = long.strip_prefix("no-").and_then(by_long);
    let known = known.filter(|known| !known.takes_value);
    let known = known.ok_or_else(|| unknown(word, &name))?;
    let meaning = match known.meaning {
        Meaning::None => Meaning::None,
        _ => Meaning::Usual,
    };
    let value = None;
    let known = Known { meaning, ..known };
    Ok(vec![Given { name, known, value }])
}

fn part(word: &Word, text: &str) -> Word {
    Word {
        text: text.to_owned(),
        at: word.at,
    }
}

fn unknown(word: &Word, name: &str) -> Fault {
    Fault::new(word.at, format!("{name} is not a known option of curl"))
        .advice("leave it out, or give the options of wirecat itself")
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    arguments: Vec<String>,
    url: Option<Word>,
    glob_off: bool,
    user_agent: Option<String>,
    headers: Vec<Word>,
    cookies: Vec<String>,
    without_effect: Vec<String>,
}

impl Reader {
    fn option(
        &mut self,
        name: &str,
        known: Known,
        at: usize,
        value: Option<Word>,
    ) -> Result<(), Fault> {
        let text = value.as_ref().map_or("", |word| word.text.as_str());
        match known.meaning {
            Meaning::Usual => {}
            Meaning::None => self.without_effect.push(name.to_owned()),
            Meaning::Refused(why) => {
                return Err(Fault::new(at, format!("{name}: {why}")));
            }
            Meaning::Method if text.eq_ignore_ascii_case("GET") => {}
            Meaning::Method => {
                let what = format!("{name} {text}: a WebSocket handshake is a GET");
                return Err(Fault::new(at, what));
            }
            Meaning::Same => self.arguments.push(match &value {
                Some(value) => format!("--{}={}", known.long, value.text),
                None => format!("--{}", known.long),
            }),
            Meaning::Proxy(scheme) => self.arguments.push(format!("--proxy={scheme}://{text}")),
            Meaning::GlobOff => self.glob_off = true,
            Meaning::UserAgent => self.user_agent = Some(text.to_owned()),
            Meaning::Referer => self.headers.push(Word {
                text: format!("Referer: {}", text.strip_suffix(";auto").unwrap_or(text)),
                at,
            }),
            // As in curl, without a = it is the name of a file.
            Meaning::Cookie if text.contains('=') => self.cookies.push(text.to_owned()),
            Meaning::Cookie => self.arguments.push(format!("--cookie={text}")),
            Meaning::Header => self.headers.extend(value),
            Meaning::Url => value.iter().try_for_each(|word| self.url(word))?,
        }
        Ok(())
    }

    fn url(&mut self, word: &Word) -> Result<(), Fault> {
        match &self.url {
            None => {
                self.url = Some(word.clone());
                Ok(())
            }
            Some(_) => Err(Fault::new(word.at, "there is a URL already")
                .advice("a word that belongs to an option must be in quotes with the rest of it")),
        }
    }

    fn finish(mut self) -> Result<Import, Fault> {
        let url = self.url.take();
        let url = url
            .map(|word| plain_url(&word, self.glob_off))
            .transpose()?;
        let target = url.as_deref().and_then(|url| Target::parse(url).ok());
        let mut headers = Headers::default();
        for line in std::mem::take(&mut self.headers) {
            headers.line(&line, target.as_ref())?;
        }
        if !self.cookies.is_empty() {
            headers
                .kept
                .push(format!("--header=Cookie: {}", self.cookies.join("; ")));
        }
        let agent = headers.user_agent.or(self.user_agent);
        let mut arguments = self.arguments;
        arguments.extend(headers.origin.map(|origin| format!("--origin={origin}")));
        arguments.extend(agent.map(|agent| format!("--user-agent={agent}")));
        arguments.extend(headers.kept);
        let mut notes = Vec::new();
        if headers.of_page && !headers.dropped.iter().any(|name| is_upgrade(name)) {
            notes.push(PAGE.to_owned());
        }
        if !headers.dropped.is_empty() {
            notes.push(format!(
                "--from-curl: wirecat makes its own {}; those of the curl command are left out",
                headers.dropped.join(", ")
            ));
        }
        if !self.without_effect.is_empty() {
            let names = self.without_effect.join(", ");
            notes.push(format!("--from-curl: no effect here: {names}"));
        }
        Ok(Import {
            arguments,
            url,
            notes,
        })
    }
}

/// The URL as curl reads it: without a scheme it is http, a fragment is not sent, and a backslash stands
/// before braces and brackets that are no pattern.
fn plain_url(word: &Word, glob_off: bool) -> Result<String, Fault> {
    let mut url = word.text.split('#').next().unwrap_or_default().to_owned();
    if !glob_off {
        for c in ['[', ']', '{', '}'] {
            url = url.replace(&format!("\\{c}"), &c.to_string());
        }
    }
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("ws" | "wss" | "http" | "https") => Ok(url),
        Some(scheme) if !scheme.contains(['/', '?', ':', '@']) => {
            let what = format!("the scheme {scheme} is neither ws(s) nor http(s)");
            Err(Fault::new(word.at, what))
        }
        _ => Ok(format!("http://{url}")),
    }
}

/// A command that asks for a page is easily copied instead of the WebSocket's.
const PAGE: &str = "--from-curl: this is the request of a page; that of a WebSocket has the status 101 in the network panel, which can filter by WS";

fn is_upgrade(name: &str) -> bool {
    name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("sec-websocket-key")
}

/// The header lines of the command.
#[derive(Default)]
struct Headers {
    /// Whether they ask for a page, as browsers do.
    of_page: bool,
    kept: Vec<String>,
    dropped: Vec<String>,
    origin: Option<String>,
    user_agent: Option<String>,
}

impl Headers {
    fn line(&mut self, word: &Word, target: Option<&Target>) -> Result<(), Fault> {
        let line = word.text.as_str();
        if line.chars().any(|c| c.is_control() && c != '\t') {
            let what = "this header contains a line break or another control character";
            return Err(Fault::new(word.at, what));
        }
        let (name, value) = match line.split_once(':') {
            // A pseudo-header of HTTP/2.
            Some(("", rest)) => {
                self.drop(rest.split(':').next().unwrap_or_default());
                return Ok(());
            }
            Some((name, value)) if !line.starts_with('@') => (name.trim(), value.trim()),
            _ => {
                self.kept.push(format!("--header={line}"));
                return Ok(());
            }
        };
        let lower = name.to_ascii_lowercase();
        self.of_page |= match lower.as_str() {
            "accept" => value.contains("text/html"),
            "sec-fetch-mode" => value.eq_ignore_ascii_case("navigate"),
            _ => false,
        };
        match lower.as_str() {
            "sec-websocket-protocol" if !value.is_empty() => {
                let names = value.split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                self.kept
                    .extend(names.map(|name| format!("--subprotocol={name}")));
            }
            "sec-websocket-extensions" => self.extensions(name, value),
            lower if OF_THE_CONNECTION.contains(&lower) || lower.starts_with(HANDSHAKE) => {
                self.drop(name);
            }
            "host" if target.is_some_and(|target| is_host_of(target, value)) => self.drop(name),
            "origin" if !value.is_empty() => self.origin = Some(value.to_owned()),
            "user-agent" => self.user_agent = Some(value.to_owned()),
            _ => self.kept.push(format!("--header={line}")),
        }
        Ok(())
    }

    fn drop(&mut self, name: &str) {
        if !self
            .dropped
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            self.dropped.push(name.to_owned());
        }
    }

    /// The offer of permessage-deflate is our own, with the limits of the one in the command.
    fn extensions(&mut self, name: &str, value: &str) {
        self.drop(name);
        if value.is_empty() {
            self.kept.push("--no-compress".to_owned());
        }
        let mut parameters = value.split(';').map(str::trim);
        if value.contains(',') || parameters.next() != Some("permessage-deflate") {
            return;
        }
        for parameter in parameters {
            let (name, limit) = match parameter.split_once('=') {
                Some((name, limit)) => (name.trim(), Some(limit.trim().trim_matches('"'))),
                None => (parameter, None),
            };
            let option = name.replace('_', "-");
            match (option.as_str(), limit) {
                ("client-no-context-takeover" | "server-no-context-takeover", None) => {
                    self.kept.push(format!("--{option}"));
                }
                ("client-max-window-bits" | "server-max-window-bits", Some(bits))
                    if matches!(bits.parse(), Ok(9..=15u8)) =>
                {
                    self.kept.push(format!("--{option}={bits}"));
                }
                _ => {}
            }
        }
    }
}

/// Whether a Host header says what the URL says.
fn is_host_of(target: &Target, value: &str) -> bool {
    let host = target.host.to_string();
    value.eq_ignore_ascii_case(&target.authority())
        || value.eq_ignore_ascii_case(&format!("{host}:{}", target.port))
}

#[cfg(test)]
mod tests {
    use super::super::words::posix;
    use super::*;

    #[track_caller]
    fn imported(text: &str) -> Import {
        let words = posix(text).unwrap();
        import(&words).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    #[test]
    fn options_become_our_own() {
        for (options, expected) in [
            (
                "-H 'X-A: 1' -HX-B:2 --header 'X-C;'",
                &["--header=X-A: 1", "--header=X-B:2", "--header=X-C;"][..],
            ),
            ("-H 'Accept:' -H @f", &["--header=Accept:", "--header=@f"]),
            (
                "-H 'origin: https://o' -A a -H 'user-agent: b'",
                &["--origin=https://o", "--user-agent=b"],
            ),
            ("-A ''", &["--user-agent="]),
            ("-b a=b -b 'c=d; e=f'", &["--header=Cookie: a=b; c=d; e=f"]),
            ("-b jar -c jar", &["--cookie=jar", "--cookie-jar=jar"]),
            ("-e 'http://r/;auto'", &["--header=Referer: http://r/"]),
            ("-sSkNi", &["--insecure"]),
            ("-kvu ann:pw", &["--insecure", "--verbose", "--user=ann:pw"]),
            (
                "--oauth2-bearer t --max-redirs=3 -L",
                &["--oauth2-bearer=t", "--max-redirs=3", "--location"],
            ),
            (
                "-x proxy:3128 -U u:p --noproxy '*'",
                &["--proxy=proxy:3128", "--proxy-user=u:p", "--noproxy=*"],
            ),
            ("--socks5-hostname s:1080", &["--proxy=socks5h://s:1080"]),
            (
                "--resolve h:443:1.2.3.4 --connect-to ::h:1",
                &["--resolve=h:443:1.2.3.4", "--connect-to=::h:1"],
            ),
            (
                "-E c.pem:pw --key k --cacert ca",
                &["--cert=c.pem:pw", "--key=k", "--cacert=ca"],
            ),
            (
                "-X GET --request GET --compressed --http1.1",
                &["--http1.1"],
            ),
            (
                "-m 2.5 --connect-timeout 1 -4",
                &["--max-time=2.5", "--connect-timeout=1", "--ipv4"],
            ),
            (
                "-H 'Sec-WebSocket-Protocol: a, b'",
                &["--subprotocol=a", "--subprotocol=b"],
            ),
            ("--no-insecure --no-location", &[]),
        ] {
            let import = imported(&format!("curl http://h/ {options}"));
            assert_eq!(import.arguments, expected, "{options}");
            assert_eq!(import.notes, Vec::<String>::new(), "{options}");
            assert_eq!(import.url.as_deref(), Some("http://h/"));
        }
    }

    #[test]
    fn the_offer_of_compression_keeps_its_limits() {
        for (value, expected) in [
            ("permessage-deflate; client_max_window_bits", &[][..]),
            ("permessage-deflate", &[]),
            (
                "permessage-deflate; client_no_context_takeover; client_max_window_bits=10",
                &[
                    "--client-no-context-takeover",
                    "--client-max-window-bits=10",
                ],
            ),
            ("permessage-deflate; server_max_window_bits=8", &[]),
            (
                "permessage-deflate; server_max_window_bits=\"9\"",
                &["--server-max-window-bits=9"],
            ),
            ("x-webkit-deflate-frame", &[]),
            ("", &["--no-compress"]),
        ] {
            let import = imported(&format!("curl h -H 'Sec-WebSocket-Extensions: {value}'"));
            assert_eq!(import.arguments, expected, "{value}");
        }
    }

    #[test]
    fn the_request_of_a_page_is_named() {
        for (headers, is_page) in [
            ("-H 'accept: text/html,*/*;q=0.8'", true),
            ("-H 'Sec-Fetch-Mode: navigate'", true),
            ("-H 'Accept: */*' -H 'Sec-Fetch-Mode: websocket'", false),
            ("-H 'Accept: text/html' -H 'Upgrade: websocket'", false),
        ] {
            let import = imported(&format!("curl https://h/ {headers}"));
            let is_named = import.notes.iter().any(|note| note == PAGE);
            assert_eq!(is_named, is_page, "{headers}");
        }
    }

    #[test]
    fn what_is_left_out_is_named() {
        let import = imported(
            "curl wss://h:443/x -H 'Host: H' -H 'Upgrade: websocket' -H 'Connection: Upgrade' \
             -H 'Sec-WebSocket-Key: k' -H 'Sec-WebSocket-Version: 13' -H ':path: /x' -H 'TE: x' \
             -H 'X-A: 1' --retry 3 -w '%{http_code}' -O",
        );
        assert_eq!(import.arguments, ["--header=X-A: 1"]);
        assert_eq!(
            import.notes,
            [
                "--from-curl: wirecat makes its own Host, Upgrade, Connection, Sec-WebSocket-Key, Sec-WebSocket-Version, path, TE; those of the curl command are left out",
                "--from-curl: no effect here: --retry, -w, -O",
            ]
        );
        let other = imported("curl http://h:80/ -H 'Host: other'");
        assert_eq!(other.arguments, ["--header=Host: other"]);
        assert_eq!(
            imported("curl http://h/ -H 'host: h:80'").arguments,
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_url_is_read_as_curl_reads_it() {
        for (words, url) in [
            ("https://h/x", "https://h/x"),
            ("--url ws://h/x", "ws://h/x"),
            ("h:81/x", "http://h:81/x"),
            ("h/?next=http://a/", "http://h/?next=http://a/"),
            ("cmd:id", "http://cmd:id"),
            ("@prod", "http://@prod"),
            ("'https://h/?a=\\[1\\]&b=\\{\\}'", "https://h/?a=[1]&b={}"),
            ("-g 'https://h/?a=\\[1\\]'", "https://h/?a=\\[1\\]"),
            ("https://h/x#part", "https://h/x"),
            ("-- h", "http://h"),
        ] {
            let import = imported(&format!("curl {words}"));
            assert_eq!(import.url.as_deref(), Some(url), "{words}");
        }
        assert_eq!(imported("curl -k").url, None);
    }

    #[test]
    fn another_request_is_refused() {
        for (text, at, why) in [
            ("curl h -d x", 7, "-d: a WebSocket handshake has no body"),
            ("curl h --data-raw=x", 7, "--data-raw: "),
            (
                "curl h -X POST",
                7,
                "-X POST: a WebSocket handshake is a GET",
            ),
            ("curl h -kF a=b", 7, "-F: "),
            ("curl h -T f", 7, "-T: "),
            ("curl h --json '{}'", 7, "--json: "),
            ("curl h -I", 7, "-I: "),
            ("curl h --digest -u a:b", 7, "--digest: "),
            ("curl h --preproxy p", 7, "--preproxy: "),
            ("curl h i", 7, "there is a URL already"),
            ("curl h -H", 7, "-H needs a value"),
            ("curl h --nonsense", 7, "--nonsense is not a known option"),
            ("curl h -k~", 7, "-~ is not a known option"),
            ("curl h --insecure=yes", 7, "takes no value"),
            ("curl ftp://h/", 5, "the scheme ftp"),
            ("wget h", 0, "not a curl command line"),
            ("", 0, "not a curl command line"),
            ("curl h -H $'X: a\\r\\nY: b'", 10, "line break"),
        ] {
            let fault = import(&posix(text).unwrap()).unwrap_err();
            assert_eq!(fault.at, at, "{text}: {fault:?}");
            assert!(fault.why.contains(why), "{text}: {fault:?}");
        }
    }
}
