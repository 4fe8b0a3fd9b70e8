//! What commands may do and what they may know: all that they share with the prompt. A command returns
//! an [`Action`] and performs none: it only reads the screen, sends nothing and writes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::repeat::Repeat;
use super::screen::Screen;
use super::view::change::{ViewChange, Which};
use super::work::Work;
use crate::close::Close;
use crate::event::{Command, Control, Recipients};
use crate::io::recorder::Summary;
use crate::json::jq::Filter;
use crate::wire::frame::RawFrame;
use crate::written::Data;

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing was typed.
    Nothing,
    /// Send this, which needs a connection.
    Send(Outgoing),
    /// Send this to these clients, and not to those that lines go to.
    SendTo(Recipients, Outgoing),
    /// Send what follows to these clients.
    Address(Recipients),
    /// Send a message in the payload encoding of the command line; without a connection, keep it until
    /// there is one.
    Queue(String),
    /// Drop the messages that are kept.
    DropQueue,
    /// Close the connection and leave. Needs a connection, except to leave sooner while a Close is
    /// awaited.
    Close(Close),
    /// Leave, with or without a connection.
    Leave(Close),
    /// Pass this to the session at once.
    Control(Control),
    /// Print this text; the prompt redacts secrets and escapes control characters.
    Say(String),
    /// Show this text, in the pager if it is taller than the screen.
    Page(String),
    /// Print the handshake as sent and received.
    ShowHandshake,
    /// Print the handshake with this client.
    ShowHandshakeOf(u32),
    /// Record every event in this file from now on; `None` records nothing any more.
    Record(Option<PathBuf>),
    /// Set a variable to this text.
    SetVariable(String, String),
    /// Set a variable to what this expression finds in the next message that has it.
    Capture(String, String),
    UnsetVariable(String),
    /// Wait this long for a message of which the expression is true.
    Expect(String, Duration),
    /// Answer messages: `EXPR=REPLY`.
    Answer(String),
    /// No longer answer by the rule of this number, or by any.
    DropAnswers(Option<usize>),
    Repeat(Repeat),
    StopRepeating,
    /// Put this text into the line.
    PutIntoLine(String),
    /// Edit the last message in the user's editor.
    EditLast,
    /// Run the lines of this file.
    Source(String),
    /// Send this file as one message.
    SendFile(String),
    /// Send each line of this file as a message.
    SendLines(String),
    /// Give every received message to this command.
    Pipe(String),
    PipeOff,
    /// Give this many of the last messages to a command.
    PipeLast(usize, String),
    /// Show this message whole.
    More(Which),
    /// Run this command in the terminal.
    Shell(String),
    /// Leave this server for another.
    Connect(String),
    /// Write the messages to this file.
    Save(String),
    /// Change what the screen shows.
    View(ViewChange),
}

/// What a line sends. Payloads are encoded and files are read only after the check that there is a
/// connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Command(Command),
    /// A message in the payload encoding of the command line, with variables.
    Message(String),
    /// A named message, and variables for it alone.
    Template(String, BTreeMap<String, String>),
    Binary(Data),
    /// A frame, and what follows the payload that it already has.
    Frame(RawFrame, Data),
}

/// What a command may know.
pub struct View<'a> {
    pub screen: &'a Screen,
    pub work: &'a Work,
    /// `--until`.
    pub until: Option<&'a Filter>,
    /// Messages that wait for a connection.
    pub queued: usize,
    /// What is being recorded.
    pub recorded: Option<Summary>,
    pub now: Instant,
}
