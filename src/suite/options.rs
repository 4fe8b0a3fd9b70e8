//! What a run of scripts is given: its options, and how connections are made.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::Folder;
use crate::error::Error;
use crate::json::jq::Interrupt;
use crate::script::schema::Schema;
use crate::secret::Redactor;
use crate::session;
use crate::session::connect::Plan;

/// What is the same for all scripts of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--var` and `--vars`
    pub variables: BTreeMap<String, String>,
    /// `--only`
    pub only: Vec<String>,
    /// `--retry`: how many times a test that fails is run again.
    pub retry: u32,
    /// `--schema`: what every received message is held against.
    pub schema: Option<Arc<Schema>>,
    /// `--fail-fast`
    pub fail_fast: bool,
    /// `--record`: a folder.
    pub record: Option<PathBuf>,
    /// Hides secrets in everything that is reported.
    pub redactor: Redactor,
    /// Stops the evaluation of expressions.
    pub interrupt: Interrupt,
}

/// A connection as a script asks for it, with all variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// Long names of options, with their values.
    pub settings: Vec<(String, Option<String>)>,
}

/// How a connection is made, and what its run does.
pub struct Dial {
    pub plan: Plan,
    pub session: session::Options,
    /// `max-time`
    pub max_time: Option<Duration>,
}

/// Makes a [`Dial`] of what a script in this folder asks for.
///
/// # Errors
/// What is wrong with the options or the URL.
pub type Dialer<'a> = dyn Fn(&Request, &Folder) -> Result<Dial, Error> + 'a;

/// What runs need of the world.
#[derive(Clone)]
pub struct World<'a> {
    pub dial: &'a Dialer<'a>,
    /// The variables of the environment.
    pub environment: Arc<HashMap<String, String>>,
}
