//! `/redirect/N`: N redirects in a row, and then an echo or another place.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};

use super::echo::Echo;
use super::endpoint::{Opened, Spec, parameter};
use super::request::Request;
use crate::serve::response::{self, Refusal, bad_request};
use crate::units;

pub(super) const SPEC: Spec = Spec {
    path: "/redirect/N",
    parameters: "?to=URL&status=CODE",
    help: "N redirects, the last of them to URL (/echo), which may have
another port; to=loop never ends",
    details: &[
        parameter("to", "where the last one leads, or loop", "/echo"),
        parameter("status", "301, 302, 303, 307 or 308", "302"),
    ],
    open,
};

/// More than any client follows.
const MAX_REDIRECTS: u64 = 1000;

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let count = units::digits(request.argument(), MAX_REDIRECTS).ok_or_else(|| {
        bad_request("The number of redirects in the path must be a number from 0 to 1000.")
    })?;
    let status = status(request)?;
    if count == 0 {
        return Ok(Opened::websocket(Echo::default()));
    }
    let location = HeaderValue::try_from(location(request, count))
        .map_err(|_| bad_request("The value of `to` cannot stand in a Location header."))?;
    let mut answer = response::status(status);
    answer.headers_mut().insert(LOCATION, location);
    Ok(Opened::Http(answer))
}

fn status(request: Request<'_>) -> Result<StatusCode, Refusal> {
    match request.query().get("status").as_deref() {
        None | Some("302") => Ok(StatusCode::FOUND),
        Some("301") => Ok(StatusCode::MOVED_PERMANENTLY),
        Some("303") => Ok(StatusCode::SEE_OTHER),
        Some("307") => Ok(StatusCode::TEMPORARY_REDIRECT),
        Some("308") => Ok(StatusCode::PERMANENT_REDIRECT),
        Some(_) => Err(bad_request(
            "The value of `status` must be 301, 302, 303, 307 or 308.",
        )),
    }
}

/// Where the redirect leads that has `count - 1` after it.
fn location(request: Request<'_>, count: u64) -> String {
    match request.query().get("to") {
        Some(to) if to == "loop" => request.target.to_owned(),
        Some(to) if count == 1 => to,
        None if count == 1 => "/echo".to_owned(),
        _ => match request.target.split_once('?') {
            Some((_, query)) => format!("/redirect/{}?{query}", count - 1),
            None => format!("/redirect/{}", count - 1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn a_redirect_leads_to_the_next() {
        for (path, status, location) in [
            ("/redirect/1", 302, "/echo"),
            ("/redirect/3", 302, "/redirect/2"),
            (
                "/redirect/2?to=ws%3A%2F%2Fh%3A1%2F&status=308",
                308,
                "/redirect/1?to=ws%3A%2F%2Fh%3A1%2F&status=308",
            ),
            ("/redirect/1?to=ws%3A%2F%2Fh%3A1%2F", 302, "ws://h:1/"),
            ("/redirect/1?to=loop", 302, "/redirect/1?to=loop"),
        ] {
            let Ok(Opened::Http(answer)) = get(path, open) else {
                panic!("{path} is no redirect");
            };
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(answer.headers()["location"], location, "{path}");
        }
        assert!(matches!(get("/redirect/0", open), Ok(Opened::WebSocket(_))));
        for path in [
            "/redirect/",
            "/redirect/x",
            "/redirect/1001",
            "/redirect/1?status=200",
            "/redirect/1?to=%0d%0aX:y",
        ] {
            is_bad(path, open);
        }
    }
}
