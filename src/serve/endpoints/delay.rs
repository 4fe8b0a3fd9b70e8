//! `/delay/T`: a handshake that is answered late, and then an echo.

use tokio::time::sleep;

use super::echo::Echo;
use super::endpoint::{Opened, Spec};
use super::query::duration;
use super::request::Request;
use crate::serve::response::Refusal;

pub(super) const SPEC: Spec = Spec {
    path: "/delay/T",
    parameters: "",
    help: "answers the handshake after that time, such as 2s; then an echo",
    details: &[],
    open,
};

fn open(request: Request<'_>) -> Result<Opened, Refusal> {
    let delay = duration(request.argument(), "delay in the path")?;
    let work = async move {
        sleep(delay).await;
        Ok(Opened::websocket(Echo::default()))
    };
    Ok(Opened::Later(Box::pin(work)))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::request::{get, is_bad};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_answer_is_late() {
        let start = Instant::now();
        let Ok(Opened::Later(work)) = get("/delay/90s", open) else {
            panic!("it is not late");
        };
        assert!(matches!(work.await, Ok(Opened::WebSocket(_))));
        assert_eq!(start.elapsed().as_secs(), 90);
        for path in ["/delay/", "/delay/x", "/delay/2h"] {
            is_bad(path, open);
        }
    }
}
