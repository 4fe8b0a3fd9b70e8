//! `/close/CODE` and `/drop`: an echo that ends after some messages, with a Close or without one.

use super::echo::echo;
use super::endpoint::{Endpoint, Opened, Run, Spec, parameter};
use super::request::Request;
use crate::serve::connection::{Connection, End};
use crate::serve::response::Refusal;

pub(super) const CLOSE: Spec = Spec {
    path: "/close/CODE",
    parameters: "?reason=TEXT&after=N",
    help: "a Close with this code after N messages, which are echoed",
    details: &[
        parameter("reason", "the reason of the Close", "none"),
        parameter("after", "messages echoed before, or a range", "0"),
    ],
    open: |request| Ok(Opened::websocket(Ends::with_close(request)?)),
};

pub(super) const DROP: Spec = Spec {
    path: "/drop",
    parameters: "?after=N&how=HOW",
    help: "echoes N messages, then ends: HOW is fin, rst or close:CODE;
part=BYTES sends that many bytes of a frame before fin or rst",
    details: &[
        parameter("after", "messages echoed before, or a range", "0"),
        parameter("how", "fin, rst or close:CODE", "fin"),
        parameter(
            "part",
            "bytes of an unfinished frame before fin or rst",
            "0",
        ),
        parameter("reason", "the reason of close:CODE", "none"),
    ],
    open: |request| Ok(Opened::websocket(Ends::as_asked(request)?)),
};

#[derive(Debug, PartialEq, Eq)]
struct Ends {
    /// How many data messages are echoed before.
    after: u64,
    how: End,
}

impl Ends {
    fn with_close(request: Request<'_>) -> Result<Ends, Refusal> {
        let how = End::Close(request.query().close(request.argument())?);
        let after = request.count("after")?;
        Ok(Ends { after, how })
    }

    fn as_asked(request: Request<'_>) -> Result<Ends, Refusal> {
        let after = request.count("after")?;
        let how = request.query().end()?;
        Ok(Ends { after, how })
    }
}

impl Endpoint for Ends {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> Run<'a> {
        Box::pin(async {
            echo(connection, self.after).await?;
            Ok(self.how.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{get, is_bad};
    use super::*;
    use crate::close::Close;
    use crate::serve::connection::AbruptEnd;

    #[test]
    fn a_close_takes_code_reason_and_count() {
        let closes = |path| {
            let ends = get(path, Ends::with_close).unwrap();
            (ends.how, ends.after)
        };
        assert_eq!(
            closes("/close/4401?reason=token+expired%21&after=2"),
            (End::Close(Close::new(4401, "token expired!")), 2)
        );
        assert_eq!(closes("/close/1005"), (End::Close(Close::default()), 0));
    }

    #[test]
    fn a_close_too_long_for_a_frame_is_refused() {
        let is_bad = |path: &str| is_bad(path, Ends::with_close);
        is_bad("/close/999");
        is_bad("/close/5000");
        is_bad("/close/x");
        is_bad("/close/1000?after=-1");
        is_bad("/close/1005?reason=x");
        is_bad(&format!("/close/1000?reason={}", "ä".repeat(62)));
        let longest = format!("/close/1000?reason={}", "x".repeat(123));
        assert!(get(&longest, Ends::with_close).is_ok());
    }

    #[test]
    fn a_drop_takes_count_and_how() {
        let cut = |reset, part| End::Abort(AbruptEnd { reset, part });
        for (path, after, how) in [
            ("/drop", 0, cut(false, 0)),
            ("/drop?after=2&how=rst&part=7", 2, cut(true, 7)),
            (
                "/drop?how=close:4000&reason=bye",
                0,
                End::Close(Close::new(4000, "bye")),
            ),
        ] {
            let ends = get(path, Ends::as_asked).unwrap();
            assert_eq!(ends, Ends { after, how }, "{path}");
        }
        let Ends { after, .. } = get("/drop?after=3-9", Ends::as_asked).unwrap();
        assert!((3..=9).contains(&after));
        is_bad("/drop?after=9-3", Ends::as_asked);
        is_bad("/drop?how=gone", Ends::as_asked);
    }
}
