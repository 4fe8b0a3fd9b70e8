//! The messages that a step passed over because it expects another one.

use std::collections::VecDeque;

use super::shown::Shown;
use crate::message::Message;
use crate::secret::Redactor;

/// How many messages are kept.
const KEPT: usize = 3;
/// How much of each is shown, in characters, or bytes if it is binary.
const LENGTH: usize = 200;

/// Counts messages and keeps the last three.
#[derive(Clone, Debug, Default)]
pub struct Passing {
    count: u64,
    last: VecDeque<Message>,
}

impl Passing {
    pub fn push(&mut self, message: Message) {
        self.count += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(message);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The one of those kept that differs least from what was expected, which is likely to be the one that
    /// was meant; of equal ones the last.
    pub fn nearest(&self, differences: impl Fn(&Message) -> usize) -> Option<&Message> {
        self.last.iter().rev().min_by_key(|it| differences(it))
    }

    pub fn shown(&self, redactor: &Redactor) -> PassedOver {
        let last = self.last.iter();
        PassedOver {
            count: self.count,
            last: last
                .map(|message| Shown::message(message.as_data(), LENGTH, redactor))
                .collect(),
        }
    }
}

/// What was passed over, for a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    pub count: u64,
    /// The last ones in the order they came, each cut.
    pub last: Vec<Shown>,
}
