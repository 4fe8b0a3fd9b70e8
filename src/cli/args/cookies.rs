//! The options of redirects, cookies and the netrc file, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub struct CookieArgs {
    /// Send these cookies to the server of the URL; or, without =, read them from a file in
    /// Netscape's format (repeatable)
    ///
    /// A file that does not exist has no cookies. Cookies that servers set are sent back to them on
    /// redirects and reconnects, as RFC 6265 says.
    #[arg(short = 'b', long = "cookie", value_name = "NAME=VALUE|FILE", action = ArgAction::Append, hide_short_help = true)]
    pub cookies: Vec<String>,

    /// Write all cookies to this file at the end, in Netscape's format; a new file can be read only
    /// by its owner
    #[arg(short = 'c', long, value_name = "FILE", hide_short_help = true)]
    pub cookie_jar: Option<PathBuf>,

    /// Follow redirects (301, 302, 303, 307, 308), never from wss to ws; credentials stay behind when
    /// they lead to another server
    #[arg(short = 'L', long, hide_short_help = true)]
    pub location: bool,

    /// Follow redirects, and send credentials wherever they lead
    #[arg(long, hide_short_help = true)]
    pub location_trusted: bool,

    /// Maximum number of redirects to follow; -1 is unlimited
    #[arg(long, value_name = "N", default_value = "10", value_parser = redirects, allow_negative_numbers = true, hide_short_help = true)]
    pub max_redirs: i32,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct NetrcArgs {
    /// Take user name and password from ~/.netrc, or from the file that $NETRC names
    #[arg(short, long, conflicts_with = "netrc_optional", hide_short_help = true)]
    pub netrc: bool,

    /// Take user name and password from this file
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub netrc_file: Option<PathBuf>,

    /// The same as --netrc, where the file need not exist
    #[arg(long, hide_short_help = true)]
    pub netrc_optional: bool,
}

impl NetrcArgs {
    /// Whether a netrc file is read.
    pub fn is_used(&self) -> bool {
        self.netrc || self.netrc_optional || self.netrc_file.is_some()
    }
}

/// As in curl, a number, or -1 for any.
fn redirects(text: &str) -> Result<i32, String> {
    let number = text.parse().ok().filter(|number| *number >= -1);
    number.ok_or_else(|| "write a whole number, or -1 for no limit".to_owned())
}
