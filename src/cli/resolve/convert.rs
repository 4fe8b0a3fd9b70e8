//! The options of `wirecat convert`.

use std::path::PathBuf;

use crate::cli::args::ConvertArgs;
use crate::convert::{Form, Options};

#[derive(Debug)]
pub struct Convert {
    /// `-` is stdin.
    pub file: PathBuf,
    /// `None` is stdout.
    pub output: Option<PathBuf>,
    /// The connections are listed, and nothing is written.
    pub lists: bool,
    pub options: Options,
}

pub(super) fn convert(args: ConvertArgs) -> Convert {
    let output = args.output.filter(|path| path.as_os_str() != "-");
    let named = output.as_deref().and_then(Form::of);
    Convert {
        options: Options {
            form: args.to.map(Form::from).or(named).unwrap_or(Form::Script),
            entry: args.entry,
            include_secrets: args.include_secrets,
        },
        file: args.file,
        output,
        lists: args.list,
    }
}
