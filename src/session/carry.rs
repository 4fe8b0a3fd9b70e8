//! What outlives a connection: messages that are not confirmed, what is remembered of those that
//! came, and the sums.

use super::Options;
use super::confirm::How;
use super::outbox::{self, Outbox};
use super::resume::{Memory, Place};
use super::rtt::Rtts;
use crate::event::{Message, Totals, Volume};

pub(super) struct Carry {
    pub(super) outbox: Outbox,
    pub(super) memory: Memory,
    pub(super) rtts: Rtts,
    pub(super) totals: Totals,
    confirm: Option<How>,
    /// Whether incoming messages are looked into.
    attentive: bool,
    /// An acknowledgement that could not be read has been told.
    complained: bool,
}

impl Carry {
    pub(super) fn new(options: &Options) -> Self {
        let confirm = options.confirm.clone();
        Carry {
            outbox: Outbox::new(outbox::Options {
                confirm: confirm.as_ref().map(How::kind),
                limit: options.outbox,
            }),
            memory: options.memory.clone(),
            rtts: Rtts::default(),
            totals: Totals::default(),
            attentive: confirm.is_some() || !options.memory.is_empty(),
            confirm,
            complained: false,
        }
    }

    /// A data message was given to the front end; whether it confirms one of ours. What cannot be
    /// read in it is put into `complaint`, once.
    pub(super) fn handle_received(
        &mut self,
        message: &Message,
        complaint: &mut Option<String>,
    ) -> bool {
        if !self.attentive {
            return false;
        }
        self.memory.learn(message);
        match &self.confirm {
            Some(How::Reply) => self.outbox.handle_reply(),
            Some(How::Number(filter)) => match super::confirm::numbers(filter, &message.data) {
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
                        *complaint = Some(format!("--confirm: {why}"));
                    }
                    false
                }
            },
            Some(How::Pong) | None => false,
        }
    }

    /// The message with what is remembered filled in.
    pub(super) fn fill(&self, message: &Message) -> Message {
        let text = message.as_text().filter(|_| !self.memory.is_empty());
        match text.map(|text| self.memory.fill(text, Place::Message)) {
            Some(Ok(filled)) => Message::text(filled),
            // Only a header may be at fault.
            Some(Err(_)) | None => message.clone(),
        }
    }

    /// Adds what a connection has compressed: sent and received.
    pub(super) fn add_volumes(&mut self, (sent, received): (Volume, Volume)) {
        for (sum, volume) in [
            (&mut self.totals.compressed_sent, sent),
            (&mut self.totals.compressed_received, received),
        ] {
            sum.wire += volume.wire;
            sum.plain += volume.plain;
        }
    }

    /// The sums so far.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            delivery: self.outbox.delivery(),
            unconfirmed: self.outbox.unconfirmed(),
            round_trips: self.rtts.summary(),
            ..self.totals
        }
    }
}
