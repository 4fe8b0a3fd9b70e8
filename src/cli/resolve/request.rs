//! Where to connect, and what to request.

use std::time::Duration;

use super::cookies;
use super::credentials::credentials;
use super::files::Files;
use super::headers::headers;
use super::network;
use super::proxy::proxy;
use super::sigv4::sigv4;
use super::tls;
use super::variables::Variables;
use super::wire::extensions;
use crate::cli::args::{ClientArgs, HttpArgs};
use crate::cli::world::World;
use crate::error::Error;
use crate::handshake::request;
use crate::handshake::versions::Versions;
use crate::http_token;
use crate::secret::Redactor;
use crate::session::connect::Plan;
use crate::transport;
use crate::uri::Target;

/// What a timeout of 0 means, as in curl.
const NO_LIMIT: Duration = Duration::from_secs(10 * 365 * 86400);

pub(super) fn plan(
    target: Target,
    args: &ClientArgs,
    variables: &Variables,
    world: &World,
    files: &mut Files,
) -> Result<Plan, Error> {
    let redactor = Redactor::new(args.output.include_secrets);
    variables.hide_secrets(&redactor);
    let (cookie, jar) = cookies::cookies(&args.cookies.cookies, files)?;
    let sigv4 = sigv4(args, versions(&args.http), world)?;
    Ok(Plan {
        sigv4,
        credentials: credentials(args, &target)?,
        target,
        source: None,
        request: request::Options {
            headers: headers("-H", &args.request.headers, variables, files)?,
            origin: checked("--origin", args.request.origin.clone())?,
            user_agent: checked("--user-agent", args.request.user_agent.clone())?,
            subprotocols: subprotocols(&args.request.subprotocols)?,
            cookies: None,
            extensions: extensions(&args.wire.deflate),
        },
        redirects: cookies::redirects(&args.cookies),
        cookie,
        cookies: jar,
        cookie_jar: cookies::jar_file(&args.cookies)?,
        netrc: cookies::netrc(&args.netrc, world, files)?,
        versions: versions(&args.http),
        transport: transport::Dialer::new(transport::Options {
            network: network::options(&args.network)?,
            unix: network::unix_socket(&args.network),
            tls: tls::options(&args.tls, world, &redactor)?,
            proxy: proxy(&args.proxy, variables, world, files)?,
        }),
        connect_timeout: Some(args.time.connect_timeout)
            .filter(|time| !time.is_zero())
            .unwrap_or(NO_LIMIT),
        redactor,
        reports_lines: false,
    })
}

/// clap leaves one of them set.
fn versions(args: &HttpArgs) -> Versions {
    if args.http2 {
        Versions::Negotiated
    } else if args.http2_only || args.http2_prior_knowledge {
        Versions::Http2
    } else {
        Versions::Http1
    }
}

/// A value that is sent in a header unchanged.
fn checked(option: &str, value: Option<String>) -> Result<Option<String>, Error> {
    match &value {
        Some(text) if text.chars().any(char::is_control) => Err(Error::usage(format!(
            "{option}: the value contains a control character"
        ))),
        _ => Ok(value),
    }
}

/// Each value may be a list, like the header itself.
fn subprotocols(values: &[String]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    match names.iter().find(|name| !http_token::is_http_token(name)) {
        Some(name) => Err(Error::usage(format!(
            "--subprotocol '{name}' contains a character not allowed in subprotocols (RFC 6455 section 4.1)"
        ))),
        None => Ok(names),
    }
}
