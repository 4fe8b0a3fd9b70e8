//! What was typed and waits for a connection, or for room in one: commands in their order, in a bounded
//! memory. Pure.

use std::collections::VecDeque;

use crate::event::Command;

/// Commands that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    commands: VecDeque<Command>,
    /// The memory that they take, in bytes.
    bytes: usize,
    /// What they may take.
    limit: usize,
}

impl Waiting {
    /// A queue that keeps at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Waiting {
            limit,
            ..Waiting::default()
        }
    }

    /// Keeps a command.
    ///
    /// # Errors
    /// Too much waits already.
    pub(super) fn keep(&mut self, command: Command) -> Result<(), String> {
        if self.bytes + memory_of(&command) > self.limit {
            return Err("not kept: --outbox is full; /queue off empties it".to_owned());
        }
        self.push(command);
        Ok(())
    }

    /// Appends a command that is to be sent now, whatever its size.
    pub(super) fn push(&mut self, command: Command) {
        self.bytes += memory_of(&command);
        self.commands.push_back(command);
    }

    /// Takes the first.
    pub(super) fn pop(&mut self) -> Option<Command> {
        let command = self.commands.pop_front()?;
        self.bytes -= memory_of(&command);
        Some(command)
    }

    /// Drops all of them.
    pub(super) fn clear(&mut self) {
        self.commands.clear();
        self.bytes = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// How many messages wait.
    pub(super) fn messages(&self) -> usize {
        let messages = self.commands.iter();
        messages.filter(|it| is_message(it)).count()
    }
}

fn is_message(command: &Command) -> bool {
    match command {
        Command::To(_, command) => is_message(command),
        command => matches!(command, Command::Send(_)),
    }
}

/// What a waiting command takes, in bytes: its payload, and a place in a queue that may have room
/// for twice as many.
fn memory_of(command: &Command) -> usize {
    let payload = match command {
        Command::Send(message) => message.len(),
        Command::Ping(data) | Command::Pong(data) => data.len(),
        Command::Frame(frame) => frame.payload.len(),
        Command::Close(_) => 0,
        Command::To(_, command) => memory_of(command),
    };
    payload + 2 * size_of::<Command>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn commands_keep_their_order_and_their_bound() {
        let mut waiting = Waiting::new(1000);
        let send = |text: &str| Command::Send(Message::text(text.to_owned()));
        waiting.keep(send("one")).unwrap();
        waiting.keep(Command::Ping("p".into())).unwrap();
        let full = waiting.keep(send(&"x".repeat(1000)));
        assert!(full.unwrap_err().contains("--outbox is full"));
        assert_eq!(waiting.messages(), 1);
        assert_eq!(waiting.pop(), Some(send("one")));
        assert_eq!(waiting.pop(), Some(Command::Ping("p".into())));
        assert_eq!((waiting.pop(), waiting.bytes), (None, 0));
        waiting.push(send(&"x".repeat(1000)));
        waiting.clear();
        assert!(waiting.is_empty() && waiting.bytes == 0);
    }
}
