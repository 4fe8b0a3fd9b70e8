//! `/headers`: says what it received, so that one sees what a client or a proxy made of a request. It
//! hides nothing: what it says goes to the client that said it.

use hyper::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec};
use super::request::Request;
use crate::message::Message;
use crate::serve::connection::Connection;
use crate::serve::response;

pub(super) const SPEC: Spec = Spec {
    path: "/headers",
    parameters: "",
    help: "the request as it arrived, as JSON: over HTTP, or as the first
message; then an echo",
    details: &[],
    open: |request| Ok(open(request)),
};

fn open(request: Request<'_>) -> Opened {
    let received = received(request);
    if request.wants_websocket() {
        return Opened::websocket(Headers(received));
    }
    Opened::Http(response::json(&received))
}

struct Headers(Value);

impl Endpoint for Headers {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            connection.send(Message::text(self.0.to_string())).await?;
            echo(connection, u64::MAX).await
        })
    }
}

fn received(request: Request<'_>) -> Value {
    json!({
        "method": request.method.as_str(),
        "target": request.target,
        "headers": headers(request.headers),
    })
}

/// A member for each name, which is a list where the header is repeated.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let values = |name| {
        let values = headers.get_all(name).into_iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into());
        let mut values: Vec<Value> = values.collect();
        match values.len() {
            1 => values.remove(0),
            _ => Value::Array(values),
        }
    };
    let names = headers.keys();
    names
        .map(|name| (name.as_str().to_owned(), values(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::super::request::get;
    use super::*;

    #[test]
    fn every_header_is_there() {
        let mut headers = HeaderMap::new();
        headers.insert("x-one", HeaderValue::from_static("1"));
        headers.append("x-two", HeaderValue::from_static("a"));
        headers.append("x-two", HeaderValue::from_bytes(b"\xff").unwrap());
        let received = get("/headers?token=x", |request| {
            let headers = &headers;
            received(Request { headers, ..request })
        });
        let expected = json!({
            "method": "GET",
            "target": "/headers?token=x",
            "headers": {"x-one": "1", "x-two": ["a", "\u{fffd}"]},
        });
        assert_eq!(received, expected);
    }
}
