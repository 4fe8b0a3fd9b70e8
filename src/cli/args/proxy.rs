//! The options of proxies, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

#[derive(Debug, Args)]
#[command(next_help_heading = "Proxy")]
pub struct ProxyArgs {
    /// Connect through this proxy, at port 1080 unless given; '' uses none [default: from the
    /// environment]
    ///
    /// SCHEME is http (the default; uses CONNECT), https (the same over TLS, port 443), socks5,
    /// socks4, or, to let the proxy resolve the host name, socks5h or socks4a. A wss:// connection
    /// is encrypted up to the server whatever the proxy is.
    #[arg(
        short = 'x',
        long,
        value_name = "[SCHEME://]HOST[:PORT]",
        overrides_with_all = SOCKS,
        hide_short_help = true
    )]
    pub proxy: Option<String>,

    /// Send these credentials to the proxy (Basic or SOCKS); asks for the password if none is given
    #[arg(
        short = 'U',
        long,
        value_name = "USER[:PASSWORD]",
        hide_short_help = true
    )]
    pub proxy_user: Option<String>,

    /// Send a header to an HTTP proxy, and not to the server (repeatable); otherwise as -H
    #[arg(long = "proxy-header", value_name = "LINE", action = ArgAction::Append, hide_short_help = true)]
    pub proxy_headers: Vec<String>,

    /// Trust the certificates in this PEM file for an https:// proxy
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub proxy_cacert: Option<PathBuf>,

    /// Do not verify the certificate of an https:// proxy
    #[arg(long, hide_short_help = true)]
    pub proxy_insecure: bool,

    /// Connect to these hosts without a proxy, whatever names one [default: from the environment]
    ///
    /// LIST is divided by commas. A name includes its subdomains; * is every host; 10.0.0.0/8 and
    /// fe80::/10 are networks; HOST:PORT is for that port only. '' uses the proxy for every host.
    #[arg(long, value_name = "LIST", hide_short_help = true)]
    pub noproxy: Option<String>,

    /// Same as -x socks4://HOST:PORT
    #[arg(long, value_name = "HOST[:PORT]", overrides_with_all = ["socks4a", "socks5", "socks5_hostname"], hide_short_help = true)]
    pub socks4: Option<String>,

    /// Same as -x socks4a://HOST:PORT
    #[arg(long, value_name = "HOST[:PORT]", overrides_with_all = ["socks5", "socks5_hostname"], hide_short_help = true)]
    pub socks4a: Option<String>,

    /// Same as -x socks5://HOST:PORT
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        overrides_with = "socks5_hostname",
        hide_short_help = true
    )]
    pub socks5: Option<String>,

    /// Same as -x socks5h://HOST:PORT
    #[arg(long, value_name = "HOST[:PORT]", hide_short_help = true)]
    pub socks5_hostname: Option<String>,
}

/// The other options that name a proxy; as in curl, the last one counts.
const SOCKS: [&str; 4] = ["socks4", "socks4a", "socks5", "socks5_hostname"];

impl ProxyArgs {
    /// The option that names the proxy, and its value as `-x` takes it.
    pub fn named(&self) -> Option<(&'static str, String)> {
        if let Some(proxy) = &self.proxy {
            return Some(("-x", proxy.clone()));
        }
        let socks = [
            ("--socks4", "socks4", &self.socks4),
            ("--socks4a", "socks4a", &self.socks4a),
            ("--socks5", "socks5", &self.socks5),
            ("--socks5-hostname", "socks5h", &self.socks5_hostname),
        ];
        socks.into_iter().find_map(|(option, scheme, value)| {
            let value = value.as_deref()?;
            let host = value.rsplit_once("://").map_or(value, |(_, host)| host);
            Some((option, format!("{scheme}://{host}")))
        })
    }

    /// The long names of the options that name a proxy.
    pub fn naming_options() -> impl Iterator<Item = &'static str> {
        ["proxy", "socks4", "socks4a", "socks5", "socks5-hostname"].into_iter()
    }
}
