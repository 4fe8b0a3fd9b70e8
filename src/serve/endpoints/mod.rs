//! The endpoints of the debug server. The path names the endpoint, the query tunes it; the whole of
//! the debug server's behaviour can be asked for in a URL, so that a test needs no configuration.
//!
//! An endpoint is a file of this folder and a row of `TABLE`: the file has its URL, its line of the
//! help, its refusals and its behaviour. Nothing else knows one endpoint from another.

mod auth;
mod chat;
mod compress;
mod cookies;
mod delay;
mod echo;
mod endpoint;
mod ends;
mod events;
mod expire;
mod flaky;
mod frames;
mod freeze;
mod handshake;
mod headers;
mod health;
mod ledger;
mod noclose;
mod paced;
mod page;
mod ping;
mod query;
mod redirect;
mod replay;
mod request;
mod seq;
mod silent;
mod slow;
mod status;
mod stream;
mod subprotocol;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::hub::http;
use super::response::{self, Answer, Refusal};
pub(super) use endpoint::{Endpoint, Opened};
use endpoint::{Spec, is_argument};
pub(super) use request::Request;

/// Every endpoint there is, in groups, in the order of the help.
const TABLE: &[(&str, &[Spec])] = &[
    (
        "Ordinary",
        &[
            echo::SPEC,
            chat::SPEC,
            headers::SPEC,
            cookies::SPEC,
            subprotocol::SPEC,
            compress::SPEC,
            stream::STREAM,
            stream::BURST,
            slow::SPEC,
            ping::PING,
            LISTING,
            health::HEALTH,
            health::READY,
        ],
    ),
    (
        "Answers to the handshake",
        &[
            status::SPEC,
            redirect::SPEC,
            delay::SPEC,
            auth::SPEC,
            expire::SPEC,
        ],
    ),
    (
        "For clients that reconnect",
        &[flaky::SPEC, ends::DROP, seq::SPEC, ledger::SPEC],
    ),
    (
        "The event hub",
        &[
            events::SPEC,
            events::ROOMS,
            events::ROOM_MESSAGES,
            events::CLIENTS,
            events::MESSAGES,
        ],
    ),
    (
        "Misbehaving",
        &[
            ends::CLOSE,
            silent::SPEC,
            freeze::SPEC,
            ping::NO_PONG,
            noclose::SPEC,
            frames::SPEC,
            frames::LISTING,
            handshake::SPEC,
            handshake::LISTING,
        ],
    ),
];

const LISTING: Spec = Spec {
    path: "/endpoints",
    parameters: "",
    help: "this list as JSON, with every parameter",
    details: &[],
    open: |_| Ok(Opened::Http(response::json(&listing()))),
};

/// Where the help begins to say what an endpoint does.
const COLUMN: usize = 33;

/// How wide the list of a 404 is, which is also in the help, indented.
const WIDTH: usize = 97;

/// What is at the URL of a request.
///
/// # Errors
/// 404 for an unknown path, and what the endpoint has against the parameters.
pub(super) fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    if let Some(replay) = request.shared.replay()
        && request.wants_websocket()
    {
        return Ok(replay::open(replay));
    }
    let path = request.path();
    if path == "/" {
        return Ok(Opened::Http(page::answer(request, index)));
    }
    match specs().find(|spec| spec.matches(path)) {
        Some(spec) => (spec.open)(request),
        None => Err(Box::new(not_found(path))),
    }
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().flat_map(|(_, specs)| *specs)
}

/// Those that the help lists.
fn listed(specs: &'static [Spec]) -> impl Iterator<Item = &'static Spec> {
    specs.iter().filter(|spec| !spec.help.is_empty())
}

/// The URLs and what each of them does: the body of `GET /` as plain text.
pub fn help() -> String {
    let mut help = String::new();
    for (group, specs) in TABLE {
        help += &format!("{group}:\n");
        for spec in listed(specs) {
            let url = [spec.path, spec.parameters].concat();
            for (number, line) in spec.help.lines().enumerate() {
                let url = if number == 0 { url.as_str() } else { "" };
                help += &format!("{url:<COLUMN$}{line}\n");
            }
        }
        help += "\n";
    }
    help + "For the N of after, fail and for, a range A-B draws a number each time.\n"
}

/// What `/` answers in plain text.
fn index() -> String {
    let help = help();
    format!("The debug server of wirecat. Connect with a WebSocket client to:\n\n{help}")
}

/// The body of `GET /endpoints`.
fn listing() -> Value {
    let endpoints = TABLE.iter().flat_map(|(group, specs)| {
        listed(specs).map(|spec| {
            let parameters = spec.details.iter().map(|parameter| {
                json!({
                    "name": parameter.name,
                    "meaning": parameter.meaning,
                    "default": parameter.default,
                })
            });
            json!({
                "path": spec.path,
                "group": *group,
                "url": format!("{}{}", spec.path, spec.parameters),
                "help": spec.help.replace('\n', " "),
                "parameters": parameters.collect::<Vec<_>>(),
            })
        })
    });
    json!({"endpoints": endpoints.collect::<Vec<_>>()})
}

/// A 404 that names the nearest path, and then all of them. What is asked of the hub is answered in JSON.
fn not_found(path: &str) -> Answer {
    if path.starts_with("/events/") {
        return http::unknown();
    }
    let suggestion = nearest(path).map(|path| format!(" Did you mean {path}?"));
    let suggestion = suggestion.unwrap_or_default();
    let paths = paths();
    let body = format!(
        "There is no such endpoint.{suggestion} The endpoints are:\n\n{paths}\n\
         GET /endpoints says what each of them does.\n"
    );
    response::text(StatusCode::NOT_FOUND, body)
}

/// The paths alone, as many to the line as there is room for.
pub fn paths() -> String {
    let mut lines = vec![String::new()];
    for (_, specs) in TABLE {
        for spec in listed(specs) {
            if lines
                .last()
                .is_none_or(|line| line.len() + spec.path.len() + 2 > WIDTH)
            {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                *line += if line.is_empty() { "" } else { "  " };
                *line += spec.path;
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The path of an endpoint that `path` is most like.
fn nearest(path: &str) -> Option<&'static str> {
    // A long path costs time, and is like none.
    let path = Some(path).filter(|path| path.len() <= 64)?;
    let lowercase = path.to_lowercase();
    let near = specs().map(|spec| {
        (
            strsim::osa_distance(&filled(spec.path, &lowercase), &lowercase),
            spec,
        )
    });
    let (distance, spec) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 3 && 2 * distance < path.len()).then_some(spec.path)
}

/// The path in the table with the arguments that are in `path`.
fn filled(expected: &str, path: &str) -> String {
    let mut given = path.split('/');
    let segments = expected.split('/').map(|segment| {
        let given = given.next();
        given.filter(|_| is_argument(segment)).unwrap_or(segment)
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::request::get;
    use super::*;

    #[test]
    fn an_unknown_path_lists_the_endpoints() {
        for path in [
            "",
            "/Echo",
            "/echo/",
            "/status",
            "/close/1000/x",
            "/silent2",
            "/frames/rsv/x",
            "*",
        ] {
            let refusal = get(path, open).err();
            let status = refusal.map(|refusal| refusal.status().as_u16());
            assert_eq!(status, Some(404), "{path}");
        }
    }

    #[test]
    fn every_listed_endpoint_exists() {
        for spec in specs() {
            let argument = |segment| match segment {
                "CODE" => "404",
                "KIND" => "rsv",
                "WAY" => "header",
                "N" => "1",
                "T" => "1s",
                other => other,
            };
            let segments: Vec<_> = spec.path.split('/').map(argument).collect();
            let path = segments
                .join("/")
                .replace("/handshake/rsv", "/handshake/half");
            let status = get(&path, open).err().map(|refusal| refusal.status());
            assert_ne!(status, Some(StatusCode::NOT_FOUND), "{path}");
        }
    }

    #[test]
    fn the_help_has_two_columns() {
        let help = help();
        let groups = help.split("\n\n").take(TABLE.len());
        for line in groups.flat_map(|group| group.lines().skip(1)) {
            let (url, what) = line.split_at(COLUMN);
            assert!(url.ends_with(' ') && !what.starts_with(' '), "{line}");
            assert!(line.len() <= 99, "{line}");
        }
    }

    #[test]
    fn a_path_that_is_nearly_right_is_suggested() {
        for (path, expected) in [
            ("/ehco", Some("/echo")),
            ("/Echo", Some("/echo")),
            ("/echo/", Some("/echo")),
            ("/state/1000", Some("/status/CODE")),
            ("/state/500", Some("/status/CODE")),
            ("/frame/rsv", Some("/frames/KIND")),
            ("/frames/rsv/x", Some("/frames/KIND")),
            ("/cookie/set", Some("/cookies/set")),
            ("/somewhere", None),
            ("", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(nearest(path), expected, "{path}");
        }
        assert_eq!(nearest(&"/echo".repeat(1000)), None);
        let body = paths();
        assert!(body.lines().all(|line| line.len() <= WIDTH), "{body}");
        assert!(
            specs()
                .filter(|spec| !spec.help.is_empty())
                .all(|spec| body.contains(spec.path))
        );
    }

    #[test]
    fn the_listing_has_every_parameter_of_the_help() {
        let listing = listing();
        let endpoints = listing["endpoints"].as_array().unwrap();
        assert!(endpoints.len() > 20);
        for endpoint in endpoints {
            let parameters = endpoint["parameters"].as_array().unwrap();
            let names: Vec<_> = parameters
                .iter()
                .map(|it| it["name"].as_str().unwrap())
                .collect();
            let url = endpoint["url"].as_str().unwrap();
            let (_, query) = url.split_once('?').unwrap_or_default();
            let used = query.split('&').map(|pair| pair.split('=').next().unwrap());
            for name in used.filter(|name| !name.is_empty() && *name != "NAME") {
                assert!(names.contains(&name), "{url} {name}");
            }
        }
    }
}
