//! The time of a run, and how long it waits where no option says so.

use std::time::{Duration, Instant};

pub(super) use crate::io::child::OVERSLEPT;

/// How long a peer that broke the protocol, or that `--max-time` cuts off, is given to read our
/// Close.
pub(super) const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// tokio's clock, so that tests can pause it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
