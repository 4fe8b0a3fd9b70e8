//! `/subprotocol`: an echo that picks a subprotocol, or none, or one that was never offered.

use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::http_token::is_http_token;
use crate::serve::connection::Connection;
use crate::serve::response::{Refusal, bad_request};
use crate::wire::extension::Agreed;

pub(super) const SPEC: Spec = Spec {
    path: "/subprotocol",
    parameters: "?pick=NAME",
    help: "an echo that picks this subprotocol of those offered; none, or
with wrong one that was not offered",
    details: &[parameter(
        "pick",
        "a name, none or wrong",
        "the first offered",
    )],
    open: |request| Ok(Opened::websocket(Subprotocol(read(request)?))),
};

const NEVER_OFFERED: &str = "never-offered";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    First,
    None,
    Wrong,
    Name(String),
}

struct Subprotocol(Pick);

fn read(request: Request<'_>) -> Result<Pick, Refusal> {
    match request.query().get("pick") {
        None => Ok(Pick::First),
        Some(name) if name == "none" => Ok(Pick::None),
        Some(name) if name == "wrong" => Ok(Pick::Wrong),
        Some(name) if is_http_token(&name) => Ok(Pick::Name(name)),
        Some(_) => Err(bad_request(
            "The value of `pick` must be the name of a subprotocol, `none` or `wrong`.",
        )),
    }
}

impl Endpoint for Subprotocol {
    fn admit(&mut self, request: Request<'_>, _: Option<&Agreed>) -> Result<(), Refusal> {
        match &self.0 {
            Pick::Name(name) if !request.subprotocols().contains(&name.as_str()) => {
                Err(bad_request(&format!(
                    "The client does not offer the subprotocol {name}."
                )))
            }
            _ => Ok(()),
        }
    }

    fn amend(&self, headers: &mut HeaderMap) {
        let name = match &self.0 {
            Pick::First => return,
            Pick::None => {
                headers.remove(SEC_WEBSOCKET_PROTOCOL);
                return;
            }
            Pick::Wrong => NEVER_OFFERED,
            Pick::Name(name) => name,
        };
        if let Ok(name) = HeaderValue::from_str(name) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(echo(connection, u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[test]
    fn the_answer_names_what_was_picked() {
        let mut offered = HeaderMap::new();
        offered.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("a, b"));
        let picked = |path| {
            get(path, |request| {
                let headers = &offered;
                let request = Request { headers, ..request };
                let mut endpoint = Subprotocol(read(request).unwrap());
                endpoint.admit(request, None).map_err(|_| 400)?;
                let mut answer = HeaderMap::new();
                answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("a"));
                endpoint.amend(&mut answer);
                let said = answer.get(SEC_WEBSOCKET_PROTOCOL);
                Ok(said.map(|said| said.to_str().unwrap().to_owned()))
            })
        };
        assert_eq!(picked("/subprotocol"), Ok(Some("a".to_owned())));
        assert_eq!(picked("/subprotocol?pick=b"), Ok(Some("b".to_owned())));
        assert_eq!(picked("/subprotocol?pick=none"), Ok(None));
        let wrong = Some(NEVER_OFFERED.to_owned());
        assert_eq!(picked("/subprotocol?pick=wrong"), Ok(wrong));
        assert_eq!(picked("/subprotocol?pick=c"), Err(400));
        is_bad("/subprotocol?pick=", read);
        is_bad("/subprotocol?pick=a%2Cb", read);
    }
}
