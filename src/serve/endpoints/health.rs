//! `/health` and `/ready`: whether the server runs, and whether it takes clients.

use hyper::StatusCode;

use super::endpoint::{Opened, Spec};
use super::request::Request;
use crate::serve::response::{Answer, text};

pub(super) const HEALTH: Spec = Spec {
    path: "/health",
    parameters: "",
    help: "200 while the server runs",
    details: &[],
    open: |_| Ok(Opened::Http(text(StatusCode::OK, "ok\n"))),
};

pub(super) const READY: Spec = Spec {
    path: "/ready",
    parameters: "",
    help: "200, or 503 once the server shuts down",
    details: &[],
    open: |request| Ok(Opened::Http(ready(request))),
};

fn ready(request: Request<'_>) -> Answer {
    match request.shared.is_stopping() {
        false => text(StatusCode::OK, "ready\n"),
        true => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::endpoints::request::get;

    #[test]
    fn a_server_that_shuts_down_is_not_ready() {
        get("/ready", |request| {
            assert_eq!(ready(request).status(), 200);
            request.shared.stop();
            assert_eq!(ready(request).status(), 503);
        });
    }
}
