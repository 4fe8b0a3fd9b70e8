//! The options that read curl's command lines, and show what would be requested, as typed.

use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "curl and dry runs")]
pub struct CurlArgs {
    /// Take the URL and the options of a curl command line, as browsers copy it: @FILE, - for stdin,
    /// or the text itself; options of wirecat win over them
    ///
    /// "Copy as cURL" in the network panel of Chrome, Firefox and Safari is understood, with the quotes
    /// of bash and of cmd. Headers that wirecat makes itself and options without effect are left out and
    /// named. Options that make another request than a handshake, such as -d and -X POST, are an error.
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub from_curl: Option<String>,

    /// Print the request that would be sent, and then the messages that would be sent first, and connect
    /// nowhere; -v also says where it would connect
    ///
    /// Nothing is read from stdin, no command is run, and no file with a secret is read: [token from
    /// cmd:...] stands for what would be. The key is another one each time. Secrets are redacted, but with
    /// --include-secrets.
    #[arg(long, hide_short_help = true)]
    pub dry_run: bool,

    /// Print the command line of curl that makes the same handshake, and connect nowhere; secrets are
    /// redacted, but with --include-secrets
    #[arg(long, conflicts_with = "dry_run", hide_short_help = true)]
    pub to_curl: bool,
}
