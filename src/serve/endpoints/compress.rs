//! `/compress`: an echo with the parameters of permessage-deflate that the URL asks for (RFC 7692 §7.1).
//! It keeps to what the client may be told, unless `force` says that it be told anyway.

use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::query::Query;
use super::request::Request;
use crate::serve::connection::Connection;
use crate::serve::response::{Refusal, bad_request};
use crate::units;
use crate::wire::extension::{self, Agreed};
use crate::wire::shim;

pub(super) const SPEC: Spec = Spec {
    path: "/compress",
    parameters: "?level=N&force",
    help: "an echo with permessage-deflate as asked:
server-window-bits=8-15, client-window-bits, server-no-context,
client-no-context",
    details: &[
        parameter(
            "server-window-bits",
            "the server's window, 8 to 15",
            "as offered",
        ),
        parameter(
            "client-window-bits",
            "the client's window, 8 to 15",
            "as offered",
        ),
        parameter(
            "server-no-context",
            "the server compresses each message alone",
            "as offered",
        ),
        parameter(
            "client-no-context",
            "the client compresses each message alone",
            "as offered",
        ),
        parameter("level", "0 (none) to 9", "that of the server"),
        parameter(
            "force",
            "the parameters are sent whatever was offered",
            "refused with 400",
        ),
    ],
    open: |request| Ok(Opened::websocket(Compress::read(request)?)),
};

const MAX_BITS: u8 = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Compress {
    asked: extension::Options,
    level: Option<u8>,
    force: bool,
}

impl Compress {
    fn read(request: Request<'_>) -> Result<Compress, Refusal> {
        let query = request.query();
        Ok(Compress {
            asked: extension::Options {
                compress: true,
                server_no_context_takeover: query.has("server-no-context"),
                client_no_context_takeover: query.has("client-no-context"),
                server_max_window_bits: within(query, "server-window-bits", 8, MAX_BITS)?,
                client_max_window_bits: within(query, "client-window-bits", 8, MAX_BITS)?,
            },
            level: within(query, "level", 0, 9)?,
            force: query.has("force"),
        })
    }

    /// What holds where nothing is negotiated.
    fn forced(&self) -> Agreed {
        Agreed {
            server_no_context_takeover: self.asked.server_no_context_takeover,
            client_no_context_takeover: self.asked.client_no_context_takeover,
            server_max_window_bits: self.asked.server_max_window_bits.unwrap_or(MAX_BITS),
            client_max_window_bits: self.asked.client_max_window_bits.unwrap_or(MAX_BITS),
        }
    }

    /// The header where nothing is negotiated.
    fn forced_header(&self) -> String {
        let asked = &self.asked;
        let flags = [
            (
                "server_no_context_takeover",
                asked.server_no_context_takeover,
            ),
            (
                "client_no_context_takeover",
                asked.client_no_context_takeover,
            ),
        ];
        let bits = [
            ("server_max_window_bits", asked.server_max_window_bits),
            ("client_max_window_bits", asked.client_max_window_bits),
        ];
        let flags = flags.into_iter().filter(|(_, set)| *set);
        let flags = flags.map(|(name, _)| format!("; {name}"));
        let bits = bits
            .into_iter()
            .filter_map(|(name, bits)| Some((name, bits?)));
        let bits = bits.map(|(name, bits)| format!("; {name}={bits}"));
        let parameters: String = flags.chain(bits).collect();
        format!("permessage-deflate{parameters}")
    }
}

impl Endpoint for Compress {
    fn restrict(&self, extensions: &mut extension::Options) {
        *extensions = self.asked;
    }

    fn admit(&mut self, _: Request<'_>, deflate: Option<&Agreed>) -> Result<(), Refusal> {
        if self.force {
            return Ok(());
        }
        let Some(agreed) = deflate else {
            return Err(bad_request(
                "The client must offer permessage-deflate; `force` answers with it anyway.",
            ));
        };
        match self.asked.client_max_window_bits {
            Some(bits) if agreed.client_max_window_bits > bits => Err(bad_request(
                "The client must offer client_max_window_bits to be given a window (RFC 7692 \
                 section 7.1.2.2); `force` gives it one anyway.",
            )),
            _ => Ok(()),
        }
    }

    fn configure(&self, wire: &mut shim::Options) {
        if self.force {
            wire.deflate = Some(self.forced());
        }
        wire.deflate_level = self.level.unwrap_or(wire.deflate_level);
    }

    fn amend(&self, headers: &mut HeaderMap) {
        if self.force
            && let Ok(said) = HeaderValue::try_from(self.forced_header())
        {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, said);
        }
    }

    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(echo(connection, u64::MAX))
    }
}

/// A number from `least` to `most`.
fn within(query: Query<'_>, name: &str, least: u8, most: u8) -> Result<Option<u8>, Refusal> {
    let text = query.get(name);
    let number = text.map(|text| units::whole(&text, least, most));
    number.transpose().map_err(|_| {
        bad_request(&format!(
            "The value of `{name}` must be a whole number from {least} to {most}."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;

    #[track_caller]
    fn compress(query: &str) -> Compress {
        get(&format!("/compress?{query}"), Compress::read).unwrap()
    }

    /// Whether an offer is good enough.
    fn admits(query: &str, offer: &str) -> bool {
        let mut compress = compress(query);
        let agreed = extension::answer(offer, &compress.asked);
        let agreed = agreed.map(|(agreed, _)| agreed);
        get("/compress", |request| {
            compress.admit(request, agreed.as_ref()).is_ok()
        })
    }

    #[test]
    fn what_was_not_offered_is_refused_unless_forced() {
        let plain = "permessage-deflate";
        let limited = "permessage-deflate; client_max_window_bits";
        assert!(admits("", plain) && !admits("", "") && admits("force", ""));
        assert!(admits("server-window-bits=9&server-no-context", plain));
        assert!(admits("client-no-context", plain));
        assert!(!admits("client-window-bits=9", plain));
        assert!(admits("client-window-bits=9", limited));
        assert!(admits("client-window-bits=9&force", plain));
        // A window of 15 is that of every client.
        assert!(admits("client-window-bits=15", plain));
    }

    #[test]
    fn forced_parameters_are_those_of_the_url() {
        let all = compress(
            "force&server-no-context&client-no-context&server-window-bits=9&client-window-bits=10&level=0",
        );
        assert_eq!(
            all.forced_header(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9; client_max_window_bits=10"
        );
        assert_eq!(all.level, Some(0));
        assert_eq!(all.forced().server_max_window_bits, 9);
        assert_eq!(compress("force").forced_header(), "permessage-deflate");
        assert_eq!(compress("force").forced().client_max_window_bits, 15);
        for query in [
            "level=10",
            "server-window-bits=7",
            "client-window-bits=16",
            "level=",
        ] {
            is_bad(&format!("/compress?{query}"), Compress::read);
        }
    }
}
