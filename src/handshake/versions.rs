//! Which versions of HTTP the handshake may use. Pure.

/// `--http1.1`, `--http2` and `--http2-only`, as the handshake obeys them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/1.1 alone (RFC 6455).
    #[default]
    Http1,
    /// HTTP/2 where TLS negotiates it and the server accepts WebSocket over it, otherwise HTTP/1.1.
    Negotiated,
    /// HTTP/2 alone (RFC 8441). Without TLS, that is by prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// One version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

impl Versions {
    /// The protocols to offer in the TLS handshake, in order of preference (RFC 7301).
    pub fn alpn(self) -> &'static [&'static str] {
        match self {
            Versions::Http1 => &["http/1.1"],
            Versions::Negotiated => &["h2", "http/1.1"],
            Versions::Http2 => &["h2"],
        }
    }

    /// The version to use after TLS, in which the server chose `alpn`, or without TLS. `None` if the
    /// server did not choose HTTP/2 and no other version is allowed.
    pub fn choose(self, tls: bool, alpn: Option<&str>) -> Option<Version> {
        match (self, alpn) {
            (Versions::Http1, _) => Some(Version::Http1),
            (_, Some("h2")) => Some(Version::Http2),
            (Versions::Negotiated, _) => Some(Version::Http1),
            (Versions::Http2, _) => (!tls).then_some(Version::Http2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_options_and_alpn() {
        use Version::{Http1, Http2};
        for (versions, tls, alpn, chosen) in [
            (Versions::Http1, false, None, Some(Http1)),
            (Versions::Http1, true, Some("http/1.1"), Some(Http1)),
            (Versions::Negotiated, false, None, Some(Http1)),
            (Versions::Negotiated, true, None, Some(Http1)),
            (Versions::Negotiated, true, Some("http/1.1"), Some(Http1)),
            (Versions::Negotiated, true, Some("h2"), Some(Http2)),
            (Versions::Http2, false, None, Some(Http2)),
            (Versions::Http2, true, Some("h2"), Some(Http2)),
            (Versions::Http2, true, None, None),
        ] {
            let case = (versions, tls, alpn);
            assert_eq!(versions.choose(tls, alpn), chosen, "{case:?}");
        }
    }
}
