//! The endpoints of the debug server. The path names the endpoint, the query tunes it; the whole of
//! the debug server's behaviour can be asked for in a URL, so that a test needs no configuration.
//!
//! An endpoint is a file of this folder and a row of `TABLE`: the file has its URL, its line of the
//! help, its refusals and its behaviour. Nothing else knows one endpoint from another.

mod echo;
mod endpoint;
mod ends;
mod events;
mod expire;
mod flaky;
mod frames;
mod freeze;
mod health;
mod ledger;
mod query;
mod request;
mod seq;
mod silent;
mod status;

use hyper::StatusCode;

use super::response::{self, Answer, Refusal};
use endpoint::Spec;
pub(super) use endpoint::{Endpoint, Opened};
pub(super) use request::Request;

/// Every endpoint there is, in the order of the help.
const TABLE: &[Spec] = &[
    echo::SPEC,
    status::SPEC,
    ends::CLOSE,
    silent::SPEC,
    frames::SPEC,
    frames::LISTING,
    flaky::SPEC,
    ends::DROP,
    freeze::SPEC,
    expire::SPEC,
    seq::SPEC,
    ledger::SPEC,
    events::SPEC,
    events::ROOMS,
    events::ROOM_MESSAGES,
    events::CLIENTS,
    events::MESSAGES,
    health::HEALTH,
    health::READY,
];

/// Where the help begins to say what an endpoint does.
const COLUMN: usize = 33;

/// What is at the URL of a request.
///
/// # Errors
/// 404 for an unknown path, and what the endpoint has against the parameters.
pub(super) fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let path = request.path();
    if path == "/" {
        return Ok(Opened::Http(index()));
    }
    match TABLE.iter().find(|spec| spec.matches(path)) {
        Some(spec) => (spec.open)(request),
        None => Err(Box::new(not_found())),
    }
}

/// The URLs and what each of them does: the body of `GET /` and of every 404.
pub fn help() -> String {
    let listed = TABLE.iter().filter(|spec| !spec.help.is_empty());
    let mut help = String::new();
    for spec in listed {
        let url = [spec.path, spec.parameters].concat();
        for (number, line) in spec.help.lines().enumerate() {
            let url = if number == 0 { url.as_str() } else { "" };
            help += &format!("{url:<COLUMN$}{line}\n");
        }
    }
    help + "\nFor the N of after, fail and for, a range A-B draws a number each time.\n"
}

fn index() -> Answer {
    let help = help();
    let body =
        format!("The debug server of wirecat. Connect with a WebSocket client to:\n\n{help}");
    response::text(StatusCode::OK, body)
}

fn not_found() -> Answer {
    let help = help();
    let body = format!("There is no such endpoint. The endpoints are:\n\n{help}");
    response::text(StatusCode::NOT_FOUND, body)
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
        for spec in TABLE {
            let path = spec.path.replace("CODE", "4000").replace("KIND", "rsv");
            let url = path + spec.parameters;
            let status = get(&url, open).err().map(|refusal| refusal.status());
            assert_ne!(status, Some(StatusCode::NOT_FOUND), "{url}");
        }
    }

    #[test]
    fn the_help_has_two_columns() {
        for line in help().lines().take_while(|line| !line.is_empty()) {
            let (url, what) = line.split_at(COLUMN);
            assert!(url.ends_with(' ') && !what.starts_with(' '), "{line}");
            assert!(line.len() <= 99, "{line}");
        }
    }
}
