//! State that outlives a connection: unconfirmed messages, remembered values, and the totals.

use std::time::Instant;

use super::ack::How;
use super::answers::Rules;
use super::frontend::{Progress, Snapshot};
use super::options::Options;
use super::outbox::{self, Outbox, Reply};
use super::policy::Policy;
use super::program::Runner;
use super::resume::file::Saver;
use super::resume::vars::{Place, ResumeVars};
use super::rtt::Rtts;
use crate::decode::{Tally, Undecoded};
use crate::event::{Totals, Volume};
use crate::json::parsed::Parsed;
use crate::message::Message;
use crate::records::Split;
use crate::wire::socket::Unsent;

/// Maximum size of a heartbeat's reply that is remembered.
const LONGEST_ANSWER: usize = 1024;

/// What a received data message means for our messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// It confirms some of them.
    pub(super) confirms: bool,
    /// It is the reply to one with a number.
    pub(super) answers: bool,
}

/// How many answers could not be made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unanswerable(u64);

impl Unanswerable {
    /// How many of them are reported one by one.
    const REPORTED: u64 = 10;

    /// Counts one, and returns whether it is reported.
    pub(super) fn report(&mut self) -> bool {
        self.0 += 1;
        self.0 <= Self::REPORTED
    }

    /// How many were not reported.
    pub(super) fn unreported(self) -> u64 {
        self.0.saturating_sub(Self::REPORTED)
    }
}

pub(super) struct RunState {
    pub(super) outbox: Outbox,
    pub(super) memory: ResumeVars,
    pub(super) rtts: Rtts,
    pub(super) totals: Totals,
    pub(super) saver: Saver,
    pub(super) policy: Policy,
    /// `--answer`
    pub(super) rules: Rules,
    pub(super) unanswerable: Unanswerable,
    /// A command that was to give an answer has failed.
    pub(super) answer_failed: bool,
    /// It was told that the peer takes no answers.
    pub(super) told_full: bool,
    /// `--run`
    pub(super) runner: Option<Box<Runner>>,
    /// Whether several expressions are evaluated for each received message.
    pub(super) shares_json: bool,
    /// How received messages are cut into records.
    pub(super) split: Option<Split>,
    /// Whether the first message that an expression skips is reported at once.
    pub(super) reports_skipped: bool,
    /// What did not decode, with `--decode`.
    undecoded: Option<Tally>,
    /// What was no JSON for `--split json` has been reported.
    reported_rest: bool,
    confirm: Option<How>,
    /// The last heartbeat, until a message is received.
    heartbeat: Option<Message>,
    /// The message received after an earlier heartbeat, if it is short.
    answer: Option<Message>,
    /// Whether received messages are examined.
    attentive: bool,
    /// An acknowledgement that could not be parsed has been reported.
    complained: bool,
}

impl RunState {
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        let confirm = options.confirm.clone();
        RunState {
            outbox: Outbox::new(outbox::Options {
                confirm: confirm.as_ref().map(How::kind),
                counts_replies: options.counts_replies,
                limit: options.outbox,
                resend: options.report_uncertain,
            }),
            memory: options.memory.clone(),
            rtts: Rtts::default(),
            totals: Totals::default(),
            saver: Saver::new(options.state.clone()),
            policy: Policy::new(options.policy.clone(), now),
            rules: options.answers.clone(),
            unanswerable: Unanswerable::default(),
            answer_failed: false,
            told_full: false,
            runner: options.program.clone().map(Runner::new).map(Box::new),
            shares_json: options.shares_json,
            split: options.split,
            reports_skipped: options.reports_skipped,
            undecoded: options.decode.as_ref().map(|it| it.tally.clone()),
            reported_rest: false,
            heartbeat: None,
            answer: None,
            attentive: confirm.is_some() || options.counts_replies || !options.memory.is_empty(),
            confirm,
            complained: false,
        }
    }

    /// A message did not decode. Returns what to say of it, once for each reason.
    pub(super) fn handle_undecoded(&self, why: &Undecoded) -> Option<String> {
        let is_first = self.undecoded.as_ref().is_some_and(|it| it.add(why));
        is_first.then(|| format!("--decode {why}; such a message is shown as it is"))
    }

    /// A heartbeat is being sent.
    pub(super) fn handle_heartbeat(&mut self, message: &Message) {
        self.heartbeat = Some(message.clone());
    }

    /// Whether a received message only answers a heartbeat. That is certain for the first one after
    /// a heartbeat, if it equals the heartbeat or the message received after an earlier one.
    pub(super) fn answers_heartbeat(&mut self, message: &Message) -> bool {
        let Some(heartbeat) = self.heartbeat.take() else {
            return false;
        };
        let answers = *message == heartbeat || self.answer.as_ref() == Some(message);
        if !answers && message.len() <= LONGEST_ANSWER {
            self.answer = Some(message.to_compact());
        }
        answers
    }

    /// Whether [`RunState::handle_received`] has an effect.
    pub(super) fn examines_received(&self) -> bool {
        self.attentive
    }

    /// A sentence about the first message that an expression of the run skipped.
    pub(super) fn first_skipped(&self) -> Option<String> {
        let until = self.policy.stop.until();
        let until = until.and_then(|it| it.first_skipped("--until"));
        let confirm = || match &self.confirm {
            Some(How::Number(filter)) => filter.first_skipped("--confirm"),
            _ => None,
        };
        let resume = || {
            let mut filters = self.memory.filters();
            filters.find_map(|(name, it)| it.first_skipped(&format!("--resume {name}")))
        };
        let after = || {
            let after = self.policy.program_after()?;
            after.first_skipped("--run-after")
        };
        let answer = || {
            let rules = self.rules.all();
            let mut rules = rules.iter();
            rules.find_map(|it| it.when.first_skipped(&format!("--answer '{}'", it.text)))
        };
        until
            .or_else(confirm)
            .or_else(resume)
            .or_else(after)
            .or_else(answer)
    }

    /// A record is what `--split json` could not cut, because it is not JSON. Returns a sentence about
    /// the first.
    pub(super) fn handle_rest(&mut self, record: u64) -> Option<String> {
        let first = !std::mem::replace(&mut self.reported_rest, true);
        first.then(|| match record {
            1 => "--split json: a message that is not JSON is one record, as it is".to_owned(),
            more => format!(
                "--split json: record {more} of a message is not JSON, and holds all that follows"
            ),
        })
    }

    /// A record, or a message, was given to the front end; returns what it means for ours. One that
    /// is `answered` by a rule is no reply itself. One that cannot be parsed is reported in `problem`,
    /// once.
    pub(super) fn handle_received(
        &mut self,
        message: &Parsed<'_>,
        answered: bool,
        problem: &mut Option<String>,
    ) -> Meaning {
        self.memory.update(message);
        let reply = match answered {
            true => Reply::Unasked,
            false => self.outbox.handle_reply(),
        };
        Meaning {
            answers: matches!(reply, Reply::ToNumbered { .. }),
            confirms: reply == Reply::ToNumbered { confirms: true }
                || self.acknowledges(message, problem),
        }
    }

    /// Whether the message acknowledges one of ours by its number.
    fn acknowledges(&mut self, message: &Parsed<'_>, problem: &mut Option<String>) -> bool {
        match &self.confirm {
            Some(How::Number(filter)) => match super::ack::numbers(filter, message) {
                Ok(numbers) => {
                    let mut news = false;
                    for number in numbers {
                        news |= self.outbox.handle_ack(number);
                    }
                    news
                }
                Err(why) => {
                    if !self.complained {
                        self.complained = true;
                        *problem = Some(format!("--confirm: {why}"));
                    }
                    false
                }
            },
            Some(How::Reply | How::Pong) | None => false,
        }
    }

    /// The message with the remembered values filled in.
    pub(super) fn fill(&self, message: &Message) -> Message {
        let text = message.as_text().filter(|_| !self.memory.is_empty());
        match text.map(|text| self.memory.fill(text, Place::Message)) {
            Some(Ok(filled)) => Message::text(filled),
            // Filling in can only fail for a header.
            Some(Err(_)) | None => message.clone(),
        }
    }

    /// Writes the remembered values to the file of `--state` if it is due. Never blocks.
    pub(super) fn save(&mut self, output: Progress, now: Instant) {
        self.saver.save(&self.memory, output, now);
    }

    /// Subtracts messages that a connection did not send completely from the sent ones.
    pub(super) fn handle_unsent(&mut self, unsent: Unsent) {
        self.totals.sent -= unsent.messages;
        self.totals.bytes_sent -= unsent.bytes;
    }

    /// Adds the compression volume of a connection: sent and received.
    pub(super) fn add_volumes(&mut self, (sent, received): (Volume, Volume)) {
        for (sum, volume) in [
            (&mut self.totals.compressed_sent, sent),
            (&mut self.totals.compressed_received, received),
        ] {
            sum.wire += volume.wire;
            sum.plain += volume.plain;
        }
    }

    /// What there is in hand, with what the open connection has in its buffers and has compressed.
    pub(super) fn snapshot(&self, buffered: u64, volumes: (Volume, Volume)) -> Snapshot {
        let total = |past: Volume, now: Volume| Volume {
            wire: past.wire + now.wire,
            plain: past.plain + now.plain,
        };
        Snapshot {
            buffered,
            unconfirmed: self.outbox.unconfirmed(),
            compressed: (
                total(self.totals.compressed_sent, volumes.0),
                total(self.totals.compressed_received, volumes.1),
            ),
        }
    }

    /// The totals so far.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            delivery: self.outbox.delivery(),
            unconfirmed: self.outbox.unconfirmed(),
            round_trips: self.rtts.summary(),
            ..self.totals
        }
    }
}
