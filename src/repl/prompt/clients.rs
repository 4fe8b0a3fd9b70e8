//! What the prompt does where this end is the server: for whom a line is.

use std::time::Instant;

use super::{Prompt, Request};
use crate::event::{Command, Recipients};
use crate::repl::action::Action;

impl Prompt {
    /// A command with the clients that it is for, where there may be several.
    ///
    /// # Errors
    /// Its message is none that `--encode` can encode.
    pub(super) fn addressed(&self, command: Command) -> Result<Command, String> {
        if let (Command::Send(message), Some(encoder)) = (&command, &self.options.encoder) {
            let checked = encoder.check(message);
            checked.map_err(|why| format!("--encode: {why}"))?;
        }
        Ok(match &self.screen.borrow().clients {
            Some(clients) => Command::To(clients.recipients, Box::new(command)),
            None => command,
        })
    }

    /// Performs an action about clients.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(super) fn perform_for_clients(
        &mut self,
        action: Action,
        now: Instant,
    ) -> Result<Request, String> {
        match action {
            Action::SendTo(recipients, outgoing) => {
                let before = self.address(recipients);
                let sent = self.perform(Action::Send(outgoing), now);
                self.address(before);
                return sent;
            }
            Action::Address(recipients) => {
                self.address(recipients);
                let addressed = self
                    .screen
                    .borrow()
                    .clients
                    .as_ref()
                    .map(|it| it.addressed());
                self.say(&addressed.unwrap_or_default());
            }
            Action::ShowHandshakeOf(number) => {
                let mut screen = self.screen.borrow_mut();
                let heads = screen
                    .clients
                    .as_ref()
                    .and_then(|it| it.heads(number))
                    .cloned();
                screen.connection.heads = heads.unwrap_or_default();
                screen.show_headers(now);
            }
            // The prompt performs these itself.
            other => drop(other),
        }
        Ok(Request::Nothing)
    }

    /// Sends what follows to these clients, and returns those before.
    fn address(&self, recipients: Recipients) -> Recipients {
        let mut screen = self.screen.borrow_mut();
        let clients = screen.clients.as_mut();
        clients.map_or(recipients, |clients| {
            std::mem::replace(&mut clients.recipients, recipients)
        })
    }
}
