//! The options of `wirecat convert`, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::convert::Form;

#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// What to convert: a recording (.jsonl), an HTTP archive of a browser or a proxy (.har), or a file
    /// of requests (.http); another ending is guessed from what it begins with, - is stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What to write [default: by the ending of --output, or else wst]
    #[arg(long, value_name = "FORM", value_enum)]
    pub to: Option<FormArg>,

    /// Write to this file instead of stdout; its ending says the form: .jsonl, .har, .wst, .cast, .txt
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,

    /// List the connections in the file, a line each, and write nothing
    #[arg(long, conflicts_with_all = ["to", "output", "entry"])]
    pub list: bool,

    /// Convert only the connection with this number, as --list shows it
    #[arg(long, value_name = "N")]
    pub entry: Option<usize>,

    // A help text is no Markdown.
    #[allow(rustdoc::broken_intra_doc_links)]
    /// Keep secrets in URLs and headers, and in messages that name them, instead of [redacted] or a
    /// variable
    #[arg(long)]
    pub include_secrets: bool,
}

/// `--to`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormArg {
    /// Events, as --record writes them
    Recording,
    /// An HTTP archive, for browsers and proxies
    Har,
    /// A script for wirecat test
    Wst,
    /// A terminal session, for asciinema
    Asciicast,
    /// What the prompt shows
    Text,
}

impl From<FormArg> for Form {
    fn from(form: FormArg) -> Form {
        match form {
            FormArg::Recording => Form::Recording,
            FormArg::Har => Form::Har,
            FormArg::Wst => Form::Script,
            FormArg::Asciicast => Form::Asciicast,
            FormArg::Text => Form::Text,
        }
    }
}
