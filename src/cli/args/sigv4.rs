//! The options of a request that is signed for AWS, as typed.

use clap::Args;

use crate::auth::sigv4::Scope;

#[derive(Debug, Args)]
pub struct SigV4Args {
    /// Sign the request for AWS, aws:amz[:REGION[:SERVICE]], anew for every connection; the keys are
    /// those of -u ID:SECRET or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
    /// [default: the region of the host name or AWS_REGION, execute-api]
    #[arg(long = "aws-sigv4", value_name = "SCOPE", value_parser = Scope::parse, hide_short_help = true)]
    pub scope: Option<Scope>,

    /// Put the signature of AWS into the query, where it is good for 5 minutes
    #[arg(long = "aws-sigv4-query", requires = "scope", hide_short_help = true)]
    pub in_query: bool,
}
