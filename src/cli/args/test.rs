//! The options of `wirecat test`, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::cli::choices::ColorArg;
use crate::units;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Scripts (.wst, .http; - is stdin), folders, whose .wst files are run with those of the folders
    /// below, and patterns such as 'tests/**/*.wst'
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub run: TestRunArgs,
    #[command(flatten)]
    pub variables: TestVariablesArgs,
    #[command(flatten)]
    pub report: TestReportArgs,
    #[command(flatten)]
    pub safety: TestSafetyArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is run")]
pub struct TestRunArgs {
    /// Run only tests of this name; * and ? stand for any characters, and for any one (repeatable)
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub only: Vec<String>,

    /// Run so many files at the same time [default: number of processors]
    #[arg(short, long, value_name = "N", value_parser = units::count)]
    pub jobs: Option<u64>,

    /// Run all of it N times
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::count)]
    pub repeat: u64,

    /// Run a test that fails again, up to N times
    #[arg(long, value_name = "N", default_value = "0", value_parser = units::times)]
    pub retry: u32,

    /// Stop after the first test that fails
    #[arg(long)]
    pub fail_fast: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Variables")]
pub struct TestVariablesArgs {
    /// Replace {{NAME}} in the scripts (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub vars: Vec<String>,

    /// Read variables from this file: lines of NAME=VALUE, or a JSON object (repeatable)
    #[arg(id = "vars_files", long = "vars", value_name = "FILE", action = ArgAction::Append)]
    pub files: Vec<PathBuf>,

    /// Take this environment of http-client.env.json, which is beside an .http file
    #[arg(id = "http_environment", long = "env", value_name = "NAME")]
    pub environment: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct TestReportArgs {
    /// Report as human, tap, junit or json; KIND=FILE writes to a file (repeatable) [default: human]
    #[arg(long, value_name = "KIND[=FILE]", action = ArgAction::Append)]
    pub report: Vec<String>,

    /// Record each connection in a file of this folder, which is made if there is none
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Hold every received message against this JSON Schema
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,

    // A help text is no Markdown.
    #[allow(rustdoc::broken_intra_doc_links)]
    /// Show secrets in reports and recordings instead of [redacted]
    #[arg(long)]
    pub include_secrets: bool,

    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: ColorArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub struct TestSafetyArgs {
    /// Let scripts read files of this folder, and below it [default: that of each script]
    #[arg(long, value_name = "DIR")]
    pub file_root: Option<PathBuf>,

    /// Let scripts run commands: cmd: in a token, an answer, --on-open or --decode, and --run
    #[arg(long)]
    pub allow_commands: bool,
}
