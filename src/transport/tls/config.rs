//! The certificates to verify servers with. They are read for the first connection that needs them,
//! on a separate thread, and kept for the run: a system has hundreds of roots, and the file of
//! `--cacert` may be a pipe, which can be read only once and may have no writer.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::roots::{Options, Trust};
use crate::error::{Error, Exit, Stage};

/// The options, and the certificates read. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    options: Options,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Also set if an attempt gave up waiting. The next attempt waits for the same read, because
    /// each new one would block another thread.
    reading: Option<JoinHandle<Result<Trust, Error>>>,
    read: Option<Arc<Trust>>,
}

impl Config {
    /// Does no I/O yet.
    pub fn new(options: Options) -> Config {
        Config {
            options,
            state: Arc::default(),
        }
    }

    /// Waits until everything is read. It may be dropped and called again.
    ///
    /// # Errors
    /// Exit 2 if `--cacert` cannot be read, 60 if there are no certificates to verify a server
    /// with. The next call reads again.
    pub(super) async fn trust(&self) -> Result<Arc<Trust>, Error> {
        let mut state = self.state.lock().await;
        if let Some(trust) = &state.read {
            return Ok(Arc::clone(trust));
        }
        let reading = state.reading.get_or_insert_with(|| {
            let options = self.options.clone();
            spawn_blocking(move || Trust::read(&options))
        });
        let read = reading.await;
        state.reading = None;
        let trust = match read {
            Ok(read) => Arc::new(read?),
            Err(error) => {
                let error = Error::new(Stage::Tls, Exit::Tls, error.to_string());
                return Err(error.transient());
            }
        };
        state.read = Some(Arc::clone(&trust));
        Ok(trust)
    }
}
