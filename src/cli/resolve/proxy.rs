//! Which proxies there are, and what they are sent.

use super::files::Files;
use super::headers::headers;
use super::variables::Variables;
use crate::auth::sources::Basic;
use crate::cli::args::ProxyArgs;
use crate::cli::world::World;
use crate::error::Error;
use crate::transport::proxy::{Given, Options, parse};
use crate::transport::tls;

pub(super) fn proxy(
    args: &ProxyArgs,
    variables: &Variables,
    world: &World,
    files: &mut Files,
) -> Result<Options, Error> {
    let variable = |name: &str| world.variable(name);
    let given = args.named().map(|(option, text)| {
        let proxy = parse(option, &text)?;
        Ok(Given { proxy, option })
    });
    let bypass = args.noproxy.clone();
    let options = Options {
        given: given.transpose()?,
        environment: Vec::new(),
        bypass: bypass.unwrap_or_else(|| Options::bypass_from(variable)),
        user: args.proxy_user.as_deref().map(Basic::parse),
        headers: headers("--proxy-header", &args.proxy_headers, variables, files)?,
        tls: tls::Options {
            party: tls::Party::Proxy,
            insecure: args.proxy_insecure,
            cacert: args.proxy_cacert.clone(),
            cert_file: world.variable("SSL_CERT_FILE").map(Into::into),
            cert_dir: world.variable("SSL_CERT_DIR").map(Into::into),
            key_log: world.variable("SSLKEYLOGFILE").map(Into::into),
            ..tls::Options::default()
        },
    };
    Ok(options.with_environment(variable))
}
