//! The request and response heads of a handshake for display: the bytes as sent and received,
//! without the secrets in them. Pure.

use crate::event::Heads;
use crate::secret::{REDACTED, Redactor, is_secret_header};

/// Extracts the heads from the recorded bytes and redacts them.
pub(crate) fn shown(sent: &[u8], received: &[u8], redactor: &Redactor) -> Heads {
    Heads {
        request: redacted(head(sent), redactor),
        response: redacted(head(received), redactor),
    }
}

/// The header fields of a head, in the order received.
pub fn fields(head: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(head);
    let lines = text.split("\r\n").skip(1);
    let fields = lines.filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

/// Up to the empty line, or everything if there is none.
fn head(bytes: &[u8]) -> &[u8] {
    match memchr::memmem::find(bytes, b"\r\n\r\n") {
        Some(end) => &bytes[..end + 2],
        None => bytes,
    }
}

fn redacted(head: &[u8], redactor: &Redactor) -> Vec<u8> {
    if redactor.includes_secrets() {
        return head.to_vec();
    }
    let text = String::from_utf8_lossy(head);
    let lines: Vec<String> = text.split("\r\n").map(redact_header).collect();
    redactor
        .redact(&lines.join("\r\n"))
        .into_owned()
        .into_bytes()
}

/// The value of a header of a request, without the secrets in it.
pub fn shown_header(name: &str, value: &str, redactor: &Redactor) -> String {
    if redactor.includes_secrets() {
        return value.to_owned();
    }
    let line = redact_header(&format!("{name}: {value}"));
    let prefix = name.len() + ": ".len();
    redactor
        .redact(line.get(prefix..).unwrap_or_default())
        .into_owned()
}

fn redact_header(line: &str) -> String {
    match line.split_once(':') {
        Some((name, value)) if is_secret_header(name) => {
            // The scheme (`Basic`, `Bearer`) is not secret, and often what the user needs to check.
            let scheme = match value.trim().split_once(' ') {
                Some((scheme, _)) if name.to_ascii_lowercase().ends_with("authorization") => {
                    format!("{scheme} ")
                }
                _ => String::new(),
            };
            format!("{name}: {scheme}{REDACTED}")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_redacted_by_name_and_by_value() {
        let redactor = Redactor::default();
        redactor.add("tok123");
        let sent = b"GET /?t=tok123 HTTP/1.1\r\nAuthorization: Bearer abc\r\nCookie: a=b\r\nX-A: tok123\r\n\r\nbody";
        let heads = shown(
            sent,
            b"HTTP/1.1 101 x\r\nSet-Cookie: s=1\r\n\r\n\x81\x00",
            &redactor,
        );
        assert_eq!(
            String::from_utf8(heads.request).unwrap(),
            "GET /?t=[redacted] HTTP/1.1\r\nAuthorization: Bearer [redacted]\r\nCookie: [redacted]\r\nX-A: [redacted]\r\n"
        );
        assert_eq!(
            heads.response,
            b"HTTP/1.1 101 x\r\nSet-Cookie: [redacted]\r\n"
        );
    }
}
