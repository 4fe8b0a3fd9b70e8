//! The body of a proxy's refusal, as much of it as is shown. It never waits long: the status matters
//! more.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::answer::Head;
use crate::event::Refusal;
use crate::transport::stream::BoxedStream;

/// Number of bytes that are shown.
const SHOWN: usize = 4096;

/// Maximum number of bytes that are read: with the sizes of chunks.
const READ: usize = 4 * SHOWN;

/// Maximum time to wait for a body.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait for a body, if the attempt has so much time left: a refusal never becomes a
/// timeout.
pub(super) fn timeout(left: Duration) -> Duration {
    TIMEOUT.min(left / 2)
}

/// Reads the body as far as it comes in time. `received` is what came with the head.
pub(super) async fn read(
    head: Head,
    mut received: Vec<u8>,
    stream: &mut BoxedStream,
    wait: Duration,
) -> Refusal {
    let framing = Framing::of(&head);
    let reading = async {
        while received.len() < READ && !framing.is_complete(&received) {
            match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    // What has arrived counts, even if the rest does not come.
    let _ = tokio::time::timeout(wait, reading).await;
    let mut body = framing.body(&received);
    let truncated = body.len() > SHOWN;
    body.truncate(SHOWN);
    Refusal {
        status: head.status,
        reason: head.reason,
        headers: head.headers,
        body,
        truncated,
    }
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of(head: &Head) -> Framing {
        if let Some(coding) = head.header("transfer-encoding") {
            return match coding.to_ascii_lowercase().ends_with("chunked") {
                true => Framing::Chunked,
                false => Framing::UntilClose,
            };
        }
        let length = head.header("content-length");
        let length = length.and_then(|text| text.parse().ok());
        length.map_or(Framing::UntilClose, Framing::Length)
    }

    /// Whether enough has come.
    fn is_complete(&self, received: &[u8]) -> bool {
        match self {
            Framing::Length(length) => received.len() >= (*length).min(SHOWN + 1),
            Framing::Chunked => {
                let (body, ended) = dechunk(received);
                ended || body.len() > SHOWN
            }
            Framing::UntilClose => received.len() > SHOWN,
        }
    }

    fn body(&self, received: &[u8]) -> Vec<u8> {
        match self {
            Framing::Length(length) => received[..received.len().min(*length)].to_vec(),
            Framing::Chunked => dechunk(received).0,
            Framing::UntilClose => received.to_vec(),
        }
    }
}

/// The content of chunks (RFC 9112 §7.1) as far as it came and is well formed, and whether that is
/// all of it.
fn dechunk(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = memchr::memchr(b'\n', bytes) {
        let line = String::from_utf8_lossy(&bytes[..end]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return (body, true);
        };
        bytes = &bytes[end + 1..];
        if size == 0 {
            return (body, true);
        }
        let (chunk, rest) = bytes.split_at(size.min(bytes.len()));
        body.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
    (body, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_as_far_as_they_are_well_formed() {
        for (bytes, body, ended) in [
            (&b""[..], "", false),
            (b"3\r\nabc\r\n0\r\n\r\n", "abc", true),
            (b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n", "abcde", true),
            (b"A\r\nabc", "abc", false),
            (b"3\r\nabc\r\n2", "abc", false),
            (b"3\r\nabc\r\nzz\r\nde", "abc", true),
            (b"-1\r\nabc", "", true),
            (b"ffffffffffffffffff\r\nabc", "", true),
            (b"ffffffffffffffff\r\nabc", "abc", false),
        ] {
            let expected = (body.as_bytes().to_vec(), ended);
            assert_eq!(dechunk(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_length_and_the_limit_end_a_body() {
        let framing = Framing::Length(3);
        assert!(!framing.is_complete(b"ab"));
        assert!(framing.is_complete(b"abcd"));
        assert_eq!(framing.body(b"abcd"), b"abc");
        assert!(Framing::Length(usize::MAX).is_complete(&[0; SHOWN + 1]));
        assert!(Framing::UntilClose.is_complete(&[0; SHOWN + 1]));
        assert!(!Framing::UntilClose.is_complete(&[0; SHOWN]));
    }
}
