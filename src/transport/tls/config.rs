//! What the handshakes of a run need: the certificates to verify servers with, and our own. They are
//! read for the first connection that needs them, on a separate thread, and kept for the run: a
//! system has hundreds of roots, and the file of `--cacert` may be a pipe, which can be read only
//! once and may have no writer.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::explain::failed;
use super::identity::{Credential, Identity, Locked};
use super::key_log::KeyLog;
use super::options::Options;
use super::pins::Hash;
use super::roots::Trust;
use crate::error::Error;
use crate::secret::Secret;

/// The options, and what was read. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    options: Arc<Options>,
    state: Arc<Mutex<State>>,
    /// Whether the client certificate is kept from the server.
    is_anonymous: bool,
}

#[derive(Debug, Default)]
struct State {
    /// Also set if an attempt gave up waiting. The next attempt waits for the same read, because
    /// each new one would block another thread.
    reading: Option<JoinHandle<Result<Read, Error>>>,
    read: Option<Material>,
    /// The client certificate, until the passphrase of its key is known.
    locked: Option<Locked>,
}

/// What the files contained, and the client certificate if its key waits for a passphrase.
type Read = (Material, Option<Locked>);

/// Everything that was read. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Material {
    pub(super) trust: Arc<Trust>,
    pub(super) identity: Option<Arc<Identity>>,
    /// The public keys that the peer may have; any, if it is empty.
    pub(super) pins: Arc<[Hash]>,
    pub(super) key_log: Option<Arc<KeyLog>>,
}

impl Config {
    /// Does no I/O yet.
    pub fn new(options: Options) -> Config {
        Config {
            options: Arc::new(options),
            state: Arc::default(),
            is_anonymous: false,
        }
    }

    /// The same, without the client certificate. Nothing is read again.
    pub(crate) fn anonymous(&self) -> Config {
        Config {
            is_anonymous: true,
            ..self.clone()
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Waits until everything is read. It may be dropped and called again.
    ///
    /// # Errors
    /// Exit 2 if a file of certificates cannot be read, 58 if the client certificate cannot be
    /// used, 60 if there are no certificates to verify a server with. The next call reads again.
    pub(super) async fn material(&self) -> Result<Material, Error> {
        let mut state = self.state.lock().await;
        let material = self.read(&mut state).await?;
        match &state.locked {
            _ if self.is_anonymous => Ok(Material {
                identity: None,
                ..material
            }),
            Some(locked) => Err(locked.no_passphrase()),
            None => Ok(material),
        }
    }

    /// The question for the passphrase of the client certificate's key, if it is needed. Reads
    /// nothing without `--cert`, or with `--pass`.
    ///
    /// # Errors
    /// As [`Config::material`].
    pub(crate) async fn question(&self) -> Result<Option<String>, Error> {
        let certificate = self.options.client_certificate.as_ref();
        if certificate.is_none_or(|certificate| certificate.passphrase.is_some()) {
            return Ok(None);
        }
        let mut state = self.state.lock().await;
        self.read(&mut state).await?;
        Ok(state.locked.as_ref().map(Locked::question))
    }

    /// Decrypts the key of the client certificate. A wrong passphrase can be followed by another.
    ///
    /// # Errors
    /// Exit 58 if the passphrase is wrong, or the key cannot be used.
    pub(crate) async fn unlock(&self, passphrase: Secret) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let (Some(locked), Some(material)) = (&state.locked, &state.read) else {
            return Ok(());
        };
        let (locked, provider) = (locked.clone(), Arc::clone(&material.trust.provider));
        // A key is derived from a passphrase slowly, on purpose.
        let unlocking = spawn_blocking(move || locked.unlock(&passphrase, &provider));
        let identity = unlocking.await.map_err(|error| self.died(&error))??;
        if let Some(material) = &mut state.read {
            material.identity = Some(Arc::new(identity));
        }
        state.locked = None;
        Ok(())
    }

    async fn read(&self, state: &mut State) -> Result<Material, Error> {
        if let Some(material) = &state.read {
            return Ok(material.clone());
        }
        let reading = state.reading.get_or_insert_with(|| {
            let options = Arc::clone(&self.options);
            spawn_blocking(move || read(&options))
        });
        let read = reading.await;
        state.reading = None;
        let (material, locked) = read.map_err(|error| self.died(&error))??;
        state.read = Some(material.clone());
        state.locked = locked;
        Ok(material)
    }

    fn died(&self, error: &tokio::task::JoinError) -> Error {
        failed(self.options.party, error.to_string()).transient()
    }
}

fn read(options: &Options) -> Result<Read, Error> {
    let trust = Arc::new(Trust::read(options)?);
    let certificate = options.client_certificate.as_ref();
    let credential = certificate.map(|files| Credential::read(files, &trust.provider));
    let (identity, locked) = match credential.transpose()? {
        Some(Credential::Ready(identity)) => (Some(Arc::new(identity)), None),
        Some(Credential::Locked(locked)) => (None, Some(locked)),
        None => (None, None),
    };
    let pins = options.pins.as_ref().map(|pins| pins.read()).transpose()?;
    let key_log = options.key_log.as_ref();
    let material = Material {
        trust,
        identity,
        pins: pins.unwrap_or_default().into(),
        key_log: key_log.map(|path| Arc::new(KeyLog::open(path))),
    };
    Ok((material, locked))
}
