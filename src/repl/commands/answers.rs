//! `/answer`. Pure.

use crate::repl::action::{Action, View};
use crate::units::counted;

/// Adds a rule, lists the rules, or removes one or all of them.
pub(super) fn answer(view: &View<'_>, argument: &str) -> Result<Action, String> {
    let trimmed = argument.trim();
    if trimmed.is_empty() {
        return Ok(Action::Say(list(view)));
    }
    match trimmed.split_once(' ').unwrap_or((trimmed, "")) {
        ("off", "") => Ok(Action::DropAnswers(None)),
        ("off", number) => match number.trim().parse() {
            Ok(number) => Ok(Action::DropAnswers(Some(number))),
            Err(_) => Err("write /answer off, or /answer off N; /answer lists them".to_owned()),
        },
        _ => Ok(Action::Answer(argument.trim_start().to_owned())),
    }
}

/// The rules with their numbers, and how often they have answered.
fn list(view: &View<'_>) -> String {
    let rules = view.work.answers.all();
    if rules.is_empty() {
        return "nothing is answered; /answer EXPR=REPLY answers messages\n".to_owned();
    }
    let rows = rules.iter().enumerate().map(|(at, rule)| {
        let answered = counted(rule.answered(), "message");
        format!("{}  {}  ({answered})\n", at + 1, rule.text)
    });
    rows.collect()
}
