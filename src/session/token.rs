//! Reads the credentials of one connection attempt from wherever they are kept.

use std::process::Stdio;

use tokio::process::Command;

use crate::auth::{self, Basic, Placed, Source, Token};
use crate::error::Error;
use crate::secret::{Redactor, Secret};

/// Who the user is to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    #[default]
    None,
    Basic(Basic),
    Bearer(Secret),
    Token(Token),
}

/// A variable of the environment, by its name.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads what `credentials` names and puts it into its place. Called again for every attempt.
///
/// # Errors
/// Exit 2 where a file, variable, command or terminal gives no token.
pub async fn read(
    credentials: &Credentials,
    environment: &Environment<'_>,
    redactor: &Redactor,
) -> Result<Placed, Error> {
    match credentials {
        Credentials::None => Ok(Placed::default()),
        Credentials::Bearer(token) => Ok(Placed::bearer(token, redactor)),
        Credentials::Basic(basic) => {
            let password = match &basic.password {
                Some(password) => password.clone(),
                None => prompt(format!("Password for {}: ", basic.user)).await?,
            };
            Ok(Placed::basic(&basic.user, &password, redactor))
        }
        Credentials::Token(token) => {
            let text = read_source(&token.source, environment).await?;
            auth::place(token, &text, redactor)
        }
    }
}

async fn read_source(source: &Source, environment: &Environment<'_>) -> Result<Secret, Error> {
    let text = match source {
        Source::Literal(secret) => return Ok(secret.clone()),
        Source::Prompt => return prompt("Token: ".to_owned()).await,
        Source::Variable(name) => environment(name).ok_or_else(|| {
            Error::usage(format!(
                "--token env:{name}: there is no such variable in the environment"
            ))
        })?,
        Source::File(path) => std::fs::read_to_string(path)
            .map_err(|error| Error::usage(format!("--token @{path}: {error}")))?,
        Source::Command(command) => run(command).await?,
    };
    let token = text.strip_suffix('\n').unwrap_or(&text);
    let token = token.strip_suffix('\r').unwrap_or(token);
    if token.is_empty() {
        return Err(Error::usage("the token is empty").advice("check what --token names"));
    }
    Ok(Secret::new(token))
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

/// Asks at the terminal, without echo. stdin is not touched: it may carry messages.
async fn prompt(question: String) -> Result<Secret, Error> {
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
