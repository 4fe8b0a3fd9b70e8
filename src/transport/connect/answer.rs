//! The head of an HTTP proxy's answer. Pure.

use httparse::{EMPTY_HEADER, Response, Status};

/// Maximum number of header lines.
const MAX_HEADERS: usize = 256;

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) reason: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this name, which is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether these bytes can be the beginning of a response.
pub(super) fn may_be_http(bytes: &[u8]) -> bool {
    let begin = b"HTTP/1.";
    let begun = bytes.len().min(begin.len());
    bytes[..begun] == begin[..begun]
}

/// Where the head ends, after its empty line. The first `searched` bytes are known not to have it.
/// A line may end without a carriage return (RFC 9112 §2.2).
pub(super) fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    // The line before may have ended among those that were searched.
    let from = searched.saturating_sub(2);
    let mut ends = memchr::memchr_iter(b'\n', &bytes[from..]);
    ends.find_map(|at| {
        let after = from + at + 1;
        match &bytes[after..] {
            [b'\n', ..] => Some(after + 1),
            [b'\r', b'\n', ..] => Some(after + 2),
            _ => None,
        }
    })
}

/// Parses a head that has its empty line.
pub(super) fn parse(bytes: &[u8]) -> Option<Head> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) | Err(_) => return None,
    }
    let lines = response.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    Some(Head {
        status: response.code?,
        reason: response.reason.unwrap_or_default().to_owned(),
        headers: lines.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_reads_were_divided() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 200 OK\r\n\r\nrest"[..], Some(19)),
            (b"HTTP/1.1 200 OK\n\nrest", Some(17)),
            (b"HTTP/1.1 200 OK\nA: b\r\n\nrest", Some(23)),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n", None),
            (b"", None),
        ] {
            for searched in 0..=expected.map_or(bytes.len(), |end| end - 1) {
                assert_eq!(end(bytes, searched), expected, "{searched}");
            }
        }
    }

    #[test]
    fn what_is_not_http_is_noticed_at_its_first_byte() {
        for (bytes, may_be) in [
            (&b""[..], true),
            (b"H", true),
            (b"HTTP/1.", true),
            (b"HTTP/1.1 200", true),
            (b"HTTP/2", false),
            (b"http/1.1", false),
            (b"SSH-2.0", false),
            (b"\x05", false),
            (b"\r\nHTTP/1.1", false),
        ] {
            assert_eq!(may_be_http(bytes), may_be, "{bytes:?}");
        }
    }

    #[test]
    fn heads_are_parsed_or_refused() {
        let head = parse(b"HTTP/1.0 407 Who  are you\r\nX-A:  b \r\nX-B: \xff\r\n\r\n").unwrap();
        assert_eq!((head.status, head.reason.as_str()), (407, "Who  are you"));
        assert_eq!(head.header("x-a"), Some("b"));
        assert_eq!(head.header("x-b"), Some("\u{fffd}"));
        assert_eq!(head.header("x-c"), None);
        assert_eq!(parse(b"HTTP/1.1 200\r\n\r\n").unwrap().reason, "");
        for malformed in [
            &b"HTTP/1.1 2000 OK\r\n\r\n"[..],
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.7 200 OK\r\n\r\n",
            b"HTTP/1.1 200 O\0K\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        ] {
            let text = String::from_utf8_lossy(malformed);
            assert_eq!(parse(malformed), None, "{text:?}");
        }
        let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(
            parse(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()),
            None
        );
    }
}
