//! Secrets in hex dumps, which may end within one. Pure.

use crate::codec::hex;

/// Minimum number of leading bytes of a secret that are redacted at the end of a dump.
const MIN_PREFIX: usize = 8;

/// Puts `shown` in place of `secret`, or of the beginning of it at the end, in a hex dump whose bytes
/// `divider` separates.
pub(super) fn redact(dump: &str, secret: &[u8], divider: &str, shown: &str) -> Option<String> {
    let beginning = hex(&secret[..secret.len().min(MIN_PREFIX)], divider);
    let whole = hex(secret, divider);
    let width = 2 + divider.len();
    let mut out = String::new();
    let mut rest = dump;
    while let Some(at) = rest.find(&beginning) {
        let there = rest[at..].bytes().zip(whole.bytes());
        let same = there.take_while(|(one, other)| one == other).count();
        let bytes = (same + divider.len()) / width;
        out.push_str(&rest[..at]);
        out.push_str(shown);
        rest = &rest[at + bytes * width - divider.len()..];
    }
    (rest.len() < dump.len()).then(|| out + rest)
}
