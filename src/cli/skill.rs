//! The page for agents, `--generate skill`: when to use wirecat, recipes, and the table of exit codes.
//! `tests/readme.rs` runs the recipes.

use crate::error::EXITS;

/// The page, but for the rows of the table.
const PAGE: &str = include_str!("skill.md");

/// Returns the page.
pub(super) fn text() -> String {
    let rows = EXITS
        .iter()
        .map(|(exit, meaning)| format!("| {} | {meaning} |", exit.code()));
    let rows: Vec<_> = rows.collect();
    PAGE.replace("{{exits}}", &rows.join("\n"))
}
