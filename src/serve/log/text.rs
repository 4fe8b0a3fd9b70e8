//! An entry of the log as text.

use std::fmt;

use super::entry::{Entry, Event, Visitor};

/// Not yet escaped.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(visitor) = self.visitor {
            write!(f, "{visitor} ")?;
        }
        match self.event {
            Event::Request {
                method,
                path,
                status,
            } => {
                write!(f, "{method} {path} -> {status}")?;
                match self.visitor.and_then(Visitor::subject) {
                    Some(subject) => write!(f, " ({subject})"),
                    None => Ok(()),
                }
            }
            Event::Closed { path, ended } => write!(f, "{ended}; {path}, {}", ended.volume()),
            Event::Note(note) => f.write_str(note),
        }
    }
}
