//! The options of the prompt, as typed.

use clap::Args;

use crate::cli::choices::EditModeArg;
use crate::units;

#[derive(Debug, Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// How keys edit the line
    #[arg(
        long,
        value_name = "MODE",
        value_enum,
        default_value = "emacs",
        hide_short_help = true
    )]
    pub edit_mode: EditModeArg,

    /// Neither read nor write the history of typed lines
    #[arg(long, hide_short_help = true)]
    pub no_history: bool,

    /// How much of what was sent and received to keep for /last, /grep and /save
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = units::size, hide_short_help = true)]
    pub scrollback: usize,

    /// Redraw nothing and show one line for each event, for screen readers and slow terminals
    #[arg(long, hide_short_help = true)]
    pub plain: bool,
}
