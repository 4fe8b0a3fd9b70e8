//! The user's credentials: `-u`, `--oauth2-bearer`, `--token` and the URL.

use std::sync::Arc;

use crate::auth::placement;
use crate::auth::sources::{Authorization, Basic, Credentials, Source, Token, Via};
use crate::cli::args::{AuthArgs, Cli, ClientArgs, ProxyArgs, Subcommands};
use crate::error::Error;
use crate::secret::{Secret, is_secret_header, is_secret_name};
use crate::uri::Target;

pub(super) fn credentials(client: &ClientArgs, target: &Target) -> Result<Credentials, Error> {
    let args = &client.auth;
    let token = args
        .token
        .as_ref()
        .map(|source| token(source, args))
        .transpose()?;
    let in_header = token.as_ref().is_some_and(Token::is_authorization);
    // As in curl, the keys of AWS.
    let user = args.user.as_deref().filter(|_| args.sigv4.scope.is_none());
    let chosen = [user.is_some(), args.oauth2_bearer.is_some(), in_header];
    if chosen.iter().filter(|set| **set).count() > 1 {
        return Err(Error::usage(
            "-u, --oauth2-bearer and --token all set the Authorization header",
        )
        .advice("use one of them, or move the token with --token-via or --token-name"));
    }
    // The netrc file has the password of a user without one.
    let named = target.user.as_ref();
    let named = named.filter(|user| user.password.is_some() || !client.netrc.is_used());
    let from_url = named.map(|user| Basic {
        user: user.name.clone(),
        password: Some(user.password.clone().unwrap_or_else(|| Secret::new(""))),
    });
    let basic = user.map(Basic::parse).or(from_url);
    let authorization = match &args.oauth2_bearer {
        _ if in_header => None,
        Some(bearer) => Some(Authorization::Bearer(Secret::new(bearer.as_str()))),
        None => basic.map(Authorization::Basic),
    };
    Ok(Credentials {
        authorization,
        token,
        variables: Arc::default(),
    })
}

fn token(source: &str, args: &AuthArgs) -> Result<Token, Error> {
    let message = args
        .token_message
        .clone()
        .unwrap_or_else(|| placement::DEFAULT_MESSAGE.to_owned());
    placement::check_template(&message)?;
    if source == "@-" {
        return Err(Error::usage("--token @-: stdin carries messages")
            .advice("--token @FILE, env:VAR, cmd:COMMAND or prompt"));
    }
    Ok(Token {
        source: Source::parse(source),
        via: via(args),
        name: args.token_name.clone(),
        message,
    })
}

/// The place of the token: `--token-message` implies the first message.
pub(super) fn via(args: &AuthArgs) -> Via {
    match (args.token_via, &args.token_message) {
        (Some(via), _) => via.into(),
        (None, Some(_)) => Via::Message,
        (None, None) => Via::Header,
    }
}

/// Takes the credentials that were typed out of the arguments, and returns the names of their options.
pub(super) fn forget_typed(cli: &mut Cli) -> Vec<&'static str> {
    let args = match &mut cli.command {
        Some(Subcommands::Demo(demo)) => &mut demo.args,
        _ => &mut cli.client,
    };
    let mut forgotten = Vec::new();
    for (option, value) in [
        ("token", &mut args.auth.token),
        ("user", &mut args.auth.user),
        ("oauth2-bearer", &mut args.auth.oauth2_bearer),
    ] {
        if cli.typed.contains(option) && value.take().is_some() {
            forgotten.push(option);
        }
    }
    if cli.typed.contains("aws-sigv4") && args.auth.sigv4.scope.take().is_some() {
        forgotten.push("aws-sigv4");
    }
    let cookies = &mut args.cookies.cookies;
    if cli.typed.contains("cookie") && cookies.iter().any(|value| value.contains('=')) {
        cookies.retain(|value| !value.contains('='));
        forgotten.push("cookie");
    }
    // Without the certificate, its key and password have no effect.
    if cli.typed.contains("cert") && args.tls.cert.take().is_some() {
        forgotten.push("cert");
    }
    // A profile may name another proxy than the one whose user was typed.
    let is_typed = |option| cli.typed.contains(option);
    let names_other = args.proxy.named().is_some() && !ProxyArgs::naming_options().any(is_typed);
    if names_other && is_typed("proxy-user") && args.proxy.proxy_user.take().is_some() {
        forgotten.push("proxy-user");
    }
    if names_other && is_typed("proxy-header") && forget_secrets(&mut args.proxy.proxy_headers) {
        forgotten.push("proxy-header");
    }
    if is_typed("header") && forget_secrets(&mut args.request.headers) {
        forgotten.push("header");
    }
    forgotten
}

/// Removes the header lines that may have a secret, and returns whether there were any.
fn forget_secrets(headers: &mut Vec<String>) -> bool {
    let before = headers.len();
    headers.retain(|line| !may_be_secret(line));
    headers.len() < before
}

/// Whether a header may have a secret. A file may have any.
fn may_be_secret(line: &str) -> bool {
    let name = line.split([':', ';']).next().unwrap_or_default();
    let name = name.trim();
    line.starts_with('@') || is_secret_header(name) || is_secret_name(name)
}
