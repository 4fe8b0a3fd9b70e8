//! What `--dry-run` and `--to-curl` print: the request that would be sent, without sending it. Nothing
//! is connected to, no command is run, and no file that holds a secret is read.

use std::borrow::Cow;

use super::curl::{Command, Passed, export, without_password};
use super::resolve::Client;
use super::world::World;
use crate::auth::preview::{Preview, preview};
use crate::auth::sigv4::SESSION_TOKEN;
use crate::auth::sources::Authorization;
use crate::error::Error;
use crate::handshake::h2;
use crate::handshake::request::Request;
use crate::handshake::versions::Versions;
use crate::handshake::{new_key, shown_header};
use crate::message::Message;
use crate::output::sanitize;
use crate::secret::REDACTED;
use crate::session::answers::Opening;
use crate::session::connect::{self, Plan};

/// A request as it may be shown.
struct Shown {
    path: String,
    headers: Vec<(String, String)>,
    /// The message with the token.
    first: Option<String>,
}

/// The request that `client` would send, and its first messages after an empty line.
///
/// # Errors
/// Exit 2 for credentials that cannot be placed.
pub fn dry_run(client: &Client, world: &World) -> Result<Vec<u8>, Error> {
    let shown = shown(client, true, world)?;
    let mut out = Vec::new();
    let mut line = |text: &str| {
        match world.stdout_tty {
            true => sanitize::line(text, &mut out),
            false => out.extend_from_slice(text.as_bytes()),
        }
        out.push(b'\n');
    };
    for field in head(client, &shown).lines() {
        line(field);
    }
    if let Some(message) = &shown.first {
        line(&format!("> {}", on_one_line(message)));
    }
    for opening in &client.session.opening {
        match opening {
            Opening::Now(message) => line(&format!("> {}", message_line(message, client))),
            Opening::After(after) => line(&format!("(after {}: …)", after.when.text())),
        }
    }
    Ok(out)
}

/// The head in the version of HTTP that is sure; what TLS negotiates is not known.
fn head(client: &Client, shown: &Shown) -> String {
    let plan = &client.plan;
    let Shown { path, headers, .. } = shown;
    if plan.versions == Versions::Http2 {
        return h2::shown_request(&plan.target, path, headers);
    }
    let mut head = format!("GET {path} HTTP/1.1\n");
    for (name, value) in headers {
        // Without the URL, the host is not known.
        let is_host = name.eq_ignore_ascii_case("host") && *value == plan.target.authority();
        let line = match is_host && plan.source.is_some() {
            true => format!("{name}: [host from {}]\n", plan.shown_url()),
            false => format!("{name}: {value}\n"),
        };
        head.push_str(&line);
    }
    head.push('\n');
    head
}

/// Where `client` would connect, for `-v`.
pub fn route(client: &Client) -> String {
    let plan = &client.plan;
    if plan.source.is_some() {
        return format!("would connect to where {} says", plan.shown_url());
    }
    match plan.transport.route(&plan.target) {
        Ok(route) => {
            let proxy = route.proxy().map(|proxy| format!(", proxy {proxy}"));
            let proxy = proxy.unwrap_or_default();
            format!("would connect to {}{proxy} ({route})", route.beginning())
        }
        Err(error) => error.with_details(),
    }
}

/// The command line of curl that makes the same handshake.
///
/// # Errors
/// Those of [`dry_run`].
pub fn to_curl(client: &Client, passed: &[Passed], world: &World) -> Result<Vec<u8>, Error> {
    if client.plan.source.is_some() {
        let source = client.plan.shown_url();
        let what = format!("--to-curl: the URL comes from {source}, which is not read");
        return Err(Error::usage(what).advice("--dry-run shows the rest of the request"));
    }
    let mut shown = shown(client, false, world)?;
    let (plan, redactor) = (&client.plan, &client.plan.redactor);
    let scope = scope(plan, &mut shown.headers)?;
    let user = user(plan).map(|user| match redactor.includes_secrets() {
        true => user,
        false => without_password(&user),
    });
    let scheme = if plan.target.tls { "https" } else { "http" };
    // curl has no URL for a socket.
    let socket = plan.target.unix.as_ref().map(|socket| {
        let name = "unix-socket".to_owned();
        (name, Some(socket.to_string()))
    });
    let passed = passed.iter().cloned().chain(socket).chain(scope);
    let passed: Vec<Passed> = passed.collect();
    let command = export(&Command {
        url: &format!(
            "{scheme}://{}{}",
            plan.target.host_and_port_in_url(),
            shown.path
        ),
        authority: &plan.target.authority(),
        user: user.as_deref(),
        headers: &shown.headers,
        passed: &passed,
        includes_secrets: redactor.includes_secrets(),
    });
    if !world.stdout_tty {
        return Ok(command.into_bytes());
    }
    let mut out = Vec::new();
    sanitize::lines(&command, &mut out);
    Ok(out)
}

/// Lets curl sign the request itself, with a session token among the headers that it signs.
///
/// # Errors
/// Exit 2 if the signature is to be in the query, where curl puts none.
fn scope(plan: &Plan, headers: &mut Vec<(String, String)>) -> Result<Option<Passed>, Error> {
    let Some(sigv4) = &plan.sigv4 else {
        return Ok(None);
    };
    if sigv4.in_query {
        let what = "--to-curl: curl puts no signature into the query (--aws-sigv4-query)";
        return Err(Error::usage(what).advice("--aws-sigv4 alone puts it into a header"));
    }
    if let Some(token) = &sigv4.keys.session_token {
        let shown = shown_header(SESSION_TOKEN, token.expose(), &plan.redactor);
        headers.push((SESSION_TOKEN.to_owned(), shown));
    }
    let signer = sigv4.signer(&plan.target.host.to_string())?;
    Ok(Some(("aws-sigv4".to_owned(), Some(signer.curl_scope()))))
}

/// The name and the password of the request, or the keys that sign it.
fn user(plan: &Plan) -> Option<String> {
    if let Some(sigv4) = &plan.sigv4 {
        let keys = &sigv4.keys;
        return Some(format!("{}:{}", keys.id, keys.secret.expose()));
    }
    match &plan.credentials.authorization {
        Some(Authorization::Basic(basic)) => Some(match &basic.password {
            Some(password) => format!("{}:{}", basic.user, password.expose()),
            None => basic.user.clone(),
        }),
        _ => None,
    }
}

/// The request, signed if it `signs`.
fn shown(client: &Client, signs: bool, world: &World) -> Result<Shown, Error> {
    let mut plan = Cow::Borrowed(&client.plan);
    // What would be signed is not known where the URL is not.
    if plan.sigv4.is_some() && (plan.source.is_some() || !signs) {
        plan.to_mut().sigv4 = None;
    }
    let environment = |name: &str| world.environment.get(name).cloned();
    let preview = preview(&plan.credentials, &environment, &plan.redactor)?;
    let memory = &client.session.memory;
    let request = connect::request(&plan, memory, &preview.placed, new_key())?;
    let message = preview.placed.message.as_ref();
    Ok(Shown {
        path: path(&request, &preview, client),
        first: message.map(|(_, shown)| shown.clone()),
        headers: headers(&request, &preview, client),
    })
}

/// The path and query, with placeholders as they are elsewhere.
fn path(request: &Request, preview: &Preview, client: &Client) -> String {
    if client.plan.source.is_some() {
        return format!("[path and query from {}]", client.plan.shown_url());
    }
    let redactor = &client.plan.redactor;
    let mut path = redactor.redact(&request.path_and_query).into_owned();
    for placeholder in &preview.placeholders {
        let bytes = placeholder.as_bytes();
        let encoded: String = url::form_urlencoded::byte_serialize(bytes).collect();
        path = path.replace(&encoded, placeholder);
    }
    path
}

fn headers(request: &Request, preview: &Preview, client: &Client) -> Vec<(String, String)> {
    let is_placeholder = |value: &str| {
        let mut placeholders = preview.placeholders.iter();
        placeholders.any(|placeholder| value.contains(placeholder.as_str()))
    };
    let pairs = request.headers.iter().map(|(name, value)| {
        let shown = match is_placeholder(value) {
            true => value.clone(),
            false => shown_header(name, value, &client.plan.redactor),
        };
        (name.clone(), shown)
    });
    pairs.collect()
}

/// A message of `--on-open`, which is always text.
fn message_line(message: &Message, client: &Client) -> String {
    let text = message.as_text().unwrap_or_default();
    on_one_line(&client.plan.redactor.redact_data(text))
}

/// The text with its line ends, if it has any, as escapes.
fn on_one_line(text: &str) -> String {
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    let mut line = Vec::new();
    sanitize::line(text, &mut line);
    String::from_utf8(line).unwrap_or_else(|_| REDACTED.to_owned())
}
