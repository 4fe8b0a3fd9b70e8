//! Reads the credentials of one connection attempt, or its URL, from their source: a file, a variable, a
//! command, or the user. The caller decides whether the user can be asked and how long a file may
//! take.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::placement::{ResolvedCredentials, place};
use super::sources::{Authorization, Credentials, Source};
use crate::error::{Error, Stage, plain_words};
use crate::io::child;
use crate::io::child::lines::LineSender;
use crate::io::terminal::EchoOff;
use crate::secret::{Redactor, Secret};
use crate::uri::UrlSource;

/// Maximum size of a token, in bytes. No server accepts one of nearly that size.
const MAX_TOKEN: usize = 1024 * 1024;

/// Maximum length of a URL, in bytes: hyper sends no longer request target.
const MAX_URL: usize = 60_000;

/// The user's answers to prompts. They are kept until they are refused, so that the user need not
/// type them again after a lost connection.
#[derive(Debug, Default)]
pub struct CachedAnswers {
    password: Option<Secret>,
    proxy_password: Option<Secret>,
    token: Option<Secret>,
    /// All credentials have been read at least once.
    read_once: bool,
    /// The read of a token file that an earlier attempt gave up waiting for. The next attempt waits
    /// for the same read, because each new one would block another thread.
    reading: Option<Reading>,
    /// The same for the file of the URL.
    reading_url: Option<Reading>,
}

/// A file that is being read in another thread.
type Reading = JoinHandle<io::Result<Vec<u8>>>;

impl CachedAnswers {
    /// Forgets the answers, because they were refused.
    pub(crate) fn forget(&mut self) {
        (self.password, self.token) = (None, None);
    }

    pub(crate) fn have_been_read(&self) -> bool {
        self.read_once
    }
}

/// Looks up an environment variable by name.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Asks the user in the line editor, without echo. `None` if there is no editor: then the terminal
/// itself is used.
pub(crate) type Ask<'a> = dyn FnMut(&str) -> Option<oneshot::Receiver<Secret>> + 'a;

/// Reads the credentials that `credentials` names and puts them into place. It is called again for
/// every attempt.
///
/// Reading a file may take as long as `--connect-timeout` (`timeout`), because it may be a pipe
/// without a writer. A command or a prompt may take any time, because the user may have to answer.
///
/// # Errors
/// Exit 2 if a file, variable, command or terminal gives no token, 28 if a file takes too long.
pub(crate) async fn read(
    credentials: &Credentials,
    environment: &Environment<'_>,
    timeout: Duration,
    redactor: &Redactor,
    cached: &mut CachedAnswers,
    ask: &mut Ask<'_>,
) -> Result<ResolvedCredentials, Error> {
    let mut placed = match &credentials.authorization {
        None => ResolvedCredentials::default(),
        Some(Authorization::Bearer(token)) => ResolvedCredentials::bearer(token, redactor),
        Some(Authorization::Basic(basic)) => {
            let password = match &basic.password {
                Some(password) => password.clone(),
                None => {
                    let question = format!("Password for {}: ", basic.user);
                    prompt(question, &mut cached.password, ask).await?
                }
            };
            ResolvedCredentials::basic(&basic.user, &password, redactor)
        }
    };
    if let Some(token) = &credentials.token {
        let text = match &token.source {
            Source::Prompt => {
                let question = "Token: ".to_owned();
                prompt(question, &mut cached.token, ask).await?
            }
            Source::File(path) => read_file("--token ", path, timeout, &mut cached.reading).await?,
            source => read_source(source, environment, &credentials.variables).await?,
        };
        let text = usable(&token.source, &text)?;
        let authorization = placed.headers;
        placed = place(token, &text, redactor)?;
        placed.headers.splice(0..0, authorization);
    }
    cached.read_once = true;
    Ok(placed)
}

/// The tokens that a server expects of its clients. A file has one on each line, but for empty lines and
/// those that begin with `#`.
///
/// # Errors
/// Exit 2 if a source gives none.
pub(crate) async fn expected(
    sources: &[Source],
    environment: &Environment<'_>,
) -> Result<Vec<Secret>, Error> {
    let mut tokens = Vec::new();
    for source in sources {
        let Source::File(path) = source else {
            let text = read_source(source, environment, &[]).await?;
            tokens.push(usable(source, &text)?);
            continue;
        };
        let text = read_file("--token ", path, Duration::MAX, &mut None).await?;
        let lines = text.expose().lines().map(str::trim);
        let given = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let before = tokens.len();
        tokens.extend(given.map(Secret::new));
        if tokens.len() == before {
            return Err(Error::usage(format!("--token @{path}: it has no token"))
                .advice("one token on each line"));
        }
    }
    Ok(tokens)
}

/// The password of `-U`, which the user types.
///
/// # Errors
/// Exit 2 if there is nobody to ask.
pub(crate) async fn proxy_password(
    user: &str,
    cached: &mut CachedAnswers,
    ask: &mut Ask<'_>,
) -> Result<Secret, Error> {
    let question = format!("Password for {user} at the proxy: ");
    prompt(question, &mut cached.proxy_password, ask).await
}

/// Reads a URL from its source. The command may take as long as the file, `timeout`: a URL that is good
/// for moments is not typed by anybody. What it has started ends with it. Its stderr goes to `stderr`, or
/// else to ours.
///
/// # Errors
/// Exit 2 if it gives none, 28 if that takes too long.
pub(crate) async fn read_url(
    source: &UrlSource,
    variables: &[(String, String)],
    timeout: Duration,
    stderr: Option<LineSender>,
    cached: &mut CachedAnswers,
) -> Result<Secret, Error> {
    let text = match source {
        UrlSource::File(path) => read_file("", path, timeout, &mut cached.reading_url).await?,
        UrlSource::Command(command) => {
            let shell = child::Command::shell(command)
                .variables(variables)
                .stderr_to(stderr);
            let output = tokio::time::timeout(timeout, run(&source.to_string(), shell)).await;
            let doing = || format!("running {source}");
            let late = |_| Error::connect_timeout(Stage::Input, timeout, &doing());
            Secret::new(output.map_err(late)??)
        }
    };
    match text.expose().trim() {
        "" => Err(Error::usage(format!("{source}: it gave no URL"))),
        url if url.len() > MAX_URL => Err(Error::usage(format!(
            "{source}: what it gave is too long for a URL"
        ))),
        url if url.contains('\n') => Err(Error::usage(format!(
            "{source}: it gave {} lines, and not one URL",
            url.lines().count()
        ))
        .advice("what is no part of the URL belongs on stderr")),
        url => Ok(Secret::new(url)),
    }
}

async fn read_source(
    source: &Source,
    environment: &Environment<'_>,
    variables: &[(String, String)],
) -> Result<Secret, Error> {
    let text = match source {
        Source::Literal(secret) => return Ok(secret.clone()),
        // Read by the caller, who knows whether the user can be asked and how long it may take.
        Source::Prompt | Source::File(_) => String::new(),
        Source::Variable(name) => environment(name).ok_or_else(|| {
            Error::usage(format!(
                "--token env:{name}: there is no such variable in the environment"
            ))
        })?,
        Source::Command(command) => {
            // It may read a password from the terminal.
            let shell = child::Command::shell(command).variables(variables);
            run(&format!("--token cmd:{command}"), shell.in_our_group()).await?
        }
    };
    Ok(Secret::new(text))
}

/// Reads a file of `option` without blocking the loop. If this future is dropped or times out, the
/// reading thread continues, and `reading` keeps it for the next attempt.
async fn read_file(
    option: &str,
    path: &str,
    timeout: Duration,
    reading: &mut Option<Reading>,
) -> Result<Secret, Error> {
    let unusable = |why: String| Error::usage(format!("{option}@{path}: {why}"));
    let owned = path.to_owned();
    let read =
        reading.get_or_insert_with(|| tokio::task::spawn_blocking(move || read_at_most(&owned)));
    let Ok(read) = tokio::time::timeout(timeout, read).await else {
        let what = if option.is_empty() { "URL" } else { "token" };
        let doing = format!("reading the {what} from @{path}");
        return Err(Error::connect_timeout(Stage::Input, timeout, &doing));
    };
    *reading = None;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(unusable(plain_words(&error))),
        Err(error) => return Err(unusable(error.to_string())),
    };
    if bytes.len() > MAX_TOKEN {
        return Err(unusable(format!("it is {TOO_LARGE}")));
    }
    let text = String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8".to_owned()))?;
    Ok(Secret::new(text))
}

const TOO_LARGE: &str = "larger than 1 MiB";

/// Reads the file; one byte more than [`MAX_TOKEN`] if it is larger.
fn read_at_most(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_TOKEN as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content without the newline that files and commands end with.
fn usable(source: &Source, text: &Secret) -> Result<Secret, Error> {
    let token = match source {
        Source::Literal(_) => text.expose(),
        _ => without_line_end(text.expose()),
    };
    if token.is_empty() {
        return Err(Error::usage("the token is empty").advice("check what --token names"));
    }
    Ok(Secret::new(token))
}

fn without_line_end(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Runs a command, which errors call `named`.
async fn run(named: &str, shell: child::Command) -> Result<String, Error> {
    let unusable = |why: String| Error::usage(format!("{named}: {why}"));
    let output = shell.output(&[], MAX_TOKEN).await;
    let output = output.map_err(|failure| unusable(failure.to_string()))?;
    String::from_utf8(output).map_err(|_| unusable("its output is not UTF-8".to_owned()))
}

/// The answer that the user gave before, or gives now.
async fn prompt(
    question: String,
    answer: &mut Option<Secret>,
    ask: &mut Ask<'_>,
) -> Result<Secret, Error> {
    if let Some(answer) = answer {
        return Ok(answer.clone());
    }
    let given = ask_for(question, ask)
        .await
        .map_err(|error| error.advice("-u USER:PASSWORD, --token @FILE or --token env:VAR"))?;
    Ok(answer.insert(given).clone())
}

/// Asks the user, in the line editor or at the terminal.
///
/// # Errors
/// Exit 2 if there is no terminal, or nothing is entered.
pub(crate) async fn ask_for(question: String, ask: &mut Ask<'_>) -> Result<Secret, Error> {
    // While the line editor runs, it owns the terminal.
    match ask(&question) {
        None => ask_at_terminal(question).await,
        Some(typed) => typed
            .await
            .map_err(|_| Error::usage("no password or token was entered")),
    }
}

/// Asks without echo. It does not read stdin, which may contain messages.
async fn ask_at_terminal(question: String) -> Result<Secret, Error> {
    let _silence = EchoOff::new();
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(question)).await;
    match asked {
        Ok(Ok(answer)) => Ok(Secret::new(answer)),
        Ok(Err(error)) => Err(Error::usage(format!(
            "cannot ask for a password: there is no terminal ({error})"
        ))),
        Err(error) => Err(Error::usage(format!("cannot ask for a password: {error}"))),
    }
}
