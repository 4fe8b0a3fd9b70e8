//! Reads the credentials of one connection attempt from wherever they are kept.

use std::cell::RefCell;
use std::process::Stdio;

#[cfg(unix)]
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::process::Command;

use super::Front;
use crate::auth::{self, Basic, Placed, Source, Token};
use crate::error::{Error, plain_words};
use crate::secret::{Redactor, Secret};

/// Who the user is to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    pub authorization: Option<Authorization>,
    /// In another place, where there is an `authorization` too.
    pub token: Option<Token>,
}

impl Credentials {
    /// Whether reading them again may give others after they have been refused.
    pub fn is_renewable(&self) -> bool {
        let asked = matches!(&self.authorization, Some(Authorization::Basic(basic)) if basic.password.is_none());
        let token = self.token.as_ref().map(|token| &token.source);
        asked
            || matches!(
                token,
                Some(Source::File(_) | Source::Command(_) | Source::Prompt)
            )
    }
}

/// What a person was asked for. It holds until it is refused: nobody wants to type it again because
/// a connection was lost.
#[derive(Clone, Debug, Default)]
pub struct Prompted {
    password: Option<Secret>,
    token: Option<Secret>,
    /// All credentials have been read at least once.
    read_once: bool,
}

impl Prompted {
    /// What was said has been refused.
    pub(super) fn forget(&mut self) {
        (self.password, self.token) = (None, None);
    }

    pub(super) fn have_been_read(&self) -> bool {
        self.read_once
    }
}

/// What the `Authorization` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    Basic(Basic),
    Bearer(Secret),
}

/// A variable of the environment, by its name.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads what `credentials` names and puts it into its place. Called again for every attempt.
///
/// # Errors
/// Exit 2 where a file, variable, command or terminal gives no token.
pub(super) async fn read<F: Front>(
    credentials: &Credentials,
    environment: &Environment<'_>,
    redactor: &Redactor,
    prompted: &mut Prompted,
    front: &RefCell<&mut F>,
) -> Result<Placed, Error> {
    let mut placed = match &credentials.authorization {
        None => Placed::default(),
        Some(Authorization::Bearer(token)) => Placed::bearer(token, redactor),
        Some(Authorization::Basic(basic)) => {
            let password = match &basic.password {
                Some(password) => password.clone(),
                None => {
                    let question = format!("Password for {}: ", basic.user);
                    prompt(question, &mut prompted.password, front).await?
                }
            };
            Placed::basic(&basic.user, &password, redactor)
        }
    };
    if let Some(token) = &credentials.token {
        let text = match &token.source {
            Source::Prompt => {
                let question = "Token: ".to_owned();
                prompt(question, &mut prompted.token, front).await?
            }
            source => read_source(source, environment).await?,
        };
        let text = usable(&token.source, &text)?;
        let authorization = placed.headers;
        placed = auth::place(token, &text, redactor)?;
        placed.headers.splice(0..0, authorization);
    }
    prompted.read_once = true;
    Ok(placed)
}

async fn read_source(source: &Source, environment: &Environment<'_>) -> Result<Secret, Error> {
    let text = match source {
        Source::Literal(secret) => return Ok(secret.clone()),
        // Asked for where it is known who can be asked.
        Source::Prompt => String::new(),
        Source::Variable(name) => environment(name).ok_or_else(|| {
            Error::usage(format!(
                "--token env:{name}: there is no such variable in the environment"
            ))
        })?,
        Source::File(path) => std::fs::read_to_string(path)
            .map_err(|error| Error::usage(format!("--token @{path}: {}", plain_words(&error))))?,
        Source::Command(command) => run(command).await?,
    };
    Ok(Secret::new(text))
}

/// What was read, without the line end that files and commands put behind it.
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

/// Runs a command by the shell; what it says on stderr goes to the terminal.
async fn run(command: &str) -> Result<String, Error> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Error::usage(format!("--token cmd: cannot run a shell: {error}")))?;
    if !output.status.success() {
        return Err(Error::usage(format!(
            "--token cmd:{command}: the command failed ({})",
            output.status
        )));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::usage(format!("--token cmd:{command}: its output is not UTF-8")))
}

/// What a person said before, or says now.
async fn prompt<F: Front>(
    question: String,
    answer: &mut Option<Secret>,
    front: &RefCell<&mut F>,
) -> Result<Secret, Error> {
    if let Some(answer) = answer {
        return Ok(answer.clone());
    }
    // Where lines are edited, the terminal is the editor's.
    let asked = front.borrow_mut().ask(&question);
    let given = match asked {
        None => ask_at_terminal(question).await?,
        Some(typed) => typed.await.map_err(|_| {
            Error::usage("nothing was typed for the password or token that is asked for")
        })?,
    };
    Ok(answer.insert(given).clone())
}

/// Asks without echo. stdin is not touched: it may carry messages.
async fn ask_at_terminal(question: String) -> Result<Secret, Error> {
    let _silence = Silence::new();
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(question)).await;
    match asked {
        Ok(Ok(answer)) => Ok(Secret::new(answer)),
        Ok(Err(error)) => Err(Error::usage(format!(
            "cannot ask for a password: there is no terminal ({error})"
        ))
        .advice("-u USER:PASSWORD, --token @FILE or --token env:VAR")),
        Err(error) => Err(Error::usage(format!("cannot ask for a password: {error}"))),
    }
}

/// The terminal without echo, and as it was found when dropped. rpassword asks first and stops the
/// echo then, which shows what is typed early; and it restores nothing where the program ends while
/// it waits.
#[cfg(unix)]
pub(crate) struct Silence(Option<(std::fs::File, Termios)>);

#[cfg(unix)]
impl Silence {
    pub(crate) fn new() -> Self {
        let silence = || {
            let terminal = std::fs::File::open("/dev/tty").ok()?;
            let found = tcgetattr(&terminal).ok()?;
            let mut silent = found.clone();
            silent.local_flags.remove(LocalFlags::ECHO);
            tcsetattr(&terminal, SetArg::TCSANOW, &silent).ok()?;
            Some((terminal, found))
        };
        Silence(silence())
    }
}

#[cfg(unix)]
impl Drop for Silence {
    fn drop(&mut self) {
        if let Some((terminal, found)) = &self.0 {
            let _ = tcsetattr(terminal, SetArg::TCSANOW, found);
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct Silence;

#[cfg(not(unix))]
impl Silence {
    pub(crate) fn new() -> Self {
        Silence
    }
}
