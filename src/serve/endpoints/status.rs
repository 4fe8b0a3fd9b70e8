//! `/status/CODE`: an HTTP status in place of a WebSocket.

use super::echo::Echo;
use super::endpoint::{Opened, Spec};
use super::query::final_status;
use super::request::Request;
use crate::serve::response::{self, Refusal, bad_request};

pub(super) const SPEC: Spec = Spec {
    path: "/status/CODE",
    parameters: "",
    help: "this HTTP status, 200 to 599; 101 is an echo",
    details: &[],
    open,
};

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let text = request.argument();
    if text == "101" {
        return Ok(Opened::websocket(Echo::default()));
    }
    match final_status(text) {
        Some(status) => Ok(Opened::Http(response::status(status))),
        None => Err(bad_request(
            "The status must be 101 or a number from 200 to 599.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;
    use crate::serve::response::Answer;

    #[track_caller]
    fn answer(path: &str, status: u16) -> Answer {
        let Ok(Opened::Http(answer)) = get(path, open) else {
            panic!("{path} is no answer");
        };
        assert_eq!(answer.status(), status);
        answer
    }

    #[test]
    fn a_status_must_be_final_or_101() {
        answer("/status/401", 401);
        answer("/status/599?x", 599);
        assert!(matches!(get("/status/101", open), Ok(Opened::WebSocket(_))));
        for code in ["", "99", "100", "103", "600", "abc", "70000"] {
            is_bad(&format!("/status/{code}"), open);
        }
    }

    #[test]
    fn a_status_has_its_required_headers() {
        for (code, name, value) in [
            (302, "location", "/echo"),
            (401, "www-authenticate", "Bearer realm=\"wirecat\""),
            (407, "proxy-authenticate", "Basic realm=\"wirecat\""),
            (429, "retry-after", "1"),
            (503, "retry-after", "1"),
        ] {
            let answer = answer(&format!("/status/{code}"), code);
            assert_eq!(answer.headers().get(name).unwrap(), value);
        }
    }
}
