//! The connections to Redis: where it is, how to get there, and what its errors mean. A password never
//! stands in what is printed.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, RedisError, Value};

use super::call::{Call, SCRIPT};
use super::reply::{Fields, Malformed, Reply};
use crate::error::{Error, Exit, Stage};
use crate::secret::REDACTED;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long Redis may take to answer before it counts as gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long Redis waits for a new entry of the log before it answers that there is none.
pub(super) const LOG_WAIT: Duration = Duration::from_secs(5);

/// The first version whose scripts and streams are what the hub needs.
const OLDEST: u32 = 7;

/// Where Redis is, and with which user and password. It prints as host and port.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

impl RedisUrl {
    /// Parses `redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE]`, the same with `rediss://` for TLS, or
    /// `redis+unix:///PATH?db=N&user=USER&pass=PASSWORD`.
    ///
    /// # Errors
    /// Exit 2. The message does not repeat the text, which may hold a password.
    pub fn parse(text: &str) -> Result<RedisUrl, Error> {
        let wrong = |why: &str| {
            let message = format!("--redis: this is not the URL of a Redis server: {why}");
            Error::usage(message).advice(
                "redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, or redis+unix:///PATH?db=N",
            )
        };
        if text.contains('#') {
            return Err(wrong(
                "it has a fragment; a # in a password is written as %23",
            ));
        }
        let reason = |error: RedisError| match error.kind() {
            ErrorKind::InvalidClientConfig => wrong(&describe_configuration(&error)),
            _ => wrong("it does not parse"),
        };
        text.parse().map(RedisUrl).map_err(reason)
    }

    fn redact(&self, text: &str) -> String {
        match self.0.redis_settings().password() {
            Some(password) if !password.is_empty() => text.replace(password, REDACTED),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.addr())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// `Invalid database number - InvalidClientConfig` without the name of the kind.
fn describe_configuration(error: &RedisError) -> String {
    let text = error.to_string();
    let words = text.split(" - ").next().unwrap_or_default();
    words.to_lowercase()
}

/// Why a connection is of no use any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// It failed; another one may do.
    Link(RedisError),
    /// Redis does not do what must be done.
    Refused(String),
    /// What came back has not the expected form.
    Malformed,
    /// The process must begin anew, for this reason.
    Lost(&'static str),
}

impl From<RedisError> for Broken {
    fn from(error: RedisError) -> Broken {
        Broken::Link(error)
    }
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Broken {
        Broken::Malformed
    }
}

impl Broken {
    /// The reason as one line, without the password.
    pub(super) fn describe(&self, url: &RedisUrl) -> String {
        match self {
            Broken::Link(error) => url.redact(&describe(error)),
            Broken::Refused(why) => url.redact(why),
            Broken::Malformed => Malformed.to_string(),
            Broken::Lost(why) => (*why).to_owned(),
        }
    }

    /// Whether Redis is there, and has not read its data yet.
    pub(super) fn is_loading(&self) -> bool {
        matches!(self, Broken::Link(error) if error.code() == Some("LOADING"))
    }

    /// The error at the start: exit 2 where the URL or what Redis holds must be changed, else 7.
    pub(super) fn at_start(&self, url: &RedisUrl) -> Error {
        let message = format!("cannot use Redis at {url}: {}", self.describe(url));
        match self {
            Broken::Link(error) if is_credentials(error) => Error::usage(message)
                .advice("user and password stand in the URL: redis://USER:PASSWORD@HOST"),
            Broken::Link(error) if error.kind() == ErrorKind::InvalidClientConfig => {
                Error::usage(message)
            }
            Broken::Link(_) | Broken::Refused(_) => {
                Error::new(Stage::Connect, Exit::Connect, message).advice(
                    "is the server running, and does it listen there? redis-cli -u URL ping",
                )
            }
            Broken::Malformed | Broken::Lost(_) => {
                Error::usage(message).advice("another database: redis://HOST/1")
            }
        }
    }
}

fn describe(error: &RedisError) -> String {
    let text = error.to_string();
    match error.code() {
        Some("NOAUTH") => "it wants a password".to_owned(),
        Some("NOPERM") => format!("this user may not do what the hub needs: {text}"),
        _ if is_credentials(error) => "it does not accept this user and password".to_owned(),
        _ => match text.split_once(" (os error") {
            Some((words, _)) => words.to_owned(),
            None => text,
        },
    }
}

fn is_credentials(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"))
}

/// The two connections of a process: the log is waited for on one of its own.
pub(super) struct Link {
    pub(super) commands: Commands,
    pub(super) log: MultiplexedConnection,
}

impl Link {
    pub(super) async fn open(url: &RedisUrl) -> Result<Link, Broken> {
        let client = Client::open(url.0.clone())?;
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT));
        let to_commands = config.clone().set_response_timeout(Some(ANSWER_TIMEOUT));
        let to_log = config.set_response_timeout(Some(LOG_WAIT + ANSWER_TIMEOUT));
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&to_commands)
            .await?;
        check_version(&mut connection).await?;
        let load = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).to_owned();
        let digest = load.query_async(&mut connection).await?;
        Ok(Link {
            commands: Commands { connection, digest },
            log: client
                .get_multiplexed_async_connection_with_config(&to_log)
                .await?,
        })
    }
}

/// Valkey says that it is Redis 7.
async fn check_version(connection: &mut MultiplexedConnection) -> Result<(), Broken> {
    let info = redis::cmd("INFO").arg("server").to_owned();
    let info: String = info.query_async(connection).await?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let major = line.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match (line, major) {
        (Some(version), Some(major)) if major < OLDEST => {
            let detail = format!("it is version {version}, the hub needs {OLDEST}");
            Err(RedisError::from((ErrorKind::InvalidClientConfig, "too old", detail)).into())
        }
        _ => Ok(()),
    }
}

/// The connection for commands, and the script that is loaded there.
pub(super) struct Commands {
    connection: MultiplexedConnection,
    digest: String,
}

impl Commands {
    /// Sends all of these at once. An answer may be an error of its own.
    pub(super) async fn call_all(&mut self, calls: &[Call]) -> Result<Vec<Value>, Broken> {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for call in calls {
            pipeline.add_command(call.command(&self.digest));
        }
        Ok(pipeline.query_async(&mut self.connection).await?)
    }

    /// The last entry of the log, and what else the answer says.
    pub(super) async fn call(&mut self, call: &Call) -> Result<(u64, Fields), Broken> {
        let command = call.command(&self.digest);
        match Reply::parse(command.query_async(&mut self.connection).await?)? {
            Reply::Done(position, fields) => Ok((position, fields)),
            Reply::Lost => Err(Broken::Lost(TAKEN_FOR_DEAD)),
        }
    }
}

pub(super) const TAKEN_FOR_DEAD: &str = "this process is not registered any more: the others took it for dead, or Redis has lost its data";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_without_its_password() {
        for (text, shown) in [
            ("redis://localhost", "localhost:6379"),
            (
                "rediss://me:topsecret@redis.example:7000/3",
                "redis.example:7000",
            ),
            (
                "redis+unix:///run/redis.sock?pass=topsecret",
                "/run/redis.sock",
            ),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("topsecret"));
            assert!(!url.redact("a topsecret b").contains("topsecret") || !text.contains("top"));
        }
    }

    #[test]
    fn what_is_no_url_of_redis_is_refused_without_being_repeated() {
        for (text, why) in [
            ("http://:topsecret@host", "did not parse"),
            ("topsecret:6379", "did not parse"),
            ("redis://:topsecret@host/x", "invalid database number"),
            ("redis://:topsecret#@host", "it has a fragment"),
            ("rediss://host/#insecure", "it has a fragment"),
            ("redis://0.0.0.0", "wildcard"),
        ] {
            let error = RedisUrl::parse(text).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            assert!(error.message.contains(why), "{text}: {}", error.message);
            assert!(!error.message.contains("topsecret"), "{text}");
        }
    }
}
