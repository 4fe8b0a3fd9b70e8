//! `GET /`: for browsers a page with the endpoints and a console for the hub, and for clients that
//! prefer plain text a list of the endpoints. The page is one file without a build step. It must never
//! load anything from elsewhere, and its Content-Security-Policy runs only what is in it.

use std::sync::LazyLock;

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use super::request::Request;
use crate::codec::base64;
use crate::serve::response::{self, Answer};

const PAGE: &str = include_str!("../web/index.html");

/// The policy of the page, computed from it once.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    // Without a policy that can be sent, nothing in the page may run.
    HeaderValue::try_from(policy(PAGE))
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// The answer at `/`; `list` makes the text that lists the endpoints.
pub(super) fn answer(request: Request<'_>, list: impl FnOnce() -> String) -> Answer {
    if ![Method::GET, Method::HEAD].contains(request.method) {
        return response::wrong_method("GET and HEAD are possible here.\n", "GET, HEAD");
    }
    // A WebSocket client shows its user what it got instead.
    let mut answer = if request.wants_websocket() || prefers_text(request.headers) {
        response::text(StatusCode::OK, list())
    } else {
        page()
    };
    response::insert(&mut answer, VARY, "Accept");
    answer
}

fn page() -> Answer {
    let mut answer = response::text(StatusCode::OK, PAGE);
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ] {
        response::insert(&mut answer, name, value);
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    answer
}

/// The Content-Security-Policy that allows the page's own script and style, by their hashes, and
/// connections to this server (CSP level 3 §6.7.2.8: `'self'` matches its WebSockets, too).
fn policy(page: &str) -> String {
    let [script, style] = ["script", "style"].map(|tag| hash(content(page, tag)));
    format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// What is between the only pair of these tags.
fn content<'a>(page: &'a str, tag: &str) -> &'a str {
    let (_, after) = page.split_once(&format!("<{tag}>")).unwrap_or_default();
    let (content, _) = after.split_once(&format!("</{tag}>")).unwrap_or_default();
    content
}

/// A source expression of a policy (CSP level 3 §2.3.1).
fn hash(content: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(content)))
}

/// Whether a client would rather have plain text than HTML (RFC 9110 §12.5.1).
fn prefers_text(headers: &HeaderMap) -> bool {
    let [text, html] = ["text/plain", "text/html"].map(|kind| quality(headers, kind));
    text > html
}

/// The quality, from 0 to 1, of the range in `Accept` that names this media type most precisely.
fn quality(headers: &HeaderMap, kind: &str) -> f32 {
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values.filter_map(|value| value.to_str().ok());
    let matching = ranges
        .flat_map(|value| value.split(','))
        .filter_map(|range| matches(range, kind));
    let closest = matching.max_by_key(|(precision, _)| *precision);
    closest.map_or(0.0, |(_, quality)| quality)
}

/// How precisely a range names a media type, if at all, and its quality.
fn matches(range: &str, kind: &str) -> Option<(u8, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let precision = match name.as_str() {
        name if name == kind => 2,
        "text/*" => 1,
        "*/*" => 0,
        _ => return None,
    };
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1.0), |quality| quality.parse().ok())?;
    Some((precision, quality))
}

#[cfg(test)]
mod tests {
    use super::super::request::get;
    use super::*;
    use crate::close::code_name;

    #[track_caller]
    fn prefers(accept: &[&'static str]) -> bool {
        let values = accept.iter();
        let values = values.map(|value| (ACCEPT, HeaderValue::from_static(value)));
        prefers_text(&values.collect())
    }

    #[test]
    fn plain_text_is_for_clients_that_prefer_it() {
        for accept in [
            &["text/plain"][..],
            &["Text/Plain, text/html;q=0.9"],
            &["text/html; q=0.2", "text/plain"],
            &["text/*, text/html;q=0"],
            &["text/plain;q=0.5, image/png"],
        ] {
            assert!(prefers(accept), "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["text/plain;q=0.8, text/html"],
            &["text/plain, text/html"],
            &["text/plain;q=x, text/html"],
            &["application/json"],
            &["", ";;q=,"],
        ] {
            assert!(!prefers(accept), "{accept:?}");
        }
    }

    #[test]
    fn the_policy_allows_what_is_in_the_page_and_nothing_else() {
        // The hashes are those of `openssl dgst -sha256 -binary | base64`.
        assert_eq!(
            policy("<style></style><script>alert(1)</script>"),
            "default-src 'none'; \
             script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; \
             style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        );
        for tag in ["script", "style"] {
            assert!(content(PAGE, tag).len() > 1000);
            assert_eq!(PAGE.matches(&format!("<{tag}")).count(), 1);
        }
        assert_eq!(POLICY.to_str().unwrap(), policy(PAGE));
    }

    /// What the policy would block anyway should not be in the page at all.
    #[test]
    fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
        for forbidden in [
            "://",
            " style=",
            " onclick",
            " src=",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "localStorage",
            "sessionStorage",
            "document.cookie",
            "@import",
            "url(",
        ] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_page_names_close_codes_as_the_client_does() {
        for code in 1000..=1015 {
            let named = format!("{code}: \"{}\"", code_name(code));
            assert!(PAGE.contains(&named), "{named}");
        }
    }

    #[test]
    fn only_reading_is_possible() {
        let ask = |method: &Method| {
            get("/", |request| {
                let list = || "the list".to_owned();
                answer(Request { method, ..request }, list)
            })
        };
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(ask(&method).status(), 200);
        }
        assert_eq!(ask(&Method::POST).status(), 405);
        let kind = |wants_websocket| {
            let answer = get("/", |request| {
                let request = Request {
                    wants_websocket,
                    ..request
                };
                answer(request, || "the list".to_owned())
            });
            answer.headers()[CONTENT_TYPE].clone()
        };
        assert_eq!(kind(false), "text/html; charset=utf-8");
        assert_eq!(kind(true), "text/plain; charset=utf-8");
    }
}
