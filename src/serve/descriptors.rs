//! The file descriptors that connections take. Many systems give a process 1,024 at first and let it have
//! more for the asking.

/// Descriptors that are no connections: the standard streams, the listeners, the log, the database.
#[cfg(unix)]
const OTHERS: u64 = 64;

/// Asks for as many as `connections` need, or for as many as there may be. Where there may be fewer, the
/// connections beyond them wait to be accepted.
#[cfg(unix)]
pub(super) fn make_room(connections: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let wanted = match connections {
        // Without a limit.
        0 => hard,
        _ => hard.min(connections as u64 + OTHERS),
    };
    if wanted > soft {
        // What was is enough to start with.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
    }
}

#[cfg(not(unix))]
pub(super) fn make_room(_connections: usize) {}
