//! Obeys what commands ask of the screen: another view, a pause, messages shown again. It sends
//! nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::screen::Screen;
use super::variables::VariableValue;
use super::view::change::{ViewChange, Which, word};
use super::view::clients::asked_for;
use super::view::connection::Connection;
use super::view::search::Pattern;
use crate::event::{By, Event};
use crate::json::jq::Filter;
use crate::output::Options;
use crate::output::style::CLEAR;
use crate::secret::{REDACTED, Redactor, is_secret_name};
use crate::session::connect::Plan;
use crate::units::{counted, grouped};

/// Rows that `/grep` leaves for the prompt and its own last line.
const OTHER_ROWS: usize = 3;

/// A variable's name, and what a list may show of its value.
pub(super) fn described(
    (name, value): (&str, &VariableValue),
    redactor: &Redactor,
) -> (String, String) {
    let shown = match is_secret_name(name) {
        true => REDACTED.to_owned(),
        false => redactor.redact(&value.shown()).into_owned(),
    };
    (name.to_owned(), shown)
}

impl Screen {
    /// Obeys a command.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(super) fn change(&mut self, change: ViewChange) -> Result<(), String> {
        self.measure();
        match change {
            ViewChange::Format(format) => self.configure(|options| options.format = format),
            ViewChange::Sent(sent) => self.configure(|options| options.show_sent = sent),
            ViewChange::Timing(timing) => self.configure(|options| options.timing = timing),
            ViewChange::Filter(filter) => return self.set_filter(filter.as_deref()),
            ViewChange::Pause => self.pause(),
            ViewChange::Resume => return self.resume(),
            ViewChange::Clear => self.clear(),
            ViewChange::Last(count) => return self.show_last(count),
            ViewChange::Grep(pattern) => self.grep(&pattern),
        }
        Ok(())
    }

    /// The variables, as they are after the last line.
    pub(super) fn set_variables<'a>(
        &self,
        variables: impl Iterator<Item = (&'a str, &'a VariableValue)>,
    ) {
        let shown: Vec<_> = variables.map(|it| described(it, &self.redactor)).collect();
        if let Ok(mut words) = self.options.editing.words.write() {
            Arc::make_mut(&mut words).set_variables(shown);
        }
    }

    /// Who is there, which lines may be completed with.
    pub(super) fn learn_client(&self, event: &Event<'_>) {
        let (number, asked) = match event {
            Event::Open { conn, opened } => (*conn, Some(asked_for(opened))),
            Event::Close { conn, .. } => (*conn, None),
            _ => return,
        };
        if let Ok(mut words) = self.options.editing.words.write() {
            Arc::make_mut(&mut words).set_client(number, asked);
        }
    }

    /// The named messages, which lines may be completed with.
    pub(super) fn set_messages(&self, messages: &BTreeMap<String, String>) {
        if let Ok(mut words) = self.options.editing.words.write() {
            let messages = messages.clone().into_iter().collect();
            Arc::make_mut(&mut words).set_messages(messages);
        }
    }

    /// What follows is about another server.
    pub(super) fn switch_to(&mut self, plan: &Plan) {
        self.redactor.clone_from(&plan.redactor);
        self.connection = Connection::new(plan.shown_url());
        let host = plan.server();
        if let Some(editor) = &self.editor {
            editor.state.set_server(&host, &plan.redactor);
        }
        self.options.editing.host = host;
        self.options.editing.redactor.clone_from(&plan.redactor);
        self.show_link(Instant::now());
        self.redraw();
    }

    /// Changes how messages are shown, now and again.
    fn configure(&mut self, change: impl Fn(&mut Options)) {
        self.renderer.reconfigure(&change);
        self.again.reconfigure(change);
    }

    fn set_filter(&mut self, expression: Option<&str>) -> Result<(), String> {
        let filter = expression.map(Filter::compile).transpose();
        let filter = filter.map_err(|error| error.with_details())?;
        if let Some(filter) = &filter {
            filter.set_interrupt(&self.options.interrupt);
        }
        self.renderer.reconfigure(|options| options.filter = filter);
        // Otherwise a reply that is filtered out seems to be lost.
        self.say_aside(match expression {
            Some(_) => "filter: messages that it drops are not shown; /filter off ends it\n",
            None => "no filter: every message is shown\n",
        });
        Ok(())
    }

    fn pause(&mut self) {
        let text = match self.gate.pause() {
            true => "paused: messages are counted; /resume shows them again\n",
            false => "paused already; /resume ends that\n",
        };
        self.say_aside(text);
    }

    fn resume(&mut self) -> Result<(), String> {
        let paused = self.gate.resume().ok_or("nothing is paused")?;
        self.say_paused(paused);
        Ok(())
    }

    fn clear(&mut self) {
        if self.edits_lines() {
            self.lines.buffer().extend_from_slice(CLEAR);
        }
    }

    fn show_last(&mut self, count: usize) -> Result<(), String> {
        self.need_messages()?;
        for kept in self.scrollback.last(count) {
            self.again.push(kept, true, self.lines.buffer());
        }
        Ok(())
    }

    /// A message as it is shown on the terminal, whole, with its number and time.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn more(&mut self, which: Which) -> Result<Vec<u8>, String> {
        self.measure();
        self.need_messages()?;
        let kept = match which {
            Which::Last(n) => self.scrollback.received(n),
            Which::Number(number) => self.scrollback.numbered(number),
        };
        let kept = kept.ok_or_else(|| self.missing(which))?;
        let mut shown = Vec::new();
        self.again.push(kept, false, &mut shown);
        Ok(shown)
    }

    fn need_messages(&self) -> Result<(), String> {
        match (self.scrollback.iter().len(), self.scrollback.count()) {
            (0, 0) => Err("there are no messages yet".to_owned()),
            (0, _) => Err(
                "the scrollback has no room for a message; --scrollback SIZE gives it more"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Why a message is not there.
    fn missing(&self, which: Which) -> String {
        let kept = self.scrollback.iter();
        match which {
            Which::Last(_) => {
                let received = kept.filter(|it| it.by == By::Peer).count();
                let received = counted(received as u64, "received message");
                format!("the scrollback has only {received}")
            }
            Which::Number(number) => {
                let first = self.scrollback.iter().next().map_or(0, |it| it.number);
                let last = self.scrollback.count();
                format!("the scrollback has no message #{number}: it has #{first} to #{last}")
            }
        }
    }

    /// Shows the places where `pattern` is found in messages: a screenful, the newest last.
    fn grep(&mut self, pattern: &Pattern) {
        let (columns, rows) = self.size;
        let most = rows.saturating_sub(OTHER_ROWS).max(1);
        let mut hits = Vec::new();
        let mut count = 0_u64;
        for kept in self.scrollback.iter().rev() {
            let mut hit = Vec::new();
            if self.again.push_match(pattern, kept, columns, &mut hit) {
                count += 1;
                if hits.len() < most {
                    hits.push(hit);
                }
            }
        }
        for hit in hits.iter().rev() {
            self.lines.buffer().extend_from_slice(hit);
        }
        let (found, all) = (grouped(count), self.scrollback.iter().len() as u64);
        let newest = match hits.len() as u64 {
            shown if shown < count => format!(", the newest {shown} are shown"),
            _ => String::new(),
        };
        self.say_aside(&format!(
            "{found} of {} in the scrollback{newest}\n",
            counted(all, "message")
        ));
    }

    /// The lines of `/status` about the view.
    pub(super) fn view_status(&self) -> String {
        let filter = self.renderer.options().filter.as_ref();
        let mut text = self.view();
        if let Some(filter) = filter {
            text.push_str(&format!("filter: {}\n", filter.text()));
        }
        for loss in filter.map_or_else(Vec::new, |it| it.losses("--filter", false)) {
            text.push_str(&loss);
            text.push('\n');
        }
        text
    }

    /// How messages are shown: `view: pretty, sent on, timing off`.
    pub(super) fn view(&self) -> String {
        let options = self.renderer.options();
        let paused = match self.gate.is_paused() {
            true => ", paused",
            false => "",
        };
        let switch = |on| if on { "on" } else { "off" };
        let (sent, timing) = (switch(options.show_sent), switch(options.timing));
        let format = word(options.format);
        format!("view: {format}, sent {sent}, timing {timing}{paused}\n")
    }

    /// The expression that messages are filtered by.
    pub(super) fn filter(&self) -> Option<&str> {
        self.renderer.options().filter.as_ref().map(Filter::text)
    }

    /// The handshake as sent and received.
    pub(super) fn show_headers(&mut self, now: Instant) {
        let verbose = self.renderer.options().verbose;
        self.renderer
            .reconfigure(|options| options.verbose = verbose.max(1));
        let heads = std::mem::take(&mut self.connection.heads);
        self.render(now, |renderer, t, out, err| {
            renderer.render(t, &Event::Heads(&heads), out, err);
        });
        self.connection.heads = heads;
        self.renderer
            .reconfigure(|options| options.verbose = verbose);
    }

    /// `… 1,204 messages while paused, /last N shows them`
    pub(super) fn say_paused(&mut self, paused: u64) {
        let paused = counted(paused, "message");
        self.say_aside(&format!("… {paused} while paused, /last N shows them\n"));
    }
}
