//! What a handshake is made from.

use tokio::time::Instant;

use super::request::Request;
use super::tap::Transcript;
use super::versions::Versions;
use crate::transport::Progress;
use crate::uri::Target;

/// What a handshake is made from.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    pub target: &'a Target,
    pub request: &'a Request,
    pub versions: Versions,
    /// Receives a copy of both heads.
    pub log: &'a Transcript,
    pub progress: &'a Progress,
    pub deadline: Instant,
}
