//! `--aws-sigv4`: which keys sign the request, and for what.

use crate::auth::sigv4::{Keys, Options};
use crate::auth::sources::Via;
use crate::cli::args::ClientArgs;
use crate::cli::world::World;
use crate::error::Error;
use crate::handshake::request::HeaderLine;
use crate::handshake::versions::Versions;
use crate::secret::Secret;
use crate::session::connect::Plan;

/// What signs the request.
///
/// # Errors
/// Exit 2 if there are no keys, something else sets the header, or HTTP/2 is spoken.
pub(super) fn sigv4(
    args: &ClientArgs,
    versions: Versions,
    world: &World,
) -> Result<Option<Options>, Error> {
    let sigv4 = &args.auth.sigv4;
    let Some(scope) = &sigv4.scope else {
        return Ok(None);
    };
    if versions != Versions::Http1 {
        return Err(Error::usage(
            "--aws-sigv4 signs a GET, and a WebSocket over HTTP/2 has none (RFC 8441)",
        ));
    }
    if !sigv4.in_query && sets_authorization(args) {
        return Err(Error::usage(
            "--aws-sigv4 and another option both set the Authorization header",
        )
        .advice("--aws-sigv4-query puts the signature into the query"));
    }
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    Ok(Some(Options {
        keys: keys(args.auth.user.as_deref(), world)?,
        scope: scope.clone(),
        default_region: regions.iter().find_map(|name| world.variable(name)),
        in_query: sigv4.in_query,
    }))
}

/// Checks what depends on the URL.
///
/// # Errors
/// Exit 2 if its region is not known, or something else sets the header.
pub(super) fn check(plan: &Plan) -> Result<(), Error> {
    let Some(options) = &plan.sigv4 else {
        return Ok(());
    };
    if !options.in_query && is_typed(plan) {
        return Err(
            Error::usage("--aws-sigv4 and -H both set the Authorization header")
                .advice("--aws-sigv4-query puts the signature into the query"),
        );
    }
    if plan.source.is_some() {
        return Ok(());
    }
    if !options.in_query && plan.credentials.authorization.is_some() {
        return Err(Error::usage(
            "--aws-sigv4 and the user of the URL both set the Authorization header",
        ));
    }
    options.signer(&plan.target.host.to_string()).map(|_| ())
}

/// Whether `-H` sets the header.
fn is_typed(plan: &Plan) -> bool {
    let mut lines = plan.request.headers.iter();
    lines.any(|line| {
        matches!(line, HeaderLine::Set(name, _) if name.eq_ignore_ascii_case("authorization"))
    })
}

fn sets_authorization(args: &ClientArgs) -> bool {
    let auth = &args.auth;
    let named = auth.token_name.as_deref().unwrap_or("authorization");
    let token = auth.token.is_some()
        && super::credentials::via(auth) == Via::Header
        && named.eq_ignore_ascii_case("authorization");
    token || auth.oauth2_bearer.is_some()
}

/// The keys of `-u`, as in curl, or those of the environment, as in AWS's own tools.
fn keys(user: Option<&str>, world: &World) -> Result<Keys, Error> {
    if let Some(user) = user {
        let pair = user
            .split_once(':')
            .filter(|(_, secret)| !secret.is_empty());
        let Some((id, secret)) = pair else {
            return Err(Error::usage("--aws-sigv4: -u has no secret key")
                .advice("-u ID:SECRET, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        };
        return Ok(Keys {
            id: id.to_owned(),
            secret: Secret::new(secret),
            session_token: None,
        });
    }
    let variable = |name: &str| {
        world.variable(name).ok_or_else(|| {
            Error::usage(format!("--aws-sigv4: {name} is not set"))
                .advice("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or -u ID:SECRET")
        })
    };
    Ok(Keys {
        id: variable("AWS_ACCESS_KEY_ID")?,
        secret: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
        session_token: world.variable("AWS_SESSION_TOKEN").map(Secret::new),
    })
}
